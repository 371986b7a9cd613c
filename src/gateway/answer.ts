import type { ByteSpan } from '../dicomweb/index.js';
import type { WholeDocument } from './metadata-memory.js';

/** What becomes of a document in a browser: somebody else has made it, and the page that links to it is trusted. */
export interface Shown {
  /** From UIDs alone. */
  readonly fileName: string;
  readonly disposition: 'inline' | 'attachment';
  /** A Content-Security-Policy, where the browser would run what the document holds. */
  readonly policy?: string;
}

/** One part of a multipart body, or the whole of a single-part one. */
export interface BodyPart {
  readonly contentType: string;
  readonly contentLocation?: string;
  /** Bytes, when that is known before the last of them has come. */
  readonly contentLength?: number;
  readonly bytes: AsyncIterable<Buffer>;
  /** Of `bytes`, where it is known before they are read. */
  readonly crc32?: number;
  /** In an archive, from UIDs alone. */
  readonly fileName?: string;
  /** How a browser may treat it that opens it by itself; missing for what no browser opens. */
  readonly shown?: Shown;
  /** The peer that it is from. */
  readonly peer?: string;
  /** Strong validator of it as a single-part body; missing while the instance arrives. @see rule W-60 */
  readonly etag?: string;
  /** Reads a span of `bytes` in their place; only where `contentLength` is known. @see rule W-61 */
  readonly range?: (span: ByteSpan) => AsyncIterable<Buffer>;
}

/** An answer of DICOM objects or bulk data, ready to be written. Everything that could be refused has been. */
export interface PartsAnswer {
  readonly kind: 'parts';
  /** Instances that the peer lists and does not deliver: the answer is partial. @see rule W-09 */
  readonly refused: number;
  /** Somebody who may hold more could not be asked: the answer is partial. */
  readonly isPartial?: boolean;
  /** Texts for Warning headers. */
  readonly warnings?: readonly string[];
  /** False: `parts` yields exactly one part, which is the body. */
  readonly multipart: boolean;
  /** The `type` parameter of the multipart media type. */
  readonly partType: string;
  /** Weak validator of a multipart body; missing where not all that it is made of is there. @see rule W-60 */
  readonly etag?: string;
  /** What the parts are, where that is not what the resource is named after. */
  readonly holds?: 'bulkdata';
  /** The parts are text that the gateway writes, in UTF-8. @see rule H-12 */
  readonly isText?: boolean;
  readonly parts: AsyncGenerator<BodyPart, void, undefined>;
  /** The parts are the files of one ZIP archive of this name, which is from UIDs alone. */
  readonly archiveName?: string;
  /** Aborts when the bytes were taken away because they were not read for too long. */
  readonly stalled?: AbortSignal;
  /** Lets go of what the answer holds; to be called however far the parts were read. */
  readonly close: () => Promise<void>;
}

/** An answer of datasets in a text form, which is one body, written as it comes. */
export interface DocumentAnswer {
  readonly kind: 'document';
  /** Of the body. */
  readonly contentType: string;
  readonly refused: number;
  readonly isPartial?: boolean;
  readonly warnings: readonly string[];
  /** Strong validator of the body, where all of it is known. @see rule W-60 */
  readonly etag?: string;
  readonly body: AsyncGenerator<Buffer | string, void, undefined>;
  /** The body as a whole, where it is there. */
  readonly whole?: WholeDocument;
  /** Aborts when the bytes were taken away because they were not read for too long. */
  readonly stalled?: AbortSignal;
  /** Lets go of what the answer holds; to be called however far the body was read. */
  readonly close: () => Promise<void>;
}
