import { GatewayError, type OperationContext } from '../core/index.js';
import { Dataset, Tags } from '../dicom/index.js';
import type { RetrieveBinding } from './side.js';

/** What is to be dropped from the cache. */
export type PurgeTarget =
  | { readonly kind: 'all' }
  | { readonly kind: 'study'; readonly studyInstanceUid: string }
  /** All studies that the peer has of this patient id now. */
  | { readonly kind: 'patient'; readonly patientId: string };

/** Drops complete instances of one peer from the cache; says how many. What still arrives stays. @throws GatewayError */
export async function purge(
  side: RetrieveBinding,
  target: PurgeTarget,
  context: OperationContext,
): Promise<number> {
  side.hotFrames.clear();
  side.pictures.clear();
  if (target.kind === 'all') side.metadata.drop();
  let dropped = 0;
  for (const studyInstanceUid of await studiesToDrop(side, target, context)) {
    side.metadata.drop(studyInstanceUid);
    dropped += side.watch.purge({ studyInstanceUid });
  }
  return dropped;
}

async function studiesToDrop(
  side: RetrieveBinding,
  target: PurgeTarget,
  context: OperationContext,
): Promise<Iterable<string>> {
  if (target.kind === 'study') return [target.studyInstanceUid];
  return target.kind === 'all' ? cachedStudies(side) : studiesOf(side, target.patientId, context);
}

function cachedStudies({ binding, deps }: RetrieveBinding): ReadonlySet<string> {
  return new Set(deps.instances.complete(binding.peer.name).map(({ key }) => key.studyInstanceUid));
}

async function studiesOf(
  { binding }: RetrieveBinding,
  patientId: string,
  context: OperationContext,
): Promise<ReadonlySet<string>> {
  const identifier = new Dataset()
    .setString(Tags.QueryRetrieveLevel, 'STUDY', 'CS')
    .setString(Tags.PatientID, patientId, 'LO')
    .setEmpty(Tags.StudyInstanceUID, 'UI');
  const studies = new Set<string>();
  const find = binding.peer.find('STUDY', identifier, context);
  for (;;) {
    const next = await find.next();
    if (next.done) {
      if (!next.value.truncated && studies.size !== binding.retrieve.findLimit) return studies;
      throw new GatewayError('peer-incomplete', 'The PACS did not list all studies of the patient.', {
        peer: binding.peer.name,
      });
    }
    // A peer that ignores the key returns everybody's; one that does not return it is believed.
    const id = next.value.string(Tags.PatientID)?.trim();
    const study = next.value.string(Tags.StudyInstanceUID);
    if (study !== undefined && (id === undefined || id === '' || id === patientId)) studies.add(study);
  }
}
