import { createHash } from 'node:crypto';
import type { ByteSpan } from '../dicomweb/index.js';
import type { InstanceRecord } from './ports.js';
import type { HeldInstance } from './want.js';

/** The record of an instance whose last byte has come; undefined while it arrives, or when its arrival failed. */
export async function recordNow({ complete }: HeldInstance): Promise<InstanceRecord | undefined> {
  try {
    return await Promise.race([complete, Promise.resolve(undefined)]);
  } catch {
    return undefined; // who reads the bytes sees the failure where it happened
  }
}

/** A strong entity tag: the bytes of the instance and everything else that the body is made of. @see rule W-60 */
export function etagOf({ digest }: InstanceRecord, ...representation: readonly string[]): string {
  const key = createHash('sha256').update(representation.join('\n')).digest('base64url').slice(0, 16);
  return `"${digest}-${key}"`;
}

/** The ranges of a source that hold bytes `span` of the concatenation of `ranges`. */
export function cutRanges(ranges: readonly ByteSpan[], span: ByteSpan): readonly ByteSpan[] {
  let at = 0;
  return ranges.flatMap(({ start, end }) => {
    const from = start + Math.max(span.start - at, 0);
    const to = Math.min(end, start + span.end - at);
    at += end - start;
    return from < to ? [{ start: from, end: to }] : [];
  });
}

/** Bytes `span` of a body that can only be made from its beginning. */
export async function* sliceOf(
  bytes: AsyncIterable<Buffer>,
  span: ByteSpan,
): AsyncGenerator<Buffer, void, undefined> {
  let at = 0;
  for await (const chunk of bytes) {
    const wanted = chunk.subarray(Math.max(span.start - at, 0), Math.max(span.end - at, 0));
    at += chunk.length;
    if (wanted.length > 0) yield wanted;
    if (at >= span.end) return;
  }
}
