import { afterEach, expect, test } from '@jest/globals';
import { openStorageScp } from '../../src/compose.js';
import { openPeer } from '../../src/compose-peer.js';
import { loadConfig } from '../../src/config/index.js';
import { checkPeer } from '../../src/gateway/index.js';
import { ctSeries } from '../helpers/fixtures.js';
import { dcmqrscp, loadFixtures, orthanc } from '../helpers/pacs-suite.js';
import { describeWithPacs } from '../helpers/real-pacs.js';

const closers: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

for (const kind of [orthanc, dcmqrscp]) {
  describeWithPacs(`check of ${kind.name}`, () => {
    test('finds it usable by both ways, and learns that it takes lists and several associations', async () => {
      const { pacs, movePort } = await kind.start();
      closers.push(() => pacs.stop());
      await loadFixtures(
        pacs,
        ctSeries(3, { study: 1, series: 1, rows: 64, columns: 64, imageType: 'ORIGINAL\\PRIMARY' }),
      );
      const config = loadConfig({
        file: `peers: { main: { address: "${pacs.aeTitle}@127.0.0.1:${pacs.port}" } }\ndimse: { listen: "127.0.0.1:${movePort}" }`,
        env: {},
      });
      const observe = (): void => undefined;
      const storageScp = await openStorageScp(config, observe);
      closers.push(async () => storageScp?.close(1000));
      const settings = config.peers['main'];
      if (!settings) throw new Error('no peer');
      const report = await checkPeer(
        {
          name: 'main',
          associations: settings.associations,
          untried: {},
          study: { studyInstanceUid: '2.25.4711.1', relearnMs: settings.relearnAfter },
          open: (way, known) => {
            const retrieve = way === 'configured' ? 'auto' : way;
            return openPeer(config, 'main', { ...settings, retrieve }, { observe, storageScp, known });
          },
          moveHint: '',
        },
        { requestId: 'check', signal: AbortSignal.timeout(30_000) },
      );
      expect(report.steps.map(({ step, result }) => [step, result])).toEqual([
        ['C-ECHO', 'ok'],
        ['C-FIND', 'ok'],
        ['study', 'ok'],
        ['C-GET', 'ok'],
        ['C-MOVE', 'ok'],
      ]);
      // Both compare numbers as text, and Orthanc an attribute with all its values at once.
      expect(report.steps[2]?.detail).toMatch(
        /by (PatientWeight, )?SeriesNumber, InstanceNumber(, ImageType)? it does not find what it should/,
      );
      expect(report.facts.trustedKeys?.value).toEqual([]);
      expect(report.learnt).toEqual(
        expect.arrayContaining([
          expect.stringMatching(/^takes \d associations? at once/),
          'delivers lists of UIDs',
          'retrieves go by C-GET',
        ]),
      );
    }, 60_000);
  });
}
