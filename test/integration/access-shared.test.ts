import { afterEach, describe, expect, test } from '@jest/globals';
import { startArchives, type Archives } from '../helpers/archives.js';
import { makeInstance, silence, store, type RogueInstance } from '../helpers/rogue-peer.js';
import { request, type RawResponse } from '../helpers/test-gateway.js';

let scene: Archives | undefined;
afterEach(async () => {
  await scene?.close();
  scene = undefined;
});

const image = (study: number): RogueInstance =>
  makeInstance({
    studyInstanceUid: `2.25.${study}`,
    seriesInstanceUid: `2.25.${study}.1`,
    sopInstanceUid: `2.25.${study}.1.1`,
  });
const TRIAL = 'a-token-of-the-trial-people';
const WHOLE = 'a-token-of-the-whole-house';
const ACCESS = `access:
  roles: { trial: { may: [search, retrieve], only: { PatientID: 'T-*' } } }
  tokens: { trial: { token: ${TRIAL}, roles: [trial] }, whole: { token: ${WHOLE}, roles: [read] } }
search: { keepAnswers: 1h }
`;

async function start(): Promise<Archives> {
  scene = await startArchives([[image(1), image(2)]], { yaml: ACCESS });
  const [archive] = scene.archives;
  if (archive) archive.study = (uid) => ({ PatientID: uid === '2.25.1' ? 'T-1' : 'P2' });
  return scene;
}

const ask = (path: string, token: string, method = 'GET'): Promise<RawResponse> =>
  request(`${scene?.gateway.origin ?? ''}/peers/a/dicomweb${path}`, {
    method,
    headers: { authorization: `Bearer ${token}` },
  });
const found = ({ body }: RawResponse): number => (JSON.parse(body.toString()) as unknown[]).length;

describe('R-01: what was found for one is not shown to another who may not see it', () => {
  const SEARCHES = [
    '/studies?PatientID=P2&limit=5',
    '/studies?StudyInstanceUID=2.25.2&limit=5',
    '/studies?StudyInstanceUID=2.25.1,2.25.2&PatientID=P*&limit=5',
    '/studies/2.25.2/series?limit=5',
    '/studies/2.25.2/series/2.25.2.1/instances?limit=5',
  ];

  test('of answers that are kept, whoever asks first', async () => {
    await start();
    for (const path of SEARCHES) {
      const whole = found(await ask(path, WHOLE));
      expect([path, whole > 0, found(await ask(path, TRIAL))]).toEqual([path, true, 0]);
      expect([path, found(await ask(path, WHOLE))]).toEqual([path, whole]);
    }
  });

  test('of answers that several wait for', async () => {
    await start();
    for (const path of SEARCHES) {
      const [one, other, third] = await Promise.all([ask(path, WHOLE), ask(path, TRIAL), ask(path, WHOLE)]);
      expect([path, found(one) > 0, found(other), found(third)]).toEqual([path, true, 0, found(one)]);
    }
  });

  test('of an instance that is on its way to somebody else', async () => {
    const { archives } = await start();
    const [archive] = archives;
    let came: () => void = () => undefined;
    const asked = new Promise<void>((resolve) => (came = resolve));
    if (archive)
      archive.onGet = (wanted) => {
        came();
        return [...wanted.map((one) => store(one)), silence()];
      };
    const instance = '/studies/2.25.2/series/2.25.2.1/instances/2.25.2.1.1';
    const running = ask('/studies/2.25.2', WHOLE).catch(() => undefined);
    await asked;
    for (const path of ['/studies/2.25.2', instance, `${instance}/metadata`, `${instance}/frames/1`])
      for (const method of ['GET', 'HEAD'])
        expect([method, path, (await ask(path, TRIAL, method)).status]).toEqual([method, path, 404]);
    await scene?.close();
    scene = undefined;
    await running;
  });
});
