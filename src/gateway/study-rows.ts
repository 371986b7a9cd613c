import { GatewayError, type OperationContext, type PatientIdentity } from '../core/index.js';
import { Tags, type Dataset } from '../dicom/index.js';
import { listingIdentifier } from '../query/index.js';
import { patientIn } from './patient.js';
import type { PeerBinding } from './ports.js';
import { sopClassesIn } from './sop-classes.js';
import { studyState, togetherOf, type StudyState } from './study-state.js';

/** Patients under whom one study is looked at; who has more has no order that could be kept. */
const MOST_PATIENTS = 16;

/** What a peer says of a study now. */
export interface StudyTold {
  readonly state: StudyState;
  readonly sopClassUids: readonly string[];
  /** Whose it is: of several where the peer holds it under several patients, which happens while it corrects one. */
  readonly patients: readonly PatientIdentity[];
}

/**
 * Asks what the peer says of a study; undefined when it has none. Where it has several rows of it, each under another
 * patient, they count together: what becomes of one of them becomes of the study.
 *
 * @throws GatewayError of the C-FIND, or `peer-incomplete` when it was cut short
 */
export async function askStudy(
  { peer }: Pick<PeerBinding, 'peer'>,
  study: string,
  context: OperationContext,
): Promise<StudyTold | undefined> {
  const find = peer.find('STUDY', listingIdentifier('STUDY', { studyInstanceUid: study }), context);
  const rows = new Map<string, Dataset>();
  for (;;) {
    const next = await find.next();
    if (next.done) {
      if (rows.size > 0 || !next.value.truncated)
        return rows.size > 0 ? toldBy([...rows.values()]) : undefined;
      throw new GatewayError('peer-incomplete', 'The PACS did not say what it has of the study.', {
        peer: peer.name,
      });
    }
    const row = next.value;
    // Peers that ignore a key return everything, and some a row for each instance.
    if ((row.string(Tags.StudyInstanceUID) ?? study) !== study) continue;
    const identity = JSON.stringify(studyState(row).identity);
    if (!rows.has(identity) && rows.size < MOST_PATIENTS) rows.set(identity, row);
  }
}

function toldBy(rows: readonly Dataset[]): StudyTold {
  const ofEach = new Map<string, Dataset>();
  for (const row of rows) {
    const patient = JSON.stringify(patientIn(row) ?? null);
    if (!ofEach.has(patient)) ofEach.set(patient, row);
  }
  const firsts = [...ofEach.values()];
  const { identity } = togetherOf(rows.map(studyState));
  return {
    // Several rows of one patient count the same instances.
    state: { ...togetherOf(firsts.map(studyState)), identity },
    sopClassUids: [...new Set(rows.flatMap(sopClassesIn))],
    patients: firsts.flatMap((row) => patientIn(row) ?? []),
  };
}
