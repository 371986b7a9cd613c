import type { ByteSource } from '../core/index.js';
import type { ByteRange } from './dataset-index-pixel-data.js';
import type { DatasetVisitor, ElementHeader, ValueMode } from './reader.js';
import { readRanges } from './read-ranges.js';
import { readSource } from './read-source.js';
import { Tags } from './tags.js';
import type { TransferSyntax } from './transfer-syntax-table.js';

/** A document of another format that an instance carries. */
export interface EncapsulatedDocument {
  /** Type and subtype in lower case, without parameters; `application/octet-stream` where the instance names none. */
  readonly mediaType: string;
  /** The document without its padding, in the bytes of the dataset (of a deflated one: in the inflated bytes). */
  readonly range: ByteRange;
}

const unknownType = 'application/octet-stream';

/**
 * What (0042,0012) says, as far as it may stand in a header: a type and subtype of plain characters; parameters are left out.
 *
 * @see RFC 6838 4.2
 */
export function documentMediaType(text: string): string {
  const [type = ''] = text.split(';');
  const plain = type.trim().toLowerCase();
  return /^[a-z0-9][a-z0-9!#$&^_.+-]{0,62}\/[a-z0-9][a-z0-9!#$&^_.+-]{0,62}$/.test(plain)
    ? plain
    : unknownType;
}

/** (0042,0012) is an LO; what is longer is no media type. */
const maxTypeBytes = 256;

class DocumentFinder implements DatasetVisitor {
  range: ByteRange | undefined;
  mediaType = unknownType;
  declaredBytes: number | undefined;
  isOver = false;
  readonly #little: boolean;

  constructor(little: boolean) {
    this.#little = little;
  }

  element({ tag, depth, length, valueOffset }: ElementHeader): ValueMode {
    if (depth > 0) return 'skip';
    if (tag > Tags.EncapsulatedDocumentLength) this.isOver = true;
    if (tag === Tags.EncapsulatedDocument && length >= 0)
      this.range ??= { start: valueOffset, end: valueOffset + length };
    if (tag === Tags.MIMETypeOfEncapsulatedDocument) return length <= maxTypeBytes ? 'collect' : 'skip';
    return tag === Tags.EncapsulatedDocumentLength && length === 4 ? 'collect' : 'skip';
  }

  value({ tag }: ElementHeader, bytes: Buffer): void {
    if (tag === Tags.MIMETypeOfEncapsulatedDocument)
      this.mediaType = documentMediaType(bytes.toString('latin1').replace(/[\0 ]+$/, ''));
    else this.declaredBytes = this.#little ? bytes.readUInt32LE() : bytes.readUInt32BE();
  }
}

const isText = (mediaType: string): boolean => /^text\/|[/+](?:xml|json)$/.test(mediaType);

/**
 * The document that an instance carries at its outermost level; `undefined` when it carries none.
 *
 * A value is padded to an even length. (0042,0015) tells whether it was; where it is missing a NUL at the end of a text is
 * padding, which no reader of XML would take, and any other last byte is the document's.
 *
 * @throws GatewayError `malformed-dataset`, or what the source throws
 * @see PS3.3 C.24.2
 */
export async function locateDocument(
  source: ByteSource,
  syntax: TransferSyntax,
): Promise<EncapsulatedDocument | undefined> {
  const finder = new DocumentFinder(syntax.byteOrder === 'little');
  for await (const { isOver } of readSource(source, syntax, finder)) if (isOver) break;
  const { range, mediaType, declaredBytes = 0 } = finder;
  if (range === undefined) return undefined;
  const bytes = range.end - range.start;
  if (declaredBytes === bytes || declaredBytes === bytes - 1)
    return { mediaType, range: { start: range.start, end: range.start + declaredBytes } };
  const last = { start: Math.max(range.end - 1, range.start), end: range.end };
  const isPadded = isText(mediaType) && (await readLast(source, syntax, last)) === 0;
  return { mediaType, range: isPadded ? { start: range.start, end: last.start } : range };
}

async function readLast(
  source: ByteSource,
  syntax: TransferSyntax,
  range: ByteRange,
): Promise<number | undefined> {
  for await (const chunk of readRanges(source, syntax, [range])) return chunk[0];
  return undefined;
}
