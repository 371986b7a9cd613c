import { GatewayError } from '../core/index.js';
import { parseMediaType, type MediaType } from './media-type.js';

/** What the parts of a store request are: Part 10 files, or metadata with bulk data beside them. */
export type StoreForm = 'part10' | 'json' | 'xml';

/** How the body of a store request is packed. */
type StoreContentType =
  | { readonly kind: 'multipart'; readonly form: StoreForm; readonly boundary: string }
  | { readonly kind: 'single'; readonly form: StoreForm };

const storable = 'application/dicom';
const forms: ReadonlyMap<string, StoreForm> = new Map<string, StoreForm>([
  [storable, 'part10'],
  ['application/dicom+json', 'json'],
  ['application/json', 'json'],
  ['application/dicom+xml', 'xml'],
]);

/** The form of metadata that a part of this type is; undefined for one that is none. @see rules S-04, J-21 */
export const metadataForm = (mediaType: string): StoreForm | undefined => {
  const form = forms.get(mediaType);
  return form === 'part10' ? undefined : form;
};

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
  const form = name === undefined ? undefined : forms.get(name);
  if (form === undefined) throw unsupported();
  return { kind: 'single', form };
}

function multipart(media: MediaType): StoreContentType {
  // RFC 2387 requires `type`; what lacks it can only be the one thing that is stored.
  const type = media.parameters.get('type') ?? storable;
  const form = forms.get(type);
  if (form === undefined) throw unsupported();
  const boundary = media.parameters.get('boundary') ?? '';
  if (boundary === '' || boundary.length > maxBoundaryLength || !/^[ -~]*[!-~]$/.test(boundary)) {
    throw new GatewayError('bad-request', 'The Content-Type names no usable boundary.');
  }
  return { kind: 'multipart', form, boundary };
}

const unsupported = (): GatewayError =>
  new GatewayError(
    'unsupported-media-type',
    `Stored are multipart/related; type="${storable}", "application/dicom+json" or "application/dicom+xml", and ` +
      `each of the three by itself.`,
  );
