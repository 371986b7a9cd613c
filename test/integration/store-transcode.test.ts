import { afterEach, describe, expect, jest, test } from '@jest/globals';
import { part10Header, TransferSyntaxes } from '../../src/dicom/index.js';
import { encodeFrame } from '../../src/transcode/encode-frame.js';
import { ctSlice, encapsulatedImage, nested, privateElements, syntaxes } from '../helpers/fixtures.js';
import { readElements } from '../helpers/independent-reader.js';
import { encapsulatedPicture, gray } from '../helpers/pixel-instances.js';
import {
  accept,
  drop,
  final,
  startRoguePeer,
  type RogueInstance,
  type RoguePeer,
  type RoguePeerOptions,
} from '../helpers/rogue-peer.js';
import { answerOf, postFiles } from '../helpers/store-answer.js';
import { peerYaml, startTestGateway } from '../helpers/test-gateway.js';

// Each gateway starts threads of its own, with the codecs in them.
jest.setTimeout(60_000);

const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

const LOSSLESS = 'store: { transcode: lossless }';

/** A PACS that takes these transfer syntaxes alone, and a gateway before it. */
async function start(
  takes: readonly string[],
  yaml: string,
  options: RoguePeerOptions = {},
): Promise<{ readonly peer: RoguePeer; readonly url: string }> {
  const peer = await startRoguePeer({ associate: accept({ transferSyntaxes: takes }), ...options });
  closers.push(() => peer.close());
  const { aeTitle, port } = peer.address;
  const gateway = await startTestGateway(peerYaml(`${aeTitle}@127.0.0.1:${port}`, yaml));
  closers.push(() => gateway.close());
  return { peer, url: `${gateway.service}/studies` };
}

const FRAMES = 3;
const frames = Array.from({ length: FRAMES }, (_, frame) =>
  Buffer.from(
    Uint16Array.from({ length: gray.rows * gray.columns }, (_v, at) => (at * 13 + frame * 99) % 4096).buffer,
  ),
);

/** Three frames in JPEG-LS, without loss; bytes of `instead` in the place of those that they name. */
async function compressed(
  instead: Readonly<Record<number, Buffer>> = {},
  declared = FRAMES,
): Promise<RogueInstance & { readonly file: Buffer }> {
  const { uid } = TransferSyntaxes.JpegLsLossless;
  const fragments: Buffer[] = [];
  for (const [at, frame] of frames.entries()) {
    const broken = instead[at];
    if (broken) {
      fragments.push(broken);
      continue;
    }
    const { stream } = await encodeFrame({ samples: new Uint8Array(frame), shape: gray }, uid);
    fragments.push(Buffer.concat([stream, Buffer.alloc(stream.length % 2)]));
  }
  const one = encapsulatedPicture(gray, fragments, uid, { frames: declared });
  const dataset = Buffer.from(one.dataset as Buffer);
  return { ...one, file: Buffer.concat([part10Header(one), dataset]) };
}

/** Pixels at each side of an image that is small as it is stored, and larger than the cache once it is decoded. */
const LARGE = 1024;

async function large(): Promise<RogueInstance & { readonly file: Buffer }> {
  const { uid } = TransferSyntaxes.JpegLsLossless;
  const shape = { ...gray, rows: LARGE, columns: LARGE };
  const { stream } = await encodeFrame({ samples: new Uint8Array(LARGE * LARGE * 2), shape }, uid);
  const one = encapsulatedPicture(shape, [Buffer.concat([stream, Buffer.alloc(stream.length % 2)])], uid);
  return { ...one, file: Buffer.concat([part10Header(one), Buffer.from(one.dataset as Buffer)]) };
}

const valuesOf = (dataset: Buffer, syntax: string): readonly string[] =>
  readElements(dataset, syntax)
    .filter(({ path }) => !path.endsWith('0000'))
    .map(({ path, value }) => `${path} ${value.toString('hex')}`);

test('S-12: unless it is allowed nothing is decoded: the failure is C122', async () => {
  const { peer, url } = await start([syntaxes.explicitLittle], '');
  const one = await compressed();
  const response = await postFiles(url, [one.file]);
  expect(response.status).toBe(409);
  expect(answerOf(response).failed).toEqual({ [one.sopInstanceUid]: 0xc122 });
  expect(peer.messages('C-STORE-RQ')).toEqual([]);
});

describe('S-12: where it is allowed', () => {
  test.each([
    ['Explicit', syntaxes.explicitLittle],
    ['Implicit', syntaxes.implicitLittle],
  ])('what the PACS does not take is decoded to %s VR Little Endian, without loss', async (_name, syntax) => {
    const { peer, url } = await start([syntax], LOSSLESS);
    const [one, another] = [await compressed(), await compressed()];
    const response = await postFiles(url, [one.file, another.file]);
    expect(response.status).toBe(200);
    expect(answerOf(response).stored).toEqual([one.sopInstanceUid, another.sopInstanceUid]);
    const [message] = peer.messages('C-STORE-RQ');
    const pixels = readElements(message?.dataset ?? Buffer.alloc(0), syntax).find(
      ({ path }) => path === '7FE00010',
    );
    expect(pixels?.value.subarray(0, Buffer.concat(frames).length).equals(Buffer.concat(frames))).toBe(true);
    // Refused once, then known.
    expect(peer.record.of('associate-rq').length).toBeLessThanOrEqual(2);
  });

  test.each([syntaxes.explicitLittle, syntaxes.explicitBig, syntaxes.deflated])(
    'what comes in %s is written in Implicit VR Little Endian for who takes no other',
    async (transferSyntaxUid) => {
      const { peer, url } = await start([syntaxes.implicitLittle], LOSSLESS);
      const extra = [nested(3), privateElements];
      const slice = ctSlice({ transferSyntaxUid, extra });
      expect((await postFiles(url, [slice.file])).status).toBe(200);
      const [message] = peer.messages('C-STORE-RQ');
      const implicit = ctSlice({ transferSyntaxUid: syntaxes.implicitLittle, extra });
      expect(valuesOf(message?.dataset ?? Buffer.alloc(0), syntaxes.implicitLittle)).toEqual(
        valuesOf(implicit.dataset, syntaxes.implicitLittle),
      );
    },
  );

  test('what the PACS takes goes out byte for byte', async () => {
    const { peer, url } = await start([TransferSyntaxes.JpegLsLossless.uid], LOSSLESS);
    const one = await compressed();
    expect((await postFiles(url, [one.file])).status).toBe(200);
    const [message] = peer.messages('C-STORE-RQ');
    expect(message?.dataset.equals(one.dataset as Buffer)).toBe(true);
  });

  test('what cannot be decoded stays C122, and nothing of it is sent', async () => {
    const { peer, url } = await start([syntaxes.explicitLittle], LOSSLESS);
    const [broken, good] = [encapsulatedImage({ instance: 1 }), ctSlice({ instance: 2 })];
    const response = await postFiles(url, [broken.file, good.file]);
    expect(response.status).toBe(202);
    expect(answerOf(response).failed).toEqual({ [broken.sopInstanceUid]: 0xc122 });
    expect(answerOf(response).stored).toEqual([good.sopInstanceUid]);
    expect(peer.messages('C-STORE-RQ')).toHaveLength(1);
  });

  test('what cannot be decoded after its first frame stays C122 as well, and holds up no other', async () => {
    const { peer, url } = await start([syntaxes.explicitLittle], LOSSLESS);
    const broken = await compressed({ 2: Buffer.alloc(60, 7) });
    const good = ctSlice({ instance: 2 });
    const response = await postFiles(url, [broken.file, good.file]);
    expect([response.status, answerOf(response)]).toEqual([
      202,
      expect.objectContaining({
        failed: { [broken.sopInstanceUid]: 0xc122 },
        stored: [good.sopInstanceUid],
      }),
    ]);
    expect([peer.messages('C-STORE-RQ').length, peer.record.of('abort').length]).toEqual([1, 0]);
  });

  test.each([1, 2, 4])(
    'what says that it has %d of its three frames loses none of them: it stays C122',
    async (declared) => {
      const { peer, url } = await start([syntaxes.explicitLittle], LOSSLESS);
      const odd = await compressed({}, declared);
      const response = await postFiles(url, [odd.file]);
      expect([response.status, answerOf(response).failed]).toEqual([409, { [odd.sopInstanceUid]: 0xc122 }]);
      expect(peer.messages('C-STORE-RQ')).toHaveLength(0);
    },
  );

  test('what the cache has no room for once it is decoded is sent as it is made', async () => {
    const { peer, url } = await start([syntaxes.explicitLittle], `${LOSSLESS}\ncache: { memory: 1 MiB }`);
    const one = await large();
    const response = await postFiles(url, [one.file]);
    expect([response.status, peer.messages('C-STORE-RQ').length]).toEqual([200, 1]);
    expect(peer.messages('C-STORE-RQ')[0]?.dataset.length).toBeGreaterThan(LARGE * LARGE * 2);
  });

  test('S-14: what was decoded is sent once more where the association turns out to be dead', async () => {
    let asked = 0;
    const onStore = () => [++asked === 2 ? drop() : final(0)];
    const { peer, url } = await start([syntaxes.explicitLittle], LOSSLESS, { onStore });
    const [one, another] = [await compressed(), await compressed()];
    const response = await postFiles(url, [one.file, another.file]);
    expect(response.status).toBe(200);
    const messages = peer.messages('C-STORE-RQ');
    expect(messages).toHaveLength(3);
    expect(messages[2]?.dataset.equals(messages[1]?.dataset ?? Buffer.alloc(0))).toBe(true);
    expect(messages[2]?.dataset.includes(Buffer.concat(frames))).toBe(true);
  });

  test('a SOP class that the PACS does not take stays 0122', async () => {
    const peer = await startRoguePeer({ associate: accept({ sopClasses: [] }) });
    closers.push(() => peer.close());
    const { aeTitle, port } = peer.address;
    const gateway = await startTestGateway(peerYaml(`${aeTitle}@127.0.0.1:${port}`, LOSSLESS));
    closers.push(() => gateway.close());
    const one = await compressed();
    const response = await postFiles(`${gateway.service}/studies`, [one.file]);
    expect(answerOf(response).failed).toEqual({ [one.sopInstanceUid]: 0x0122 });
  });
});
