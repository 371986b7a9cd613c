import type { AssociationUse } from './lease.js';

/** How an association is held, or wanted. */
export interface Share {
  readonly use: AssociationUse;
  /** Not for a person who waits: prefetch or bulk. */
  readonly isBackground: boolean;
}

export interface ShareLimits {
  /** Associations with the peer, as configured. */
  readonly associations: number;
  /** The same as far as the peer is known to take them. */
  readonly usable: number;
  /** Transfers in the background. */
  readonly background: number;
}

/**
 * Whether one more may be taken beside those `held`. Where there are several associations, transfers leave one to
 * searches; background transfers leave one of what remains to people, and background work as a whole leaves one too.
 */
export function mayTake(wanted: Share, held: readonly Share[], limits: ShareLimits): boolean {
  const transfers = held.filter(({ use }) => use === 'transfer');
  if (wanted.use === 'transfer' && transfers.length >= allButOne(limits.associations)) return false;
  if (!wanted.isBackground) return true;
  const background = held.filter(({ isBackground }) => isBackground);
  if (background.length >= allButOne(limits.usable)) return false;
  if (wanted.use === 'search') return true;
  const most = Math.min(limits.background, allButOne(allButOne(limits.usable)));
  return transfers.filter(({ isBackground }) => isBackground).length < most;
}

/** One when there is only one. */
function allButOne(count: number): number {
  return Math.max(1, count - 1);
}
