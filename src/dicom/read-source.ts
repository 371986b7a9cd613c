import type { ByteSource } from '../core/index.js';
import { inflate } from './inflate.js';
import { DatasetReader, type DatasetVisitor, type ReaderLimits } from './reader.js';
import type { TransferSyntax } from './transfer-syntax-table.js';

/** The most bytes a reader gets at once: what a visitor makes of them stays small. */
const maxPush = 64 * 1024;
/** Values shorter than this are read over; opening the source anew would cost more. */
const minJump = 256 * 1024;

/**
 * Shows `visitor` the dataset that `source` holds, jumping over long values that it skips; a deflated one is read through.
 *
 * Yields the visitor after every few bytes, so that the caller can hand on what it made of them, or stop. After the last
 * time it may have been told of the end of what was still open.
 *
 * @throws GatewayError `malformed-dataset`, or what the source throws
 */
export async function* readSource<Visitor extends DatasetVisitor>(
  source: ByteSource,
  syntax: TransferSyntax,
  visitor: Visitor,
  limits?: Partial<ReaderLimits>,
): AsyncGenerator<Visitor, void, undefined> {
  const reader = new DatasetReader(syntax, visitor, limits);
  let jumped = true;
  while (jumped) {
    jumped = false;
    const chunks = syntax.deflated ? inflate(source.read()) : source.read(reader.offset);
    for await (const chunk of chunks) {
      for (let from = 0; from < chunk.length;) {
        const skipped = Math.min(reader.skippable, chunk.length - from);
        reader.skip(skipped);
        from += skipped;
        reader.push(chunk.subarray(from, from + maxPush));
        from += maxPush;
        yield visitor;
      }
      if (!syntax.deflated && reader.skippable >= minJump) {
        // The last byte of the value is read, so that a source that ends before it is found out.
        reader.skip(reader.skippable - 1);
        jumped = true;
        break;
      }
    }
  }
  reader.end();
}
