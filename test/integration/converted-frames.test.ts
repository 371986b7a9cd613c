import { afterEach, describe, expect, test } from '@jest/globals';
import { TransferSyntaxes } from '../../src/dicom/index.js';
import { decodeFrame } from '../../src/transcode/decode-frame.js';
import { encodeFrame } from '../../src/transcode/encode-frame.js';
import type { FrameShape } from '../../src/dicom/frame-shape.js';
import { encapsulated, explicitLittle } from '../helpers/fixtures-element.js';
import { gray, nativePicture } from '../helpers/pixel-instances.js';
import { patterns } from '../unit/transcode/frames.js';
import { makeInstance, type RogueInstance } from '../helpers/rogue-peer.js';
import { startScene, type Scene } from '../helpers/scene.js';
import { partsOf, request, type RawResponse } from '../helpers/test-gateway.js';

// Each gateway starts threads of its own, with the codecs in them.

let scene: Scene | undefined;
afterEach(async () => {
  await scene?.close();
  scene = undefined;
});

const S = TransferSyntaxes;
const shape: FrameShape = {
  rows: 40,
  columns: 60,
  samplesPerPixel: 1,
  bitsAllocated: 16,
  bitsStored: 12,
  signed: false,
  photometricInterpretation: 'MONOCHROME2',
  planar: false,
};
/** Two frames of 12 bits that differ everywhere. */
const frames = [0, 1].map((frame) => {
  const samples = new Uint16Array(shape.rows * shape.columns).map((_, at) => (at * 13 + frame * 1000) % 4096);
  return Buffer.from(samples.buffer);
});
const extra = { NumberOfFrames: '2', Rows: 40, Columns: 60, BitsStored: 12, HighBit: 11 };

const nativeInstance = (): RogueInstance =>
  makeInstance({ pixelBytes: 2, extra: { ...extra, '7FE00010:OW': Buffer.concat(frames) } });

async function encodedInstance(
  transferSyntaxUid: string,
  streams?: readonly Buffer[],
  count = '2',
): Promise<RogueInstance> {
  const made: Buffer[] = [];
  for (const samples of frames) {
    const { stream } = await encodeFrame({ samples: new Uint8Array(samples), shape }, transferSyntaxUid);
    made.push(Buffer.concat([stream, Buffer.alloc(stream.length % 2)]));
  }
  const declared = { ...extra, NumberOfFrames: count };
  const head = makeInstance({ pixelBytes: 0, extra: declared, transferSyntaxUid });
  const dataset = Buffer.from(head.dataset).subarray(
    0,
    head.dataset.indexOf(Buffer.from('e07f10004f42', 'hex')),
  );
  const pixelData = encapsulated(streams ?? made)(explicitLittle);
  return { ...head, dataset: Buffer.concat([dataset, pixelData]) };
}

async function start(
  instance: RogueInstance,
  yaml = '',
): Promise<(suffix: string, headers?: object) => Promise<RawResponse>> {
  scene = await startScene({ instances: [instance], yaml });
  const { studyInstanceUid, seriesInstanceUid, sopInstanceUid } = instance;
  const base = `/studies/${studyInstanceUid}/series/${seriesInstanceUid}/instances/${sopInstanceUid}`;
  return (suffix, headers = {}) =>
    request(`${scene?.gateway.service ?? ''}${base}${suffix}`, { headers: { ...headers } });
}

/** A code stream in the boxes of a file. */
function jp2Of(stream: Buffer): Buffer {
  const box = (type: string, content: Buffer): Buffer => {
    const head = Buffer.alloc(8);
    head.writeUInt32BE(content.length + 8);
    head.write(type, 4, 'latin1');
    return Buffer.concat([head, content]);
  };
  const signature = Buffer.from('0d0a870a', 'hex');
  const header = box('ihdr', Buffer.from('000000280000003c00010b070000', 'hex'));
  return Buffer.concat([
    box('jP  ', signature),
    box('ftyp', Buffer.from('6a703220000000006a703220', 'hex')),
    box('jp2h', header),
    box('jp2c', stream),
  ]);
}

const NATIVE = 'multipart/related; type="application/octet-stream"';

describe('frames in another transfer syntax than the stored one', () => {
  test.each([
    ['image/jls', S.JpegLsLossless.uid],
    ['image/dicom-rle', S.RleLossless.uid],
    ['image/jpeg', S.JpegLosslessSv1.uid],
    ['image/jp2', S.Jpeg2000Lossless.uid],
    ['image/jphc', S.HtJ2kLossless.uid],
  ])('W-29: native ones as %s, in its default transfer syntax', async (type, uid) => {
    const get = await start(nativeInstance());
    const answer = await get('/frames/1,2', { accept: `multipart/related; type="${type}"` });
    expect(answer.status).toBe(200);
    const parts = partsOf(answer);
    expect(parts.map(({ headers }) => headers['content-type'])).toEqual(
      Array(2).fill(`${type}; transfer-syntax=${uid}`),
    );
    for (const [at, { body }] of parts.entries()) {
      const { samples } = await decodeFrame(new Uint8Array(body), uid, shape);
      expect(Buffer.compare(samples, frames[at] ?? Buffer.alloc(0))).toBe(0);
    }
  });

  test.each([S.RleLossless, S.JpegLosslessSv1, S.JpegLsLossless, S.Jpeg2000Lossless, S.HtJ2kLossless])(
    'W-20: decoded from $name for who asks for uncompressed frames, and stored for who takes anything',
    async ({ uid }) => {
      const get = await start(await encodedInstance(uid));
      const parts = partsOf(await get('/frames/1,2', { accept: NATIVE }));
      expect(parts.map(({ headers }) => headers['content-type'])).toEqual(
        Array(2).fill('application/octet-stream; transfer-syntax=1.2.840.10008.1.2.1'),
      );
      expect(parts.map(({ body }, at) => body.equals(frames[at] ?? body))).toEqual([true, true]);
      const [stored] = partsOf(await get('/frames/1', { accept: `${NATIVE}; transfer-syntax=*` }));
      expect(stored?.headers['content-type']).toContain(uid);
    },
  );

  test('W-60, W-61: one in a single part has a validator and ranges', async () => {
    const get = await start(await encodedInstance(S.RleLossless.uid));
    const accept = 'application/octet-stream';
    const whole = await get('/frames/2', { accept });
    expect(whole.body.equals(frames[1] ?? Buffer.alloc(0))).toBe(true);
    expect(whole.headers['content-length']).toBe(String(whole.body.length));
    const etag = String(whole.headers.etag);
    expect((await get('/frames/2', { accept, 'if-none-match': etag })).status).toBe(304);
    const piece = await get('/frames/2', { accept, range: 'bytes=100-199', 'if-range': etag });
    expect(piece.status).toBe(206);
    expect(piece.body.equals(whole.body.subarray(100, 200))).toBe(true);
    const stored = await get('/frames/2', { accept: 'image/dicom-rle' });
    expect(stored.headers.etag).not.toBe(etag);
  });

  test('W-05: all pixel data, frame by frame', async () => {
    const get = await start(await encodedInstance(S.JpegLsLossless.uid));
    const parts = partsOf(await get('/pixeldata', { accept: NATIVE }));
    expect(parts.map(({ body }, at) => body.equals(frames[at] ?? body))).toEqual([true, true]);
  });

  test.each(['/pixeldata', '/bulkdata/7FE00010'])(
    'W-29, W-61: %s of several compressed frames is one body for who takes no parts, with a validator and ranges',
    async (path) => {
      const get = await start(await encodedInstance(S.JpegLsLossless.uid));
      const accept = 'application/octet-stream';
      const all = Buffer.concat(frames);
      const whole = await get(path, { accept });
      expect([whole.status, whole.headers['content-type'], whole.headers['content-length']]).toEqual([
        200,
        'application/octet-stream; transfer-syntax=1.2.840.10008.1.2.1',
        String(all.length),
      ]);
      expect(whole.body.equals(all)).toBe(true);
      const etag = String(whole.headers.etag);
      expect((await get(path, { accept, 'if-none-match': etag })).status).toBe(304);
      const each = all.length / frames.length;
      for (const [from, to] of [
        [0, 0],
        [each - 2, each + 1],
        [each, all.length - 1],
        [10, all.length - 10],
      ] as const) {
        const piece = await get(path, { accept, range: `bytes=${from}-${to}` });
        expect([piece.status, piece.body.equals(all.subarray(from, to + 1))]).toEqual([206, true]);
      }
      expect((await get(path, { accept, range: `bytes=${all.length}-` })).status).toBe(416);
      expect((await get(path, { accept: 'image/jls' })).status).toBe(406);
    },
  );

  test('W-29: what is stored as a JP2 file comes as the code stream in it, other frames as they are', async () => {
    const { uid } = S.Jpeg2000Lossless;
    const streams = await Promise.all(
      frames.map(async (samples) => {
        const { stream } = await encodeFrame({ samples: new Uint8Array(samples), shape }, uid);
        return Buffer.concat([stream, Buffer.alloc(stream.length % 2)]);
      }),
    );
    const [first = Buffer.alloc(0), second = Buffer.alloc(0)] = streams;
    const get = await start(await encodedInstance(uid, [jp2Of(first), second]));
    const accept = { accept: `multipart/related; type="image/jp2"; transfer-syntax=${uid}` };
    const parts = partsOf(await get('/frames/1,2', accept));
    expect(parts.map(({ body }, at) => body.equals(streams[at] ?? Buffer.alloc(0)))).toEqual([true, true]);
    expect(parts[0]?.headers['content-length']).toBe(String(first.length));
    const one = { accept: `image/jp2; transfer-syntax=${uid}` };
    const whole = await get('/frames/1', one);
    expect([whole.body.equals(first), whole.headers['content-length']]).toEqual([true, String(first.length)]);
    const piece = await get('/frames/1', { ...one, range: 'bytes=2-9' });
    expect([piece.status, piece.body.equals(first.subarray(2, 10))]).toEqual([206, true]);
    const decoded = partsOf(await get('/frames/1,2', { accept: NATIVE }));
    expect(decoded.map(({ body }, at) => body.equals(frames[at] ?? Buffer.alloc(0)))).toEqual([true, true]);
    const [file] = partsOf(
      await get('', { accept: 'multipart/related; type="application/dicom"; transfer-syntax=*' }),
    );
    expect(file?.body.includes(jp2Of(first))).toBe(true);
  });

  test.each([
    ['a wrong length of its box', (box: Buffer) => box.writeUInt32BE(100, 0), true],
    ['an empty box', (box: Buffer) => box.writeUInt32BE(8, 0), true],
    ['a length of 64 bits', (box: Buffer) => box.writeUInt32BE(1, 0), false],
    ['no marker where it begins', (box: Buffer) => box.writeUInt16BE(0, 8), false],
    ['no box', (box: Buffer) => box.write('jp2x', 4), false],
  ] as const)(
    'W-29: a code stream with %s is found, or the frame stays as it is',
    async (_what, spoil, isFound) => {
      const { uid } = S.Jpeg2000Lossless;
      const { stream } = await encodeFrame({ samples: new Uint8Array(frames[0] ?? []), shape }, uid);
      const first = Buffer.concat([stream, Buffer.alloc(stream.length % 2)]);
      const file = jp2Of(first);
      spoil(file.subarray(file.indexOf('jp2c') - 4));
      const get = await start(await encodedInstance(uid, [file, first]));
      const { status, body } = await get('/frames/1', { accept: `image/jp2; transfer-syntax=${uid}` });
      expect([status, body.equals(isFound ? first : file)]).toEqual([200, true]);
    },
  );

  test('fewer frames than the instance says are none in one body', async () => {
    const { stream } = await encodeFrame(
      { samples: new Uint8Array(frames[0] ?? []), shape },
      S.RleLossless.uid,
    );
    const good = Buffer.concat([stream, Buffer.alloc(stream.length % 2)]);
    const get = await start(await encodedInstance(S.RleLossless.uid, [good, good], '3'));
    const answer = await get('/pixeldata', { accept: 'application/octet-stream' });
    expect([answer.status, JSON.parse(answer.body.toString())]).toMatchObject([
      502,
      { code: 'malformed-dataset' },
    ]);
  });

  test.each([
    ['more', S.JpegLosslessSv1, '1'],
    ['more', S.RleLossless, '1'],
    ['fewer', S.JpegLosslessSv1, '3'],
    ['fewer', S.RleLossless, '3'],
  ] as const)(
    'law 1: %s frames of %o than the instance says are not told as all of it',
    async (what, syntax, count) => {
      const get = await start(await encodedInstance(syntax.uid, undefined, count));
      const answers = [
        await get('', { accept: 'application/dicom; transfer-syntax=1.2.840.10008.1.2.1' }),
        await get('/pixeldata', { accept: `${NATIVE}; transfer-syntax=*` }),
        await get('/rendered', { accept: 'image/gif' }),
        ...(what === 'fewer' ? [await get('/frames/3', { accept: NATIVE })] : []),
      ];
      for (const { status, body } of answers)
        expect([status, body.toString()]).toEqual([502, expect.stringContaining(`hold ${what} frames`)]);
      const stored = await get('', { accept: 'application/dicom; transfer-syntax=*' });
      expect([stored.status, (await get('/frames/1', { accept: NATIVE })).status]).toEqual([200, 200]);
    },
  );

  test('law 1: native pixels of less than a frame are no instance without pictures', async () => {
    const whole = nativeInstance();
    const half = { ...extra, NumberOfFrames: '1', '7FE00010:OW': Buffer.alloc(2000) };
    const { sopInstanceUid, seriesInstanceUid, studyInstanceUid } = whole;
    const get = await start(
      makeInstance({ sopInstanceUid, seriesInstanceUid, studyInstanceUid, pixelBytes: 2, extra: half }),
    );
    for (const path of ['/frames/1', '/rendered', '/thumbnail'])
      expect([path, (await get(path, { accept: '*/*' })).status]).toEqual([path, 502]);
  });

  test('H-09: types that there are not do not stand in the way of one body', async () => {
    const get = await start(await encodedInstance(S.RleLossless.uid));
    const accept = 'multipart/related; type="image/jxl", application/octet-stream; q=0.5, multipart/foo';
    const whole = await get('/pixeldata', { accept });
    expect([whole.status, whole.body.equals(Buffer.concat(frames))]).toEqual([200, true]);
  });

  test('a frame of them that cannot be decoded breaks the one body off', async () => {
    const { stream } = await encodeFrame(
      { samples: new Uint8Array(frames[0] ?? []), shape },
      S.RleLossless.uid,
    );
    const good = Buffer.concat([stream, Buffer.alloc(stream.length % 2)]);
    const get = await start(await encodedInstance(S.RleLossless.uid, [good, good.subarray(0, 80)]));
    const broken = await get('/pixeldata', { accept: 'application/octet-stream' });
    expect(broken.status !== 200 || !broken.complete).toBe(true);
    const first = await get('/pixeldata', { accept: 'application/octet-stream', range: 'bytes=0-99' });
    expect([first.status, first.body.equals(frames[0]?.subarray(0, 100) ?? first.body)]).toEqual([206, true]);
  });

  test('a frame that cannot be decoded is an error before the status line, the other one comes', async () => {
    const { stream } = await encodeFrame(
      { samples: new Uint8Array(frames[1] ?? []), shape },
      S.RleLossless.uid,
    );
    const good = Buffer.concat([stream, Buffer.alloc(stream.length % 2)]);
    const get = await start(await encodedInstance(S.RleLossless.uid, [good.subarray(0, 80), good]));
    const bad = await get('/frames/1', { accept: NATIVE });
    expect(bad.status).toBe(502);
    expect(JSON.parse(bad.body.toString())).toMatchObject({ code: 'malformed-dataset' });
    const [part] = partsOf(await get('/frames/2', { accept: NATIVE }));
    expect(part?.body.equals(frames[1] ?? Buffer.alloc(0))).toBe(true);
    const both = get('/frames/1,2', { accept: `${NATIVE}; transfer-syntax=*` });
    expect(partsOf(await both)).toHaveLength(2);
  });

  test('what would be too large in memory is given as it is stored only', async () => {
    const get = await start(
      await encodedInstance(S.RleLossless.uid),
      'transcode: { maxFrameBytes: 1 KiB }\n',
    );
    expect((await get('/frames/1', { accept: NATIVE })).status).toBe(406);
    expect((await get('/frames/1', { accept: `${NATIVE}; transfer-syntax=*` })).status).toBe(200);
  });

  test('H-06: what no codec makes is not acceptable, and what is not there not found', async () => {
    const get = await start(await encodedInstance(S.RleLossless.uid));
    expect((await get('/frames/3', { accept: NATIVE })).status).toBe(404);
    for (const accept of ['image/jxl', `image/jpeg; transfer-syntax=${S.JpegBaseline.uid}`])
      expect((await get('/frames/1', { accept })).status).toBe(406);
  });

  test('H-08: what cannot be made of these frames is passed over for what the client likes next', async () => {
    const narrow = { ...gray, bitsStored: 8 };
    const pixels = Buffer.from(patterns(narrow)[0] ?? []);
    const get = await start(nativePicture(narrow, pixels));
    // Of bytes in words none makes a code stream but RLE.
    const accept = ['image/jphc', 'image/jp2', 'image/dicom-rle'];
    const answer = await get('/frames/1', { accept: accept.join(', ') });
    expect(answer.status).toBe(200);
    expect(answer.headers['content-type']).toBe(`image/dicom-rle; transfer-syntax=${S.RleLossless.uid}`);
    const { samples } = await decodeFrame(new Uint8Array(answer.body), S.RleLossless.uid, narrow);
    expect(Buffer.compare(samples, pixels)).toBe(0);
    const refused = await get('/frames/1', { accept: accept.slice(0, 2).join(', ') });
    expect(refused.status).toBe(406);
    expect(refused.body.toString()).toContain(
      'more than 8 bits stored where 16 are allocated; this one has 8.',
    );
  });

  test('H-08: the accept parameter, then q, decide between what is stored and what can be made', async () => {
    const get = await start(nativeInstance());
    const typeOf = async (suffix: string, accept: string): Promise<string> =>
      String((await get(suffix, { accept })).headers['content-type']).split(';')[0] ?? '';
    expect(await typeOf('/frames/1?accept=image/jls', '*/*')).toBe('image/jls');
    expect(await typeOf('/frames/1', 'image/jls, application/octet-stream;q=0.5')).toBe('image/jls');
    expect(await typeOf('/frames/1', 'image/jls;q=0.5, application/octet-stream')).toBe(
      'application/octet-stream',
    );
    expect(await typeOf('/frames/1', 'image/jls, application/octet-stream')).toBe('application/octet-stream');
    expect(await typeOf('/frames/1', '*/*')).toBe('multipart/related');
  });

  test('the metrics count them', async () => {
    const get = await start(await encodedInstance(S.RleLossless.uid));
    await get('/frames/1', { accept: NATIVE });
    const metrics = (await request(`${scene?.gateway.origin ?? ''}/metrics`)).body.toString();
    expect(metrics).toMatch(
      /dicomgw_frames_total\{from="1\.2\.840\.10008\.1\.2\.5",to="native",outcome="done"\} 1/,
    );
  });
});

test('a frame that is made for a group counts as sent of the peer that has it', async () => {
  const instance = nativeInstance();
  const get = await start(instance, 'groups: { all: { members: [main] } }');
  const { gateway } = scene ?? {};
  const group = `${gateway?.origin ?? ''}/peers/all/dicomweb`;
  expect((await get('/frames/1', { accept: 'image/jls' })).status).toBe(200);
  const { studyInstanceUid, seriesInstanceUid, sopInstanceUid } = instance;
  const path = `/studies/${studyInstanceUid}/series/${seriesInstanceUid}/instances/${sopInstanceUid}`;
  expect((await request(`${group}${path}/frames/1`, { headers: { accept: 'image/jls' } })).status).toBe(200);
  const metrics = (await request(`${gateway?.origin ?? ''}/metrics`)).body.toString();
  expect(metrics).toContain('dicomgw_parts_sent_total{peer="main",item="frame"} 2');
});
