import type { OperationContext } from '../core/index.js';
import type { RetrieveTarget } from '../dicomweb/index.js';
import { listInstances, type AskedPeer, type ListedInstance } from './listing.js';
import type { PeerBinding } from './ports.js';
import { targetText } from './refusals.js';
import type { SharedFinds } from './shared-finds.js';
import type { SharedWork } from './shared-work.js';
import type { StudyWatch } from './study-watch.js';

/** One peer's side of listing. */
export interface ListingBinding {
  readonly binding: PeerBinding;
  readonly watch: StudyWatch;
  /** Listings that are made anew, by target. */
  readonly relisting: SharedWork<void>;
  /** C-FINDs of listings that run now; none of their answers is kept. */
  readonly finds: SharedFinds;
}

/** Asks the peer what `target` consists of; the watch hears of the study and the series. @throws GatewayError */
export function listAnew(
  { binding, watch, finds }: ListingBinding,
  target: RetrieveTarget,
  context: OperationContext,
): ReturnType<typeof listInstances> {
  const { studyInstanceUid } = target;
  // What began before something had become of the study may not be taken for what it is now.
  const since = watch.changes(target);
  const find: AskedPeer['find'] = (level, identifier, of) => finds.find(level, identifier, of, since);
  return listInstances({ ...binding, find }, target, context, {
    count: () => watch.check(target, context),
    sawSeries: (series, state) => {
      watch.sawSeries(studyInstanceUid, series, state);
    },
    knowsSeries: (series) => watch.knowsSeries(studyInstanceUid, series),
  });
}

/**
 * What `target` consists of, if it was listed before; listed anew, once for all who ask, when that is too long ago. To be
 * used after `StudyWatch.check`.
 *
 * Nobody is served while this runs: the list may show that what is cached is not what the peer has.
 *
 * @returns undefined when it is to be listed by who asks
 * @throws GatewayError when the peer cannot be asked
 */
export async function currentListing(
  side: ListingBinding,
  target: RetrieveTarget,
  context: OperationContext,
): Promise<readonly ListedInstance[] | undefined> {
  const { watch, relisting } = side;
  if (watch.isOutdated(target)) {
    const work = (): Promise<void> => relist(side, target, context);
    const { priority = 'interactive' } = context;
    await relisting.run(`${priority} ${targetText(target)}`, work, context.signal);
  }
  return watch.listing(target);
}

async function relist(
  side: ListingBinding,
  target: RetrieveTarget,
  { requestId, priority }: OperationContext,
): Promise<void> {
  const { watch } = side;
  const start = watch.listingStart(target);
  const { signal } = new AbortController();
  const of = { requestId, signal, patient: true, ...(priority && { priority }) };
  const listing = listAnew(side, target, of);
  const list: ListedInstance[] = [];
  let next = await listing.next();
  for (; !next.done; next = await listing.next()) list.push(next.value);
  if (next.value.verified) watch.remember(target, list, start);
  // Whoever opens it lists it again, and sees to what may be missing.
  else watch.forgetListing(target);
}
