import { final, pending, type Attributes, type RogueInstance, type Script } from './rogue-peer.js';

const LEVEL = 0x00080052;
const STUDY = 0x0020000d;
const SERIES = 0x0020000e;
const SOP = 0x00080018;

export interface ListingOptions {
  /** What NumberOfSeriesRelatedInstances and NumberOfStudyRelatedInstances say; left out, the peer returns none. */
  readonly counts?: 'right' | 'none';
  /** Most rows of an answer at IMAGE level, which then ends in `capStatus`. */
  readonly cap?: number;
  readonly capStatus?: number;
  /** Whether rows at STUDY level have SOP Classes in Study. */
  readonly sopClasses?: boolean;
  /** More attributes of the row of an instance, or of the series that it stands for. */
  readonly more?: (one: RogueInstance, level: 'IMAGE' | 'SERIES') => Attributes;
}

/** A C-FIND SCP over `instances`: answers by level and unique keys, as a PACS would that holds just these. */
export function listing(instances: readonly RogueInstance[], options: ListingOptions = {}): Script {
  const { counts = 'right', cap = Number.POSITIVE_INFINITY, capStatus = 0, more = () => ({}) } = options;
  return (_request, identifier) => {
    const wanted = (tag: number, value: string): boolean => {
      const key = identifier.get(tag) ?? '';
      return key === '' || key.split('\\').includes(value);
    };
    const held = instances.filter(
      (one) =>
        wanted(STUDY, one.studyInstanceUid) &&
        wanted(SERIES, one.seriesInstanceUid) &&
        wanted(SOP, one.sopInstanceUid),
    );
    const count = (many: number): string => (counts === 'right' ? String(many) : '');
    const level = identifier.get(LEVEL);
    if (level === 'IMAGE') {
      const rows = held.slice(0, cap).map((one) =>
        pending({
          QueryRetrieveLevel: 'IMAGE',
          SOPClassUID: one.sopClassUid,
          SOPInstanceUID: one.sopInstanceUid,
          StudyInstanceUID: one.studyInstanceUid,
          SeriesInstanceUID: one.seriesInstanceUid,
          ...more(one, 'IMAGE'),
        }),
      );
      return [...rows, final(held.length > cap ? capStatus : 0)];
    }
    const tagOf = (one: RogueInstance): string =>
      level === 'SERIES' ? one.seriesInstanceUid : one.studyInstanceUid;
    const groups = [...new Set(held.map(tagOf))].map((uid) => held.filter((one) => tagOf(one) === uid));
    const rows = groups.flatMap((group) => {
      const [one] = group;
      if (one === undefined) return [];
      return level === 'SERIES'
        ? [
            pending({
              QueryRetrieveLevel: 'SERIES',
              StudyInstanceUID: one.studyInstanceUid,
              SeriesInstanceUID: one.seriesInstanceUid,
              Modality: 'CT',
              ...more(one, 'SERIES'),
              ...(counts === 'right' ? { NumberOfSeriesRelatedInstances: count(group.length) } : {}),
            }),
          ]
        : [
            pending({
              QueryRetrieveLevel: 'STUDY',
              StudyInstanceUID: one.studyInstanceUid,
              ...(options.sopClasses === true
                ? {
                    '00080062:UI': [...new Set(group.map(({ sopClassUid }) => sopClassUid))].join('\\'),
                  }
                : {}),
              ...(counts === 'right'
                ? {
                    NumberOfStudyRelatedSeries: count(
                      new Set(group.map((each) => each.seriesInstanceUid)).size,
                    ),
                    NumberOfStudyRelatedInstances: count(group.length),
                  }
                : {}),
            }),
          ];
    });
    return [...rows, final()];
  };
}

/** The instances that a retrieve's identifier asks for. */
export function selected(
  instances: readonly RogueInstance[],
  identifier: ReadonlyMap<number, string>,
): readonly RogueInstance[] {
  const wanted = (tag: number, value: string): boolean => {
    const key = identifier.get(tag) ?? '';
    return key === '' || key.split('\\').includes(value);
  };
  return instances.filter(
    (one) =>
      wanted(STUDY, one.studyInstanceUid) &&
      wanted(SERIES, one.seriesInstanceUid) &&
      wanted(SOP, one.sopInstanceUid),
  );
}
