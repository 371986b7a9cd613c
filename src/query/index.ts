/** Translates DICOMweb requests into Query/Retrieve terms: identifiers, the exact filter over answers, results. */
export {
  belowIdentifier,
  completableTags,
  completeRow,
  missingIn,
  namesOf,
  seriesFrom,
  studyFrom,
  type CompletionPlan,
  type SeriesBelow,
} from './completion.js';
export { planDateTime, type DateTimePlan, type DateTimePolicy, type Zones } from './date-time.js';
export { matches, type MatchingOptions } from './matching.js';
export { sortRows } from './order.js';
export {
  defaultPeerQueryProfile,
  optionalKeys,
  planSearch,
  unverifiedWarnings,
  type PeerQueryProfile,
  type SearchPlan,
} from './plan.js';
export { listingIdentifier, retrieveIdentifier } from './retrieve-plan.js';
export { requireUniqueKey, uniqueKey } from './row.js';
export type { FindStep, ParentKeys } from './step.js';
