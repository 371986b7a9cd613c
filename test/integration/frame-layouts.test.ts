import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { TransferSyntaxes as S } from '../../src/dicom/index.js';
import { encodeFrame } from '../../src/transcode/encode-frame.js';
import { nativeFrameBytes, type FrameShape } from '../../src/dicom/frame-shape.js';
import { frameOffsets } from '../helpers/fixtures-element.js';
import { colour, encapsulatedPicture, gray, nativePicture } from '../helpers/pixel-instances.js';
import type { RogueInstance } from '../helpers/rogue-peer.js';
import { startScene, type Scene } from '../helpers/scene.js';
import { partsOf, request, type RawResponse } from '../helpers/test-gateway.js';

jest.setTimeout(60_000);

const COUNT = 3;
const bits: FrameShape = { ...gray, bitsAllocated: 1, bitsStored: 1 };
const samplesOf = (shape: FrameShape): Buffer[] =>
  Array.from({ length: COUNT }, (_, frame) => {
    const bytes = Buffer.alloc(nativeFrameBytes(shape));
    for (let at = 0; at < bytes.length; at += 1) bytes[at] = (at * 7 + frame * 31) & 0xff;
    // No bits above those that are stored, but the sign.
    if (shape.bitsAllocated === 16)
      for (let at = 0; at < bytes.length; at += 2) {
        const value = bytes.readUInt16LE(at) & (2 ** shape.bitsStored - 1);
        const isNegative = shape.signed && value >= 2 ** (shape.bitsStored - 1);
        bytes.writeUInt16LE(isNegative ? value + 0x10000 - 2 ** shape.bitsStored : value, at);
      }
    const spare = bytes.length * 8 - shape.rows * shape.columns;
    if (shape.bitsAllocated === 1) bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) & (0xff >> spare);
    return bytes;
  });

/** Frames of single bits follow each other without a gap. */
function packed(frames: readonly Buffer[], shape: FrameShape): Buffer {
  const length = shape.rows * shape.columns;
  const all = Buffer.alloc(Math.ceil((length * frames.length) / 8));
  for (const [frame, bytes] of frames.entries())
    for (let bit = 0; bit < length; bit += 1) {
      const set = ((bytes[bit >> 3] ?? 0) >> (bit & 7)) & 1;
      const to = frame * length + bit;
      all[to >> 3] = (all[to >> 3] ?? 0) | (set << (to & 7));
    }
  return all;
}

interface Held {
  readonly instance: RogueInstance;
  readonly native: readonly Buffer[];
  /** The frames as they are stored, when they are not native. */
  readonly streams?: readonly Buffer[];
}

const layouts: readonly (readonly [string, FrameShape])[] = [
  ['16 bits', gray],
  ['an odd number of bytes', { ...gray, bitsAllocated: 8, bitsStored: 8 }],
  ['signed 12 of 16 bits', { ...gray, signed: true }],
  ['32 bits', { ...gray, bitsAllocated: 32, bitsStored: 32 }],
  ['a palette', { ...gray, bitsAllocated: 8, bitsStored: 8, photometricInterpretation: 'PALETTE COLOR' }],
  ['colour', colour],
  ['planes', { ...colour, planar: true }],
  ['one pixel', { ...gray, rows: 1, columns: 1 }],
];

const native = (shape: FrameShape, transferSyntaxUid: string = S.ExplicitVrLittleEndian.uid): Held => {
  const frames = samplesOf(shape);
  const all = shape.bitsAllocated === 1 ? packed(frames, shape) : Buffer.concat(frames);
  return { instance: nativePicture(shape, all, { frames: COUNT, transferSyntaxUid }), native: frames };
};

const split = (stream: Buffer, pieces: number): Buffer[] => {
  const even = Buffer.concat([stream, Buffer.alloc(stream.length % 2)]);
  const step = Math.ceil(even.length / pieces / 2) * 2;
  return Array.from({ length: pieces }, (_, at) => even.subarray(at * step, (at + 1) * step)).filter(
    ({ length }) => length > 0,
  );
};

type Tables = 'basic' | 'extended' | 'none' | 'wrong';

async function encapsulated(
  shape: FrameShape,
  { uid }: { readonly uid: string },
  { pieces = 1, tables = 'none', ended = true }: { pieces?: number; tables?: Tables; ended?: boolean } = {},
): Promise<Held> {
  const frames = samplesOf(shape);
  const streams: Buffer[] = [];
  for (const samples of frames)
    streams.push(Buffer.from((await encodeFrame({ samples: new Uint8Array(samples), shape }, uid)).stream));
  const fragments = streams.map((stream) => split(stream, pieces));
  const offsets = frameOffsets(fragments);
  const words = (values: readonly number[]): Buffer => {
    const bytes = Buffer.alloc(8 * values.length);
    for (const [at, value] of values.entries()) bytes.writeBigUInt64LE(BigInt(value), 8 * at);
    return bytes;
  };
  const extended = {
    '7FE00001:OV': words(offsets),
    '7FE00002:OV': words(streams.map(({ length }) => length)),
  };
  const instance = encapsulatedPicture(shape, fragments.flat(), uid, {
    frames: COUNT,
    ended,
    ...(tables === 'basic' && { offsets }),
    ...(tables === 'wrong' && { offsets: offsets.map((offset) => offset + 2) }),
    ...(tables === 'extended' && { extra: extended }),
  });
  const stored = fragments.map((one) => Buffer.concat(one));
  return { instance, native: frames, streams: stored };
}

const makers: readonly (readonly [string, () => Held | Promise<Held>])[] = [
  ...layouts.map(([name, shape]) => [`native: ${name}`, () => native(shape)] as const),
  ['native: single bits that begin within a byte', () => native(bits)],
  ['native: Implicit VR', () => native(gray, S.ImplicitVrLittleEndian.uid)],
  ['native: a deflated dataset', () => native(gray, S.DeflatedExplicitVrLittleEndian.uid)],
  ...layouts.map(([name, shape]) => [`RLE: ${name}`, () => encapsulated(shape, S.RleLossless)] as const),
  ['single bits, deflated', () => encapsulated(bits, S.DeflatedImageFrameCompression)],
  ...(['basic', 'extended', 'none', 'wrong'] as const).map(
    (tables) =>
      [
        `JPEG-LS in several fragments, offset table: ${tables}`,
        () => encapsulated(gray, S.JpegLsLossless, { pieces: 3, tables }),
      ] as const,
  ),
  ...(['basic', 'extended'] as const).map(
    (tables) =>
      [
        `RLE in several fragments, offset table: ${tables}`,
        () => encapsulated(gray, S.RleLossless, { pieces: 4, tables }),
      ] as const,
  ),
  [
    'JPEG 2000 without a sequence delimiter',
    () => encapsulated(gray, S.Jpeg2000Lossless, { pieces: 2, ended: false }),
  ],
  ['JPEG without a sequence delimiter', () => encapsulated(gray, S.JpegLosslessSv1, { ended: false })],
];

const held = new Map<string, Held>();
let scene: Scene;
beforeAll(async () => {
  for (const [name, make] of makers) held.set(name, await make());
  const instances = [...held.values()].map(({ instance }) => instance);
  scene = await startScene({ instances, yaml: 'transcode: { workers: 1 }\n' });
});
afterAll(() => scene.close());

const OCTETS = 'application/octet-stream';
const MULTIPART = `multipart/related; type="${OCTETS}"`;
const hex = (all: readonly Buffer[]): string[] => all.map((one) => one.toString('hex'));

describe.each(makers.map(([name]) => name))('W-03: %s', (name) => {
  const get = (suffix: string, accept: string, headers: object = {}): Promise<RawResponse> => {
    const { studyInstanceUid, seriesInstanceUid, sopInstanceUid } = held.get(name)?.instance ?? {};
    const path = `/studies/${studyInstanceUid}/series/${seriesInstanceUid}/instances/${sopInstanceUid}`;
    return request(scene.url(path + suffix), { headers: { accept, ...headers } });
  };
  const nativeFrames = (): readonly Buffer[] => held.get(name)?.native ?? [];
  const storedFrames = (): readonly Buffer[] => held.get(name)?.streams ?? nativeFrames();

  test('W-10, W-29: any list, natively and as stored', async () => {
    for (const list of [[1], [3], [1, 2, 3], [1, 3]]) {
      const suffix = `/frames/${list.join(',')}`;
      const wanted = (all: readonly Buffer[]): string[] =>
        hex(list.map((frame) => all[frame - 1] ?? Buffer.alloc(0)));
      const decoded = partsOf(await get(suffix, MULTIPART));
      expect(hex(decoded.map(({ body }) => body))).toEqual(wanted(nativeFrames()));
      const stored = partsOf(await get(suffix, `${MULTIPART}; transfer-syntax=*`));
      expect(hex(stored.map(({ body }) => body))).toEqual(wanted(storedFrames()));
    }
    const all = partsOf(await get('/pixeldata', `${MULTIPART}; transfer-syntax=*`));
    const one = Buffer.concat(all.map(({ body }) => body));
    const isNative = held.get(name)?.streams === undefined;
    if (!isNative) expect(one.toString('hex')).toBe(Buffer.concat([...storedFrames()]).toString('hex'));
  });

  test('W-10, W-11: no frame past the end, before the first, or twice', async () => {
    expect((await get('/frames/4', MULTIPART)).status).toBe(404);
    expect((await get('/frames/2,4', `${MULTIPART}; transfer-syntax=*`)).status).toBe(404);
    for (const list of ['0', '2,1', '1,1', 'x', '-1'])
      expect((await get(`/frames/${list}`, MULTIPART)).status).toBe(400);
  });

  test.each([
    ['natively', OCTETS, nativeFrames],
    ['as stored', `${OCTETS}; transfer-syntax=*`, storedFrames],
  ] as const)('W-60, W-61: a single part has a validator and ranges, %s', async (_how, accept, frames) => {
    const expected = frames()[1] ?? Buffer.alloc(0);
    const whole = await get('/frames/2', accept);
    expect(whole.body.toString('hex')).toBe(expected.toString('hex'));
    const etag = String(whole.headers.etag);
    expect((await get('/frames/2', accept, { 'if-none-match': etag })).status).toBe(304);
    const from = expected.length >> 1;
    const rest = await get('/frames/2', accept, { range: `bytes=${from}-`, 'if-range': etag });
    expect(rest.status).toBe(206);
    expect(rest.headers['content-range']).toBe(`bytes ${from}-${expected.length - 1}/${expected.length}`);
    expect(rest.body.equals(expected.subarray(from))).toBe(true);
    const last = await get('/frames/2', accept, { range: 'bytes=-1' });
    expect(last.body.equals(expected.subarray(-1))).toBe(true);
    const beyond = await get('/frames/2', accept, { range: `bytes=${expected.length}-` });
    expect(beyond.status).toBe(416);
    const other = await get('/frames/2', accept, { range: 'bytes=0-0', 'if-range': '"another"' });
    expect(other.status).toBe(200);
  });
});
