import type { ByteSource } from '../core/index.js';
import { MetadataVisitor, type MetadataOptions } from './metadata-visitor.js';
import type { ModelFormat } from './model-format.js';
import { readSource } from './read-source.js';
import type { TransferSyntax } from './transfer-syntax-table.js';

/** What goes out at once. */
const chunkLength = 64 * 1024;

/** An instance, and how its bytes read. */
export interface MetadataSource {
  readonly source: ByteSource;
  readonly syntax: TransferSyntax;
}

/**
 * The metadata of one instance in a text form, UTF-8 in chunks of about 64 KiB, in memory that does not grow with the
 * instance: long values are jumped over, and each value is read, written and forgotten.
 *
 * @throws GatewayError `malformed-dataset`, or what the source throws; what came before is then no whole document
 */
export async function* writeMetadata(
  format: ModelFormat,
  { source, syntax }: MetadataSource,
  options: MetadataOptions,
): AsyncGenerator<Buffer, void, undefined> {
  const visitor = new MetadataVisitor(format, syntax, options);
  for await (const written of readSource(source, syntax, visitor, options.limits)) {
    if (written.length >= chunkLength) yield written.take();
  }
  visitor.close();
  yield visitor.take();
}
