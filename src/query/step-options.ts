/** What the C-FINDs of a search are made of. */
import type { Tag } from '../dicom/index.js';
import type { MatchingKey } from '../dicomweb/index.js';
import type { PeerDateTime } from './date-time-choice.js';
import type { DateTimePlan } from './date-time.js';
import type { UnencodablePolicy } from './encodable.js';
import type { DateTimePair, QueryLevel } from './levels.js';
import type { ReturnedKeys } from './returned-keys.js';
import type { Zones } from './zone.js';

/** The entities above a query: from the URL, or from the rows of the steps before. */
export interface ParentKeys {
  /** Only of a search that begins with patients. */
  readonly patientId?: string;
  readonly studyInstanceUid?: string;
  readonly seriesInstanceUid?: string;
}

/** What a step is made of. */
export interface StepOptions {
  readonly level: QueryLevel;
  /** A C-FIND for patients goes before. */
  readonly belowPatient: boolean;
  /** UIDs fixed by the request. */
  readonly fixed: ParentKeys;
  /** The keys of this level. */
  readonly keys: readonly MatchingKey[];
  /** Attributes of this level to return beside the level's own. */
  readonly includeFields: readonly (readonly Tag[])[];
  readonly includeAll: boolean;
  /** False when the step is there for `includeFields` alone. */
  readonly includeRequired: boolean;
  readonly multipleValueMatching: boolean;
  readonly emptyValueMatching: boolean;
  /** The peer is asked for both as they are, for it accepted them (PS3.4 C.5.1.1). */
  readonly sendsMultipleValue: boolean;
  readonly sendsEmptyValue: boolean;
  readonly fuzzyMatching: boolean;
  readonly unsentKeys: readonly Tag[];
  /** Keys of numbers and of several values that the peer matches as it should; it is asked without the others. */
  readonly trustedKeys: readonly Tag[];
  /** Optional keys that rows of the peer had with a value: of the level that they are of, or as they came in this step. */
  readonly returnedKeys: ReturnedKeys;
  readonly literalWildcard: boolean;
  readonly upperCasesNames: boolean;
  readonly characterSets: readonly string[] | undefined;
  /** Those that the peer's answers were seen in, where nothing is configured. */
  readonly seenCharacterSets: readonly string[] | undefined;
  /** The set by whose codes alone text is asked for. */
  readonly bareSet?: string;
  readonly unencodable: UnencodablePolicy | undefined;
  readonly characterSetReturnKey: boolean;
  readonly dateTime: PeerDateTime;
  /** The peer joins a range of dates and one of times (PS3.4 C.5.1.1.2). */
  readonly combinesDateTime: boolean;
  readonly zones: Zones;
  /** The request's zone, where the peer is told it: `+HHMM` or `-HHMM`. */
  readonly announcedZone: string | undefined;
}

/** A pair of DA and TM keys with what becomes of it. */
export interface PlannedPair {
  readonly pair: DateTimePair;
  readonly plan: DateTimePlan;
}

/** The keys of one level in a C-FIND. */
export interface StepPart {
  readonly options: StepOptions;
  readonly pairs: readonly PlannedPair[];
  /** Those that are in no pair, in characters that the peer reads. */
  readonly keys: readonly MatchingKey[];
  /** The same as the request has them. */
  readonly judged: readonly MatchingKey[];
  /** Those of them that are sent in a wider form. */
  readonly widened: ReadonlySet<MatchingKey>;
}
