import { GatewayError, type ByteSource } from '../core/index.js';
import { ByteOrderSwapper } from './byte-order.js';
import type { ByteRange } from './dataset-index-pixel-data.js';
import { inflate } from './inflate.js';
import type { TransferSyntax } from './transfer-syntax-table.js';
import type { Vr } from './vr.js';

/**
 * The bytes of `ranges`, which count in the inflated dataset where it is deflated, one after the other.
 *
 * With `vr` a big endian value comes in little endian, as bulk data must be (PS3.18 8.7.3.3).
 *
 * @throws GatewayError `malformed-dataset` when the source ends before a range does, or what the source throws
 */
export async function* readRanges(
  source: ByteSource,
  syntax: TransferSyntax,
  ranges: readonly ByteRange[],
  vr?: Vr,
): AsyncGenerator<Buffer, void, undefined> {
  const swapper = vr && syntax.byteOrder === 'big' ? new ByteOrderSwapper(vr) : undefined;
  for (const range of merged(ranges)) {
    for await (const chunk of readRange(source, syntax, range)) {
      yield swapper ? swapper.push(chunk) : chunk;
    }
  }
  const rest = swapper?.end();
  if (rest && rest.length > 0) yield rest;
}

async function* readRange(
  source: ByteSource,
  syntax: TransferSyntax,
  { start, end }: ByteRange,
): AsyncGenerator<Buffer, void, undefined> {
  let at = syntax.deflated ? 0 : start;
  if (start >= end) return;
  for await (const chunk of syntax.deflated ? inflate(source.read()) : source.read(start, end)) {
    const wanted = chunk.subarray(Math.max(start - at, 0), end - at);
    at += chunk.length;
    if (wanted.length > 0) yield wanted;
    if (at >= end) return;
  }
  throw new GatewayError('malformed-dataset', 'The instance ends before a value that its index names.');
}

/** Ranges that touch read as one: fewer openings of the source. */
function merged(ranges: readonly ByteRange[]): readonly ByteRange[] {
  const result: ByteRange[] = [];
  for (const range of ranges) {
    const last = result.at(-1);
    if (last?.end === range.start) result[result.length - 1] = { start: last.start, end: range.end };
    else result.push(range);
  }
  return result;
}
