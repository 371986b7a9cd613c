import { z } from 'zod';
import { choice, duration, durationOrOff, integer, key } from './kind.js';

/** Searches and their bounds. */
export const search = z.strictObject({
  maxResults: key(
    integer(1, 1_000_000),
    'Most results of one search; a Warning says when there are more.',
  ).prefault(50_000),
  maxUnlimited: key(
    integer(0, 1_000_000),
    'The same of a search without a limit, which is then answered as with this one; 0 means that it gets all there are, row by row.',
  ).prefault(0),
  lookAhead: key(
    integer(0, 1_000_000),
    'How many results beyond the limit are counted to say how many remain; and how many of an answer without a limit are waited for before the first is sent.',
  ).prefault(1000),
  lookAheadTime: key(
    durationOrOff,
    'How long after its first result an answer without limit and offset is waited for, once it is more than 100; 0 means until there are `search.lookAhead` results.',
  ).prefault('50ms'),
  emptyResponse: key(
    choice('200-empty-list', '204'),
    'What a search without results is answered with.',
  ).prefault('200-empty-list'),
  keepAnswers: key(
    durationOrOff,
    "How long the PACS's answer to a search is given to others who search for the same; 0 means only while it comes.",
  ).prefault(0),
  maxScan: key(
    integer(0, 10_000_000),
    'How many rows beside the times of a search by date and time are passed over, before the peer is asked for narrower slices where it can be (`peers.*.dateTime.plan`). And how many rows of all studies that a peer lists in vain, because it is not relied upon to match a key (`peers.*.profile.trustedKeys`), are looked through: more are answered 413.',
  ).prefault(10_000),
  maxSlices: key(
    integer(1, 1_000_000),
    'Most C-FINDs that a search by date is divided into when the peer cuts its answers; beyond it the answer is 413.',
  ).prefault(1000),
  order: key(
    choice('sorted', 'peer'),
    'Results of a search with a limit that finds no more than `search.lookAhead` are sorted (newest studies first, then by number and UID), so that its pages fit together; of one without, no more than 100, unless `search.lookAheadTime` is 0. Or they stay as the PACS lists them, as larger ones do.',
  ).prefault('sorted'),
  complete: key(
    choice('page', 'off'),
    'Whether modalities and counts that the PACS does not return are found out from the series, or instances, of the results that are sent; and whether a search by them is filtered so.',
  ).prefault('page'),
  completeWithin: key(
    duration,
    'How long a result waits for that; then this and all others of the search are sent as the PACS gave them, with a Warning.',
  ).prefault('5s'),
  completeInstances: key(
    integer(0, 1_000_000),
    'Most instances that one search lists to count them, where the PACS counts neither those of a study nor of a series.',
  ).prefault(10_000),
  maxPatients: key(
    integer(1, 1_000_000),
    'How many patients one search asks for their studies at most, at a peer that offers the Patient Root model alone; where more match it is answered 413.',
  ).prefault(2000),
  maxLookups: key(
    integer(1, 1_000_000),
    'Most studies of one search whose series are looked at because it is by ModalitiesInStudy (or the like) and the PACS does not return that; more are answered 413.',
  ).prefault(2000),
  joinConcurrency: key(integer(1, 100), 'How many lower-level queries of one search run at once.').prefault(
    2,
  ),
});
