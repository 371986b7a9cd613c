import type { ByteSource } from '../core/index.js';
import { Dataset } from './dataset.js';
import type { DatasetVisitor, ElementHeader, ValueMode } from './reader.js';
import { readSource } from './read-source.js';
import { resolveVr } from './resolve-vr.js';
import type { Tag } from './tag.js';
import { Tags } from './tags.js';
import type { TransferSyntax } from './transfer-syntax-table.js';
import { swapValue } from './value-order.js';

/** Longer values are passed over: what is wanted here is short. */
const maxValueBytes = 4096;

/** Collects some attributes of the outermost level. */
class AttributeCollector implements DatasetVisitor {
  readonly dataset: Dataset;
  readonly #wanted: ReadonlySet<Tag>;
  readonly #last: Tag;
  readonly #syntax: TransferSyntax;
  isOver = false;

  constructor(syntax: TransferSyntax, wanted: ReadonlySet<Tag>, fallbackCharacterSet: readonly string[]) {
    this.dataset = new Dataset({ fallbackCharacterSet });
    this.#syntax = syntax;
    this.#wanted = wanted;
    this.#last = Math.max(...wanted);
  }

  element({ tag, depth, length }: ElementHeader): ValueMode {
    if (depth > 0) return 'skip';
    if (tag > this.#last) this.isOver = true;
    const isWanted = this.#wanted.has(tag) || tag === Tags.SpecificCharacterSet;
    return isWanted && length >= 0 && length <= maxValueBytes ? 'collect' : 'skip';
  }

  value({ tag, vr }: ElementHeader, bytes: Buffer): void {
    const implicit = this.#syntax.vr === 'implicit';
    // The bytes are the reader's, which uses them again.
    const value = Buffer.from(bytes);
    if (this.#syntax.byteOrder === 'big') swapValue(value, vr);
    this.dataset.setBytes(tag, resolveVr(tag, vr, { implicit, signed: false }), value);
  }
}

/**
 * The attributes `wanted` of the outermost level of an instance, up to 4 KiB each; nothing behind the last of them is read.
 *
 * @throws GatewayError `malformed-dataset`, or what the source throws
 */
export async function readAttributes(
  source: ByteSource,
  syntax: TransferSyntax,
  wanted: ReadonlySet<Tag>,
  fallbackCharacterSet?: string,
): Promise<Dataset> {
  const fallback = fallbackCharacterSet === undefined ? [] : fallbackCharacterSet.split('\\');
  const collector = new AttributeCollector(syntax, wanted, fallback);
  for await (const { isOver } of readSource(source, syntax, collector)) if (isOver) break;
  return collector.dataset;
}
