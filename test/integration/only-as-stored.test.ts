import { afterEach, describe, expect, test } from '@jest/globals';
import { TransferSyntaxes as S } from '../../src/dicom/index.js';
import { encodeFrame } from '../../src/transcode/encode-frame.js';
import { floats } from '../helpers/presentation-states.js';
import { encapsulatedPicture, fileIn, gray, nativePicture } from '../helpers/pixel-instances.js';
import { makeInstance, type RogueInstance } from '../helpers/rogue-peer.js';
import { startScene, type Scene } from '../helpers/scene.js';
import { partsOf, request, type RawResponse } from '../helpers/test-gateway.js';

let scene: Scene | undefined;
afterEach(async () => {
  await scene?.close();
  scene = undefined;
});

type Get = (accept: string, suffix?: string) => Promise<RawResponse>;

/** Gets what is below `instance`, which there is beside `others`. */
async function start(instance: RogueInstance, ...others: readonly RogueInstance[]): Promise<Get> {
  scene = await startScene({ instances: [instance, ...others] });
  const { studyInstanceUid, seriesInstanceUid, sopInstanceUid } = instance;
  const path = `/studies/${studyInstanceUid}/series/${seriesInstanceUid}/instances/${sopInstanceUid}`;
  return (accept, suffix = '') => request(scene?.url(path + suffix) ?? '', { headers: { accept } });
}

const dicom = (uid: string): string => `application/dicom; transfer-syntax=${uid}`;

/** Without the empty Pixel Data that an instance has. */
function withoutPixels(options: Parameters<typeof makeInstance>[0] = {}): RogueInstance {
  const { dataset, ...identity } = makeInstance({ pixelBytes: 0, ...options });
  return { ...identity, dataset: dataset.subarray(0, dataset.indexOf('e07f10004f57', 0, 'hex')) };
}

describe('instances with nothing to encode, such as reports', () => {
  test.each([
    ['no pixel data', {}],
    ['floating point pixel data', { '7FE00008:OF': floats(1, 2, 3, 4) }],
  ])('W-25: with %s are Explicit VR Little Endian among images that are encoded', async (_what, extra) => {
    const samples = Buffer.alloc(gray.rows * gray.columns * 2, 7);
    const report = withoutPixels({ extra });
    const get = await start(report, nativePicture(gray, samples));
    const { uid } = S.Jpeg2000Lossless;
    const accept = `multipart/related; type="application/dicom"; transfer-syntax=${uid}`;
    const whole = await request(scene?.url(`/studies/${report.studyInstanceUid}`) ?? '', {
      headers: { accept },
    });
    expect([whole.status, whole.complete]).toEqual([200, true]);
    expect(
      partsOf(whole)
        .map(({ headers }) => headers['content-type'])
        .sort(),
    ).toEqual([dicom(S.ExplicitVrLittleEndian.uid), dicom(uid)]);
    expect((await get(dicom(uid))).status).toBe(406);
  });
});

describe('floating point pixel data (PS3.3 C.7.6.24)', () => {
  const shape = { Rows: 2, Columns: 2, BitsAllocated: 32 };
  const single = (): RogueInstance =>
    withoutPixels({ extra: { ...shape, '7FE00008:OF': floats(1, 2, 3, 4) } });

  test('is not encapsulated: another choice of the client is taken, or none', async () => {
    const get = await start(single());
    const encapsulated = [
      S.RleLossless,
      S.EncapsulatedUncompressedExplicitVrLittleEndian,
      S.DeflatedImageFrameCompression,
    ];
    for (const { uid } of encapsulated) {
      expect((await get(dicom(uid))).status).toBe(406);
      const other = await get(`${dicom(uid)}, application/dicom; q=0.5`);
      expect(other.status).toBe(200);
      const { transferSyntaxUid, elements } = fileIn(other);
      expect(transferSyntaxUid).toBe(S.ExplicitVrLittleEndian.uid);
      expect(elements.at(-1)).toMatchObject({ path: '7FE00008', value: floats(1, 2, 3, 4) });
    }
  });

  test('has frames as they are stored alone', async () => {
    const get = await start(single());
    expect((await get('image/dicom-rle', '/frames/1')).status).toBe(406);
    const answer = await get('application/octet-stream', '/frames/1');
    expect([answer.status, answer.body]).toEqual([200, floats(1, 2, 3, 4)]);
  });
});

describe('pixel data with fewer frames than Number of Frames says', () => {
  const samples = new Uint8Array(gray.rows * gray.columns * 2);
  const frames = 9;
  const extra = { NumberOfFrames: '10' };

  test.each([
    [
      'encapsulated',
      S.RleLossless.uid,
      S.ExplicitVrLittleEndian.uid,
      async () => {
        const { stream } = await encodeFrame({ samples, shape: gray }, S.RleLossless.uid);
        const fragments = Array<Buffer>(frames).fill(Buffer.from(stream));
        return encapsulatedPicture(gray, fragments, S.RleLossless.uid, { frames, extra });
      },
    ],
    [
      'native',
      S.ExplicitVrLittleEndian.uid,
      S.RleLossless.uid,
      () => nativePicture(gray, Buffer.alloc(samples.length * frames), { frames, extra }),
    ],
  ])('%s: can be had as they are stored alone', async (_kind, stored, other, make) => {
    const get = await start(await make());
    expect((await get(dicom(other))).status).toBe(502);
    for (const accept of [dicom('*'), `${dicom(other)}, ${dicom(stored)}; q=0.5`]) {
      const answer = await get(accept);
      expect([answer.status, fileIn(answer).transferSyntaxUid]).toEqual([200, stored]);
    }
    expect((await get('application/octet-stream', '/frames/9')).status).toBe(200);
  });
});
