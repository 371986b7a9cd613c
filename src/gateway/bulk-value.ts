import type { Spool } from '../cache/index.js';
import type { ByteRange, TransferSyntax } from '../dicom/index.js';
import type { BulkPart } from '../dicomweb/index.js';
import type { FrameFit, NativePixels, StreamDescription } from '../media/index.js';

/** The value of an attribute, as it came in a part of its own. */
export interface BulkValue {
  readonly spool: Spool;
  /** Of the value in the spool. */
  readonly range: ByteRange;
  readonly mediaType: string;
  /** Of compressed frames and video; undefined for plain bytes. */
  readonly syntax: TransferSyntax | undefined;
  /** Whether it is one frame: as many come as the image has. */
  readonly isFrame: boolean;
  /** What a picture or video that is stored as it is says of itself. */
  readonly stream?: StreamDescription & { readonly isNamed: boolean };
  /** In what a compressed frame is another than the metadata say; undefined where nobody can tell. */
  readonly fit?: FrameFit;
  /** What a picture said of itself that was decoded. */
  readonly pixels?: NativePixels;
}

/** A part that has been received. */
export interface ReceivedBulk {
  readonly part: BulkPart;
  readonly spool: Spool;
  /** Bytes. */
  readonly length: number;
}

/** Bytes of a value. */
export const bytesOf = ({ range }: BulkValue): number => range.end - range.start;

/** The value of an attribute that is no pixel data: the bytes that came. */
export function plainValue({ part: { mediaType }, spool, length }: ReceivedBulk): BulkValue {
  return { spool, range: { start: 0, end: length }, mediaType, syntax: undefined, isFrame: false };
}
