/**
 * Searches of every resource over the levels, against every study, series and instance looked at one by one: whatever the
 * peer takes at once, heeds and returns, nothing is shown that the request does not match unless a Warning names the key,
 * and nothing that matches is left out.
 */
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { GatewayError } from '../../src/core/index.js';
import type { DicomJsonObject } from '../../src/dicom/index.js';
import { parseSearch, type SearchLevel } from '../../src/dicomweb/index.js';
import { search } from '../../src/gateway/search.js';
import { fuzz } from '../helpers/fuzz.js';
import {
  levelAttributes,
  levelSource,
  uidNameOf,
  isUnknown,
  violated,
  type Entity,
  type Holdings,
  type LevelName,
  type LevelPeer,
} from '../helpers/level-archive.js';

interface Resource {
  readonly level: SearchLevel;
  readonly path: { readonly study?: string; readonly series?: string };
}
interface Search extends Resource {
  readonly keys: ReadonlyMap<LevelName, string>;
}

// --- Studies, series and instances

const letters = fc
  .array(fc.constantFrom('A', 'B', 'a'), { minLength: 1, maxLength: 2 })
  .map((all) => all.join(''));
const optional = (values: fc.Arbitrary<string>): fc.Arbitrary<readonly string[]> =>
  fc.option(values, { nil: undefined, freq: 5 }).map((value) => (value === undefined ? [] : [value]));
const modalities = fc.constantFrom('CT', 'MR', 'PT');
const numbers = fc.constantFrom('1', '01', '2');
const dates = fc.constantFrom('20211231', '20220101', '20220102');
const classes = fc.constantFrom('1.7.1', '1.7.2');

const image = fc.record({
  InstanceNumber: optional(numbers),
  SOPClassUID: classes.map((uid) => [uid]),
  ImageComments: optional(letters),
});
const series = fc.record({
  own: fc.record({
    Modality: modalities.map((one) => [one]),
    SeriesNumber: optional(numbers),
    SeriesDescription: optional(letters),
    'RequestAttributesSequence.ScheduledProcedureStepID': fc.array(letters, { maxLength: 2 }),
  }),
  below: fc.array(image, { minLength: 1, maxLength: 2 }),
});
const study = fc.record({
  own: fc.record({
    PatientID: optional(letters),
    StudyDate: optional(dates),
    StudyDescription: optional(letters),
  }),
  below: fc.array(series, { minLength: 1, maxLength: 2 }),
});

const holdings: fc.Arbitrary<Holdings> = fc.array(study, { minLength: 1, maxLength: 3 }).map((all) => {
  const found: Record<SearchLevel, Entity[]> = { STUDY: [], SERIES: [], IMAGE: [] };
  for (const [i, one] of all.entries()) {
    const modalitiesIn = [...new Set(one.below.flatMap(({ own }) => own.Modality))];
    const top = { ...one.own, StudyInstanceUID: [`1.2.${i + 1}`], ModalitiesInStudy: modalitiesIn };
    found.STUDY.push(top);
    for (const [j, middle] of one.below.entries()) {
      const uid = `1.2.${i + 1}.${j + 1}`;
      const within = { ...top, ...middle.own, SeriesInstanceUID: [uid] };
      found.SERIES.push(within);
      for (const [k, last] of middle.below.entries())
        found.IMAGE.push({ ...within, ...last, SOPInstanceUID: [`${uid}.${k + 1}`] });
    }
  }
  return found;
});

// --- Searches

const list = (one: fc.Arbitrary<string>): fc.Arbitrary<string> =>
  fc.array(one, { minLength: 1, maxLength: 2 }).map((all) => all.join(','));
const wild = fc.array(fc.constantFrom('A', 'B', 'a', '*', '?'), { maxLength: 2 }).map((all) => all.join(''));
const asked: Readonly<Record<LevelName, fc.Arbitrary<string>>> = {
  StudyInstanceUID: list(fc.constantFrom('1.2.1', '1.2.2', '1.9')),
  PatientID: wild,
  StudyDate: fc.oneof(
    dates,
    dates.map((from) => `${from}-`),
    fc.tuple(dates, dates).map((two) => [...two].sort().join('-')),
  ),
  StudyDescription: wild,
  ModalitiesInStudy: fc.oneof(list(modalities), fc.constantFrom('C*', '?R', 'CT\\MR')),
  SeriesInstanceUID: list(fc.constantFrom('1.2.1.1', '1.2.2.1', '1.9')),
  Modality: fc.oneof(modalities, fc.constantFrom('?T', '*')),
  SeriesNumber: numbers,
  SeriesDescription: wild,
  'RequestAttributesSequence.ScheduledProcedureStepID': wild,
  SOPInstanceUID: list(fc.constantFrom('1.2.1.1.1', '1.2.1.2.1', '1.2.2.1.2')),
  InstanceNumber: numbers,
  SOPClassUID: list(classes),
  ImageComments: wild,
};

const studies = fc.constantFrom('1.2.1', '1.2.2', '1.9');
const resource: fc.Arbitrary<Resource> = fc.oneof(
  fc.constantFrom<SearchLevel>('STUDY', 'SERIES', 'IMAGE').map((level) => ({ level, path: {} })),
  fc
    .tuple(fc.constantFrom<SearchLevel>('SERIES', 'IMAGE'), studies)
    .map(([level, one]) => ({ level, path: { study: one } })),
  fc
    .tuple(studies, fc.constantFrom('1', '2'))
    .map(([one, number]) => ({ level: 'IMAGE' as const, path: { study: one, series: `${one}.${number}` } })),
);

/** What the resource can be searched by. */
const namesFor = ({ level, path }: Resource): readonly LevelName[] =>
  levelAttributes
    .filter((one) => {
      if (one.level === 'STUDY') return path.study === undefined;
      if (one.level === 'SERIES') return level !== 'STUDY' && path.series === undefined;
      return level === 'IMAGE';
    })
    .map(({ name }) => name);

const searchOf = fc.tuple(resource, fc.integer({ min: 0, max: 3 })).chain(([where, count]) =>
  fc
    .uniqueArray(fc.constantFrom(...namesFor(where)), { minLength: count, maxLength: count })
    .chain((names) => fc.tuple(...names.map((name) => fc.tuple(fc.constant(name), asked[name]))))
    .map((keys): Search => ({ ...where, keys: new Map(keys) })),
);

/** None empties a key that every peer must support, which would say that it is unknown. */
const peers: fc.Arbitrary<LevelPeer> = fc
  .record({
    isRelational: fc.boolean(),
    heeds: fc.constantFrom<LevelPeer['heeds']>('all', 'required', 'none'),
    returns: fc.constantFrom<LevelPeer['returns']>('all', 'heeded', 'emptied'),
    ignoresParents: fc.boolean(),
  })
  .filter(({ heeds, returns }) => heeds !== 'none' || returns !== 'emptied');

// --- What comes of one

interface Outcome {
  readonly uids: readonly unknown[];
  readonly warnings: readonly string[];
}

const answering = {
  serviceUrl: 'https://gw.example',
  representations: [{ mediaType: 'application/dicom+json', multipart: false, transferSyntax: undefined }],
};
const tags: Readonly<Record<SearchLevel, string>> = {
  STUDY: '0020000D',
  SERIES: '0020000E',
  IMAGE: '00080018',
};

async function outcomeOf(
  asking: Search,
  peer: LevelPeer,
  held: Holdings,
  page: readonly string[] = [],
): Promise<Outcome> {
  const keys = [...asking.keys].map(([name, value]) => `${name}=${encodeURIComponent(value)}`);
  const request = parseSearch(asking.level, asking.path, [...keys, ...page].join('&'));
  const context = { requestId: 'test', signal: new AbortController().signal };
  const answer = await search(levelSource(peer, held), request, answering, context);
  let body = '';
  for await (const piece of answer.body) body += piece.toString();
  await answer.close();
  const rows = JSON.parse(body) as DicomJsonObject[];
  return { uids: rows.map((row) => row[tags[asking.level]]?.Value?.[0]), warnings: answer.warnings };
}

/** The keys of the search, those of its path with them. */
function allKeys({ keys, path }: Search): ReadonlyMap<LevelName, string> {
  return new Map<LevelName, string>([
    ...keys,
    ...(path.study === undefined ? [] : ([['StudyInstanceUID', path.study]] as const)),
    ...(path.series === undefined ? [] : ([['SeriesInstanceUID', path.series]] as const)),
  ]);
}

/** Whether a key above the instances asks for anything. */
const selects = ({ keys }: Search): boolean =>
  [...keys].some(
    ([name, value]) =>
      !/^\**$/.test(value) && levelAttributes.find((one) => one.name === name)?.level !== 'IMAGE',
  );

describe('a search over the levels is exact', () => {
  fuzz(
    'Q-43, Q-50, Q-60, Q-61: nothing is shown that is not asked for, and nothing is missing that is',
    fc.tuple(searchOf, peers, holdings),
    async ([asking, peer, held]) => {
      const keys = allKeys(asking);
      let outcome: Outcome;
      try {
        outcome = await outcomeOf(asking, peer, held);
      } catch (thrown) {
        if (!(thrown instanceof GatewayError) || thrown.code !== 'query-too-broad') throw thrown;
        // Only one that would list everything is refused.
        expect([asking.level === 'STUDY', asking.path.study, peer.isRelational, selects(asking)]).toEqual([
          false,
          undefined,
          false,
          false,
        ]);
        return;
      }
      const { uids, warnings } = outcome;
      expect(uids).toHaveLength(new Set(uids).size);
      const entities = held[asking.level].map((entity) => ({
        uid: entity[uidNameOf(asking.level)]?.[0] ?? '',
        wrong: violated(keys, entity),
        mayBeMissing: isUnknown(keys, entity),
      }));
      const matching = entities
        .filter(({ wrong, mayBeMissing }) => wrong.length === 0 && !mayBeMissing)
        .map(({ uid }) => uid);
      expect(matching.filter((uid) => !uids.includes(uid))).toEqual([]);
      const isTold = (name: LevelName): boolean =>
        warnings.some((text) => text.includes(name.split('.')[0] ?? name));
      const unexplained = entities.filter(({ uid, wrong }) => uids.includes(uid) && !wrong.every(isTold));
      expect(unexplained.filter(({ wrong }) => wrong.length > 0)).toEqual([]);
      expect(uids.every((uid) => entities.some((one) => one.uid === uid))).toBe(true);
    },
  );

  fuzz(
    'Q-23, Q-24, Q-25: its pages are what it finds as a whole, in one order, and say how many remain',
    fc.tuple(
      searchOf.filter((asking) => asking.level === 'STUDY' || selects(asking)),
      peers,
      holdings,
      fc.integer({ min: 1, max: 3 }),
    ),
    async ([asking, peer, held, limit]) => {
      const { uids: all } = await outcomeOf(asking, peer, held);
      const pages: unknown[] = [];
      for (let offset = 0; offset === 0 || offset < all.length; offset += limit) {
        const page = await outcomeOf(asking, peer, held, [`limit=${limit}`, `offset=${offset}`]);
        pages.push(...page.uids);
        const remaining = all.length - offset - limit;
        const told = page.warnings.filter((text) => text.includes('additional results'));
        expect(told).toEqual(
          remaining > 0 ? [`There are ${remaining} additional results that can be requested`] : [],
        );
      }
      expect(pages).toEqual(all);
    },
  );

  test('the peers of this test answer differently', async () => {
    const entity = (study: string, SeriesDescription: string): Entity => ({
      StudyInstanceUID: [study],
      SeriesInstanceUID: [`${study}.1`],
      SeriesDescription: [SeriesDescription],
    });
    const held: Holdings = {
      STUDY: [{ StudyInstanceUID: ['1.2.1'] }, { StudyInstanceUID: ['1.2.2'] }],
      SERIES: [entity('1.2.1', 'A'), entity('1.2.2', 'B')],
      IMAGE: [],
    };
    const asking: Search = { level: 'SERIES', path: {}, keys: new Map([['SeriesDescription', 'A']]) };
    const plain = { isRelational: false, heeds: 'all', returns: 'all', ignoresParents: false } as const;
    const kinds: readonly LevelPeer[] = [
      plain,
      { ...plain, isRelational: true },
      { ...plain, heeds: 'required', returns: 'heeded' },
      { ...plain, isRelational: true, heeds: 'required', returns: 'emptied' },
    ];
    const outcomes = await Promise.all(kinds.map((kind) => outcomeOf(asking, kind, held)));
    const told = (warnings: readonly string[]): number =>
      warnings.filter((text) => text.includes('SeriesDescription')).length;
    expect(outcomes.map(({ uids, warnings }) => [uids, told(warnings)])).toEqual([
      [['1.2.1.1'], 0],
      [['1.2.1.1'], 0],
      [['1.2.1.1', '1.2.2.1'], 1],
      [['1.2.1.1', '1.2.2.1'], 1],
    ]);
  });
});
