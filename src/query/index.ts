/** Translates DICOMweb requests into Query/Retrieve terms: identifiers, the exact filter over answers, results. */
export {
  belowIdentifier,
  completeRow,
  missingIn,
  namesOf,
  seriesFrom,
  studyFrom,
  type CompletionPlan,
  type SeriesBelow,
} from './completion.js';
export { spanAround } from './date-time-probe.js';
export type { DateTimePolicy } from './date-time-form.js';
export type { DateTimeSlice } from './date-time-slices.js';
export { planDateTime, type DateTimePlan } from './date-time.js';
export { completableTags } from './levels.js';
export { matches, type MatchingOptions } from './matching.js';
export { sortRows } from './order.js';
export {
  addPatient,
  asksOfPatient,
  belowPatient,
  isOf,
  patientIdOf,
  splitByPatient,
  type PatientParts,
} from './patient-identifier.js';
export {
  defaultPeerQueryProfile,
  planSearch,
  usesQueryOptions,
  type PeerQueryProfile,
  type SearchPlan,
} from './plan.js';
export { narrowed, passes, passesWholly, restrictionTags } from './restriction.js';
export { listingIdentifier, retrieveIdentifier } from './retrieve-plan.js';
export { returnedTags } from './returned-keys.js';
export { requireUniqueKey, uniqueKey } from './row.js';
export type { ParentKeys } from './step-options.js';
export type { FindStep } from './step.js';
export { nameKeys, optionalKeys, unverifiedWarnings } from './unverified.js';
export type { Zones } from './zone.js';
export { Wildcards } from './wildcards.js';
