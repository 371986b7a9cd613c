import type { OperationContext } from '../core/index.js';
import type { RetrieveTarget } from '../dicomweb/index.js';
import type { ListedInstance, ListingOutcome } from './listing.js';
import { currentListing, listAnew } from './relist.js';
import type { RetrieveBinding } from './side.js';

/** A listing that runs, or stands for one. */
type Listing = AsyncGenerator<ListedInstance, ListingOutcome, undefined>;

// eslint-disable-next-line @typescript-eslint/require-await -- stands in for a listing that asks the peer
async function* alreadyKnown(instances: readonly ListedInstance[]): Listing {
  yield* instances;
  return { count: instances.length, verified: true, remembered: true };
}

/**
 * The peer's list of `target`. What is cached is served only after the peer said that the study is still what it was;
 * of a single instance that is there or on its way, and of what was listed since, nothing more needs to be asked then.
 * Where the peer has to be asked for the list `asks` is called before.
 *
 * @throws GatewayError `not-found`, or why the peer cannot be asked about what is cached
 */
export async function openListing(
  side: RetrieveBinding,
  target: RetrieveTarget,
  context: OperationContext,
  asks: () => void = () => undefined,
): Promise<Listing> {
  const { watch, fetcher } = side;
  const { studyInstanceUid, seriesInstanceUid, sopInstanceUid } = target;
  const list = (): Listing => {
    asks();
    return listAnew(side, target, context);
  };
  if (!watch.holds(target)) return list();
  await watch.checkCached(studyInstanceUid, context);
  const remembered = await currentListing(side, target, context);
  if (remembered) return alreadyKnown(remembered);
  if (seriesInstanceUid !== undefined && sopInstanceUid !== undefined) {
    const instance = { studyInstanceUid, seriesInstanceUid, sopInstanceUid };
    if (fetcher.knows(instance)) return alreadyKnown([{ ...instance, sopClassUid: undefined }]);
  }
  return list();
}
