import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { dcm2json, leavesOf, type JsonDataset, type JsonElement } from '../helpers/dcm2json.js';
import { readElements } from '../helpers/independent-reader.js';
import {
  dcmqrscp,
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
import { deliverable, storedInstances, type StoredInstance } from '../helpers/stored-instances.js';
import { partsOf, request, type TestGateway } from '../helpers/test-gateway.js';

const JSON_TYPE = { accept: 'application/dicom+json' };
/** Of a long series so many are asked one by one; the series as a whole is asked too. */
const ONE_BY_ONE = 3;

/** What is compared in other ways, or cannot be compared. */
const isApart = (path: string): boolean => {
  const tag = path.slice(-8);
  return (
    tag === '00080005' || // the answer is in UTF-8 whatever the file is in, and says so
    tag.endsWith('0000') || // group lengths, which J-01 excludes
    path === '7FE00010' // by its frames, elsewhere; native data also by BulkDataURI here
  );
};

const NUMBERS = new Set(['DS', 'FD', 'FL', 'IS', 'SL', 'SS', 'SV', 'UL', 'US', 'UV']);
const BINARY = new Set(['OB', 'OD', 'OF', 'OL', 'OV', 'OW', 'UN']);

/** A value in the one form in which both programs can be compared. */
function canonical(vr: string, value: unknown): unknown {
  if (value === null || value === undefined || value === '') return null;
  if (NUMBERS.has(vr)) {
    const number = Number(value);
    if (Number.isNaN(number)) return JSON.stringify(value).trim().toLowerCase();
    // DCMTK prints too few digits of a float to read the same one back.
    if (vr === 'FL' || vr === 'FD') return number.toPrecision(vr === 'FL' ? 6 : 14);
    return number;
  }
  if (vr === 'PN') {
    // J-13: an empty group is left out, trailing separators of components mean nothing.
    const groups = Object.entries(value as Record<string, string>)
      .map(([group, text]) => [group, text.replace(/[\s^]+$/, '')] as const)
      .filter(([, text]) => text !== '');
    return groups.length === 0 ? null : Object.fromEntries(groups);
  }
  return typeof value === 'string' ? value.trim() : value;
}

function canonicalElement(element: JsonElement): string {
  const vr = element.vr ?? '';
  if (element.InlineBinary !== undefined) return JSON.stringify(element.InlineBinary);
  const values = (element.Value ?? []).map((value) => canonical(vr, value));
  return JSON.stringify(values.every((value) => value === null) ? [] : values);
}

/** What is compared several times is read once. */
const references = new Map<string, ReturnType<typeof dcm2json>>();
const rawValues = new Map<string, ReadonlyMap<string, Buffer>>();

class Comparison {
  readonly problems: string[] = [];
  /** Files that DCMTK's own reader refuses. */
  readonly unread: string[] = [];
  /** What is behind BulkDataURIs: the URI and the bytes that must come. */
  readonly bulk: { readonly uri: string; readonly bytes: Buffer; readonly where: string }[] = [];

  async instance(stored: StoredInstance, delivered: JsonDataset): Promise<void> {
    const reading = references.get(stored.path) ?? dcm2json(stored.path);
    references.set(stored.path, reading);
    const reference = await reading;
    if ('refused' in reference) {
      this.unread.push(`${stored.sopInstanceUid}: ${reference.refused}`);
      return;
    }
    const raw = this.#rawOf(stored);
    const theirs = leavesOf(reference.dataset);
    const ours = leavesOf(delivered);
    for (const [path, element] of theirs) {
      if (path.endsWith('0000')) continue;
      const mine = ours.get(path);
      ours.delete(path);
      const where = `${stored.sopInstanceUid} (${stored.transferSyntaxUid}) ${path} ${element.vr ?? ''}`;
      if (mine === undefined) {
        if (!isApart(path)) this.problems.push(`${where} is missing`);
      } else this.#element(where, path, { mine, theirs: element, raw: raw.get(path) });
    }
    for (const [path, element] of ours) {
      if (!isApart(path))
        this.problems.push(`${stored.sopInstanceUid} ${path} ${element.vr ?? ''} is not in the file`);
    }
  }

  /** Values as they stand in the file, by path; implicit ones as if everything were UN. */
  #rawOf(stored: StoredInstance): ReadonlyMap<string, Buffer> {
    const known = rawValues.get(stored.path);
    if (known) return known;
    const elements = readElements(stored.dataset(), stored.transferSyntaxUid);
    const values = new Map(
      elements.filter(({ fragments }) => !fragments).map(({ path, value }) => [path, value]),
    );
    rawValues.set(stored.path, values);
    return values;
  }

  #element(
    where: string,
    path: string,
    { mine, theirs, raw }: { mine: JsonElement; theirs: JsonElement; raw: Buffer | undefined },
  ): void {
    if (mine.BulkDataURI !== undefined) {
      if (raw) this.bulk.push({ uri: mine.BulkDataURI, bytes: raw, where });
      else if (path !== '7FE00010') this.problems.push(`${where} is behind a URI and not in the file`);
      return;
    }
    if (isApart(path)) return;
    if (mine.vr !== theirs.vr) {
      // DCMTK has a dictionary of private elements; who has none calls them UN and keeps their bytes.
      const isSame = mine.vr === 'UN' && raw?.equals(Buffer.from(mine.InlineBinary ?? '', 'base64'));
      if (!isSame) this.problems.push(`${where} has VR ${mine.vr ?? ''}`);
      return;
    }
    if (BINARY.has(mine.vr ?? '') && raw?.equals(Buffer.from(mine.InlineBinary ?? '', 'base64'))) return;
    const [got, expected] = [canonicalElement(mine), canonicalElement(theirs)];
    if (got !== expected)
      this.problems.push(`${where} is ${got.slice(0, 100)}, not ${expected.slice(0, 100)}`);
  }
}

const studyOf = ({ studyInstanceUid }: StoredInstance): string => `/studies/${studyInstanceUid}`;
const seriesOf = (stored: StoredInstance): string => `${studyOf(stored)}/series/${stored.seriesInstanceUid}`;
const instanceOf = (stored: StoredInstance): string =>
  `${seriesOf(stored)}/instances/${stored.sopInstanceUid}`;

function resources(
  level: 'study' | 'series' | 'instance',
  stored: readonly StoredInstance[],
): [path: string, instances: readonly StoredInstance[]][] {
  if (level === 'study') return [...groupBy(stored, studyOf)];
  const series = groupBy(stored, seriesOf);
  if (level === 'series') return [...series];
  return [...series.values()].flatMap((instances) =>
    instances.slice(0, ONE_BY_ONE).map((one): [string, StoredInstance[]] => [instanceOf(one), [one]]),
  );
}

async function checkResource(
  gateway: TestGateway,
  comparison: Comparison,
  path: string,
  instances: readonly StoredInstance[],
): Promise<void> {
  const response = await request(`${gateway.service}${path}/metadata`, { headers: JSON_TYPE });
  if (response.status !== 200 || !response.complete) {
    comparison.problems.push(
      `${path}: ${response.status} complete=${response.complete} ${response.body.toString().slice(0, 300)}`,
    );
    return;
  }
  const delivered = JSON.parse(response.body.toString()) as JsonDataset[];
  const bySop = new Map(delivered.map((dataset) => [String(dataset['00080018']?.Value?.[0]), dataset]));
  if (delivered.length !== instances.length)
    comparison.problems.push(`${path}: ${delivered.length} of ${instances.length}`);
  for (const stored of instances) {
    const dataset = bySop.get(stored.sopInstanceUid);
    if (dataset) await comparison.instance(stored, dataset);
    else comparison.problems.push(`${path}: ${stored.sopInstanceUid} is missing`);
  }
}

/** Reads what BulkDataURIs name, and says which of them give something else than what stands in the file. */
async function checkBulkData(bulk: Comparison['bulk']): Promise<readonly string[]> {
  const problems: string[] = [];
  await inParallel(bulk, 3, async ({ uri, bytes, where }) => {
    const response = await request(uri, {
      headers: { accept: 'multipart/related; type="application/octet-stream"' },
    });
    if (response.status !== 200)
      problems.push(`${where}: ${uri}: ${response.status} ${response.body.toString().slice(0, 200)}`);
    else if (partsOf(response)[0]?.body.equals(bytes) !== true)
      problems.push(`${where}: ${uri}: other bytes`);
  });
  return problems;
}

for (const kind of [orthanc, dcmqrscp]) {
  describeWithPacs(
    `W-02: metadata says of what ${kind.name} holds what dcm2json says, and its BulkDataURIs lead to the bytes`,
    () => {
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
      }, 300_000);
      afterAll(async () => {
        references.clear();
        rawValues.clear();
        await peer.pacs.stop();
      });

      describe.each<RetrieveMethod>(['get', 'move'])('by C-%s', (method) => {
        let gateway: TestGateway;
        beforeAll(async () => {
          gateway = await gatewayBefore(peer, method);
        });
        afterAll(async () => {
          await gateway.close();
        });

        test.each(['instance', 'series', 'study'] as const)(
          'at %s level',
          async (level) => {
            const comparison = new Comparison();
            await inParallel(resources(level, stored), 3, ([path, instances]) =>
              checkResource(gateway, comparison, path, instances),
            );
            expect(comparison.problems).toEqual([]);
            // Of a long series only what was asked one by one: the URIs are the same at every level.
            if (level === 'instance') expect(await checkBulkData(comparison.bulk)).toEqual([]);
            if (comparison.unread.length > 0)
              process.stderr.write(
                `not compared, for dcm2json refuses them: ${comparison.unread.join('; ')}\n`,
              );
            expect(comparison.unread.length).toBeLessThan(stored.length / 4);
          },
          300_000,
        );
      });
    },
  );
}
