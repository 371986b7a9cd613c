import type { ByteSource } from '../core/index.js';
import type { MetadataOptions } from './metadata-visitor.js';
import { writeMetadata } from './metadata-writer.js';
import { NativeXmlFormat } from './native-xml.js';
import type { TransferSyntax } from './transfer-syntax-table.js';

/**
 * The metadata of one instance as a document of the Native DICOM Model, in chunks: the same attributes and the same bulk
 * data as `writeDicomJson`, except that IS and DS stay as they are spelled, and NaN and the infinities are values.
 *
 * @throws GatewayError `malformed-dataset`, or what the source throws; what came before is then no document
 * @see PS3.19 A.1, PS3.18 10.4.3.3.2
 */
export function writeNativeXml(
  source: ByteSource,
  syntax: TransferSyntax,
  options: MetadataOptions,
): AsyncGenerator<Buffer, void, undefined> {
  return writeMetadata(new NativeXmlFormat(), { source, syntax }, options);
}
