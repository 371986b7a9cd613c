import { afterEach, describe, expect, test } from '@jest/globals';
import { deflateRawSync, inflateRawSync } from 'node:zlib';
import sharp from 'sharp';
import { TransferSyntaxes } from '../../src/dicom/index.js';
import { decodeFrame } from '../../src/transcode/decode-frame.js';
import { encodeFrame } from '../../src/transcode/encode-frame.js';
import type { FrameShape } from '../../src/dicom/frame-shape.js';
import { encapsulated, explicitLittle } from '../helpers/fixtures-element.js';
import { encapsulatedPicture } from '../helpers/pixel-instances.js';
import { readElements, readFrames, textOf, type ReadElement } from '../helpers/independent-reader.js';
import {
  encodeElement,
  makeInstance,
  Uids,
  type Attributes,
  type RogueInstance,
} from '../helpers/rogue-peer.js';
import { startScene, type Scene } from '../helpers/scene.js';
import { partsOf, request, type RawResponse } from '../helpers/test-gateway.js';
import { unzip } from '../helpers/zip-reader.js';

// Each gateway starts threads of its own, with the codecs in them.

let scene: Scene | undefined;
afterEach(async () => {
  await scene?.close();
  scene = undefined;
});

const S = TransferSyntaxes;
const COUNT = 3;
const gray: FrameShape = {
  rows: 31,
  columns: 17,
  samplesPerPixel: 1,
  bitsAllocated: 16,
  bitsStored: 12,
  signed: false,
  photometricInterpretation: 'MONOCHROME2',
  planar: false,
};
const colour: FrameShape = {
  ...gray,
  samplesPerPixel: 3,
  bitsAllocated: 8,
  bitsStored: 8,
  photometricInterpretation: 'RGB',
};

/** Frames that differ, of an odd number of bytes in all where they are of colour. */
function framesOf({ rows, columns, samplesPerPixel, bitsAllocated }: FrameShape): Buffer[] {
  return Array.from({ length: COUNT }, (_, frame) => {
    const count = rows * columns * samplesPerPixel;
    if (bitsAllocated === 8)
      return Buffer.from(Uint8Array.from({ length: count }, (_v, at) => at * 7 + frame));
    return Buffer.from(Uint16Array.from({ length: count }, (_v, at) => (at * 13 + frame * 99) % 4096).buffer);
  });
}

function attributesOf(shape: FrameShape): Attributes {
  return {
    SamplesPerPixel: shape.samplesPerPixel,
    PhotometricInterpretation: shape.photometricInterpretation,
    ...(shape.samplesPerPixel > 1 ? { '00280006:US': Number(shape.planar) } : {}),
    NumberOfFrames: String(COUNT),
    Rows: shape.rows,
    Columns: shape.columns,
    BitsAllocated: shape.bitsAllocated,
    BitsStored: shape.bitsStored,
    HighBit: shape.bitsStored - 1,
    '00090010:LO': 'MAKER',
    '00091001:OB': Buffer.from('private'),
    '00189345:FD': Buffer.alloc(8, 3),
  };
}

const padding = encodeElement('FFFCFFFC:OB', Buffer.from('padded'), 'explicit');

function nativeInstance(
  shape: FrameShape,
  transferSyntaxUid: string = Uids.explicitLittleEndian,
): RogueInstance {
  const all = Buffer.concat(framesOf(shape));
  const value = Buffer.concat([all, Buffer.alloc(all.length % 2)]);
  const extra = { ...attributesOf(shape), '7FE00010:OW': value };
  return makeInstance({ pixelBytes: 2, extra, transferSyntaxUid });
}

async function encodedInstance(shape: FrameShape, uid: string, spoiled?: number): Promise<RogueInstance> {
  const streams: Buffer[] = [];
  let photometricInterpretation = shape.photometricInterpretation;
  for (const [at, samples] of framesOf(shape).entries()) {
    const encoded = await encodeFrame({ samples: new Uint8Array(samples), shape }, uid);
    photometricInterpretation = encoded.photometricInterpretation;
    const whole = Buffer.from(encoded.stream);
    const kept = at === spoiled ? whole.subarray(0, whole.length >> 2) : whole;
    streams.push(Buffer.concat([kept, Buffer.alloc(kept.length % 2)]));
  }
  const extra = {
    ...attributesOf({ ...shape, photometricInterpretation }),
    '7FE00001:OV': Buffer.alloc(8 * COUNT),
    '7FE00002:OV': Buffer.alloc(8 * COUNT),
  };
  const made = makeInstance({ pixelBytes: 0, extra, transferSyntaxUid: uid });
  const head = made.dataset.subarray(0, made.dataset.indexOf(Buffer.from('e07f10004f42', 'hex')));
  const dataset = Buffer.concat([head, encapsulated(streams)(explicitLittle), padding]);
  return { ...made, dataset };
}

async function start(
  ...instances: RogueInstance[]
): Promise<(accept: string, headers?: object) => Promise<RawResponse>> {
  scene = await startScene({ instances });
  const [first] = instances;
  const series = `/studies/${first?.studyInstanceUid ?? ''}/series/${first?.seriesInstanceUid ?? ''}`;
  const path = instances.length > 1 ? series : `${series}/instances/${first?.sopInstanceUid ?? ''}`;
  return (accept, headers = {}) => request(scene?.url(path) ?? '', { headers: { accept, ...headers } });
}

interface File {
  readonly transferSyntaxUid: string;
  readonly elements: readonly ReadElement[];
  readonly frames: readonly Buffer[];
}

function fileOf(body: Buffer): File {
  const metaEnd = 144 + body.readUInt32LE(140);
  const meta = readElements(body.subarray(132, metaEnd), S.ExplicitVrLittleEndian.uid);
  const transferSyntaxUid = textOf(meta, '00020010') ?? '';
  const dataset = body.subarray(metaEnd);
  return {
    transferSyntaxUid,
    elements: readElements(dataset, transferSyntaxUid),
    frames: readFrames(dataset, transferSyntaxUid),
  };
}

const CHANGED = new Set(['7FE00010', '7FE00001', '7FE00002', '00280004', '00280006']);
/** Everything but the pixels and what is said of them. */
const rest = (elements: readonly ReadElement[]): unknown[] =>
  elements
    .filter(({ path }) => !CHANGED.has(path))
    .map(({ path, vr, value }) => [path, vr, value.toString('hex')]);

const storedElements = (instance: RogueInstance): readonly ReadElement[] =>
  readElements(Buffer.from(instance.dataset as Buffer), instance.transferSyntaxUid);

async function decoded(file: File, shape: FrameShape): Promise<Buffer[]> {
  const photometricInterpretation = textOf(file.elements, '00280004') ?? '';
  return Promise.all(
    file.frames.map(async (frame) => {
      const own = new Uint8Array(frame);
      const native = await decodeFrame(own, file.transferSyntaxUid, { ...shape, photometricInterpretation });
      return Buffer.from(native.samples);
    }),
  );
}

const lossless = [S.RleLossless, S.JpegLosslessSv1, S.JpegLsLossless, S.Jpeg2000Lossless, S.HtJ2kLossless];
const grayAndColour = [
  ['gray', gray],
  ['colour', colour],
  ['colour of 16 bits', { ...colour, bitsAllocated: 16, bitsStored: 12 }],
  ['colour as YCbCr', { ...colour, photometricInterpretation: 'YBR_FULL' }],
] as const;

describe.each(grayAndColour)(
  'instances of %s in another transfer syntax than the stored one',
  (_name, shape) => {
    test.each(lossless)('W-20: decoded from $name, and nothing else is changed', async ({ uid }) => {
      const instance = await encodedInstance(shape, uid);
      const get = await start(instance);
      const answer = await get('application/dicom');
      expect(answer.status).toBe(200);
      expect(answer.headers['content-type']).toBe(
        `application/dicom; transfer-syntax=${S.ExplicitVrLittleEndian.uid}`,
      );
      const file = fileOf(answer.body);
      expect(file.frames.map((frame) => frame.toString('hex'))).toEqual(
        framesOf(shape).map((frame) => frame.toString('hex')),
      );
      expect(textOf(file.elements, '00280004')).toBe(shape.photometricInterpretation);
      expect(rest(file.elements)).toEqual(rest(storedElements(instance)));
    });

    test.each(lossless)('encoded in $name when that is asked for', async ({ uid }) => {
      const instance = nativeInstance(shape);
      const get = await start(instance);
      const file = fileOf((await get(`application/dicom; transfer-syntax=${uid}`)).body);
      expect(file.transferSyntaxUid).toBe(uid);
      expect((await decoded(file, shape)).map((frame) => frame.toString('hex'))).toEqual(
        framesOf(shape).map((frame) => frame.toString('hex')),
      );
      expect(rest(file.elements)).toEqual(rest(storedElements(instance)));
    });
  },
);

describe('instances in another transfer syntax than the stored one', () => {
  test('W-23: of Implicit VR are explicit then', async () => {
    const get = await start(nativeInstance(gray, Uids.implicitLittleEndian));
    const file = fileOf((await get(`application/dicom; transfer-syntax=${S.JpegLsLossless.uid}`)).body);
    expect((await decoded(file, gray)).map((frame, at) => frame.equals(framesOf(gray)[at] ?? frame))).toEqual(
      [true, true, true],
    );
    expect(file.elements.find(({ path }) => path === '00100020')?.vr).toBe('LO');
  });

  test('from one compressed syntax into another, whose colours have another name', async () => {
    const get = await start(await encodedInstance(colour, S.JpegLsLossless.uid));
    const file = fileOf((await get(`application/dicom; transfer-syntax=${S.Jpeg2000Lossless.uid}`)).body);
    expect(textOf(file.elements, '00280004')).toBe('YBR_RCT');
    expect((await decoded(file, colour)).map((frame) => frame.length)).toEqual(Array(3).fill(31 * 17 * 3));
  });

  test('W-24: an archive of decoded files is whole also after one of them was deflated', async () => {
    const get = await start(await encodedInstance(gray, S.RleLossless.uid));
    expect(
      (await get(`application/dicom; transfer-syntax=${S.DeflatedExplicitVrLittleEndian.uid}`)).status,
    ).toBe(200);
    const { body } = await get('application/dicom');
    // The reader compares the checksums.
    const [file] = unzip((await get('application/zip')).body);
    expect(file?.body.equals(body)).toBe(true);
  });

  test.each([S.RleLossless, S.JpegLosslessSv1, S.JpegLsLossless, S.Jpeg2000Lossless, S.HtJ2kLossless])(
    'JPEG whose pixels share their chrominance in $name: what is encoded is what was decoded',
    async ({ uid }) => {
      const photo = await sharp(framesOf(colour)[0], { raw: { width: 17, height: 31, channels: 3 } })
        .jpeg({ chromaSubsampling: '4:2:0' })
        .toBuffer();
      const shape = { ...colour, photometricInterpretation: 'YBR_FULL_422' };
      const instance = encapsulatedPicture(shape, [photo], S.JpegBaseline.uid);
      const get = await start(instance);
      const { samples } = await decodeFrame(new Uint8Array(photo), S.JpegBaseline.uid, shape);
      const answer = await get(`application/dicom; transfer-syntax=${uid}`);
      expect(answer.status).toBe(200);
      const [frame] = await decoded(fileOf(answer.body), colour);
      expect(frame?.equals(samples)).toBe(true);
    },
  );

  test('W-21, W-25: of a series each in what it needs; the stored bytes for who takes anything', async () => {
    const [a, b] = [await encodedInstance(gray, S.RleLossless.uid), nativeInstance(gray)];
    const get = await start(a, b);
    const multipart = 'multipart/related; type="application/dicom"';
    const parts = partsOf(await get(multipart));
    const ele = `application/dicom; transfer-syntax=${S.ExplicitVrLittleEndian.uid}`;
    expect(parts.map(({ headers }) => headers['content-type'])).toEqual([ele, ele]);
    const stored = partsOf(await get(`${multipart}; transfer-syntax=*`));
    expect(stored.map(({ headers }) => String(headers['content-type']).slice(35)).sort()).toEqual(
      [S.ExplicitVrLittleEndian.uid, S.RleLossless.uid].sort(),
    );
  });

  describe('W-20: that cannot be had as the client would like best', () => {
    /** Bytes in words, which no code stream but RLE holds. */
    const narrow = { ...gray, bitsStored: 8 };
    /** More than 4 GiB as native pixels. */
    const many = { ...gray, rows: 4096, columns: 4096, bitsAllocated: 8, bitsStored: 8 };
    const long = async (): Promise<RogueInstance> => {
      const { stream } = await encodeFrame(
        { samples: new Uint8Array(2 ** 24), shape: many },
        S.HtJ2kLossless.uid,
      );
      return encapsulatedPicture(many, Array<Buffer>(260).fill(Buffer.from(stream)), S.HtJ2kLossless.uid);
    };
    const typeOf = ({ status, headers }: RawResponse): unknown => [status, headers['content-type']];
    const as = (uid: string): string => `application/dicom; transfer-syntax=${uid}`;

    test('come as they are stored where they are too long uncompressed and no transfer syntax is named', async () => {
      const one = await long();
      const get = await start(one);
      const answer = await get('application/dicom');
      expect(typeOf(answer)).toEqual([200, as(S.HtJ2kLossless.uid)]);
      const dataset = Buffer.from(one.dataset as Buffer);
      expect(answer.body.subarray(-dataset.length).equals(dataset)).toBe(true);
      expect(answer.headers.etag).toBeDefined();
      expect((await get(as(S.ExplicitVrLittleEndian.uid))).status).toBe(406);
      const named = `studyUID=${one.studyInstanceUid}&seriesUID=${one.seriesInstanceUid}&objectUID=${one.sopInstanceUid}`;
      const wado = scene?.url(`/wado?requestType=WADO&${named}&contentType=application/dicom`) ?? '';
      expect(typeOf(await request(wado))).toEqual([200, as(S.HtJ2kLossless.uid)]);
    });

    test('come in the next transfer syntax that the client takes', async () => {
      const get = await start(await encodedInstance(narrow, S.DeflatedImageFrameCompression.uid));
      const both = `${as(S.Jpeg2000Lossless.uid)}, ${as(S.RleLossless.uid)}; q=0.5`;
      expect(typeOf(await get(both))).toEqual([200, as(S.RleLossless.uid)]);
    });

    test.each([
      [S.Jpeg2000Lossless, narrow, 'more than 8 bits stored where 16 are allocated; this one has 8.'],
      [
        S.JpegLsLossless,
        { ...gray, bitsAllocated: 32 },
        'at most 16 bits allocated to a sample; this one has 32.',
      ],
      [
        S.HtJ2kLossless,
        { ...gray, bitsAllocated: 32 },
        'at most 16 bits allocated to a sample; this one has 32.',
      ],
    ])('W-12: are refused with the reason: $name', async ({ uid, name }, shape, reason) => {
      const get = await start(nativeInstance(shape));
      const refused = await get(as(uid));
      expect(refused.status).toBe(406);
      const { detail } = JSON.parse(refused.body.toString()) as { detail: string };
      expect(detail).toBe(
        `${name} is made here of images with ${reason} This instance can be had as it is stored, with transfer-syntax=*.`,
      );
    });

    test('H-07: come so also where the client would take what is stored, which it likes less', async () => {
      const get = await start(nativeInstance(narrow));
      const wanted = `${as(S.Jpeg2000Lossless.uid)}, ${as(S.RleLossless.uid)}; q=0.8`;
      expect(typeOf(await get(`${wanted}, ${as('*')}; q=0.1`))).toEqual([200, as(S.RleLossless.uid)]);
      const stored = `${as(S.Jpeg2000Lossless.uid)}, ${as('*')}; q=0.9, ${as(S.RleLossless.uid)}; q=0.8`;
      expect(typeOf(await get(stored))).toEqual([200, as(S.ExplicitVrLittleEndian.uid)]);
    });
  });

  test('of YCbCr without loss keep it: the way to RGB and back would not lead to the same', async () => {
    const ybr = { ...colour, photometricInterpretation: 'YBR_FULL' };
    const get = await start(await encodedInstance(ybr, S.JpegLosslessSv1.uid));
    const file = fileOf((await get('application/dicom')).body);
    expect(textOf(file.elements, '00280004')).toBe('YBR_FULL');
    expect(file.frames.map((frame) => frame.toString('hex'))).toEqual(
      framesOf(ybr).map((frame) => frame.toString('hex')),
    );
  });

  test('in planes are described as such where they stay in planes', async () => {
    const planes = { ...colour, planar: true };
    const native = nativeInstance(planes);
    const get = await start(native);
    const accept = `application/dicom; transfer-syntax=${S.DeflatedImageFrameCompression.uid}`;
    const file = fileOf((await get(accept)).body);
    const planar = file.elements.find(({ path }) => path === '00280006')?.value.readUInt16LE();
    expect(planar).toBe(1);
    const inflated = file.frames.map((frame) => inflateRawSync(frame).toString('hex'));
    expect(inflated).toEqual(framesOf(planes).map((frame) => frame.toString('hex')));
  });

  test('W-30: of single bits follow each other without padding', async () => {
    const bits = { ...gray, rows: 3, columns: 3, bitsAllocated: 1, bitsStored: 1 };
    const frames = ['ff01', '0000', 'ab00'].map((frame) => deflateRawSync(Buffer.from(frame, 'hex')));
    const made = makeInstance({
      pixelBytes: 0,
      extra: attributesOf(bits),
      transferSyntaxUid: S.DeflatedImageFrameCompression.uid,
    });
    const head = made.dataset.subarray(0, made.dataset.indexOf(Buffer.from('e07f10004f42', 'hex')));
    const even = frames.map((frame) => Buffer.concat([frame, Buffer.alloc(frame.length % 2)]));
    const dataset = Buffer.concat([head, encapsulated(even)(explicitLittle)]);
    const get = await start({ ...made, dataset });
    const { elements } = fileOf((await get('application/dicom')).body);
    // 9 bits of ones, 9 of zeros, then 1101 0101 0.
    expect(elements.find(({ path }) => path === '7FE00010')?.value.toString('hex')).toBe('ff01ac02');
  });

  test('W-60: has a validator of its own', async () => {
    const get = await start(await encodedInstance(gray, S.RleLossless.uid));
    const plain = await get('application/dicom');
    const again = await get('application/dicom', { 'if-none-match': plain.headers.etag });
    expect(again.status).toBe(304);
    const stored = await get('application/dicom; transfer-syntax=*');
    expect(stored.headers.etag).not.toBe(plain.headers.etag);
  });

  test('W-14: with a first frame that cannot be decoded is an error, with a later one the answer breaks off', async () => {
    const first = await (await start(await encodedInstance(gray, S.RleLossless.uid, 0)))('application/dicom');
    expect(first.status).toBe(502);
    await scene?.close();
    const last = await (await start(await encodedInstance(gray, S.RleLossless.uid, 2)))('application/dicom');
    // What has not been read of so small an answer is lost with the connection.
    expect([0, 200]).toContain(last.status);
    expect(last.complete).toBe(false);
  });

  test('H-06: with loss, or in what has no encoder, is not acceptable', async () => {
    const get = await start(nativeInstance(gray));
    for (const { uid } of [S.JpegBaseline, S.JpegXlLossless, S.Mpeg4HighProfile41])
      expect((await get(`application/dicom; transfer-syntax=${uid}`)).status).toBe(406);
  });
});
