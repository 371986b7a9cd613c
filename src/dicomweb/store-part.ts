import { transferSyntax } from '../dicom/index.js';
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
  };
}

/** Whether a part is a picture or a video, whose bytes are none of a native image. */
export const isPicture = ({ mediaType }: BulkPart): boolean => /^(?:image|video)\//.test(mediaType);
