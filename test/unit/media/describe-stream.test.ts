import { describe, expect, test } from '@jest/globals';
import { describeStream } from '../../../src/media/index.js';
import { canEncode, encodeFrame } from '../../../src/transcode/encode-frame.js';
import { encodeFrameLossy } from '../../../src/transcode/lossy-frame.js';
import { box, jpeg, mp4, mpeg2, programStream, type Mp4Options } from '../../helpers/media.js';
import { patterns } from '../transcode/frames.js';
import { file } from './file.js';
import { colour, gray } from '../../helpers/pixel-instances.js';

const of = (mediaType: string, bytes: Uint8Array) => describeStream(mediaType, file(Buffer.from(bytes)));
const size = { width: 24, height: 16 };

describe('S-06: a JPEG says which process it is of, and what its colours are', () => {
  test('baseline, in YCbCr', async () => {
    expect(await of('image/jpeg', await jpeg(size))).toMatchObject({
      syntax: { uid: '1.2.840.10008.1.2.4.50' },
      rows: 16,
      columns: 24,
      samplesPerPixel: 3,
      precision: 8,
      photometricInterpretations: ['YBR_FULL_422', 'YBR_FULL'],
      lossy: true,
    });
  });

  test('baseline, grey', async () => {
    expect(await of('image/jpeg', await jpeg(size, {}, 1))).toMatchObject({
      samplesPerPixel: 1,
      photometricInterpretations: expect.arrayContaining(['MONOCHROME2']),
    });
  });

  test('progressive, as many a web site makes them', async () => {
    const picture = await jpeg(size, { progressive: true });
    expect(await of('image/jpeg', picture)).toMatchObject({ syntax: { uid: '1.2.840.10008.1.2.4.55' } });
  });

  test('with a thumbnail and a profile of megabytes before it', async () => {
    const picture = await jpeg(size);
    const segment = Buffer.concat([Buffer.of(0xff, 0xe2, 0xff, 0xff), Buffer.alloc(65_533)]);
    const whole = Buffer.concat([
      picture.subarray(0, 2),
      ...Array<Buffer>(40).fill(segment),
      picture.subarray(2),
    ]);
    expect(await of('image/jpeg', whole)).toMatchObject({ rows: 16, columns: 24 });
  });

  const CMYK = Buffer.from(
    'ffd8ffc0001408001000100401220002110103110104110 1ffda000e0401000200030004003f0000'.replace(' ', ''),
    'hex',
  );
  test.each([
    ['four components', CMYK],
    ['no picture', Buffer.from('hello')],
    ['nothing', Buffer.alloc(0)],
  ])('%s is refused', async (_name, bytes) => {
    await expect(of('image/jpeg', bytes)).rejects.toMatchObject({ code: 'malformed-dataset' });
  });
});

describe('S-06: what the codecs here have encoded says of itself what it is', () => {
  const uids = ['57', '70', '80', '90', '201'].map((last) => `1.2.840.10008.1.2.4.${last}`);
  const types: Readonly<Record<string, string>> = {
    '1.2.840.10008.1.2.4.57': 'image/jpeg',
    '1.2.840.10008.1.2.4.70': 'image/jpeg',
    '1.2.840.10008.1.2.4.80': 'image/jls',
    '1.2.840.10008.1.2.4.81': 'image/jls',
    '1.2.840.10008.1.2.4.90': 'image/jp2',
    '1.2.840.10008.1.2.4.91': 'image/jp2',
    '1.2.840.10008.1.2.4.201': 'image/jphc',
    '1.2.840.10008.1.2.4.203': 'image/jphc',
  };

  test.each(
    uids.flatMap((uid) =>
      [gray, colour].filter((shape) => canEncode(uid, shape)).map((shape) => ({ uid, shape })),
    ),
  )('without loss in $uid, $shape.samplesPerPixel samples', async ({ uid, shape }) => {
    const [samples = new Uint8Array()] = patterns(shape);
    const { stream, photometricInterpretation } = await encodeFrame({ samples, shape }, uid);
    const said = await of(types[uid] ?? '', stream);
    expect(said).toMatchObject({
      syntax: { uid },
      rows: shape.rows,
      columns: shape.columns,
      samplesPerPixel: shape.samplesPerPixel,
      precision: shape.bitsStored,
      lossy: false,
    });
    expect(said?.photometricInterpretations).toContain(photometricInterpretation);
  });

  test.each(['81', '91', '203'].map((last) => `1.2.840.10008.1.2.4.${last}`))(
    'with loss in %s',
    async (uid) => {
      const [samples = new Uint8Array()] = patterns(gray);
      const settings = { jpegQuality: 80, jpegLsError: 2, j2kRatio: 10, htJ2kStep: 0.01 };
      const { stream } = await encodeFrameLossy({ samples, shape: gray }, uid, settings);
      expect(await of(types[uid] ?? '', stream)).toMatchObject({ syntax: { uid }, lossy: true });
    },
  );

  test('JPEG 2000 is taken out of the boxes of a JP2 file; a palette beside the stream is refused', async () => {
    const [samples = new Uint8Array()] = patterns(gray);
    const { stream } = await encodeFrame({ samples, shape: gray }, '1.2.840.10008.1.2.4.90');
    const signature = box('jP  ', Buffer.from('0d0a870a', 'hex'));
    const wrapped = (...head: Buffer[]): Buffer =>
      Buffer.concat([signature, box('jp2h', ...head), box('jp2c', Buffer.from(stream))]);
    const jp2 = wrapped(box('colr', Buffer.from('0100000000001 1'.replace(' ', ''), 'hex')));
    const said = await of('image/jp2', jp2);
    expect(jp2.subarray(said?.range.start, said?.range.end).equals(Buffer.from(stream))).toBe(true);
    await expect(of('image/jp2', wrapped(box('pclr', Buffer.alloc(9))))).rejects.toMatchObject({
      code: 'malformed-dataset',
    });
  });
});

describe('S-06: an MPEG-4 file says which profile and level its video has', () => {
  const video: Mp4Options = { width: 320, height: 240, frames: 50 };
  const uid = (last: string): string => `1.2.840.10008.1.2.4.${last}`;

  test.each<[string, Partial<Mp4Options>, string]>([
    ['High at 4.1', { profile: 100, level: 41 }, '102'],
    ['Main, which High includes', { profile: 77, level: 31 }, '102'],
    ['Baseline that keeps to what Main has', { profile: 66, constraints: 0xc0, level: 30 }, '102'],
    ['High at 4.2', { profile: 100, level: 42 }, '104'],
    ['Stereo High', { profile: 128, level: 41 }, '106'],
    ['HEVC Main', { codec: 'hvc1', profile: 1, level: 93 }, '107'],
    ['HEVC Main 10', { codec: 'hvc1', profile: 2, level: 153 }, '108'],
    ['with its index at the end', { indexLast: true }, '102'],
  ])('%s', async (_name, options, last) => {
    expect(await of('video/mp4', mp4({ ...video, ...options }))).toMatchObject({
      syntax: { uid: uid(last) },
      rows: 240,
      columns: 320,
      samplesPerPixel: 3,
      photometricInterpretations: ['YBR_PARTIAL_420'],
      frames: 50,
      frameTimes: 40,
      lossy: true,
    });
  });

  test('in fragments, as a browser records', async () => {
    const bytes = mp4({ ...video, fragments: [25, 24] });
    expect(await of('video/mp4', bytes)).toMatchObject({ frames: 49 });
  });

  test.each<[string, Partial<Mp4Options>]>([
    ['Baseline with what only Baseline has', { profile: 66, constraints: 0x80 }],
    ['High 4:4:4', { profile: 244 }],
    ['a level above 4.2', { level: 51 }],
    ['HEVC with 4:2:2', { codec: 'hvc1', profile: 4 }],
    ['HEVC above 5.1', { codec: 'hvc1', profile: 1, level: 180 }],
    ['MPEG-4 part 2', { codec: 'mp4v' }],
    ['no picture', { frames: 0 }],
    ['two videos', { tracks: 2 }],
  ])('%s is refused', async (_name, options) => {
    await expect(of('video/mp4', mp4({ ...video, ...options }))).rejects.toMatchObject({
      code: 'malformed-dataset',
    });
  });

  test('what ends early is refused, wherever it ends', async () => {
    const whole = mp4({ width: 32, height: 24, frames: 2, indexLast: true });
    for (let length = 0; length < whole.length; length += 7)
      await expect(of('video/mp4', whole.subarray(0, length))).rejects.toMatchObject({
        code: 'malformed-dataset',
      });
  });

  test('boxes without end in no bytes are refused in time', async () => {
    const many = Buffer.concat(Array<Buffer>(210_000).fill(box('free')));
    await expect(of('video/mp4', many)).rejects.toMatchObject({ code: 'malformed-dataset' });
  });
});

describe('S-06: MPEG-2 video says its level, and how many pictures it has is counted', () => {
  test.each([
    ['by itself', (video: Buffer) => video],
    ['in a program stream', (video: Buffer) => programStream(video, 1000)],
    ['in packets that cut start codes', (video: Buffer) => programStream(video, 7)],
  ])('%s', async (_name, packed) => {
    const video = mpeg2({ width: 720, height: 576, frames: 30 });
    expect(await of('video/mpeg', packed(video))).toMatchObject({
      syntax: { uid: '1.2.840.10008.1.2.4.100' },
      rows: 576,
      columns: 720,
      frames: 30,
      frameTimes: 40,
    });
  });

  test('two fields are one picture; High Level is another transfer syntax', async () => {
    const video = mpeg2({ width: 1920, height: 1080, frames: 10, level: 4, fields: true });
    expect(await of('video/mpeg', video)).toMatchObject({
      syntax: { uid: '1.2.840.10008.1.2.4.101' },
      rows: 1080,
      columns: 1920,
      frames: 10,
    });
  });

  const small = { width: 32, height: 32, frames: 1 };
  test.each([
    ['MPEG-1', mpeg2({ ...small, mpeg1: true })],
    ['4:2:2 profile', mpeg2({ ...small, profile: 0, level: 5 })],
    ['no picture', mpeg2({ ...small, frames: 0 })],
    ['no video', Buffer.from('hello')],
    [
      'a transport stream',
      Buffer.concat(Array<Buffer>(2).fill(Buffer.concat([Buffer.of(0x47), Buffer.alloc(187)]))),
    ],
  ])('%s is refused', async (_name, bytes) => {
    await expect(of('video/mpeg', bytes)).rejects.toMatchObject({ code: 'malformed-dataset' });
  });
});

test('what is not stored as it is has no description', async () => {
  expect(await of('image/png', Buffer.alloc(9))).toBeUndefined();
});

describe('Law 3: others are served while', () => {
  /** How often others had their turn. */
  async function turnsDuring(work: Promise<unknown>): Promise<number> {
    let turns = 0;
    let next = setImmediate(function serve() {
      turns += 1;
      next = setImmediate(serve);
    });
    await work;
    clearImmediate(next);
    return turns;
  }

  test('the pictures of a video in memory are counted', async () => {
    expect(
      await turnsDuring(of('video/mpeg', Buffer.concat([mpeg2({ ...size, frames: 2 }), Buffer.alloc(6100)]))),
    ).toBeGreaterThan(50);
  });

  test('many boxes are looked through', async () => {
    const many = Array<Buffer>(5000).fill(box('free', Buffer.alloc(0)));
    expect(
      await turnsDuring(of('video/mp4', Buffer.concat([...many, mp4({ ...size, frames: 3 })]))),
    ).toBeGreaterThanOrEqual(4);
  });
});
