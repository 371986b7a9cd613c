import { afterEach, describe, expect, test } from '@jest/globals';
import { isUid, TransferSyntaxes as S } from '../../src/dicom/index.js';
import { decodeFrame } from '../../src/transcode/decode-frame.js';
import { encodeFrame } from '../../src/transcode/encode-frame.js';
import { encodeFrameLossy } from '../../src/transcode/lossy-frame.js';
import type { FrameShape } from '../../src/dicom/frame-shape.js';
import { textOf } from '../helpers/independent-reader.js';
import {
  colour,
  comparable,
  encapsulatedPicture,
  fileIn,
  gray,
  heldElements,
  nativePicture,
  type ReadFile,
} from '../helpers/pixel-instances.js';
import type { Attributes, RogueInstance } from '../helpers/rogue-peer.js';
import { startScene, type Scene } from '../helpers/scene.js';
import { request, type RawResponse } from '../helpers/test-gateway.js';

// Each gateway starts a thread of its own, with the codecs in it.

let scene: Scene | undefined;
afterEach(async () => {
  await scene?.close();
  scene = undefined;
});

const LOSSY = 'transcode: { workers: 1, lossy: true }\n';
type Get = (accept: string, suffix?: string, headers?: object) => Promise<RawResponse>;

async function start(instance: RogueInstance, yaml = LOSSY): Promise<Get> {
  scene = await startScene({ instances: [instance], yaml });
  const { studyInstanceUid, seriesInstanceUid, sopInstanceUid } = instance;
  const path = `/studies/${studyInstanceUid}/series/${seriesInstanceUid}/instances/${sopInstanceUid}`;
  return (accept, suffix = '', headers = {}) =>
    request(scene?.url(path + suffix) ?? '', { headers: { accept, ...headers } });
}

const bytesOnly: FrameShape = { ...gray, bitsAllocated: 8, bitsStored: 8 };
/** Soft pictures, which codecs are made for. */
const soft = (shape: FrameShape, frame = 0): Buffer => {
  const { rows, columns, samplesPerPixel, bitsStored, bitsAllocated } = shape;
  const values = Array.from({ length: rows * columns * samplesPerPixel }, (_, at) => {
    const pixel = Math.floor(at / samplesPerPixel);
    const level =
      0.5 + 0.4 * Math.sin(Math.floor(pixel / columns) / 9 + frame) * Math.cos((pixel % columns) / 7);
    return Math.round(level * (2 ** bitsStored - 1));
  });
  return bitsAllocated === 8 ? Buffer.from(values) : Buffer.from(Uint16Array.from(values).buffer);
};
const named = ({ uid }: { readonly uid: string }): string => `application/dicom; transfer-syntax=${uid}`;
const image = (type: string, { uid }: { readonly uid: string }): string => `${type}; transfer-syntax=${uid}`;
const CHANGED = new Set([
  ...['00080008', '00080018', '00082111', '00082112/0/00081150', '00082112/0/00081155'],
  ...['00280004', '00280006', '00282110', '00282112', '00282114', '7FE00010'],
]);
const extra: Attributes = { '00080008:CS': 'ORIGINAL\\PRIMARY', '00091001:OB': Buffer.from('maker') };

const kinds = [
  {
    syntax: S.JpegBaseline,
    type: 'image/jpeg',
    shape: bytesOnly,
    colours: 'MONOCHROME2',
    method: 'ISO_10918_1',
  },
  {
    syntax: S.JpegBaseline,
    type: 'image/jpeg',
    shape: colour,
    colours: 'YBR_FULL_422',
    method: 'ISO_10918_1',
  },
  {
    syntax: S.JpegLsNearLossless,
    type: 'image/jls',
    shape: gray,
    colours: 'MONOCHROME2',
    method: 'ISO_14495_1',
  },
  { syntax: S.Jpeg2000, type: 'image/jp2', shape: gray, colours: 'MONOCHROME2', method: 'ISO_15444_1' },
  { syntax: S.Jpeg2000, type: 'image/jp2', shape: colour, colours: 'YBR_ICT', method: 'ISO_15444_1' },
  { syntax: S.HtJ2k, type: 'image/jphc', shape: gray, colours: 'MONOCHROME2', method: 'ISO_15444_15' },
] as const;

describe.each(kinds)('$syntax.name, $colours', ({ syntax, type, shape, colours, method }) => {
  test('an instance is another one, derived from the one that was asked for, and says what it has lost', async () => {
    const frames = [0, 1].map((frame) => soft(shape, frame));
    const instance = nativePicture(shape, Buffer.concat(frames), { frames: 2, extra });
    const get = await start(instance);
    const answer = await get(named(syntax));
    expect(answer.status).toBe(200);
    expect(answer.headers['content-type']).toBe(named(syntax));
    const file = fileIn(answer);
    const text = (path: string): string | undefined => textOf(file.elements, path);
    expect(file.transferSyntaxUid).toBe(syntax.uid);
    expect([text('00280004'), text('00282110'), text('00282114')]).toEqual([colours, '01', method]);
    expect(Number(text('00282112'))).toBeGreaterThan(1);
    expect(text('00080008')).toBe('DERIVED\\PRIMARY');
    expect(text('00082111')).toContain(syntax.name);
    expect(isUid(file.sopInstanceUid)).toBe(true);
    expect(file.sopInstanceUid).not.toBe(instance.sopInstanceUid);
    expect(text('00080018')).toBe(file.sopInstanceUid);
    expect(text('00082112/0/00081155')).toBe(instance.sopInstanceUid);
    expect(comparable(file.elements, CHANGED)).toEqual(comparable(heldElements(instance), CHANGED));
    expect(file.frames).toHaveLength(2);
    for (const frame of file.frames) {
      const own = { ...shape, photometricInterpretation: colours };
      const { samples } = await decodeFrame(new Uint8Array(frame), syntax.uid, own);
      expect(samples).toHaveLength(frames[0]?.length ?? 0);
    }
    expect((await get(named(syntax))).body.equals(answer.body)).toBe(true);
  });

  test('W-29: a frame is what stands in such an instance; nothing of it without being allowed or named', async () => {
    const instance = nativePicture(shape, soft(shape), { extra });
    const get = await start(instance);
    const frame = await get(image(type, syntax), '/frames/1');
    expect(frame.status).toBe(200);
    expect(frame.headers['content-type']).toBe(image(type, syntax));
    const [whole] = fileIn(await get(named(syntax))).frames;
    expect(whole?.subarray(0, frame.body.length).equals(frame.body)).toBe(true);
    const unnamed = await get(type, '/frames/1');
    expect(unnamed.headers['content-type']).not.toContain(syntax.uid);
    await scene?.close();
    const refusing = await start(instance, '');
    for (const [accept, suffix] of [
      [named(syntax), ''],
      [image(type, syntax), '/frames/1'],
    ] as const)
      expect((await refusing(accept, suffix)).status).toBe(406);
  });
});

test('PS3.5 7.2: what is converted does not say how long its groups were before', async () => {
  const lengths = Object.fromEntries(
    ['00080000', '00280000', '7FE00000'].map((tag) => [`${tag}:UL`, Buffer.alloc(4, 1)]),
  );
  const lengthsIn = ({ elements }: Pick<ReadFile, 'elements'>): readonly string[] =>
    elements.map(({ path }) => path).filter((path) => path.endsWith('0000'));
  const native = nativePicture(gray, soft(gray), { extra: { ...extra, ...lengths } });
  expect(lengthsIn({ elements: heldElements(native) })).toHaveLength(3);
  const get = await start(native);
  for (const syntax of [S.JpegLsLossless, S.Jpeg2000])
    expect(lengthsIn(fileIn(await get(named(syntax))))).toEqual([]);
  await scene?.close();
  const { stream } = await encodeFrame(
    { samples: new Uint8Array(soft(gray)), shape: gray },
    S.JpegLsLossless.uid,
  );
  const made = encapsulatedPicture(gray, [Buffer.from(stream)], S.JpegLsLossless.uid, { extra: lengths });
  const decoded = fileIn(await (await start(made))(named(S.ExplicitVrLittleEndian)));
  expect([decoded.transferSyntaxUid, lengthsIn(decoded)]).toEqual([S.ExplicitVrLittleEndian.uid, []]);
});

describe('nothing is lost where nothing need be', () => {
  test('a lossless representation that is acceptable goes before a lossy one, whatever the client likes', async () => {
    const get = await start(nativePicture(bytesOnly, soft(bytesOnly)));
    const lossy = image('image/jpeg', S.JpegBaseline);
    const typeOf = async (accept: string): Promise<unknown> =>
      (await get(accept, '/frames/1')).headers['content-type'];
    expect(await typeOf(`${lossy}, image/jls;q=0.1`)).toBe(image('image/jls', S.JpegLsLossless));
    expect(await typeOf(`${lossy}, application/octet-stream;q=0.1`)).toContain('octet-stream');
    expect(await typeOf(`${lossy}, image/gif`)).toBe(lossy);
    const files = `${named(S.JpegBaseline)}, ${named(S.RleLossless)};q=0.2`;
    expect((await get(files)).headers['content-type']).toBe(named(S.RleLossless));
  });

  test('what is stored in a lossy transfer syntax is given as it is to who names that one', async () => {
    const { stream } = await encodeFrame(
      { samples: new Uint8Array(soft(gray)), shape: gray },
      S.Jpeg2000Lossless.uid,
    );
    const instance = encapsulatedPicture(gray, [Buffer.from(stream)], S.Jpeg2000.uid);
    const get = await start(instance);
    const answer = await get(named(S.Jpeg2000));
    expect(answer.body.includes(instance.dataset as Buffer)).toBe(true);
    const near = `${named(S.JpegLsNearLossless)}, ${named(S.Jpeg2000)};q=0.1`;
    expect((await get(near)).headers['content-type']).toBe(named(S.Jpeg2000));
  });

  test('numbers of palette entries are not pictures', async () => {
    const palette = { ...bytesOnly, photometricInterpretation: 'PALETTE COLOR' };
    const get = await start(nativePicture(palette, soft(bytesOnly)));
    for (const { type, syntax } of kinds) {
      expect((await get(named(syntax))).status).toBe(406);
      expect((await get(image(type, syntax), '/frames/1')).status).toBe(406);
    }
  });
});

describe('by the configuration', () => {
  test('an instance may keep the name of the one that it was made of', async () => {
    const instance = nativePicture(gray, soft(gray), { extra });
    const get = await start(instance, 'transcode: { workers: 1, lossy: true, lossyUid: keep }\n');
    const file = fileIn(await get(named(S.JpegLsNearLossless)));
    expect(file.sopInstanceUid).toBe(instance.sopInstanceUid);
    expect(textOf(file.elements, '00080018')).toBe(instance.sopInstanceUid);
    expect(textOf(file.elements, '00082112/0/00081155')).toBeUndefined();
    expect(textOf(file.elements, '00282110')).toBe('01');
  });

  test.each([
    ['jpegQuality', 30, S.JpegBaseline, bytesOnly],
    ['jpegLsError', 40, S.JpegLsNearLossless, gray],
    ['j2kRatio', 60, S.Jpeg2000, { ...gray, rows: 128, columns: 128 }],
    ['htJ2kStep', 30_000, S.HtJ2k, gray],
  ] as const)('W-60: %s %i loses more, and is another representation', async (key, value, syntax, shape) => {
    const instance = nativePicture(shape, soft(shape));
    const usual = await (await start(instance))(named(syntax));
    await scene?.close();
    const coarse = await (
      await start(instance, `transcode: { workers: 1, lossy: true, ${key}: ${value} }\n`)
    )(named(syntax));
    expect(coarse.body.length).toBeLessThan(usual.body.length);
    expect(coarse.headers.etag).not.toBe(usual.headers.etag);
    expect(fileIn(coarse).sopInstanceUid).not.toBe(fileIn(usual).sopInstanceUid);
  });
});

test.each([
  ['ISO_14495_1', '\\\\'],
  ['ISO_14495_1\\ISO_15444_1', '\\\\\\\\'],
])(
  'W-28: what names methods without ratios (%s) gets the new ones at the same place',
  async (methods, empty) => {
    const before = { ...extra, '00282110:CS': '01', '00282114:CS': methods };
    const get = await start(nativePicture(bytesOnly, soft(bytesOnly), { extra: before }));
    const { elements } = fileIn(await get(named(S.JpegBaseline)));
    expect(textOf(elements, '00282114')).toBe(`${methods}\\ISO_10918_1`);
    expect(textOf(elements, '00282112')).toMatch(new RegExp(`^${empty}\\d+\\.\\d\\d$`));
  },
);

test('W-28: what is decoded goes on to say that it has lost something, also where nothing said so', async () => {
  const settings = { jpegQuality: 90, jpegLsError: 1, j2kRatio: 4, htJ2kStep: 0.001 };
  const samples = new Uint8Array(soft(bytesOnly));
  const { stream } = await encodeFrameLossy({ samples, shape: bytesOnly }, S.JpegBaseline.uid, settings);
  const get = await start(encapsulatedPicture(bytesOnly, [Buffer.from(stream)], S.JpegBaseline.uid));
  for (const syntax of [S.ExplicitVrLittleEndian, S.JpegLosslessSv1]) {
    const { elements } = fileIn(await get(named(syntax)));
    expect(textOf(elements, '00282110')).toBe('01');
    expect(textOf(elements, '00282114')).toBe('ISO_10918_1');
    expect(textOf(elements, '00080008')).toBeUndefined();
  }
  const { elements } = fileIn(await get(named(S.Jpeg2000)));
  expect(textOf(elements, '00282110')).toBe('01');
  expect(textOf(elements, '00282112')?.split('\\')).toHaveLength(2);
  expect(textOf(elements, '00282114')).toBe('ISO_10918_1\\ISO_15444_1');
});
