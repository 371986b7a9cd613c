import { afterEach, expect, test } from '@jest/globals';
import { fixedFacts, openPeer } from '../../src/compose-peer.js';
import { loadConfig } from '../../src/config/index.js';
import { checkPeer } from '../../src/gateway/index.js';
import { ctSeries } from '../helpers/fixtures.js';
import { dcmqrscp, gatewayBefore, loadFixtures, orthanc } from '../helpers/pacs-suite.js';
import { describeWithPacs } from '../helpers/real-pacs.js';
import { request } from '../helpers/test-gateway.js';

const closers: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

for (const kind of [orthanc, dcmqrscp]) {
  describeWithPacs(`extended negotiation with ${kind.name}`, () => {
    test('is passed over: searches are answered as without, on the first association', async () => {
      const started = await kind.start();
      closers.push(() => started.pacs.stop());
      const fixtures = ctSeries(3, { study: 1, series: 1, rows: 16, columns: 16 });
      await loadFixtures(started.pacs, fixtures);
      const found: unknown[] = [];
      for (const mode of ['auto', 'off']) {
        const gateway = await gatewayBefore(started, 'get', { peer: `extendedNegotiation: ${mode}` });
        closers.push(() => gateway.close());
        const peer = gateway.running.peers.get('main');
        const context = { requestId: 'test', signal: AbortSignal.timeout(10_000) };
        const options = await peer?.queryOptions(context);
        expect(Object.values(options ?? {})).toEqual(Array.from({ length: 6 }, () => false));
        const { status, body } = await request(`${gateway.service}/studies?PatientName=*`);
        expect(status).toBe(200);
        found.push((JSON.parse(body.toString()) as unknown[]).length);
        expect(peer?.knowledge.get('extendedNegotiation')).toBe(mode === 'auto' ? true : undefined);
        const events = gateway.logLines.filter((line) =>
          /"association (?:opened|rejected|failed|aborted)(?: while idle)?"/.test(line),
        );
        expect(events).toHaveLength(1);
      }
      expect(found).toEqual([1, 1]);
    }, 60_000);

    test('check --study learns what it makes of keys', async () => {
      const { pacs } = await kind.start();
      closers.push(() => pacs.stop());
      const [fixture] = ctSeries(2, { study: 1, series: 1, rows: 16, columns: 16 });
      if (!fixture) throw new Error('no fixture');
      await loadFixtures(pacs, [fixture]);
      const config = loadConfig({
        file: `peers: { main: { address: "${pacs.aeTitle}@127.0.0.1:${pacs.port}" } }`,
        env: {},
      });
      const settings = config.peers['main'];
      if (!settings) throw new Error('no peer');
      const deps = { observe: (): void => undefined, storageScp: undefined };
      const report = await checkPeer(
        {
          name: 'main',
          associations: settings.associations,
          study: { studyInstanceUid: fixture.studyInstanceUid, relearnMs: settings.relearnAfter },
          fixed: fixedFacts(settings),
          untried: { move: { reason: 'there is no listener', mayWork: false } },
          open: (_way, known) =>
            openPeer(config, 'main', { ...settings, retrieve: 'get' }, { ...deps, known }),
          moveHint: '',
        },
        { requestId: 'check', signal: AbortSignal.timeout(30_000) },
      );
      expect(report.steps.find(({ step }) => step === 'study')).toMatchObject({ result: 'ok' });
      expect(report.facts).toMatchObject({
        needsPatientId: { value: false },
        literalWildcard: { value: false },
        ignoredKeys: { value: kind === dcmqrscp ? ['ModalitiesInStudy'] : [] },
        unreturnedKeys: { value: kind === dcmqrscp ? expect.arrayContaining(['ModalitiesInStudy']) : [] },
      });
    }, 60_000);
  });
}
