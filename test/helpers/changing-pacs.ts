import { listing, selected } from './listing.js';
import {
  final,
  makeInstance,
  pending,
  startRoguePeer,
  store,
  type Attributes,
  type RogueInstance,
  type RoguePeer,
  type Script,
  type Step,
} from './rogue-peer.js';

const LEVEL = 0x00080052;

/** What it holds, and how instances are asked for as they are stored. */
export const STUDY = '/studies/2.25.77.1';
export const SERIES = `${STUDY}/series/2.25.77.2`;
export const AS_STORED = { accept: 'multipart/related; type="application/dicom"; transfer-syntax=*' };

/** A PACS whose contents and opinions a test can change at any time. */
export interface ChangingPacs {
  readonly peer: RoguePeer;
  instances: readonly RogueInstance[];
  /** Of the row of the study; they win over its counts. */
  patient: Attributes;
  /** Of further rows of it, under other patients. */
  others: readonly Attributes[];
  series: Attributes;
  /** What stands before the answer to a C-FIND of a level. */
  readonly before: Partial<Record<'STUDY' | 'SERIES' | 'IMAGE', Step>>;
  /** What stands before the instances of a C-GET. */
  beforeInstances: Step;
  /** What it holds once it is stored; others are taken and lost. */
  offered: readonly RogueInstance[];
  /** What follows when it holds an instance that was stored. */
  afterStore: Step;
  /** C-FINDs so far. */
  readonly finds: (level: 'STUDY' | 'SERIES' | 'IMAGE') => number;
  /** Instances that were sent so far. */
  readonly sent: () => number;
}

/** Starts one that holds `instances`, all of study 2.25.77.1. */
export async function startChangingPacs(
  instances: readonly RogueInstance[] = [makeInstance(), makeInstance(), makeInstance()],
): Promise<ChangingPacs> {
  const finds: string[] = [];
  let sent = 0;
  const pacs: Omit<ChangingPacs, 'peer'> = {
    instances,
    patient: { PatientID: 'P1', PatientName: 'ONE^A' },
    others: [],
    series: { Modality: 'CT', SeriesDescription: 'first' },
    before: {},
    beforeInstances: () => undefined,
    offered: [],
    afterStore: final(),
    finds: (level) => finds.filter((one) => one === level).length,
    sent: () => sent,
  };
  const answer: Script = (rq, identifier) => {
    const level = identifier.get(LEVEL);
    if (level === 'IMAGE') {
      const script = listing(pacs.instances);
      return typeof script === 'function' ? script(rq, identifier) : script;
    }
    const uid = identifier.get(0x0020000e) ?? '';
    const held = pacs.instances.filter(
      (one) => level === 'STUDY' || uid === '' || one.seriesInstanceUid === uid,
    );
    const series = [...new Set(held.map((one) => one.seriesInstanceUid))];
    const StudyInstanceUID = '2.25.77.1';
    if (held.length === 0) return [final()];
    if (level === 'STUDY') {
      const NumberOfStudyRelatedSeries = String(series.length);
      const NumberOfStudyRelatedInstances = String(held.length);
      const counts = { NumberOfStudyRelatedSeries, NumberOfStudyRelatedInstances };
      const rows = [pacs.patient, ...pacs.others].map((patient) =>
        pending({ QueryRetrieveLevel: 'STUDY', StudyInstanceUID, ...counts, ...patient }),
      );
      return [...rows, final()];
    }
    const rows = series.map((SeriesInstanceUID) => {
      const many = held.filter((one) => one.seriesInstanceUid === SeriesInstanceUID).length;
      const counts = { NumberOfSeriesRelatedInstances: String(many) };
      const uids = { StudyInstanceUID, SeriesInstanceUID };
      return pending({ QueryRetrieveLevel: 'SERIES', ...uids, ...pacs.series, ...counts });
    });
    return [...rows, final()];
  };
  const onFind: Script = (rq, identifier) => {
    const level = identifier.get(LEVEL) as 'STUDY' | 'SERIES' | 'IMAGE';
    finds.push(level);
    const steps = typeof answer === 'function' ? answer(rq, identifier) : answer;
    return [...(pacs.before[level] ? [pacs.before[level]] : []), ...steps];
  };
  const onGet: Script = (_request, identifier) => {
    const wanted = selected(pacs.instances, identifier);
    sent += wanted.length;
    // As it is when it is sent.
    const now = (one: RogueInstance): RogueInstance =>
      pacs.instances.find((held) => held.sopInstanceUid === one.sopInstanceUid) ?? one;
    const send =
      (one: RogueInstance): Step =>
      (operation) =>
        store(now(one))(operation);
    return [pacs.beforeInstances, ...wanted.map(send), final()];
  };
  const onStore: Script = ({ affectedSopInstanceUid: uid }) => {
    const isOther = (one: RogueInstance): boolean => one.sopInstanceUid !== uid;
    const taken = pacs.offered.filter((one) => !isOther(one));
    pacs.instances = [...pacs.instances.filter(isOther), ...taken];
    return [pacs.afterStore];
  };
  const peer = await startRoguePeer({ onFind, onGet, onStore });
  return Object.assign(pacs, { peer });
}
