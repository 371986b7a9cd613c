import type { OperationContext } from '../core/index.js';
import type { RetrieveTarget } from '../dicomweb/index.js';
import type { ListedInstance, ListingOutcome } from './listing.js';
import { currentListing, listAnew } from './relist.js';
import type { RetrieveBinding } from './side.js';
import { isWithin } from './want.js';

/** A listing that runs, or stands for one. */
type Listing = AsyncGenerator<ListedInstance, ListingOutcome, undefined>;

// eslint-disable-next-line @typescript-eslint/require-await -- stands in for a listing that asks the peer
async function* alreadyKnown(instances: readonly ListedInstance[]): Listing {
  yield* instances;
  return { count: instances.length, verified: true, remembered: instances };
}

/**
 * The peer's list of `target`. What is cached is served only after the peer said that the study is still what it was, now
 * where anything else is to be fetched beside it; of a single instance that is there or on its way, and of what was listed
 * since, nothing more needs to be asked then. Where the peer has to be asked for the list `asks` is called before.
 *
 * @throws GatewayError `not-found`, or why the peer cannot be asked about what is cached
 */
export async function openListing(
  side: RetrieveBinding,
  target: RetrieveTarget,
  context: OperationContext,
  asks: () => void = () => undefined,
): Promise<Listing> {
  const known = side.watch.holds(target) ? await knownListing(side, target, context) : undefined;
  if (known) return alreadyKnown(known);
  asks();
  return listAnew(side, target, context);
}

/** The list of something of which a part may be cached; undefined where the peer has to be asked for it. */
async function knownListing(
  side: RetrieveBinding,
  target: RetrieveTarget,
  context: OperationContext,
): Promise<readonly ListedInstance[] | undefined> {
  const { watch, fetcher } = side;
  const { studyInstanceUid, seriesInstanceUid, sopInstanceUid } = target;
  await watch.checkCached(target, context);
  const remembered = await currentListing(side, target, context);
  if (seriesInstanceUid !== undefined && sopInstanceUid !== undefined) {
    const instance = { studyInstanceUid, seriesInstanceUid, sopInstanceUid };
    return remembered ?? (fetcher.knows(instance) ? [{ ...instance, sopClassUid: undefined }] : undefined);
  }
  const isThere = remembered?.every((one) => fetcher.knows(one)) ?? false;
  if ((isThere && !watch.asksBeside) || !holdsWithin(side, target)) return remembered;
  // What came at different times, and what is fetched now, go into one answer: they must be of one patient.
  await watch.checkAfter(studyInstanceUid, remembered ? latestOf(side, remembered) : Infinity, context);
  return watch.listing(target);
}

/** Whether any instance of a study or series has come and is cached. */
const holdsWithin = ({ deps, binding }: RetrieveBinding, target: RetrieveTarget): boolean =>
  deps.instances
    .ofStudy(binding.peer.name, target.studyInstanceUid)
    .some(({ key, meta }) => meta !== undefined && isWithin(key, target));

/** The ordinal of what came last of these; infinite while one of them is on its way or not there. */
function latestOf({ deps, binding }: RetrieveBinding, list: readonly ListedInstance[]): number {
  const peer = binding.peer.name;
  const ordinals = list.map((listed) => deps.instances.peek({ ...listed, peer })?.ordinal ?? Infinity);
  return ordinals.reduce((latest, ordinal) => Math.max(latest, ordinal), 0);
}
