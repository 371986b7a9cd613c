/**
 * What a peer does beyond the baseline of C-FIND, as it accepted in the SOP Class Extended Negotiation.
 *
 * @see PS3.4 C.5.1.1, PS3.7 D.3.3.5
 */
export interface QueryOptions {
  /** Queries may leave out the unique keys above the level. */
  readonly relational: boolean;
  /** A range of dates and one of times match as one range. */
  readonly dateTime: boolean;
  /** Names match by the peer's idea of similarity. */
  readonly fuzzy: boolean;
  /** (0008,0201) of the identifier tells the zone of its dates and times. */
  readonly timezone: boolean;
  /** `""` matches empty values. */
  readonly emptyValue: boolean;
  /** A list of values matches entities that hold all of them. */
  readonly multipleValue: boolean;
}

/** The information model that identifiers of C-FIND, C-GET and C-MOVE are made for. @see PS3.4 C.6.1, C.6.2 */
export type QueryRoot = 'study' | 'patient';

/** The baseline: what every peer does. */
export const baselineQueryOptions: QueryOptions = {
  relational: false,
  dateTime: false,
  fuzzy: false,
  timezone: false,
  emptyValue: false,
  multipleValue: false,
};
