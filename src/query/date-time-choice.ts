/** Which of the ways of asking for dates and times a peer gets (DT-22 to DT-24). */
import type { DateTimePolicy } from './date-time-form.js';
import type { DateTimeSlice } from './date-time-slices.js';
import type { DateTimeWays } from './date-time.js';

/** What a peer makes of dates and times, as configured and as learnt. */
export interface PeerDateTime extends DateTimePolicy {
  /** The way of asking; `auto` when left out. */
  readonly plan?: 'auto' | 'native' | 'date-only' | 'sliced';
  /** A range of times also finds what has no time; not relied on when left out. */
  readonly findsEmptyTimes?: boolean;
  /** Combined matching, where it was accepted, was seen to find what plan A finds. */
  readonly dateTimeProved?: boolean;
}

/** How a step asks for its dates and times. */
export interface DateTimeAsking {
  /** Each is one C-FIND; together they ask for everything that matches. */
  readonly slices: readonly DateTimeSlice[];
  /** What is asked in their place when too many rows come that are beside the times. */
  readonly narrower: readonly DateTimeSlice[] | undefined;
  /** Parts of a slice that the peer did not answer whole; none of one that cannot be divided. `today` in days since 1970. */
  readonly split: DateTimeWays['split'];
  /** The peer is to read a range of dates and one of times as one range. */
  readonly isNative: boolean;
  /** Whether a slice of a day may miss what has no time, which would match. */
  readonly mayMissEmptyTimes: boolean;
}

/** Chooses for a peer that `combines` dates and times on the association, or does not. */
export function chooseAsking(ways: DateTimeWays, peer: PeerDateTime, combines: boolean): DateTimeAsking {
  const mayMissEmptyTimes = peer.unknown === 'match' && peer.findsEmptyTimes !== true;
  const common = { split: ways.split, mayMissEmptyTimes, narrower: undefined, isNative: false };
  if (ways.isCombined && combines && trustsNative(peer))
    return { ...common, slices: ways.native, isNative: true };
  // A peer that combines would join two keys that mean something else (DT-22).
  const canSlice = !mayMissEmptyTimes && (ways.isCombined || !combines);
  if (!canSlice || peer.plan === 'date-only') return { ...common, slices: ways.dateOnly };
  if (peer.plan === 'sliced') return { ...common, slices: ways.sliced };
  const isNarrower = ways.sliced.some(({ time }) => time !== '');
  return { ...common, slices: ways.dateOnly, narrower: isNarrower ? ways.sliced : undefined };
}

function trustsNative({ plan = 'auto', dateTimeProved = false }: PeerDateTime): boolean {
  return plan === 'native' || (plan === 'auto' && dateTimeProved);
}
