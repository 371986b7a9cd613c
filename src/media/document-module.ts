import { GatewayError } from '../core/index.js';
import { formatTag, Tags, type DicomJsonObject, type Tag } from '../dicom/index.js';
import { withDerived } from './derived.js';

/** Where PS3.3 A.45.2 spells a media type in its own way. */
const spelled: ReadonlyMap<string, string> = new Map([['text/xml', 'text/XML']]);
const plainBytes = 'application/octet-stream';

/** What documents of a SOP class are, and nothing else. @see PS3.3 A.45.1, A.45.2, A.85 */
const typeOfClass: ReadonlyMap<string, string> = new Map([
  ['1.2.840.10008.5.1.4.1.1.104.1', 'application/pdf'],
  ['1.2.840.10008.5.1.4.1.1.104.2', 'text/xml'],
  ['1.2.840.10008.5.1.4.1.1.104.3', 'model/stl'],
  ['1.2.840.10008.5.1.4.1.1.104.4', 'model/obj'],
  ['1.2.840.10008.5.1.4.1.1.104.5', 'model/mtl'],
]);

/** A document of another format. */
export interface DocumentFile {
  /** In lower case, without parameters. */
  readonly mediaType: string;
  /** Bytes, without padding. */
  readonly length: number;
}

/**
 * `object` with the type and the length of the document in it, where it does not have them.
 *
 * @throws GatewayError `bad-request` when it has others
 * @see PS3.3 C.24.2, rule S-06
 */
export function withDocument(object: DicomJsonObject, { mediaType, length }: DocumentFile): DicomJsonObject {
  const type = spelled.get(mediaType) ?? mediaType;
  const isSame = (given: unknown): boolean => String(given).toLowerCase() === mediaType;
  return withDerived(object, [
    ...(mediaType === plainBytes
      ? []
      : [{ tag: Tags.MIMETypeOfEncapsulatedDocument, vr: 'LO', value: [type], agrees: isSame }]),
    {
      tag: Tags.EncapsulatedDocumentLength,
      vr: 'UL',
      value: [length],
      agrees: (given) => Number(given) === length,
    },
  ]);
}

/**
 * That a document is of the media type that its SOP class is for, wherever its bytes are.
 *
 * @throws GatewayError `bad-request`
 */
export function requireDocumentOfClass(object: DicomJsonObject): void {
  const first = (tag: Tag): string => {
    const value = object[formatTag(tag)]?.Value?.[0];
    return typeof value === 'string' ? value.trim() : '';
  };
  const expected = typeOfClass.get(first(Tags.SOPClassUID));
  const type = first(Tags.MIMETypeOfEncapsulatedDocument).toLowerCase();
  if (expected === undefined || type === '' || type === expected) return;
  throw new GatewayError('bad-request', `Documents of this SOP class are ${expected}, and of no other type.`);
}
