import { afterEach, describe, expect, test } from '@jest/globals';
import { startArchives, type Archives, type ArchivesOptions } from '../helpers/archives.js';
import { ctSlice, syntaxes, type Fixture } from '../helpers/fixtures.js';
import { accept, drop, final, refusingPort, reject, type Script } from '../helpers/rogue-peer.js';
import { answerOf, postFiles, retrieveUrlOf } from '../helpers/store-answer.js';
import { request, storeBody, type RawResponse } from '../helpers/test-gateway.js';

let scene: Archives | undefined;
afterEach(async () => {
  await scene?.close();
  scene = undefined;
});

const ALL = 'store: [a, b]';
const ANY = 'store: { members: [a, b], require: any }';
const slices = [1, 2, 3].map((instance) => ctSlice({ instance, rows: 4, columns: 4 }));
const files = slices.map(({ file }) => file);
const uids = slices.map(({ sopInstanceUid }) => sopInstanceUid);
const [, second = ''] = uids;
const refusingSecond: Script = (rq) => [final(rq.affectedSopInstanceUid === second ? 0xa900 : 0)];

/** Three archives of which the first two get what is stored. */
async function start(options: ArchivesOptions): Promise<Archives> {
  return (scene = await startArchives([[], [], []], options));
}

const post = ({ gateway }: Archives, bodies: readonly Buffer[] = files): Promise<RawResponse> =>
  postFiles(`${gateway.service}/studies`, bodies);
const datasetsAt = ({ peers }: Archives): (readonly Buffer[])[] =>
  peers.map((peer) => peer.messages('C-STORE-RQ').map(({ dataset }) => dataset));
const isIn = ({ dataset }: Fixture, held: readonly Buffer[] = []): boolean =>
  held.some((one) => one.equals(dataset));
const ofAll = (reason: number): Record<string, number> =>
  Object.fromEntries(uids.map((uid) => [uid, reason]));

describe('S-13: a group that stores at several members', () => {
  test.each([ALL, ANY])(
    '%s: each instance goes to each of them byte for byte; the URLs are the group’s',
    async (group) => {
      const archives = await start({ group });
      const response = await post(archives);
      expect([response.status, response.headers.warning]).toEqual([200, undefined]);
      const { stored } = answerOf(response);
      expect([...stored].sort()).toEqual(uids);
      expect(retrieveUrlOf(response)).toBe(
        `${archives.gateway.service}/studies/${slices[0]?.studyInstanceUid ?? ''}`,
      );
      const [a, b, c] = datasetsAt(archives);
      expect([a?.length, b?.length, c?.length]).toEqual([3, 3, 0]);
      expect(slices.map((slice) => [isIn(slice, a), isIn(slice, b)])).toEqual(slices.map(() => [true, true]));
    },
  );

  test('S-08, all: one that a member refuses is a failure with its reason; header and log say who has it', async () => {
    const archives = await start({ group: ALL, onStore: [undefined, refusingSecond] });
    const response = await post(archives);
    expect(response.status).toBe(202);
    expect(answerOf(response).failed).toEqual({ [second]: 0xa900 });
    expect(answerOf(response).stored).not.toContain(second);
    expect(response.headers.warning).toContain('1 instance is stored at a, and not at b.');
    await archives.gateway.logged('an instance is stored at a, and not at b');
    expect(await archives.gateway.logged(`instance ${second} is stored at a`)).toContain('debug');
  });

  test('S-08, any: the same is a warning, and what all have is none', async () => {
    const archives = await start({ group: ANY, onStore: [undefined, refusingSecond] });
    const response = await post(archives);
    expect(response.status).toBe(202);
    expect(answerOf(response)).toMatchObject({ failed: {}, warnings: { [second]: 0xb001 } });
    expect(response.headers.warning).toContain('1 instance is stored at a, and not at b.');
    await archives.gateway.logged('an instance is stored at a, and not at b');
  });

  test.each<readonly [string, ArchivesOptions]>([
    ['is not there', { ports: [undefined] }],
    ['breaks off', { onStore: [undefined, [drop()]] }],
    ['turns us away', { associate: [undefined, [reject('permanent')]] }],
  ])('a member that %s: all is 409 though the other has it, any is 202', async (what, options) => {
    const ports = what === 'is not there' ? [undefined, await refusingPort()] : [];
    for (const group of [ALL, ANY]) {
      const archives = await start({ ...options, ports, group });
      const response = await post(archives);
      const { stored, failed, warnings } = answerOf(response);
      expect([response.status, stored.length, Object.keys(failed).length]).toEqual(
        group === ALL ? [409, 0, 3] : [202, 3, 0],
      );
      if (group === ANY) expect(warnings).toEqual(ofAll(0xb001));
      expect(response.headers.warning).toContain('3 instances are stored at a, and not at b.');
      expect(datasetsAt(archives)[0]).toHaveLength(3);
      await archives.close();
      scene = undefined;
    }
  });

  test.each([ALL, ANY])('S-08: %s: when none can be reached it is 503 with Retry-After', async (group) => {
    const archives = await start({ group, ports: [await refusingPort(), await refusingPort()] });
    const response = await post(archives);
    expect([response.status, response.headers['retry-after'], response.headers.warning]).toEqual([
      503,
      expect.any(String),
      undefined,
    ]);
  });

  test('a refusal for good says more than a member that is not there', async () => {
    const archives = await start({
      group: ALL,
      ports: [await refusingPort()],
      onStore: [undefined, [final(0xc000)]],
    });
    const response = await post(archives);
    expect([response.status, answerOf(response).failed]).toEqual([409, ofAll(0xc000)]);
  });

  test.each([
    [ALL, 0xb007],
    [ANY, 0xb007],
  ])("%s: a member's own warning is told", async (group, reason) => {
    const archives = await start({ group, onStore: [undefined, [final(reason)]] });
    const response = await post(archives);
    expect([response.status, answerOf(response).warnings]).toEqual([202, ofAll(reason)]);
    expect(response.headers.warning).toContain('stored with warning B007');
    expect(response.headers.warning).not.toContain('and not at');
  });

  test('S-12: one that a member takes in another syntax alone is there still for a slower one', async () => {
    let go: () => void = () => undefined;
    const gate = new Promise<void>((resolve) => (go = resolve));
    const archives = await start({
      group: ALL,
      yaml: 'store: { transcode: lossless }',
      associate: [
        [accept({ transferSyntaxes: [syntaxes.implicitLittle] })],
        [(...association) => gate.then(() => accept()(...association))],
      ],
    });
    const slice = ctSlice({ transferSyntaxUid: syntaxes.explicitBig });
    const storing = post(archives, [slice.file]);
    // By a, which has it then.
    await archives.gateway.logged('"operation":"C-STORE"');
    go();
    const response = await storing;
    expect([response.status, response.headers.warning]).toEqual([200, undefined]);
    expect(isIn(slice, datasetsAt(archives)[1])).toBe(true);
  });

  test('S-14: no member gets more at once than its storeParallel', async () => {
    let [now, most] = [0, 0];
    const archives = await start({
      group: ALL,
      peer: ['storeParallel: 3', 'storeParallel: 1'],
      onStore: [
        undefined,
        [
          () => (most = Math.max(most, ++now)),
          // Whatever is sent beside it comes before the answer to a request that was sent after it.
          () => archives.get('/studies?limit=1'),
          () => (now -= 1),
          final(0),
        ],
      ],
    });
    expect((await post(archives)).status).toBe(200);
    expect(most).toBe(1);
  });

  test('Law 1: what one has and another lacks is told also when the rest of the body is broken', async () => {
    const archives = await start({ group: ALL, onStore: [undefined, [final(0xa900)]] });
    const { contentType, body } = storeBody(files.slice(0, 2));
    const response = await request(`${archives.gateway.service}/studies`, {
      method: 'POST',
      headers: { 'content-type': contentType },
      body: body.subarray(0, body.length - 100),
    });
    expect([response.status, response.headers.warning]).toEqual([
      409,
      expect.stringContaining('1 instance is stored at a, and not at b.'),
    ]);
    expect(answerOf(response)).toMatchObject({
      stored: [],
      failed: { [uids[0] ?? '']: 0xa900 },
      other: [0xc000],
    });
  });

  test('Law 1: one that the cache cannot keep whole is not begun anywhere', async () => {
    const archives = await start({ group: ALL, yaml: 'cache: { memory: 1 MiB }' });
    const large = ctSlice({ instance: 9, rows: 1500, columns: 1500 });
    const response = await post(archives, [large.file, ...files]);
    expect(response.status).toBe(202);
    expect(answerOf(response).failed).toEqual({ [large.sopInstanceUid]: 0xa700 });
    expect(datasetsAt(archives).map(({ length }) => length)).toEqual([3, 3, 0]);
  });
});
