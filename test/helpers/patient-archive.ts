import { selected } from './listing.js';
import {
  acceptPatientRoot,
  final,
  pending,
  startRoguePeer,
  store,
  Uids,
  type Attributes,
  type RogueInstance,
  type RoguePeer,
  type RoguePeerOptions,
  type Step,
} from './rogue-peer.js';

const LEVEL = 0x00080052;
const PATIENT_ID = 0x00100020;
const STUDY = 0x0020000d;
const SERIES = 0x0020000e;
const SOP = 0x00080018;
/** Of patients beside the unique key. @see PS3.4 Table C.6-1 */
const PATIENT_KEYS = {
  PatientName: 0x00100010,
  PatientBirthDate: 0x00100030,
  PatientSex: 0x00100040,
} as const;
const STUDY_KEYS = {
  StudyDate: 0x00080020,
  StudyDescription: 0x00081030,
  AccessionNumber: 0x00080050,
} as const;

/** A patient with what the archive holds of it. */
export interface HeldPatient {
  readonly id: string;
  readonly patient?: Readonly<Partial<Record<keyof typeof PATIENT_KEYS, string>>>;
  readonly studies: readonly {
    readonly study?: Readonly<Partial<Record<keyof typeof STUDY_KEYS, string>>>;
    readonly instances: readonly RogueInstance[];
  }[];
}

/** One C-FIND, C-GET or C-MOVE that came, in words: `STUDY P1 2.25.1`. */
export type Asked = string;

export interface PatientArchive {
  /** Can be changed at any time. */
  patients: readonly HeldPatient[];
  /** Answers a level with this, in place of what is held. */
  readonly answers: Partial<Record<string, readonly Step[]>>;
  /** Studies are also found without their patients, which the model forbids. */
  isLenient: boolean;
  readonly finds: Asked[];
  readonly retrieves: Asked[];
}

const isHeld = (held: string | undefined, asked: string | undefined): boolean => {
  if (asked === undefined || asked === '') return true;
  const pattern = asked
    .replace(/[\\^$.|+()[\]{}]/g, '\\$&')
    .replaceAll('*', '.*')
    .replaceAll('?', '.');
  if (/^\d{8}-\d{8}$/.test(asked)) {
    const [from = '', to = ''] = asked.split('-');
    return held !== undefined && from <= held && held <= to;
  }
  return new RegExp(`^${pattern}$`, 'i').test(held ?? '');
};

function matching<K extends string>(
  tags: Readonly<Record<K, number>>,
  held: Readonly<Partial<Record<K, string>>>,
  identifier: ReadonlyMap<number, string>,
): boolean {
  return Object.entries<number>(tags).every(([name, tag]) =>
    isHeld(held[name as K], identifier.get(tag)?.trim()),
  );
}

/** What the model forbids in an identifier: a level without the unique keys above it, and other keys of these levels. */
function isForbidden(
  archive: PatientArchive,
  identifier: ReadonlyMap<number, string>,
  level: string,
): boolean {
  const above = {
    PATIENT: [],
    STUDY: [PATIENT_ID],
    SERIES: [PATIENT_ID, STUDY],
    IMAGE: [PATIENT_ID, STUDY, SERIES],
  };
  const required = above[level as keyof typeof above];
  if (archive.isLenient && level === 'STUDY') return false;
  const ofPatient = Object.values(PATIENT_KEYS).some((tag) => identifier.has(tag));
  return (
    (ofPatient && level !== 'PATIENT') ||
    required.some((tag) => /^$|[*?\\]/.test((identifier.get(tag) ?? '').trim()))
  );
}

function rows(
  archive: PatientArchive,
  identifier: ReadonlyMap<number, string>,
  level: string,
): readonly Attributes[] {
  const patients = archive.patients.filter(({ id }) => isHeld(id, identifier.get(PATIENT_ID)?.trim()));
  if (level === 'PATIENT')
    return patients
      .filter(({ patient = {} }) => matching(PATIENT_KEYS, patient, identifier))
      .map(({ id, patient = {} }) => ({ PatientID: id, ...patient }));
  return patients.flatMap(({ id, studies }) =>
    studies.flatMap(({ study = {}, instances }) =>
      studyRows(id, study, selected(instances, identifier), identifier),
    ),
  );
}

function studyRows(
  PatientID: string,
  study: Readonly<Partial<Record<keyof typeof STUDY_KEYS, string>>>,
  held: readonly RogueInstance[],
  identifier: ReadonlyMap<number, string>,
): readonly Attributes[] {
  const [one] = held;
  if (one === undefined || !matching(STUDY_KEYS, study, identifier)) return [];
  const level = identifier.get(LEVEL)?.trim();
  const uids = { PatientID, StudyInstanceUID: one.studyInstanceUid };
  const series = [...new Set(held.map(({ seriesInstanceUid }) => seriesInstanceUid))];
  const countOf = (uid: string): number => held.filter((each) => each.seriesInstanceUid === uid).length;
  if (level === 'STUDY')
    return [
      {
        ...uids,
        ...study,
        ModalitiesInStudy: 'CT',
        NumberOfStudyRelatedSeries: String(series.length),
        NumberOfStudyRelatedInstances: String(held.length),
      },
    ];
  if (level === 'SERIES')
    return series.map((SeriesInstanceUID) => ({
      ...uids,
      SeriesInstanceUID,
      Modality: 'CT',
      NumberOfSeriesRelatedInstances: String(countOf(SeriesInstanceUID)),
    }));
  return held.map(({ seriesInstanceUid, sopClassUid, sopInstanceUid }) => ({
    ...uids,
    SeriesInstanceUID: seriesInstanceUid,
    SOPClassUID: sopClassUid,
    SOPInstanceUID: sopInstanceUid,
  }));
}

const wordsOf = (identifier: ReadonlyMap<number, string>): string =>
  [LEVEL, PATIENT_ID, STUDY, SERIES, SOP]
    .flatMap((tag) => identifier.get(tag)?.trim() ?? [])
    .filter((word) => word !== '')
    .join(' ');

/**
 * A PACS that offers the Patient Root model alone, by the letter: what the model forbids is refused (A900). Where `associate`
 * accepts the Study Root it is searched by that too, for studies without a look at their patients.
 */
export async function startPatientArchive(
  patients: readonly HeldPatient[],
  options: RoguePeerOptions = {},
): Promise<{ readonly archive: PatientArchive; readonly peer: RoguePeer }> {
  const archive: PatientArchive = { patients, answers: {}, isLenient: false, finds: [], retrieves: [] };
  const retrieve = (identifier: ReadonlyMap<number, string>): readonly Step[] => {
    archive.retrieves.push(wordsOf(identifier));
    if (isForbidden(archive, identifier, identifier.get(LEVEL)?.trim() ?? '')) return [final(0xa900)];
    const held = archive.patients.filter(({ id }) => id === identifier.get(PATIENT_ID)?.trim());
    const wanted = selected(
      held.flatMap(({ studies }) => studies.flatMap(({ instances }) => instances)),
      identifier,
    );
    return [...wanted.map((one) => store(one)), final()];
  };
  const peer = await startRoguePeer({
    associate: acceptPatientRoot(),
    onFind: (request, identifier) => {
      const level = identifier.get(LEVEL)?.trim() ?? '';
      archive.finds.push(wordsOf(identifier));
      const isOfStudyRoot = request.affectedSopClassUid === Uids.studyRootFind;
      if (!isOfStudyRoot && isForbidden(archive, identifier, level)) return [final(0xa900)];
      const answer = archive.answers[level];
      return answer ?? [...rows(archive, identifier, level).map((row) => pending(row)), final()];
    },
    onGet: (_request, identifier) => retrieve(identifier),
    onMove: (_request, identifier) => retrieve(identifier),
    ...options,
  });
  return { archive, peer };
}
