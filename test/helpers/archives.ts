import { selected } from './listing.js';
import {
  drop,
  final,
  pending,
  pendingUntilCancelled,
  startRoguePeer,
  store,
  type AssociateStep,
  type Attributes,
  type RogueInstance,
  type RoguePeer,
  type Script,
  type Step,
} from './rogue-peer.js';
import { PATIENT, request, startTestGateway, type RawResponse, type TestGateway } from './test-gateway.js';

type Level = 'STUDY' | 'SERIES' | 'IMAGE';

const LEVEL = 0x00080052;

/** What one archive of a group holds and how it answers; a test can change it at any time. */
export interface Archive {
  instances: readonly RogueInstance[];
  /** Attributes of a study beside its UID and counts. */
  study: (uid: string) => Attributes;
  modality: (series: string) => string;
  /** Whether rows have counts and modalities. */
  counts: boolean;
  /** What stands before the answer to a C-FIND of a level, or in place of it when it ends the association. */
  readonly before: Partial<Record<Level, Step>>;
  /** The same of a search for studies that names none. */
  beforeSearch: Step | undefined;
  /** The connection is dropped when a C-FIND names this UID among others. */
  dropFor: string | undefined;
  /** A search for studies that names none brings rows until it is cancelled. */
  isEndless: boolean;
  /** What is answered to a C-GET; left out, the instances that are wanted. */
  onGet: ((wanted: readonly RogueInstance[]) => readonly Step[]) | undefined;
  /** SOP Instance UIDs that were sent. */
  readonly sent: string[];
  readonly finds: Level[];
}

const archive = (instances: readonly RogueInstance[]): Archive => ({
  instances,
  study: () => ({ PatientID: 'P1', PatientName: 'ONE^A' }),
  modality: () => 'CT',
  counts: true,
  before: {},
  beforeSearch: undefined,
  dropFor: undefined,
  isEndless: false,
  onGet: undefined,
  sent: [],
  finds: [],
});

function findScript(held: Archive): Script {
  return (_request, identifier) => {
    const level = identifier.get(LEVEL) as Level;
    held.finds.push(level);
    const named = (identifier.get(0x0020000d) ?? '').split('\\');
    if (held.dropFor !== undefined && named.includes(held.dropFor)) return [drop()];
    if (held.isEndless && named[0] === '')
      return [
        pendingUntilCancelled((index) => ({ StudyInstanceUID: `2.25.9.${index + 1}`, PatientID: 'P1' })),
      ];
    const before =
      level === 'STUDY' && named[0] === '' ? (held.beforeSearch ?? held.before[level]) : held.before[level];
    const matching = selected(held.instances, identifier);
    const uidOf = (one: RogueInstance): string =>
      ({ STUDY: one.studyInstanceUid, SERIES: one.seriesInstanceUid, IMAGE: one.sopInstanceUid })[level];
    const rows = [...new Set(matching.map(uidOf))].map((uid) =>
      pending(
        rowOf(
          held,
          level,
          matching.filter((one) => uidOf(one) === uid),
        ),
      ),
    );
    return [...(before ? [before] : []), ...rows, final()];
  };
}

function rowOf(held: Archive, level: Level, group: readonly RogueInstance[]): Attributes {
  const [one] = group;
  if (one === undefined) throw new Error('a group of none');
  const { studyInstanceUid: StudyInstanceUID, seriesInstanceUid: SeriesInstanceUID } = one;
  const series = [...new Set(group.map((each) => each.seriesInstanceUid))];
  if (level === 'STUDY')
    return {
      QueryRetrieveLevel: level,
      StudyInstanceUID,
      ...held.study(StudyInstanceUID),
      ...(held.counts && {
        ModalitiesInStudy: [...new Set(series.map(held.modality))].join('\\'),
        NumberOfStudyRelatedSeries: String(series.length),
        NumberOfStudyRelatedInstances: String(group.length),
      }),
    };
  const uids = { QueryRetrieveLevel: level, StudyInstanceUID, SeriesInstanceUID };
  if (level === 'SERIES')
    return {
      ...uids,
      Modality: held.modality(SeriesInstanceUID),
      ...(held.counts && { NumberOfSeriesRelatedInstances: String(group.length) }),
    };
  return { ...uids, SOPClassUID: one.sopClassUid, SOPInstanceUID: one.sopInstanceUid };
}

/** Archives with a gateway in front that has them as peers `a`, `b` and so on, and as the group `all`. */
export interface Archives {
  readonly gateway: TestGateway;
  readonly archives: readonly Archive[];
  readonly peers: readonly RoguePeer[];
  /** Asks the group. */
  readonly get: (path: string, headers?: Readonly<Record<string, string>>) => Promise<RawResponse>;
  readonly close: () => Promise<void>;
}

export interface ArchivesOptions {
  /** Keys of the group beside its members. */
  readonly group?: string;
  /** Keys of each peer beside its address. */
  readonly peer?: readonly string[];
  /** Further lines of the configuration. */
  readonly yaml?: string;
  /** What each peer makes of a C-STORE. */
  readonly onStore?: readonly (Script | readonly Step[] | undefined)[];
  /** How each peer answers associations. */
  readonly associate?: readonly (readonly AssociateStep[] | undefined)[];
  /** Port in place of an archive, where nobody listens. */
  readonly ports?: readonly (number | undefined)[];
}

export async function startArchives(
  holdings: readonly (readonly RogueInstance[])[],
  { group = '', peer = [], yaml = '', ports = [], associate = [], onStore = [] }: ArchivesOptions = {},
): Promise<Archives> {
  const archives = holdings.map(archive);
  const peers = await Promise.all(
    archives.map((held, index) =>
      startRoguePeer({
        ...(associate[index] && { associate: associate[index] }),
        ...(onStore[index] && { onStore: onStore[index] }),
        onFind: findScript(held),
        onGet: (_request, identifier) => {
          const wanted = selected(held.instances, identifier);
          held.sent.push(...wanted.map(({ sopInstanceUid }) => sopInstanceUid));
          return held.onGet ? held.onGet(wanted) : [...wanted.map((one) => store(one)), final()];
        },
      }),
    ),
  );
  const names = peers.map((_peer, index) => String.fromCharCode(97 + index));
  const gateway = await startTestGateway(
    [
      'peers:',
      ...peers.flatMap(({ address }, index) => [
        `  ${names[index] ?? ''}:`,
        `    address: ${address.aeTitle}@127.0.0.1:${ports[index] ?? address.port}`,
        PATIENT,
        ...(peer[index] ? [`    ${peer[index]}`] : []),
      ]),
      'groups:',
      `  all: { members: [${names.join(', ')}]${group === '' ? '' : `, ${group}`} }`,
      'defaultPeer: all',
      yaml,
      '',
    ].join('\n'),
  );
  return {
    gateway,
    archives,
    peers,
    get: (path, headers = {}) => request(`${gateway.service}${path}`, { headers }),
    close: async () => {
      await gateway.close();
      await Promise.all(peers.map((one) => one.close()));
    },
  };
}
