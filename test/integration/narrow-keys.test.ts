import { afterEach, describe, expect, test } from '@jest/globals';
import { final, makeInstance, pending, type Script } from '../helpers/rogue-peer.js';
import { startScene, type Scene } from '../helpers/scene.js';
import { request, type RawResponse } from '../helpers/test-gateway.js';

const LEVEL = 0x00080052;
const WEIGHT = 0x00101030;
const NUMBER = 0x00200013;
const one = makeInstance();
const INSTANCES = `/studies/${one.studyInstanceUid}/series/${one.seriesInstanceUid}/instances`;

const scenes: Scene[] = [];
afterEach(async () => {
  for (const scene of scenes.splice(0)) await scene.close();
});

/** A peer that compares numbers as text, and holds 30 studies of patients of 0 to 29 kg, and as many instances of each. */
async function start(yaml = ''): Promise<{
  readonly get: (path: string) => Promise<RawResponse>;
  readonly asked: (string | undefined)[];
}> {
  const asked: (string | undefined)[] = [];
  const onFind: Script = (_request, identifier) => {
    const isStudy = identifier.get(LEVEL) === 'STUDY';
    const key = identifier.get(isStudy ? WEIGHT : NUMBER);
    asked.push(key);
    const { studyInstanceUid: StudyInstanceUID, seriesInstanceUid: SeriesInstanceUID } = one;
    const rows = Array.from({ length: 30 }, (_, index) => ({
      index,
      text: index === 0 ? '07.0' : `${index}`,
    }));
    return [
      ...rows
        .filter(({ text }) => (key ?? '') === '' || key?.trim() === text)
        .map(({ index, text }) =>
          pending(
            isStudy
              ? { StudyInstanceUID: `2.25.7.${index}`, '00101030:DS': text }
              : {
                  StudyInstanceUID,
                  SeriesInstanceUID,
                  SOPInstanceUID: `2.25.8.${index}`,
                  InstanceNumber: text,
                },
          ),
        ),
      final(),
    ];
  };
  const scene = await startScene({ instances: [one], onFind, yaml });
  scenes.push(scene);
  return { get: (path) => request(scene.url(path)), asked };
}

const uids = ({ body }: RawResponse, tag: string): unknown[] =>
  (JSON.parse(body.toString()) as Record<string, { Value?: unknown[] }>[]).map((row) => row[tag]?.Value?.[0]);

describe('keys that a peer may find too little by', () => {
  test('Q-43: are filtered, not sent', async () => {
    const { get, asked } = await start();
    const response = await get('/studies?PatientWeight=7');
    expect([response.status, response.headers.warning]).toEqual([200, undefined]);
    expect(uids(response, '0020000D')).toEqual(['2.25.7.0', '2.25.7.7']);
    expect(asked).toEqual(['']);
  });

  test('Q-43: are sent to a peer that is trusted with them', async () => {
    const { get, asked } = await start('    profile: { trustedKeys: [PatientWeight] }');
    expect(uids(await get('/studies?PatientWeight=7'), '0020000D')).toEqual(['2.25.7.7']);
    expect(asked.map((value) => value?.trim())).toEqual(['7']);
  });

  test('Q-26: of more studies than are looked through in vain the answer is 413, and says what to do', async () => {
    const { get } = await start('search: { maxScan: 20 }');
    const response = await get('/studies?PatientWeight=7');
    expect([response.status, response.body.toString()]).toEqual([
      413,
      expect.stringMatching(/PatientWeight.* more than 20 others; narrow the search/),
    ]);
    // A page that is there is given, and what can be said of the rest.
    const page = await get('/studies?PatientWeight=7&limit=1');
    expect([page.status, uids(page, '0020000D')]).toEqual([200, ['2.25.7.0']]);
    expect(page.headers.warning).toContain('at least 1 additional results');
    expect((await get('/studies?PatientWeight=7&limit=2')).status).toBe(413);
  });

  test('Q-26: below a study that the URL names all is looked through', async () => {
    const { get } = await start('search: { maxScan: 20 }');
    const response = await get(`${INSTANCES}?InstanceNumber=7`);
    expect(response.status).toBe(200);
    expect(uids(response, '00080018')).toEqual(['2.25.8.0', '2.25.8.7']);
  });
});
