import { afterEach, describe, expect, test } from '@jest/globals';
import { TransferSyntaxes as S } from '../../src/dicom/index.js';
import { decodeFrame } from '../../src/transcode/decode-frame.js';
import { encodeFrame } from '../../src/transcode/encode-frame.js';
import { nativeFrameBytes, type FrameShape } from '../../src/dicom/frame-shape.js';
import {
  colour,
  comparable,
  encapsulatedPicture,
  fileIn,
  gray,
  heldElements,
  nativePicture,
} from '../helpers/pixel-instances.js';
import type { RogueInstance } from '../helpers/rogue-peer.js';
import { startScene, type Scene } from '../helpers/scene.js';
import { partsOf, request, type RawResponse } from '../helpers/test-gateway.js';

// Each gateway starts a thread of its own, with the codecs in it.

let scene: Scene | undefined;
afterEach(async () => {
  await scene?.close();
  scene = undefined;
});

async function start(
  instance: RogueInstance,
): Promise<(accept: string, suffix?: string) => Promise<RawResponse>> {
  scene = await startScene({ instances: [instance], yaml: 'transcode: { workers: 1 }\n' });
  const { studyInstanceUid, seriesInstanceUid, sopInstanceUid } = instance;
  const path = `/studies/${studyInstanceUid}/series/${seriesInstanceUid}/instances/${sopInstanceUid}`;
  return (accept, suffix = '') => request(scene?.url(path + suffix) ?? '', { headers: { accept } });
}

/** Two colours of every second pixel stand for the next one too. */
const shared: FrameShape = { ...colour, columns: 16, photometricInterpretation: 'YBR_FULL_422' };
const sharedBytes = shared.rows * shared.columns * 2;
const bytes = (count: number, seed = 0): Buffer =>
  Buffer.from(Uint8Array.from({ length: count }, (_, at) => at * 7 + seed));
const grayBytes = (seed = 0): Buffer =>
  Buffer.from(
    Uint16Array.from({ length: gray.rows * gray.columns }, (_, at) => (at * 13 + seed) % 4096).buffer,
  );
const named = (syntax: { readonly uid: string }): string =>
  `application/dicom; transfer-syntax=${syntax.uid}`;
const PIXEL_DATA = new Set(['7FE00010', '00280006']);

async function encoded(shape: FrameShape, frames: readonly Buffer[], uid: string): Promise<RogueInstance> {
  const streams: Buffer[] = [];
  for (const samples of frames)
    streams.push(Buffer.from((await encodeFrame({ samples: new Uint8Array(samples), shape }, uid)).stream));
  return encapsulatedPicture(shape, streams, uid);
}

describe('Deflated Explicit VR Little Endian', () => {
  test.each([
    ['Explicit VR Little Endian', nativePicture(gray, grayBytes())],
    ['Implicit VR', nativePicture(gray, grayBytes(), { transferSyntaxUid: S.ImplicitVrLittleEndian.uid })],
    ['shared chrominance', nativePicture(shared, bytes(sharedBytes))],
    ['no pixels', nativePicture(gray, Buffer.alloc(0))],
  ])('W-27: of %s is the whole dataset deflated, for who names it', async (_name, instance) => {
    const get = await start(instance);
    const answer = await get(named(S.DeflatedExplicitVrLittleEndian));
    expect(answer.status).toBe(200);
    expect(answer.headers['content-type']).toBe(named(S.DeflatedExplicitVrLittleEndian));
    const plain = fileIn(await get(named(S.ExplicitVrLittleEndian)));
    const file = fileIn(answer);
    expect(file.transferSyntaxUid).toBe(S.DeflatedExplicitVrLittleEndian.uid);
    expect(comparable(file.elements)).toEqual(comparable(plain.elements));
    expect(answer.body.length % 2).toBe(0);
  });

  test('W-20: of compressed frames is what they decode to, deflated', async () => {
    const frames = [0, 1, 2].map(grayBytes);
    const instance = await encoded(gray, frames, S.RleLossless.uid);
    const get = await start(instance);
    const file = fileIn(await get(named(S.DeflatedExplicitVrLittleEndian)));
    expect(file.transferSyntaxUid).toBe(S.DeflatedExplicitVrLittleEndian.uid);
    expect(file.frames.map((frame, at) => frame.equals(frames[at] ?? Buffer.alloc(0)))).toEqual([
      true,
      true,
      true,
    ]);
    expect(comparable(file.elements, PIXEL_DATA)).toEqual(comparable(heldElements(instance), PIXEL_DATA));
  });

  test('W-27: is inflated for who takes Explicit VR Little Endian, and passed to who takes anything', async () => {
    const instance = nativePicture(gray, grayBytes(), {
      transferSyntaxUid: S.DeflatedExplicitVrLittleEndian.uid,
    });
    const get = await start(instance);
    expect(fileIn(await get('application/dicom')).frames[0]?.equals(grayBytes())).toBe(true);
    const stored = await get('application/dicom; transfer-syntax=*');
    expect(stored.body.includes(instance.dataset as Buffer)).toBe(true);
    const [part] = partsOf(await get('multipart/related; type="application/octet-stream"', '/frames/1'));
    expect(part?.body.equals(grayBytes())).toBe(true);
  });
});

const KEPT = [S.EncapsulatedUncompressedExplicitVrLittleEndian, S.DeflatedImageFrameCompression];

describe.each(KEPT)('$name', (syntax) => {
  test.each([
    ['gray', gray],
    ['colour', colour],
    ['planes', { ...colour, planar: true }],
    ['32 bits', { ...gray, bitsAllocated: 32, bitsStored: 32 }],
  ] as const)('W-20: of %s holds the frames, and gives them back', async (_name, shape) => {
    const frames = [0, 1, 2].map((seed) => bytes(nativeFrameBytes(shape), seed));
    const native = nativePicture(shape, Buffer.concat(frames), { frames: 3 });
    const file = fileIn(await (await start(native))(named(syntax)));
    await scene?.close();
    expect(file.transferSyntaxUid).toBe(syntax.uid);
    const fragments = file.elements.find(({ path }) => path === '7FE00010')?.fragments?.slice(1) ?? [];
    const get = await start(encapsulatedPicture(shape, fragments, syntax.uid));
    const back = fileIn(await get('application/dicom'));
    expect(back.frames.map((frame) => frame.toString('hex'))).toEqual(
      frames.map((frame) => frame.toString('hex')),
    );
    const parts = partsOf(await get('multipart/related; type="application/octet-stream"', '/frames/1,2,3'));
    expect(parts.map(({ body }) => body.toString('hex'))).toEqual(
      frames.map((frame) => frame.toString('hex')),
    );
  });

  test('W-20: of pixels that share their chrominance keeps them so', async () => {
    const frames = [bytes(sharedBytes), bytes(sharedBytes, 9)];
    const get = await start(nativePicture(shared, Buffer.concat(frames), { frames: 2 }));
    const file = fileIn(await get(named(syntax)));
    expect(file.elements.find(({ path }) => path === '00280004')?.value.toString()).toBe('YBR_FULL_422');
    await scene?.close();
    const fragments = file.elements.find(({ path }) => path === '7FE00010')?.fragments?.slice(1) ?? [];
    const back = fileIn(
      await (
        await start(encapsulatedPicture(shared, fragments, syntax.uid))
      )('application/dicom'),
    );
    expect(back.frames.map((frame, at) => frame.equals(frames[at] ?? frame.subarray(1)))).toEqual([
      true,
      true,
    ]);
  });
});

test('W-28: pixels that share their chrominance have one each in a code stream, and are named so', async () => {
  const pixels = bytes(sharedBytes);
  const get = await start(nativePicture(shared, pixels));
  const pairs = Array.from({ length: sharedBytes / 4 }, (_, pair) => pixels.subarray(4 * pair, 4 * pair + 4));
  const own = Buffer.from(pairs.flatMap(([left = 0, right = 0, ...both]) => [left, ...both, right, ...both]));
  const codeStreams = [
    S.RleLossless,
    S.JpegLosslessSv1,
    S.JpegLsLossless,
    S.Jpeg2000Lossless,
    S.HtJ2kLossless,
  ];
  for (const syntax of codeStreams) {
    const file = fileIn(await get(named(syntax)));
    const name = file.elements
      .find(({ path }) => path === '00280004')
      ?.value.toString()
      .trim();
    expect([file.transferSyntaxUid, name]).toEqual([syntax.uid, 'YBR_FULL']);
    const shape = { ...shared, photometricInterpretation: 'YBR_FULL' };
    const frame = new Uint8Array(file.frames[0] ?? Buffer.alloc(0));
    expect(Buffer.compare((await decodeFrame(frame, syntax.uid, shape)).samples, own)).toBe(0);
  }
  expect((await get('application/dicom')).body.includes(pixels)).toBe(true);
});

describe('JPEG 2000 Part 2', () => {
  async function held(
    capabilities: number,
  ): Promise<(accept: string, suffix?: string) => Promise<RawResponse>> {
    const { stream } = await encodeFrame(
      { samples: new Uint8Array(grayBytes()), shape: gray },
      S.Jpeg2000Lossless.uid,
    );
    const frame = Buffer.from(stream);
    frame.writeUInt16BE(capabilities, frame.indexOf('ff51', 0, 'hex') + 4);
    return start(encapsulatedPicture(gray, [frame], S.Jpeg2000Part2Lossless.uid));
  }

  test.each([0, 0x8000, 0x8100])(
    'W-20: that needs nothing of part 2 (%i) is decoded',
    async (capabilities) => {
      const get = await held(capabilities);
      expect(fileIn(await get('application/dicom')).frames[0]?.equals(grayBytes())).toBe(true);
    },
  );

  test('H-06: that needs it is given as it is stored, and in nothing else', async () => {
    const get = await held(0x8020);
    const octets = 'multipart/related; type="application/octet-stream"';
    expect((await get('application/dicom')).status).toBe(406);
    expect((await get(octets, '/frames/1')).status).toBe(406);
    const [part] = partsOf(await get(`${octets}; transfer-syntax=*`, '/frames/1'));
    expect(part?.headers['content-type']).toBe(`image/jpx; transfer-syntax=${S.Jpeg2000Part2Lossless.uid}`);
  });
});
