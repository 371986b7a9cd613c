import type { ByteSource, GatewayError } from '../core/index.js';
import type { Lease } from './lease.js';
import type { Place } from './spool-file.js';

/** Append-only bytes with one writer and any number of readers that follow its tail at their own pace. */
export interface Spool extends ByteSource {
  readonly state: 'open' | 'complete' | 'failed';
  /**
   * Adds a copy of `chunk`. A promise is back-pressure: send more when it resolves. It rejects with the `GatewayError`
   * that ended the spool.
   */
  write(chunk: Buffer): void | Promise<void>;
  /** No more bytes will come. Rejects with the `GatewayError` that ended the spool, if one did. */
  finish(): void | Promise<void>;
  /** No more bytes will come because of `error`, which readers see after the bytes that did come. */
  fail(error: GatewayError): void;
  /** The bytes are freed as soon as nobody reads them; later readers get an error. */
  discard(): void;
  /** Keeps the bytes there, and a writer without room waiting, until it is released. */
  lease(): Lease;
}

/** What the owner of a spool wants to know. */
export interface SpoolEvents {
  /** It became idle or busy, or began to move to disk. */
  changed?(): void;
  failed?(error: GatewayError): void;
  /** It is no longer whole: bytes were given up so that it can flow, or cannot be read. */
  lost?(overflowed: boolean): void;
  /** The writer waits, and nothing but a reader will make room. */
  short?(): void;
  /** Every byte is on disk. */
  saved?(place: Place): void;
  /** The disk has failed, or had no room, and every byte is in memory alone. */
  notCopied?(): void;
  freed?(): void;
}

/** What is known of the length of a spool when it is made. */
export interface SpoolLengths {
  /** Bytes that are on disk already, and all there is: see `SpoolBody.restored`. */
  readonly savedBytes?: number | undefined;
  /** About how many will come. */
  readonly expectedBytes?: number | undefined;
}
