import { GatewayError } from '../core/index.js';
import { parseMediaType, type MediaType } from './media-type.js';

/** How the body of a store request is packed. */
type StoreContentType =
  | { readonly kind: 'multipart'; readonly type: string; readonly boundary: string }
  | { readonly kind: 'single'; readonly type: string };

const storable = 'application/dicom';
/** RFC 2046 says 70; Orthanc's DICOMweb plugin itself writes 73. */
const maxBoundaryLength = 256;

/**
 * What a store request's Content-Type says of its body.
 *
 * @throws GatewayError `unsupported-media-type` for a type that is not stored, `bad-request` for a multipart without
 * a usable boundary.
 * @see PS3.18 10.5.2 (S-02, S-03)
 */
export function parseStoreContentType(header: string | undefined): StoreContentType {
  const media = header === undefined ? undefined : parseMediaType(header);
  const name = media && `${media.type}/${media.subtype}`;
  if (media && name === 'multipart/related') return multipart(media);
  if (name === storable) return { kind: 'single', type: name };
  throw unsupported();
}

function multipart(media: MediaType): StoreContentType {
  // RFC 2387 requires `type`; what lacks it can only be the one thing that is stored.
  const type = media.parameters.get('type') ?? storable;
  if (type !== storable) throw unsupported();
  const boundary = media.parameters.get('boundary') ?? '';
  if (boundary === '' || boundary.length > maxBoundaryLength || !/^[ -~]*[!-~]$/.test(boundary)) {
    throw new GatewayError('bad-request', 'The Content-Type names no usable boundary.');
  }
  return { kind: 'multipart', type, boundary };
}

const unsupported = (): GatewayError =>
  new GatewayError(
    'unsupported-media-type',
    `Stored are multipart/related; type="${storable}" and ${storable}, nothing else.`,
  );
