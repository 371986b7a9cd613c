import { deflateRawSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { TransferSyntaxes as S } from '../../src/dicom/index.js';
import { encodeFrame } from '../../src/transcode/encode-frame.js';
import type { FrameShape } from '../../src/dicom/frame-shape.js';
import { encapsulatedPicture, fileIn, gray, nativePicture } from '../helpers/pixel-instances.js';
import { makeInstance, type RogueInstance } from '../helpers/rogue-peer.js';
import { startScene, type Scene } from '../helpers/scene.js';
import { partsOf, request, type RawResponse } from '../helpers/test-gateway.js';

jest.setTimeout(60_000);

const bytes: FrameShape = { ...gray, bitsAllocated: 8, bitsStored: 8 };
const samples = (shape: FrameShape): Uint8Array =>
  new Uint8Array((shape.rows * shape.columns * shape.bitsAllocated) / 8).map((_, at) =>
    shape.bitsAllocated === 16 && at % 2 === 1 ? at % 16 : at * 7,
  );
async function stream({ uid }: { readonly uid: string }, shape: FrameShape): Promise<Buffer> {
  return Buffer.from((await encodeFrame({ samples: samples(shape), shape }, uid)).stream);
}

/** Ten bytes for each walk through all of a progressive picture. */
function manyScans({ rows, columns }: FrameShape, scans: number): Buffer {
  const segment = (marker: number, content: Buffer): Buffer => {
    const header = Buffer.of(0xff, marker, 0, 0);
    header.writeUInt16BE(content.length + 2, 2);
    return Buffer.concat([header, content]);
  };
  const frame = Buffer.of(8, 0, 0, 0, 0, 1, 1, 0x11, 0);
  frame.writeUInt16BE(rows, 1);
  frame.writeUInt16BE(columns, 3);
  const codes = (kind: number): Buffer => segment(0xc4, Buffer.of(kind, 1, ...Array<number>(15).fill(0), 0));
  return Buffer.concat([
    Buffer.of(0xff, 0xd8),
    segment(0xdb, Buffer.concat([Buffer.of(0), Buffer.alloc(64, 1)])),
    segment(0xc2, frame),
    codes(0x00),
    codes(0x10),
    segment(0xda, Buffer.of(1, 1, 0, 0, 0, 1)),
    ...Array<Buffer>(scans).fill(segment(0xda, Buffer.of(1, 1, 0, 1, 63, 1))),
    Buffer.of(0xff, 0xd9),
  ]);
}

const megapixel: FrameShape = { ...bytes, rows: 1024, columns: 1024 };

const CODES = { 406: 'not-acceptable', 502: 'malformed-dataset', 503: 'transcode-timeout' } as const;

interface Case {
  readonly name: string;
  readonly make: () => Promise<RogueInstance> | RogueInstance;
  /** 406: no codec is asked; 502: one refuses it; 503: one is stopped. */
  readonly status: keyof typeof CODES;
  readonly outcome?: 'refused' | 'late';
}

const cases: readonly Case[] = [
  {
    name: 'a dataset that declares 65535 x 65535 pixels',
    make: async () =>
      encapsulatedPicture(
        { ...bytes, rows: 65_535, columns: 65_535 },
        [await stream(S.JpegLosslessSv1, bytes)],
        S.JpegLosslessSv1.uid,
      ),
    status: 406,
  },
  {
    name: 'a code stream that declares 65535 x 65535 pixels',
    make: async () => {
      const frame = await stream(S.JpegLosslessSv1, bytes);
      frame.fill(0xff, frame.indexOf('ffc3', 0, 'hex') + 5, frame.indexOf('ffc3', 0, 'hex') + 9);
      return encapsulatedPicture(bytes, [frame], S.JpegLosslessSv1.uid);
    },
    status: 502,
    outcome: 'refused',
  },
  ...[S.JpegLosslessSv1, S.JpegLsLossless, S.Jpeg2000Lossless, S.HtJ2kLossless].map((syntax): Case => ({
    name: `a frame that decodes to another size: ${syntax.name}`,
    make: async () =>
      encapsulatedPicture({ ...bytes, rows: bytes.rows * 2 }, [await stream(syntax, bytes)], syntax.uid),
    status: 502,
    outcome: 'refused',
  })),
  {
    name: 'an RLE run past the end of its segment',
    make: () => {
      const frame = Buffer.alloc(68);
      frame.writeUInt32LE(1, 0);
      frame.writeUInt32LE(64, 4);
      frame.fill(0x7f, 64);
      return encapsulatedPicture(bytes, [frame], S.RleLossless.uid);
    },
    status: 502,
    outcome: 'refused',
  },
  {
    name: 'an RLE segment past the end of its frame',
    make: () => {
      const frame = Buffer.alloc(68);
      frame.writeUInt32LE(1, 0);
      frame.writeUInt32LE(0xfffffff0, 4);
      return encapsulatedPicture(bytes, [frame], S.RleLossless.uid);
    },
    status: 502,
    outcome: 'refused',
  },
  {
    name: 'a JPEG-LS stream cut short, in which a decoder spins',
    make: async () => {
      const shape = { ...gray, rows: 512, columns: 512 };
      const frame = await stream(S.JpegLsLossless, shape);
      return encapsulatedPicture(shape, [frame.subarray(0, frame.length >> 1)], S.JpegLsLossless.uid);
    },
    status: 502,
    outcome: 'refused',
  },
  {
    name: 'a progressive JPEG stream whose every ten bytes are a walk through the picture',
    make: () => encapsulatedPicture(megapixel, [manyScans(megapixel, 60_000)], S.JpegFullProgression1012.uid),
    status: 503,
    outcome: 'late',
  },
  {
    name: 'a deflated frame that inflates a thousand times, which is the most there is',
    make: () =>
      encapsulatedPicture(
        bytes,
        [deflateRawSync(Buffer.alloc(32 * 2 ** 20))],
        S.DeflatedImageFrameCompression.uid,
      ),
    status: 502,
    outcome: 'refused',
  },
  {
    name: 'a deflated frame that inflates to less than its dataset says',
    make: () =>
      encapsulatedPicture(bytes, [deflateRawSync(Buffer.alloc(100))], S.DeflatedImageFrameCompression.uid),
    status: 502,
    outcome: 'refused',
  },
];

const good = nativePicture(gray, Buffer.from(samples(gray)));
let goodEncoded: RogueInstance;
let bomb: RogueInstance;
const instances = new Map<string, RogueInstance>();
let scene: Scene;
beforeAll(async () => {
  goodEncoded = encapsulatedPicture(gray, [await stream(S.Jpeg2000Lossless, gray)], S.Jpeg2000Lossless.uid);
  for (const { name, make } of cases) instances.set(name, await make());
  const whole = makeInstance({ pixelBytes: 160 * 2 ** 20, extra: { Rows: 1024, Columns: 1024 } });
  bomb = {
    ...whole,
    transferSyntaxUid: S.DeflatedExplicitVrLittleEndian.uid,
    dataset: deflateRawSync(whole.dataset),
  };
  scene = await startScene({
    instances: [good, goodEncoded, bomb, ...instances.values()],
    yaml: 'transcode: { workers: 1, frameTimeout: 5s }\n',
  });
});
afterAll(() => scene.close());

const path = ({ studyInstanceUid, seriesInstanceUid, sopInstanceUid }: RogueInstance): string =>
  `/studies/${studyInstanceUid}/series/${seriesInstanceUid}/instances/${sopInstanceUid}`;
const get = (instance: RogueInstance, suffix: string, accept: string): Promise<RawResponse> =>
  request(scene.url(path(instance) + suffix), { headers: { accept } });
const OCTETS = 'application/octet-stream';

/** One that was decoded is as good as ever. */
async function requireUnharmed(): Promise<void> {
  const frame = await get(goodEncoded, '/frames/1', OCTETS);
  expect(frame.status).toBe(200);
  expect(frame.body.equals(Buffer.from(samples(gray)))).toBe(true);
}

async function framesBy(outcome: string): Promise<number> {
  const text = (await request(`${scene.gateway.origin}/metrics`)).body.toString();
  const lines = text.split('\n').filter((line) => line.startsWith('dicomgw_frames_total{'));
  return lines
    .filter((line) => line.includes(`outcome="${outcome}"`))
    .reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);
}

describe.each(cases)('R-03: $name', ({ name, status, outcome }) => {
  const held = (): RogueInstance => instances.get(name) ?? good;

  test('costs its own request, is counted, and the next one is exact', async () => {
    await requireUnharmed();
    const before = outcome === undefined ? 0 : await framesBy(outcome);
    const answer = await get(held(), '/frames/1', OCTETS);
    expect([answer.status, answer.complete]).toEqual([status, true]);
    expect(JSON.parse(answer.body.toString())).toMatchObject({
      code: CODES[status],
    });
    if (outcome !== undefined) expect(await framesBy(outcome)).toBe(before + 1);
    await requireUnharmed();
  });

  test('is given as it is stored where the client takes that too', async () => {
    const { transferSyntaxUid } = held();
    const anything = await get(held(), '/frames/1', `${OCTETS}, */*;q=0.1`);
    expect(anything.status).toBe(200);
    const [part] = partsOf(anything);
    expect(part?.headers['content-type']).toContain(transferSyntaxUid);
    const file = await get(held(), '', `application/dicom, application/dicom; transfer-syntax=*; q=0.1`);
    expect(file.headers['content-type']).toContain(transferSyntaxUid);
    expect(file.body.includes(held().dataset as Buffer)).toBe(true);
    const named = await get(held(), '', `application/dicom; transfer-syntax=${S.RleLossless.uid}`);
    expect(transferSyntaxUid === S.RleLossless.uid ? 200 : status).toBe(named.status);
    await requireUnharmed();
  });
});

test('R-03: a deflated dataset that inflates a thousand times is an error, and can be had as it is stored', async () => {
  for (const [suffix, accept] of [
    ['/frames/1', OCTETS],
    ['/metadata', 'application/dicom+json'],
    ['', `application/dicom; transfer-syntax=${S.JpegLsLossless.uid}`],
  ] as const) {
    const answer = await get(bomb, suffix, accept);
    expect([suffix, answer.status === 502 || !answer.complete]).toEqual([suffix, true]);
    await requireUnharmed();
  }
  const stored = await get(bomb, '', 'application/dicom; transfer-syntax=*');
  expect(stored.status).toBe(200);
  expect(stored.body.includes(bomb.dataset as Buffer)).toBe(true);
  expect(fileIn(await get(good, '', 'application/dicom')).frames).toHaveLength(1);
});
