import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { TransferSyntaxes, type DicomJsonObject, type FrameShape } from '../../src/dicom/index.js';
import { encodeFrame } from '../../src/transcode/encode-frame.js';
import { readElements } from '../helpers/independent-reader.js';
import { encodeJpegXl } from '../helpers/jpeg-xl.js';
import { jpeg } from '../helpers/media.js';
import { colour, gray } from '../helpers/pixel-instances.js';
import { startRoguePeer, type RoguePeer } from '../helpers/rogue-peer.js';
import { answerOf, metadata, one, post, type StorePart } from '../helpers/store-parts.js';
import { peerYaml, startTestGateway, type RawResponse, type TestGateway } from '../helpers/test-gateway.js';
import { patterns } from '../unit/transcode/frames.js';

const S = TransferSyntaxes;

let peer: RoguePeer;
let gateway: TestGateway;

beforeEach(async () => {
  peer = await startRoguePeer();
  gateway = await startTestGateway(peerYaml(`${peer.address.aeTitle}@127.0.0.1:${peer.address.port}`));
});
afterEach(async () => {
  await gateway.close();
  await peer.close();
});

/** A secondary capture of so many frames of `shape`. */
const described = (shape: FrameShape, frames = 1, instance = 1): DicomJsonObject => ({
  '00080008': one('CS', 'ORIGINAL', 'PRIMARY'),
  '00080016': one('UI', '1.2.840.10008.5.1.4.1.1.7'),
  '00080018': one('UI', `1.2.3.${instance}`),
  '00080060': one('CS', 'OT'),
  '00080064': one('CS', 'DI'),
  '0020000D': one('UI', '1.2.3'),
  '0020000E': one('UI', '1.2.3.0'),
  '00280002': one('US', shape.samplesPerPixel),
  '00280004': one('CS', shape.photometricInterpretation),
  ...(shape.samplesPerPixel > 1 && { '00280006': one('US', 0) }),
  ...(frames > 1 && { '00280008': one('IS', frames) }),
  '00280010': one('US', shape.rows),
  '00280011': one('US', shape.columns),
  '00280100': one('US', shape.bitsAllocated),
  '00280101': one('US', shape.bitsStored),
  '00280102': one('US', shape.bitsStored - 1),
  '00280103': one('US', 0),
  '7FE00010': { vr: 'OB', BulkDataURI: `pixels/${instance}` },
});

const part = (type: string, uid: string, body: Buffer, location = 'pixels/1'): StorePart => ({
  type: `${type}; transfer-syntax=${uid}`,
  location,
  body,
});
const store = (object: DicomJsonObject, ...parts: readonly StorePart[]): Promise<RawResponse> =>
  post(`${gateway.service}/studies`, 'json', [...metadata('json', [object]), ...parts]);

async function encoded(shape: FrameShape, uid: string): Promise<Buffer> {
  const [samples = new Uint8Array()] = patterns(shape);
  if (uid === S.JpegXlLossless.uid) return encodeJpegXl(samples, shape);
  return Buffer.from((await encodeFrame({ samples, shape }, uid)).stream);
}

/** That nothing of the one instance was sent, and why: C000, for what cannot be understood. */
function expectRefusal(response: RawResponse, why: string | RegExp): void {
  expect([response.status, answerOf(response)]).toEqual([
    409,
    { stored: [], failed: ['1.2.3.1'], other: [] },
  ]);
  const { Value: [failed] = [] } =
    (JSON.parse(response.body.toString()) as Record<string, { Value?: Record<string, unknown>[] }>)[
      '00081198'
    ] ?? {};
  expect(failed?.['00081197']).toEqual({ vr: 'US', Value: [0xc000] });
  expect(response.headers.warning).toMatch(why);
  expect(peer.messages('C-STORE-RQ')).toEqual([]);
}

/** Fragments of the one instance that the peer got. */
function arrived(uid: string): readonly Buffer[] {
  const [message] = peer.messages('C-STORE-RQ');
  const pixels = readElements(message?.dataset ?? Buffer.alloc(0), uid).find(
    ({ path }) => path === '7FE00010',
  );
  return pixels?.fragments?.slice(1) ?? [];
}
const padded = (stream: Buffer): Buffer => Buffer.concat([stream, Buffer.alloc(stream.length % 2)]);

const OCTETS = 'application/octet-stream';
const SYNTAXES = [
  ['image/jpeg', S.JpegLosslessSv1],
  ['image/jls', S.JpegLsLossless],
  ['image/jp2', S.Jpeg2000Lossless],
  ['image/jphc', S.HtJ2kLossless],
  ['image/jxl', S.JpegXlLossless],
  ['image/dicom-rle', S.RleLossless],
  [OCTETS, S.JpegLosslessSv1],
  [OCTETS, S.JpegLsLossless],
  [OCTETS, S.Jpeg2000Lossless],
  [OCTETS, S.RleLossless],
] as const;
const CASES = SYNTAXES.map(([type, { uid, name }]) => ({ type, uid, name }));

describe.each(CASES)('S-05: a frame that comes as $type, in $name', ({ type, uid }) => {
  test('passes byte for byte where it is what its metadata say', async () => {
    for (const [at, shape] of [gray, colour].entries()) {
      const frame = await encoded(shape, uid);
      const location = `pixels/${at + 1}`;
      const response = await store(described(shape, 1, at + 1), part(type, uid, frame, location));
      expect(response.status).toBe(200);
      const messages = peer.messages('C-STORE-RQ');
      expect(messages).toHaveLength(at + 1);
      expect(messages[at]?.dataset.includes(padded(frame))).toBe(true);
    }
  });

  test('fails its instance where it is none of that kind', async () => {
    for (const junk of ['hello', Buffer.alloc(4096), await jpegOfAnotherKind(uid)])
      expectRefusal(
        await store(described(gray), part(type, uid, Buffer.from(junk))),
        /[Ff]rame |ends early|is said to be in/,
      );
  });

  test('fails its instance where it ends early, as far as that is to be seen', async () => {
    const whole = await encoded(gray, uid);
    const half = whole.subarray(0, whole.length >> 1);
    expectRefusal(await store(described(gray), part(type, uid, half)), 'ends early');
  });

  test('fails its instance where samples of another number or width are in it', async () => {
    const grey = { ...colour, samplesPerPixel: 1, photometricInterpretation: 'MONOCHROME2' };
    const cases = [
      [described(colour), await encoded(grey, uid)],
      [described(grey), await encoded(colour, uid)],
      [described(grey), await encoded(gray, uid)],
    ] as const;
    for (const [object, frame] of cases)
      expectRefusal(await store(object, part(type, uid, frame)), /SamplesPerPixel|samples/);
  });

  test('fails its instance where it is of another size, as far as it says', async () => {
    if (uid === S.RleLossless.uid) return;
    const frame = await encoded(gray, uid);
    const wrong = { ...gray, rows: gray.rows + 1 };
    expectRefusal(await store(described(wrong), part(type, uid, frame)), /Rows|Columns|pixels/);
  });

  test('fails its instance where it is the third that is not as the others', async () => {
    const [right, wrong] = [await encoded(gray, uid), await encoded(colour, uid)];
    const frames = [right, right, wrong, right].map((frame) => part(type, uid, frame));
    const good = described(gray, 1, 2);
    const response = await post(`${gateway.service}/studies`, 'json', [
      ...metadata('json', [described(gray, 4), good]),
      ...frames,
      part(type, uid, right, 'pixels/2'),
    ]);
    expect([response.status, answerOf(response)]).toEqual([
      202,
      { stored: ['1.2.3.2'], failed: ['1.2.3.1'], other: [] },
    ]);
    expect(arrived(uid)).toEqual([padded(right)]);
  });
});

/** A baseline JPEG, where `uid` is none. */
const jpegOfAnotherKind = async (uid: string): Promise<Buffer> =>
  uid === S.JpegLosslessSv1.uid
    ? encoded(gray, S.JpegLsLossless.uid)
    : jpeg({ width: 17, height: 31 }, {}, 1);

describe('S-05: nothing else is held against a frame whose part names its transfer syntax', () => {
  test.each<[string, FrameShape, Partial<FrameShape>]>([
    ['more bits stored than its samples have', gray, { bitsStored: 16 }],
    ['two bytes for samples of one', { ...gray, bitsAllocated: 8, bitsStored: 8 }, { bitsAllocated: 16 }],
    [
      'a palette',
      { ...gray, bitsAllocated: 8, bitsStored: 8 },
      { photometricInterpretation: 'PALETTE COLOR' },
    ],
    ['other colours', colour, { photometricInterpretation: 'YBR_FULL_422' }],
    ['colours after a transform', colour, { photometricInterpretation: 'YBR_RCT' }],
  ])('%s', async (_what, shape, said) => {
    for (const [at, { uid }] of [S.JpegLosslessSv1, S.JpegLsLossless, S.Jpeg2000Lossless].entries()) {
      const object = described({ ...shape, ...said }, 1, at + 1);
      const frame = part(OCTETS, uid, await encoded(shape, uid), `pixels/${at + 1}`);
      expect((await store(object, frame)).status).toBe(200);
    }
  });

  test('nor against one in a transfer syntax whose streams are not read', async () => {
    const { uid } = S.DeflatedImageFrameCompression;
    expect((await store(described(gray), part(OCTETS, uid, Buffer.from('abcd')))).status).toBe(200);
    expect(arrived(uid)).toEqual([Buffer.from('abcd')]);
  });
});
