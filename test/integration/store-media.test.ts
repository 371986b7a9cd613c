import { afterEach, describe, expect, test } from '@jest/globals';
import sharp from 'sharp';
import {
  datasetToJson,
  decodeDataset,
  formatTag,
  transferSyntax,
  TransferSyntaxes,
  type DicomJsonObject,
  type Tag,
  Tags,
} from '../../src/dicom/index.js';
import { encodeFrame } from '../../src/transcode/encode-frame.js';
import { readElements } from '../helpers/independent-reader.js';
import { gif, jpeg, mp4, mpeg2, png, ramp } from '../helpers/media.js';
import { startRoguePeer, type RoguePeer } from '../helpers/rogue-peer.js';
import { answerOf, metadata, one, post, type StorePart } from '../helpers/store-parts.js';
import { colour as rgb } from '../helpers/pixel-instances.js';
import { peerYaml, startTestGateway, type RawResponse, type TestGateway } from '../helpers/test-gateway.js';

const S = TransferSyntaxes;

let peer: RoguePeer | undefined;
let gateway: TestGateway | undefined;

afterEach(async () => {
  await gateway?.close();
  await peer?.close();
  gateway = peer = undefined;
});

async function start(extra = ''): Promise<string> {
  peer = await startRoguePeer();
  gateway = await startTestGateway(peerYaml(`${peer.address.aeTitle}@127.0.0.1:${peer.address.port}`, extra));
  return `${gateway.service}/studies`;
}

const PHOTO = '1.2.840.10008.5.1.4.1.1.77.1.4';
const VIDEO = '1.2.840.10008.5.1.4.1.1.77.1.4.1';
const CAPTURE = '1.2.840.10008.5.1.4.1.1.7';
const MULTI_FRAME = '1.2.840.10008.5.1.4.1.1.7.4';
const STL = '1.2.840.10008.5.1.4.1.1.104.3';

const identity = (sopClassUid: string, extra: DicomJsonObject = {}): DicomJsonObject => ({
  '00080008': one('CS', 'ORIGINAL', 'PRIMARY'),
  '00080016': one('UI', sopClassUid),
  '00080018': one('UI', '1.2.3.1'),
  '00080060': one('CS', 'XC'),
  '00080064': one('CS', 'DI'),
  '00280301': one('CS', 'NO'),
  '0020000D': one('UI', '1.2.3'),
  '0020000E': one('UI', '1.2.3.0'),
  '7FE00010': { vr: 'OB', BulkDataURI: 'pixels' },
  ...extra,
});

const part = (type: string, body: Buffer, location = 'pixels'): StorePart => ({ type, location, body });
const store = (url: string, object: DicomJsonObject, ...parts: StorePart[]): Promise<RawResponse> =>
  post(url, 'json', [...metadata('json', [object]), ...parts]);

interface Arrived {
  readonly syntax: string;
  readonly dataset: Buffer;
  readonly values: DicomJsonObject;
}

/** The one instance that the peer got. */
function arrived(): Arrived {
  const messages = peer?.messages('C-STORE-RQ') ?? [];
  expect(messages).toHaveLength(1);
  const [{ dataset, contextId } = { dataset: Buffer.alloc(0), contextId: 0 }] = messages;
  // Of every context the peer takes the first syntax, and the gateway proposes one.
  const proposed = peer?.events.flatMap((event) =>
    event.type === 'associate-rq' ? event.request.contexts : [],
  );
  const syntax = proposed?.find(({ id }) => id === contextId)?.transferSyntaxes[0] ?? '';
  const values = datasetToJson(decodeDataset(dataset, TransferSyntaxes.ExplicitVrLittleEndian));
  return { syntax, dataset, values };
}
const of = ({ values }: Arrived, ...tags: readonly Tag[]) =>
  tags.map((tag) => values[formatTag(tag)]?.Value?.[0]);
const pixelsOf = ({ dataset, syntax }: Arrived): Buffer => {
  const found = readElements(dataset, syntax).find(({ path }) => path === '7FE00010');
  return Buffer.concat([found?.value ?? Buffer.alloc(0), ...(found?.fragments ?? [])]);
};
const { Rows, Columns, SamplesPerPixel, PhotometricInterpretation, BitsAllocated, NumberOfFrames } = Tags;
const size = { width: 24, height: 16 };

describe('S-06: what is stored as it is, with the Image Pixel module that it says itself', () => {
  test('a photograph', async () => {
    const url = await start();
    const photo = await jpeg(size);
    expect((await store(url, identity(PHOTO), part('image/jpeg', photo))).status).toBe(200);
    const instance = arrived();
    expect(instance.syntax).toBe('1.2.840.10008.1.2.4.50');
    expect(of(instance, Rows, Columns, SamplesPerPixel, PhotometricInterpretation)).toEqual([
      16,
      24,
      3,
      'YBR_FULL_422',
    ]);
    expect(
      of(
        instance,
        BitsAllocated,
        Tags.BitsStored,
        Tags.HighBit,
        Tags.PixelRepresentation,
        Tags.PlanarConfiguration,
      ),
    ).toEqual([8, 8, 7, 0, 0]);
    expect(of(instance, Tags.LossyImageCompression, Tags.LossyImageCompressionMethod)).toEqual([
      '01',
      'ISO_10918_1',
    ]);
    expect(of(instance, Tags.LossyImageCompressionRatio)).toEqual([
      Number(((24 * 16 * 3) / photo.length).toFixed(2)),
    ]);
    expect(pixelsOf(instance).subarray(0, photo.length).equals(photo)).toBe(true);
  });

  test.each([
    [S.JpegBaseline, 200],
    [S.JpegExtended, 200],
    [S.JpegLosslessSv1, 409],
    [S.JpegLsLossless, 409],
    [S.Jpeg2000Lossless, 409],
  ])('S-06: a JPEG that is said to be $name is what it says itself: %i', async ({ uid }, status) => {
    const url = await start();
    const photo = part(`image/jpeg; transfer-syntax=${uid}`, await jpeg({ width: 24, height: 16 }));
    const response = await store(url, identity(PHOTO), photo);
    expect(response.status).toBe(status);
    if (status === 200) expect(arrived().syntax).toBe(uid);
    else
      expect(response.headers.warning).toContain(
        `A part that is said to be in ${transferSyntax(uid)?.name ?? ''} is in ${S.JpegBaseline.name}.`,
      );
  });

  test.each([
    ['image/jpeg', () => jpeg({ width: 240, height: 160 })],
    [
      'image/jp2',
      async () => {
        const shape = { ...rgb, rows: 160, columns: 240 };
        const samples = new Uint8Array(ramp(240, 160, 3));
        return Buffer.from((await encodeFrame({ samples, shape }, S.Jpeg2000Lossless.uid)).stream);
      },
    ],
  ])('S-06: half of a picture of type %s is none', async (type, whole) => {
    const url = await start();
    const bytes = await whole();
    const response = await store(url, identity(PHOTO), part(type, bytes.subarray(0, bytes.length / 2)));
    expect([response.status, response.headers.warning]).toEqual([
      409,
      '299 dicomweb-gateway "1 instance was not stored: A compressed picture ends early."',
    ]);
    const trailer = Buffer.concat([bytes, Buffer.from('what a camera adds')]);
    expect((await store(url, identity(PHOTO), part(type, trailer))).status).toBe(200);
  });

  test('a video, with how many frames it has and how long each takes', async () => {
    const url = await start();
    const video = mp4({ width: 320, height: 240, frames: 50, indexLast: true });
    expect((await store(url, identity(VIDEO), part('video/mp4', video))).status).toBe(200);
    const instance = arrived();
    expect(instance.syntax).toBe('1.2.840.10008.1.2.4.102');
    expect(of(instance, Rows, Columns, NumberOfFrames, Tags.FrameTime, PhotometricInterpretation)).toEqual([
      240,
      320,
      50,
      40,
      'YBR_PARTIAL_420',
    ]);
    expect(of(instance, Tags.FrameIncrementPointer)).toEqual(['00181063']);
    expect(pixelsOf(instance).subarray(0, video.length).equals(video)).toBe(true);
  });

  test('an MPEG-2 video', async () => {
    const url = await start();
    const video = mpeg2({ width: 720, height: 576, frames: 8 });
    expect((await store(url, identity(VIDEO), part('video/mpeg', video))).status).toBe(200);
    const instance = arrived();
    expect(instance.syntax).toBe('1.2.840.10008.1.2.4.100');
    expect(of(instance, NumberOfFrames, Tags.FrameTime)).toEqual([8, 40]);
  });

  test('several pictures, one part each', async () => {
    const url = await start();
    const pictures = await Promise.all([jpeg(size, { quality: 90 }), jpeg(size, { quality: 50 })]);
    const object = identity(MULTI_FRAME, { '00280008': one('IS', 2) });
    const parts = pictures.map((picture) => part('image/jpeg', picture));
    expect((await store(url, object, ...parts)).status).toBe(200);
    expect(of(arrived(), NumberOfFrames)).toEqual([2]);
  });

  test('what the metadata say stays where it is as true', async () => {
    const url = await start();
    const object = identity(PHOTO, { '00280004': one('CS', 'YBR_FULL'), '00280010': one('US', 16) });
    expect((await store(url, object, part('image/jpeg', await jpeg(size)))).status).toBe(200);
    expect(of(arrived(), PhotometricInterpretation)).toEqual(['YBR_FULL']);
  });
});

describe('S-06: what is turned into native pixels', () => {
  const colour = { ...size, depth: 8, colourType: 2, rows: ramp(24, 16, 3) };

  test.each([
    ['grey of 8 bits', { depth: 8, colourType: 0, rows: ramp(24, 16, 1) }, ramp(24, 16, 1), 'MONOCHROME2'],
    ['colours of 8 bits', colour, ramp(24, 16, 3), 'RGB'],
    [
      'grey of 16 bits',
      { depth: 16, colourType: 0, rows: ramp(24, 16, 2) },
      ramp(24, 16, 2).swap16(),
      'MONOCHROME2',
    ],
    [
      'colours of 16 bits',
      { depth: 16, colourType: 2, rows: ramp(24, 16, 6) },
      ramp(24, 16, 6).swap16(),
      'RGB',
    ],
  ])('PNG: %s, sample for sample', async (_name, options, samples, photometric) => {
    const url = await start();
    const picture = png({ ...size, ...options });
    expect((await store(url, identity(CAPTURE), part('image/png', picture))).status).toBe(200);
    const instance = arrived();
    expect(instance.syntax).toBe('1.2.840.10008.1.2.1');
    expect(of(instance, Rows, Columns, BitsAllocated, PhotometricInterpretation)).toEqual([
      16,
      24,
      options.depth,
      photometric,
    ]);
    expect(of(instance, Tags.DerivationDescription)).toEqual(['Converted from PNG']);
    expect(pixelsOf(instance).equals(samples)).toBe(true);
  });

  test('a palette becomes its colours, a profile of colours is kept beside them', async () => {
    const url = await start();
    const picture = await sharp(ramp(24, 16, 3), { raw: { width: 24, height: 16, channels: 3 } })
      .withIccProfile('p3')
      .png({ palette: true, colours: 4, dither: 0 })
      .toBuffer();
    const expected = await sharp(picture, { ignoreIcc: true }).removeAlpha().raw().toBuffer();
    expect((await store(url, identity(CAPTURE), part('image/png', picture))).status).toBe(200);
    const instance = arrived();
    expect(pixelsOf(instance).equals(expected)).toBe(true);
    expect(instance.values['00282000']?.InlineBinary).toBeDefined();
  });

  test('what is transparent gets a white background, and the instance says so', async () => {
    const url = await start();
    const rows = Buffer.from(Array.from({ length: 24 * 16 }, () => [10, 20, 30, 0]).flat());
    const picture = png({ ...size, depth: 8, colourType: 6, rows });
    expect((await store(url, identity(CAPTURE), part('image/png', picture))).status).toBe(200);
    expect(pixelsOf(arrived()).every((sample) => sample === 255)).toBe(true);
    expect(of(arrived(), Tags.DerivationDescription)).toEqual([
      'Converted from PNG; transparent parts have a white background',
    ]);
  });

  test('an animated GIF becomes frames, with the time between them', async () => {
    const url = await start();
    const picture = await gif(size, [40, 120, 50]);
    expect((await store(url, identity(MULTI_FRAME), part('image/gif', picture))).status).toBe(200);
    const instance = arrived();
    expect(of(instance, NumberOfFrames, PhotometricInterpretation, Tags.FrameIncrementPointer)).toEqual([
      3,
      'RGB',
      '00181065',
    ]);
    expect(instance.values['00181065']?.Value).toEqual([0, 40, 120]);
    expect(pixelsOf(instance).length).toBe(3 * 24 * 16 * 3);
    const colours = [0, 1, 2].map((at) => [
      ...pixelsOf(instance)
        .subarray(at * 24 * 16 * 3)
        .subarray(0, 3),
    ]);
    expect(colours).toEqual([
      [0, 255, 9],
      [40, 215, 9],
      [80, 175, 9],
    ]);
  });

  test('one that would be larger than a frame may be is not decoded', async () => {
    const url = await start('transcode: { maxFrameBytes: 1 MiB }');
    const bomb = png({ width: 30_000, height: 1, depth: 8, colourType: 0, rows: Buffer.alloc(30_000) });
    bomb.writeUInt32BE(30_000, 20);
    const response = await store(url, identity(CAPTURE), part('image/png', bomb));
    expect(response.status).toBe(409);
    expect(answerOf(response)).toEqual({ stored: [], failed: ['1.2.3.1'], other: [] });
    await gateway?.logged('larger than a frame');
  });

  test.each([
    ['of which half is missing', (whole: Buffer) => whole.subarray(0, whole.length / 2)],
    ['that is none', () => Buffer.from('hello')],
  ])('a PNG %s is a failure of its instance', async (_name, broken) => {
    const url = await start();
    const response = await store(url, identity(CAPTURE), part('image/png', broken(png(colour))));
    expect(response.status).toBe(409);
    expect(answerOf(response).failed).toEqual(['1.2.3.1']);
    expect(peer?.messages('C-STORE-RQ')).toEqual([]);
  });
});

describe('S-06: metadata and bulk data that contradict each other are a failure that names the attributes', () => {
  test.each<[string, string, DicomJsonObject]>([
    ['size', 'Rows, Columns', { '00280010': one('US', 17), '00280011': one('US', 23) }],
    ['colours', 'PhotometricInterpretation', { '00280004': one('CS', 'RGB') }],
    ['frames', 'NumberOfFrames', { '00280008': one('IS', 3) }],
    ['loss', 'LossyImageCompression', { '00282110': one('CS', '00') }],
  ])('%s', async (what, names, extra) => {
    const url = await start();
    const [type, bytes] =
      what === 'frames'
        ? (['video/mp4', mp4({ width: 24, height: 16, frames: 2 })] as const)
        : (['image/jpeg', await jpeg(size)] as const);
    const response = await store(url, identity(VIDEO, extra), part(type, bytes));
    expect(response.status).toBe(409);
    expect(answerOf(response).failed).toEqual(['1.2.3.1']);
    await gateway?.logged(`not as the metadata say in ${names}`);
  });

  test('a video of a profile that DICOM has no transfer syntax for', async () => {
    const url = await start();
    const video = mp4({ width: 24, height: 16, frames: 2, profile: 244 });
    expect((await store(url, identity(VIDEO), part('video/mp4', video))).status).toBe(409);
    await gateway?.logged('AVC of profile 244');
  });

  test('a document of another type than the metadata say', async () => {
    const url = await start();
    const { '7FE00010': _pixels, ...rest } = identity('1.2.840.10008.5.1.4.1.1.104.1');
    const object = {
      ...rest,
      '00200013': one('IS', 1),
      '00420011': { vr: 'OB', BulkDataURI: 'doc' },
      '00420012': one('LO', 'application/pdf'),
    };
    const response = await store(url, object, part('text/xml', Buffer.from('<a/>'), 'doc'));
    expect(response.status).toBe(409);
    await gateway?.logged('MIMETypeOfEncapsulatedDocument');
  });

  test.each([
    ['104.1', 'text/xml', 'application/pdf'],
    ['104.2', 'application/pdf', 'text/xml'],
    ['104.3', 'application/pdf', 'model/stl'],
  ])('a document that is none of its SOP class: %s and %s', async (sopClass, type, expected) => {
    const url = await start();
    const { '7FE00010': _pixels, ...rest } = identity(`1.2.840.10008.5.1.4.1.1.${sopClass}`);
    const object = { ...rest, '00200013': one('IS', 1), '00420011': { vr: 'OB', BulkDataURI: 'doc' } };
    expect((await store(url, object, part(type, Buffer.from('<a/>'), 'doc'))).status).toBe(409);
    await gateway?.logged(`Documents of this SOP class are ${expected}`);
  });

  test('a document that is none of its SOP class, within the metadata', async () => {
    const url = await start();
    const { '7FE00010': _pixels, ...rest } = identity('1.2.840.10008.5.1.4.1.1.104.2');
    const document = {
      '0040E001': one('ST', '1.2.3^4'),
      '00420011': { vr: 'OB', InlineBinary: Buffer.from('%PDF').toString('base64') },
      '00420012': one('LO', 'application/pdf'),
    };
    expect((await store(url, { ...rest, '00200013': one('IS', 1), ...document })).status).toBe(409);
    await gateway?.logged('Documents of this SOP class are text/xml');
  });
});

describe('attributes of type 1 that nothing tells are a failure that names them', () => {
  const reason = (response: RawResponse) =>
    (
      JSON.parse(response.body.toString()) as Record<string, { Value: Record<string, { Value: number[] }>[] }>
    )['00081198']?.Value[0]?.['00081197']?.Value;

  test('of the Image Pixel module', async () => {
    const url = await start();
    const response = await store(
      url,
      identity(CAPTURE, { '00280010': one('US', 2), '00280011': one('US', 2), '00280100': one('US', 8) }),
      part('application/octet-stream', Buffer.alloc(4)),
    );
    expect([response.status, reason(response)]).toEqual([409, [0xa900]]);
    const names = 'SamplesPerPixel, PhotometricInterpretation, BitsStored, HighBit, PixelRepresentation.';
    expect(response.headers.warning).toContain(
      `1 instance was not stored for want of attributes of type 1: ${names}`,
    );
    await gateway?.logged(`missing: ${names}`);
  });

  test('of the SOP class', async () => {
    const url = await start();
    const { '7FE00010': _pixels, '00280301': _burned, ...rest } = identity(STL);
    const object = { ...rest, '00420011': { vr: 'OB', BulkDataURI: 'doc' } };
    expect((await store(url, object, part('model/stl', Buffer.alloc(84), 'doc'))).status).toBe(409);
    await gateway?.logged(
      'missing: Manufacturer, ManufacturerModelName, DeviceSerialNumber, SoftwareVersions, InstanceNumber, ' +
        'FrameOfReferenceUID, BurnedInAnnotation, MeasurementUnitsCodeSequence.',
    );
  });

  test('of a CDA, which has the identifier of its document', async () => {
    const url = await start();
    const { '7FE00010': _pixels, ...rest } = identity('1.2.840.10008.5.1.4.1.1.104.2');
    const object = { ...rest, '00200013': one('IS', 1), '00420011': { vr: 'OB', BulkDataURI: 'doc' } };
    const document = part('text/xml', Buffer.from('<ClinicalDocument/>'), 'doc');
    const response = await store(url, object, document);
    expect([response.status, reason(response)]).toEqual([409, [0xa900]]);
    await gateway?.logged('missing: HL7InstanceIdentifier.');
    const named = { ...object, '0040E001': one('ST', '1.2.3^4') };
    expect((await store(url, named, document)).status).toBe(200);
  });

  test('of several instances, in the answer beside what was stored', async () => {
    const url = await start();
    const photo = part('image/jpeg', await jpeg(size));
    const lacks = ([1, 2] as const).map((number) => {
      const { '00080008': _imageType, ...rest } = identity(PHOTO);
      const pixels = { vr: 'OB', BulkDataURI: `pixels/9${number}` };
      return { ...rest, '00080018': one('UI', `1.2.3.9${number}`), '7FE00010': pixels };
    });
    const bulk = lacks.map((object) => ({ ...photo, location: object['7FE00010'].BulkDataURI }));
    const response = await post(url, 'json', [
      ...metadata('json', [identity(PHOTO), ...lacks]),
      photo,
      ...bulk,
    ]);
    expect([response.status, response.headers.warning]).toEqual([
      202,
      '299 dicomweb-gateway "2 instances were not stored for want of attributes of type 1: ImageType."',
    ]);
  });

  test('are left to the peer where the configuration says so', async () => {
    const url = await start('store: { missingAttributes: store }');
    const { '00080008': _imageType, ...rest } = identity(PHOTO);
    expect((await store(url, rest, part('image/jpeg', await jpeg(size)))).status).toBe(200);
  });
});

describe('one failure for each instance', () => {
  test('further parts of one that has failed are none of their own', async () => {
    const url = await start();
    const wrong = identity(MULTI_FRAME, {
      '00280008': one('IS', 2),
      '00080070': { vr: 'LO', Value: ['a\\b'] },
    });
    const photo = part('image/jpeg', await jpeg(size));
    const response = await store(url, wrong, photo, photo);
    expect([response.status, answerOf(response)]).toEqual([
      409,
      { stored: [], failed: ['1.2.3.1'], other: [] },
    ]);
  });

  test.each([
    ['one, where it says nothing', {}],
    ['two', { '00280008': one('IS', 2) }],
  ])('more frames than %s are a failure of the instance, of which nothing is stored', async (_what, said) => {
    const url = await start();
    const photo = part('image/jpeg', await jpeg(size));
    const other = { ...identity(PHOTO), '00080018': one('UI', '1.2.3.9') };
    const good = { ...other, '7FE00010': { vr: 'OB', BulkDataURI: 'pixels/9' } };
    const response = await post(url, 'json', [
      ...metadata('json', [identity(MULTI_FRAME, said), good]),
      ...[photo, photo, photo],
      { ...photo, location: 'pixels/9' },
    ]);
    expect([response.status, answerOf(response)]).toEqual([
      202,
      { stored: ['1.2.3.9'], failed: ['1.2.3.1'], other: [] },
    ]);
    await gateway?.logged('More frames came than the metadata say');
    expect(peer?.messages('C-STORE-RQ')).toHaveLength(1);
  });

  test('frames behind one that cannot be read are not failures of their own', async () => {
    const url = await start();
    const parts = [part('image/jpeg', Buffer.from('x')), part('image/jpeg', await jpeg(size))];
    const response = await store(url, identity(MULTI_FRAME, { '00280008': one('IS', 2) }), ...parts);
    expect([response.status, answerOf(response)]).toEqual([
      409,
      { stored: [], failed: ['1.2.3.1'], other: [] },
    ]);
  });

  test.each(['json', 'xml'] as const)('metadata in %s that cannot be read fail alone', async (form) => {
    const url = await start();
    const photo = part('image/jpeg', await jpeg(size));
    const broken = { type: `application/dicom+${form}`, body: '<[{' };
    const stray = part('image/jpeg', Buffer.from('of the broken one'), 'unknown');
    const response = await post(url, form, [broken, stray, ...metadata(form, [identity(PHOTO)]), photo]);
    expect([response.status, answerOf(response)]).toEqual([
      202,
      { stored: ['1.2.3.1'], failed: [], other: [0xc000] },
    ]);
  });
});
