/** Which query parameters a route has, beside those of content negotiation. */
export type ApiQuery = 'search' | 'rendered' | 'thumbnail' | 'wado';

/** What an answer is: its media types, none where it has no body. */
export interface ApiAnswer {
  readonly is: string;
  readonly types?: readonly string[];
}

/** A route as documents describe it, for machines and people. */
export interface ApiRoute {
  readonly method: 'get' | 'post' | 'delete' | 'options';
  /** As Express has it. */
  readonly path: string;
  /** A name of its own. */
  readonly id: string;
  readonly summary: string;
  /** Of PS3.18, for what the standard describes; the gateway's own otherwise. */
  readonly clause?: string;
  readonly query?: ApiQuery;
  /** Media types that a body may have. */
  readonly body?: readonly string[];
  /** Those that are no failure. */
  readonly answers: Readonly<Record<number, ApiAnswer>>;
  /** Whether it is for anybody, whoever that is. */
  readonly isOpen?: true;
  /** Whether it stores: not there where a peer is read-only. */
  readonly stores?: boolean;
}

export const JSON_TYPE = 'application/json';
export const DICOM_JSON = 'application/dicom+json';
export const DICOM_XML = 'multipart/related; type="application/dicom+xml"';
export const FILES = 'multipart/related; type="application/dicom"';
export const BYTES = 'multipart/related; type="application/octet-stream"';
export const PICTURES: readonly string[] = ['image/jpeg', 'image/png', 'image/gif', 'image/webp'];
