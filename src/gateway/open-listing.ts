import type { OperationContext } from '../core/index.js';
import type { RetrieveTarget } from '../dicomweb/index.js';
import { listInstances, type ListedInstance, type ListingBinding } from './listing.js';
import type { RetrieveBinding } from './side.js';
import type { StudyState } from './study-state.js';

type Find = ListingBinding['find'];

// An async generator to stand in for a listing that would ask the peer.
// eslint-disable-next-line @typescript-eslint/require-await
async function* alreadyKnown(instances: readonly ListedInstance[]): ReturnType<typeof listInstances> {
  yield* instances;
  return { count: instances.length, verified: true };
}

/**
 * The peer's list of `target`. What is cached is served only after the peer said that the study is still what it was;
 * of a single instance that is there or on its way, and of what was listed since, nothing more needs to be asked then.
 * Where the peer has to be asked for the list `asks` is called before.
 *
 * @throws GatewayError `not-found`, or why the peer cannot be asked about what is cached
 */
export async function openListing(
  { watch, fetcher, binding, finds }: RetrieveBinding,
  target: RetrieveTarget,
  context: OperationContext,
  asks: () => void = () => undefined,
): Promise<ReturnType<typeof listInstances>> {
  const { studyInstanceUid, seriesInstanceUid, sopInstanceUid } = target;
  const check = (): Promise<StudyState> => watch.check(studyInstanceUid, context);
  const list = (): ReturnType<typeof listInstances> => {
    asks();
    // What began before the study was found to be another may not be taken for what it is now.
    const since = watch.changes(target);
    const find: Find = (level, identifier, of) => finds.find(level, identifier, of, since);
    return listInstances({ ...binding, find }, target, context, check);
  };
  if (!watch.holds(target)) return list();
  await watch.checkCached(studyInstanceUid, context);
  const remembered = watch.listing(target);
  if (remembered) return alreadyKnown(remembered);
  if (seriesInstanceUid !== undefined && sopInstanceUid !== undefined) {
    const instance = { studyInstanceUid, seriesInstanceUid, sopInstanceUid };
    if (fetcher.knows(instance)) return alreadyKnown([{ ...instance, sopClassUid: undefined }]);
  }
  return list();
}
