import { Dataset, Tags, type Tag } from '../dicom/index.js';
import { noOptions, type FindOptions } from './extended-negotiation.js';
import { readHeader } from './header.js';
import { matchesKey, matchesPair, type Identifier } from './identifier.js';
import type { DemoInstance } from './studies.js';

/** Query/Retrieve levels, from the top. */
export type Level = 'STUDY' | 'SERIES' | 'IMAGE';

interface StoredInstance extends DemoInstance {
  readonly header: Dataset;
}

/** What became of an instance to be stored. */
export type StoreResult = 'stored' | 'full' | 'not-understood';

const uniqueKeys: Readonly<
  Record<Level, { readonly keyword: string; readonly of: (instance: DemoInstance) => string }>
> = {
  STUDY: { keyword: 'StudyInstanceUID', of: ({ studyInstanceUid }) => studyInstanceUid },
  SERIES: { keyword: 'SeriesInstanceUID', of: ({ seriesInstanceUid }) => seriesInstanceUid },
  IMAGE: { keyword: 'SOPInstanceUID', of: ({ sopInstanceUid }) => sopInstanceUid },
};
const levels: readonly Level[] = ['STUDY', 'SERIES', 'IMAGE'];

/** Attributes that an entity of a level has; group 0010 belongs to studies, everything else to images. */
const studyTags: readonly Tag[] = [
  Tags.StudyDate,
  Tags.StudyTime,
  Tags.AccessionNumber,
  Tags.ReferringPhysicianName,
  Tags.StudyDescription,
  Tags.StudyInstanceUID,
  Tags.StudyID,
];
const seriesTags: readonly Tag[] = [
  Tags.SeriesDate,
  Tags.SeriesTime,
  Tags.Modality,
  Tags.Manufacturer,
  Tags.SeriesDescription,
  Tags.BodyPartExamined,
  Tags.SeriesInstanceUID,
  Tags.SeriesNumber,
];

function levelOf(tag: Tag): Level {
  if (studyTags.includes(tag) || tag >>> 16 === 0x0010) return 'STUDY';
  return seriesTags.includes(tag) ? 'SERIES' : 'IMAGE';
}

/** Distinct values, in order. */
function distinct(instances: readonly StoredInstance[], of: (instance: StoredInstance) => string): string[] {
  return [...new Set(instances.map(of))];
}

const modality = ({ header }: StoredInstance): string => header.string(Tags.Modality) ?? '';

/** What is counted or gathered over the instances of an entity. */
const computed: Readonly<
  Record<Level, ReadonlyMap<Tag, (instances: readonly StoredInstance[]) => string[]>>
> = {
  STUDY: new Map([
    [Tags.ModalitiesInStudy, (instances) => distinct(instances, modality)],
    [Tags.SOPClassesInStudy, (instances) => distinct(instances, ({ sopClassUid }) => sopClassUid)],
    [
      Tags.NumberOfStudyRelatedSeries,
      (instances) => [String(distinct(instances, ({ seriesInstanceUid }) => seriesInstanceUid).length)],
    ],
    [Tags.NumberOfStudyRelatedInstances, (instances) => [String(instances.length)]],
  ]),
  SERIES: new Map([[Tags.NumberOfSeriesRelatedInstances, (instances) => [String(instances.length)]]]),
  IMAGE: new Map([
    [
      Tags.AvailableTransferSyntaxUID,
      (instances) => distinct(instances, ({ transferSyntaxUid }) => transferSyntaxUid),
    ],
  ]),
};

/** Instances in memory, found by the keys of their headers. */
export class DemoArchive {
  readonly #maxBytes: number;
  readonly #instances = new Map<string, StoredInstance>();
  #bytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Bytes that may still be stored. */
  get room(): number {
    return this.#maxBytes - this.#bytes;
  }

  /**
   * Keeps an instance, in place of one with the same UID.
   * @throws GatewayError `malformed-dataset`
   */
  async add(
    arrived: Pick<DemoInstance, 'sopClassUid' | 'sopInstanceUid' | 'transferSyntaxUid' | 'dataset'>,
  ): Promise<StoreResult> {
    const header = await readHeader(arrived.dataset, arrived.transferSyntaxUid);
    const studyInstanceUid = header?.string(Tags.StudyInstanceUID);
    const seriesInstanceUid = header?.string(Tags.SeriesInstanceUID);
    const isItself = header?.string(Tags.SOPInstanceUID) === arrived.sopInstanceUid;
    if (!header || studyInstanceUid === undefined || seriesInstanceUid === undefined || !isItself)
      return 'not-understood';
    const before = this.#instances.get(arrived.sopInstanceUid)?.dataset.length ?? 0;
    if (arrived.dataset.length - before > this.room) return 'full';
    this.#bytes += arrived.dataset.length - before;
    this.#instances.set(arrived.sopInstanceUid, { ...arrived, studyInstanceUid, seriesInstanceUid, header });
    return 'stored';
  }

  /** The instances that the unique keys of an identifier name; undefined when it lacks the one of its level. */
  select(level: Level, identifier: Identifier): readonly DemoInstance[] | undefined {
    const named = levels.slice(0, levels.indexOf(level) + 1).map((each) => uniqueKeys[each]);
    if ((identifier.get(uniqueKeys[level].keyword)?.values.length ?? 0) === 0) return undefined;
    return [...this.#instances.values()].filter((instance) =>
      named.every(({ keyword, of }) => {
        const values = identifier.get(keyword)?.values ?? [];
        return values.length === 0 || values.includes(of(instance));
      }),
    );
  }

  /**
   * One response for each entity of the level that matches; undefined when a unique key of a level above is missing, and
   * relational queries were not agreed on.
   */
  find(
    level: Level,
    identifier: Identifier,
    options: FindOptions = noOptions,
  ): readonly Dataset[] | undefined {
    const above = options.relational ? [] : levels.slice(0, levels.indexOf(level));
    if (above.some((each) => identifier.get(uniqueKeys[each].keyword)?.values.length !== 1)) return undefined;
    const groups = new Map<string, StoredInstance[]>();
    for (const instance of this.#instances.values()) {
      const uid = uniqueKeys[level].of(instance);
      const group = groups.get(uid);
      if (group) group.push(instance);
      else groups.set(uid, [instance]);
    }
    return [...groups.values()].flatMap(
      (instances) => responseOf(level, identifier, { instances, options }) ?? [],
    );
  }
}

/** What the entity made of `instances` has for a tag; undefined when its level does not have it. */
function elementOf(level: Level, tag: Tag, instances: readonly StoredInstance[]): Dataset | undefined {
  const compute = computed[level].get(tag);
  if (compute) return new Dataset().setString(tag, compute(instances));
  return levels.indexOf(levelOf(tag)) <= levels.indexOf(level) ? instances[0]?.header : undefined;
}

/** Pairs of a date and a time that are matched as one where both are ranges. */
const pairs = [
  [Tags.StudyDate, Tags.StudyTime],
  [Tags.SeriesDate, Tags.SeriesTime],
] as const;

/** The keys of pairs that match as one; undefined when one of the pairs does not match. @see PS3.4 C.2.2.2.5.4 */
function combinedMatch(
  identifier: Identifier,
  [first]: readonly StoredInstance[],
): ReadonlySet<Tag> | undefined {
  const keys = [...identifier.values()];
  const done = new Set<Tag>();
  for (const tags of pairs) {
    const [date, time] = tags.map((tag) => keys.find(({ attribute }) => attribute.tag === tag));
    const [day, hour] = tags.map((tag) => first?.header.string(tag) ?? '');
    const match = date && time && matchesPair([date, time], `${day ?? ''}${hour ?? ''}`);
    if (match === undefined) continue;
    if (!match) return undefined;
    for (const tag of tags) done.add(tag);
  }
  return done;
}

function copyElement(from: Dataset, tag: Tag, to: Dataset): void {
  const element = from.get(tag);
  if (element && Buffer.isBuffer(element.value)) to.setBytes(tag, element.vr, element.value);
}

/** What a group of instances answers to an identifier; undefined when it does not match. */
function responseOf(
  level: Level,
  identifier: Identifier,
  { instances, options }: { readonly instances: readonly StoredInstance[]; readonly options: FindOptions },
): Dataset | undefined {
  const response = new Dataset();
  const combined = options.dateTime ? combinedMatch(identifier, instances) : new Set<Tag>();
  if (!combined) return undefined;
  if (instances[0]) copyElement(instances[0].header, Tags.SpecificCharacterSet, response);
  for (const key of identifier.values()) {
    const { tag } = key.attribute;
    if (tag === Tags.QueryRetrieveLevel || tag === Tags.SpecificCharacterSet) continue;
    const owner = elementOf(level, tag, instances);
    // A key that is not supported is as if it were not there.
    if (!owner?.has(tag)) continue;
    if (!combined.has(tag) && !matchesKey(key, owner.strings(tag), options)) return undefined;
    copyElement(owner, tag, response);
  }
  return response.setString(Tags.QueryRetrieveLevel, level);
}
