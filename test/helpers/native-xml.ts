import { NativeXmlReader, type DicomJsonObject } from '../../src/dicom/index.js';
import { partsOf, type RawResponse } from './test-gateway.js';

/** What an Accept header says that asks for XML alone. */
export const XML = 'multipart/related; type="application/dicom+xml"';

/** The dataset of a document. */
export function readNativeXml(document: Buffer): DicomJsonObject {
  const reader = new NativeXmlReader();
  reader.push(document);
  return reader.end();
}

/** The datasets of a multipart answer; throws when it is not whole. */
export function datasetsOf(response: RawResponse): readonly DicomJsonObject[] {
  if (!response.complete) throw new Error('the answer broke off');
  return partsOf(response).map(({ body }) => readNativeXml(body));
}
