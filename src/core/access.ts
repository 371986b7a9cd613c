/**
 * What a principal may do: QIDO-RS; WADO-RS, WADO-URI and preloads; STOW-RS and storage commitment; read the metrics and the
 * state of the peers; everything of the operator, that included.
 */
export type Permission = 'search' | 'retrieve' | 'store' | 'metrics' | 'admin';

/** What a value is to be, or how it is to begin. */
export interface ValueTest {
  readonly text: string;
  readonly isPrefix: boolean;
}

/** Values of one attribute, of which a study must have one. */
export interface AttributeTest {
  readonly tag: number;
  readonly anyOf: readonly ValueTest[];
}

/** Which studies somebody may have to do with: those that pass every test of one of these lists. */
export interface Restriction {
  readonly anyOf: readonly (readonly AttributeTest[])[];
}
