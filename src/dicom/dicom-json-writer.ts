import type { ByteSource } from '../core/index.js';
import { formatElement } from './dicom-json.js';
import { valueToJson, type NumericStrings } from './dicom-json-value.js';
import type { MetadataOptions } from './metadata-visitor.js';
import { writeMetadata } from './metadata-writer.js';
import type { ModelFormat } from './model-format.js';
import { formatTag, type Tag } from './tag.js';
import type { TransferSyntax } from './transfer-syntax-table.js';

const name = (tag: Tag, isFirst: boolean): string => `${isFirst ? '' : ','}"${formatTag(tag)}":`;

/** The DICOM JSON model. */
export const dicomJson = (numeric: NumericStrings): ModelFormat => ({
  begin: '{',
  end: '}',
  values: (bytes, vr, characterSet) => valueToJson(bytes, vr, characterSet, numeric),
  element: (tag, element, isFirst) => name(tag, isFirst) + formatElement(element),
  beginSequence: (tag, isFirst) => `${name(tag, isFirst)}{"vr":"SQ"`,
  endSequence: (items) => (items === 0 ? '}' : ']}'),
  beginItem: (index) => (index === 0 ? ',"Value":[{' : ',{'),
  endItem: () => '}',
});

/**
 * The metadata of one instance as a DICOM JSON object, in chunks.
 *
 * Attributes come in the order of the dataset, which is ascending in every dataset that keeps to PS3.5 7.1. Of a tag that
 * comes twice the last one counts where `superseded` names the others (J-19), else the first, for it has left already. (0008,0005) says ISO_IR 192 where the instance declares more
 * than ASCII, and is left out otherwise. NaN and the infinities are bulk data.
 *
 * @throws GatewayError `malformed-dataset`, or what the source throws; what came before is then no JSON
 * @see PS3.18 F.2, 10.4.3.3.2
 */
export function writeDicomJson(
  source: ByteSource,
  syntax: TransferSyntax,
  options: MetadataOptions,
): AsyncGenerator<Buffer, void, undefined> {
  return writeMetadata(dicomJson(options.numericStrings ?? 'numbers'), { source, syntax }, options);
}
