import { afterEach, describe, expect, test } from '@jest/globals';
import { startArchives, type Archives } from '../helpers/archives.js';
import { makeInstance, type RogueInstance } from '../helpers/rogue-peer.js';
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
const ACCESS = `access:
  roles: { trial: { may: [search], only: { PatientID: 'T-*' } } }
  tokens: { trial: { token: ${TRIAL}, roles: [trial] } }
search: { keepAnswers: 1m }
`;

const ask = (path: string): Promise<RawResponse> =>
  request(`${scene?.gateway.service ?? ''}${path}`, { headers: { authorization: `Bearer ${TRIAL}` } });
const seen = ({ status, headers, body }: RawResponse): unknown => [
  status,
  headers.warning,
  body.toString().replace(/"requestId":"[^"]*"/, ''),
];

describe('R-01: who may see some studies alone, in a group whose members hold a study under different patients', () => {
  test('is not told of that where none of them may be seen', async () => {
    scene = await startArchives([[image(1), image(2)], [image(2)]], { yaml: ACCESS });
    const [first, second] = scene.archives;
    if (!first || !second) throw new Error('two archives were asked for');
    first.study = (uid) => ({ PatientID: uid === '2.25.1' ? 'T-1' : 'P2' });
    second.study = () => ({ PatientID: 'P9' });
    for (const path of [
      '/studies/2.25.2/series',
      '/studies/2.25.2/instances',
      '/studies/2.25.2/series/2.25.2.1/instances',
      '/studies?StudyInstanceUID=2.25.2',
      '/series?StudyInstanceUID=2.25.2',
      '/studies?limit=5',
    ])
      expect([path, seen(await ask(path))]).toEqual([
        path,
        seen(await ask(path.replaceAll('2.25.2', '2.25.9'))),
      ]);
  });

  test.each([true, false])(
    'is shown what the member has that says it may be seen, and not told of the other: %s',
    async (isFirst) => {
      scene = await startArchives([[image(2)], [image(2)]], { yaml: ACCESS });
      const [first, second] = scene.archives;
      if (!first || !second) throw new Error('two archives were asked for');
      const [seenAt, other] = isFirst ? [first, second] : [second, first];
      seenAt.study = () => ({ PatientID: 'T-1' });
      other.study = () => ({ PatientID: 'P9' });
      for (const path of ['/studies', '/studies/2.25.2/series', '/studies/2.25.2/instances']) {
        const answer = await ask(path);
        expect([path, answer.headers.warning]).toEqual([path, undefined]);
        expect(JSON.parse(answer.body.toString())).toHaveLength(1);
      }
    },
  );
});
