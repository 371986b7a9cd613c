import { inflateRawSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { syntaxes } from '../helpers/fixtures.js';
import { readElements, type ReadElement } from '../helpers/independent-reader.js';
import {
  canDeliver,
  dcmqrscp,
  dcmqrscpJpegLs,
  everyKind,
  gatewayBefore,
  groupBy,
  inParallel,
  loadFixtures,
  orthanc,
  sampleFiles,
  type PacsWithPort,
  type RetrieveMethod,
} from '../helpers/pacs-suite.js';
import { describeWithPacs } from '../helpers/real-pacs.js';
import {
  deliverable,
  sentDataset,
  storedInstances,
  type StoredInstance,
} from '../helpers/stored-instances.js';
import {
  datasetOf,
  partsOf,
  request,
  sha256,
  transferSyntaxOf,
  type TestGateway,
} from '../helpers/test-gateway.js';

const ANY_SYNTAX = { accept: 'multipart/related; type="application/dicom"; transfer-syntax=*' };
/** Of a long series so many are asked one by one; the series as a whole is asked too. */
const ONE_BY_ONE = 4;

const studyOf = ({ studyInstanceUid }: StoredInstance): string => `/studies/${studyInstanceUid}`;
const seriesOf = (instance: StoredInstance): string =>
  `${studyOf(instance)}/series/${instance.seriesInstanceUid}`;
const instanceOf = (instance: StoredInstance): string =>
  `${seriesOf(instance)}/instances/${instance.sopInstanceUid}`;

const isReencoded = (transferSyntaxUid: string): boolean =>
  transferSyntaxUid === syntaxes.implicitLittle || transferSyntaxUid === syntaxes.explicitBig;

/** Values without group lengths, which say nothing about the content. */
const valuesOf = (elements: readonly ReadElement[]): string[] =>
  elements
    .filter(({ path }) => !path.endsWith('0000'))
    .map(({ path, value, fragments }) => `${path} ${sha256(Buffer.concat([value, ...(fragments ?? [])]))}`);

/** What is wrong with a delivered file; nothing where it is what the PACS holds. */
async function difference(
  { pacs }: PacsWithPort,
  stored: StoredInstance,
  file: Buffer,
): Promise<string | undefined> {
  const syntax = transferSyntaxOf(file);
  const where = `${stored.sopInstanceUid} (${stored.transferSyntaxUid})`;
  if (isReencoded(stored.transferSyntaxUid)) {
    if (syntax !== syntaxes.explicitLittle) return `${where} delivered as ${syntax}`;
    const delivered = readElements(datasetOf(file), syntax);
    const vrs = new Map(delivered.map(({ path, vr }) => [path, vr]));
    // A defined length says nothing about what is inside: where the delivered file has items, it is a sequence.
    const sequences = new Set(
      delivered.flatMap(({ path }) =>
        [...path.matchAll(/\/\d+\//g)].map(({ index }) => path.slice(0, index)),
      ),
    );
    const held = readElements(stored.dataset(), stored.transferSyntaxUid, (path) =>
      sequences.has(path) ? 'SQ' : vrs.get(path),
    );
    const [expected, got] = [valuesOf(held), valuesOf(delivered)];
    const wrong = expected.find((line, index) => line !== got[index]);
    return wrong === undefined && expected.length === got.length
      ? undefined
      : `${where} differs in value: ${wrong ?? 'more elements'}`;
  }
  if (syntax !== stored.transferSyntaxUid) return `${where} delivered as ${syntax}`;
  const dataset = datasetOf(file);
  if (dataset.equals(stored.dataset())) return undefined;
  // Who deflates anew may find other matches: the dataset inside counts.
  if (syntax === syntaxes.deflated)
    return inflateRawSync(dataset).equals(inflateRawSync(stored.dataset()))
      ? undefined
      : `${where} differs from the file once inflated`;
  const sent = await sentDataset(pacs, stored);
  if (sent === undefined) return `${where} differs from the file, and getscu cannot ask for it`;
  return dataset.equals(sent) ? undefined : `${where} differs from the file and from what getscu gets`;
}

/** Asks for a resource that holds exactly `instances` and says what is wrong with the answer. */
async function check(
  gateway: TestGateway,
  peer: PacsWithPort,
  path: string,
  instances: readonly StoredInstance[],
): Promise<readonly string[]> {
  const response = await request(gateway.service + path, { headers: ANY_SYNTAX });
  if (response.status !== 200 || !response.complete)
    return [
      `${path} ${instances.map((one) => one.transferSyntaxUid).join()}: ${response.status} complete=${response.complete} ${response.body.toString('latin1').slice(0, 300)}`,
    ];
  const parts = partsOf(response);
  const bySop = new Map(instances.map((instance) => [instance.sopInstanceUid, instance]));
  const problems: string[] = [];
  for (const part of parts) {
    const uid = /instances\/([0-9.]+)$/.exec(part.headers['content-location'] ?? '')?.[1] ?? '';
    const stored = bySop.get(uid);
    bySop.delete(uid);
    if (stored === undefined) problems.push(`${path}: ${uid} was not asked for, or came twice`);
    const wrong = stored && (await difference(peer, stored, part.body));
    if (wrong !== undefined) problems.push(`${path}: ${wrong}`);
  }
  return [...problems, ...[...bySop.keys()].map((uid) => `${path}: ${uid} is missing`)];
}

/** Every resource of one level, with what it holds. */
function resources(
  level: 'study' | 'series' | 'instance',
  stored: readonly StoredInstance[],
): [path: string, instances: readonly StoredInstance[]][] {
  if (level === 'study') return [...groupBy(stored, studyOf)];
  const series = groupBy(stored, seriesOf);
  if (level === 'series') return [...series];
  return [...series.values()].flatMap((instances) =>
    instances
      .slice(0, ONE_BY_ONE)
      .map((instance): [string, StoredInstance[]] => [instanceOf(instance), [instance]]),
  );
}

for (const kind of [orthanc, dcmqrscp, dcmqrscpJpegLs]) {
  describeWithPacs(`W-21: transfer-syntax=* delivers the bytes that ${kind.name} holds`, () => {
    let peer: PacsWithPort;
    let stored: readonly StoredInstance[];

    beforeAll(async () => {
      peer = await kind.start();
      await loadFixtures(peer.pacs, everyKind());
      await peer.pacs.load(sampleFiles());
      const all = await deliverable(peer.pacs, await storedInstances(peer.pacs));
      stored = all.instances;
      if (all.excluded.length > 0)
        process.stderr.write(`not asked of ${kind.name}: ${all.excluded.join('; ')}\n`);
    }, 120_000);
    afterAll(async () => {
      await peer.pacs.stop();
    });

    test('the PACS took files of every kind that it can', () => {
      const held = new Set(stored.map(({ transferSyntaxUid }) => transferSyntaxUid));
      expect(held).toContain(syntaxes.explicitLittle);
      expect(held).toContain(syntaxes.implicitLittle);
      expect(stored.length).toBeGreaterThan(15);
    });

    describe.each<RetrieveMethod>(['get', 'move'])('by C-%s', (method) => {
      let gateway: TestGateway;
      beforeAll(async () => {
        gateway = await gatewayBefore(peer, method);
      });
      afterAll(async () => {
        await gateway.close();
      });

      // From the smallest: what came with the study would be served from the cache.
      test.each(['instance', 'series', 'study'] as const)(
        'at %s level, all of it and nothing else',
        async (level) => {
          const problems: string[] = [];
          const possible = [...groupBy(stored, studyOf).values()]
            .filter((study) =>
              study.every(({ transferSyntaxUid }) => canDeliver(kind, method, transferSyntaxUid)),
            )
            .flat();
          await inParallel(resources(level, possible), 3, async ([path, instances]) => {
            problems.push(...(await check(gateway, peer, path, instances)));
          });
          expect(problems).toEqual([]);
        },
        120_000,
      );
    });
  });
}
