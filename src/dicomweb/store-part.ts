import { transferSyntax, TransferSyntaxes } from '../dicom/index.js';
import { parseMediaType } from './media-type.js';
import { metadataForm, type StoreForm } from './store-content-type.js';

/** A part of a store request that holds the value of an attribute. */
export interface BulkPart {
  /** Without parameters, in lower case. */
  readonly mediaType: string;
  /** Of compressed frames and video: what they are encoded as; undefined for plain bytes. */
  readonly transferSyntaxUid: string | undefined;
  /** The name by which metadata refer to it. */
  readonly location: string | undefined;
  /** Why its bytes are not those of the value as they are, in words; undefined where they are. */
  readonly refusal: string | undefined;
}

const plainBytes = 'application/octet-stream';

/**
 * What a part of metadata and bulk data is, by its headers: names are lower case. A part without a type is plain bytes.
 *
 * @see PS3.18 8.7.3.3.2, 10.5.2, rule S-04
 */
export function bulkPartOf(
  headers: ReadonlyMap<string, string>,
  form: Exclude<StoreForm, 'part10'>,
): BulkPart | 'metadata' {
  const media = parseMediaType(headers.get('content-type') ?? plainBytes);
  const mediaType = media ? `${media.type}/${media.subtype}` : plainBytes;
  if (metadataForm(mediaType) === form) return 'metadata';
  const named = media?.parameters.get('transfer-syntax');
  const syntax = named === undefined ? undefined : transferSyntax(named);
  return {
    mediaType,
    transferSyntaxUid: syntax?.encapsulated ? syntax.uid : undefined,
    location: headers.get('content-location'),
    refusal: codingRefusal(headers) ?? syntaxRefusal(named),
  };
}

/** Encodings that leave the bytes as they are. @see RFC 2045 6.2 */
const plainEncodings: ReadonlySet<string> = new Set(['', 'identity', 'binary', '8bit', '7bit']);
/** In which values are written as in the datasets that they go into. */
const littleEndian: ReadonlySet<string> = new Set([
  TransferSyntaxes.ExplicitVrLittleEndian.uid,
  TransferSyntaxes.ImplicitVrLittleEndian.uid,
]);

function codingRefusal(headers: ReadonlyMap<string, string>): string | undefined {
  const encodings = ['content-encoding', 'content-transfer-encoding'].map((name) => headers.get(name) ?? '');
  return encodings.every((encoding) => plainEncodings.has(encoding.trim().toLowerCase()))
    ? undefined
    : 'A part of bulk data is encoded, which parts may not be here.';
}

function syntaxRefusal(named: string | undefined): string | undefined {
  if (named === undefined || named === '*' || littleEndian.has(named)) return undefined;
  return transferSyntax(named)?.encapsulated === true
    ? undefined
    : 'A part of bulk data is in a transfer syntax that values are not taken in.';
}

/** Whether a part is a picture or a video, whose bytes are none of a native image. */
export const isPicture = ({ mediaType }: BulkPart): boolean => /^(?:image|video)\//.test(mediaType);
