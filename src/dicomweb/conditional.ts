/** Bytes of a body, `end` not included. */
export interface ByteSpan {
  readonly start: number;
  readonly end: number;
}

/** One entry of a list of entity tags, or an empty one; commas are allowed within a tag. */
const listEntry = /[ \t]*(?:((?:W\/)?"[!#-~\x80-\xff]*")[ \t]*)?(?:,|$)/y;

/** The tags of a list; undefined when it cannot be read. */
function tagsOf(header: string): readonly string[] | undefined {
  const tags: string[] = [];
  let at = 0;
  while (at < header.length) {
    listEntry.lastIndex = at;
    const entry = listEntry.exec(header);
    if (entry === null || entry[0] === '') return undefined;
    if (entry[1] !== undefined) tags.push(entry[1]);
    at = listEntry.lastIndex;
  }
  return tags;
}

/** Whether If-None-Match names `etag`, compared weakly; a header that cannot be read names none. @see RFC 9110 13.1.2 */
export function noneMatchNames(header: string | undefined, etag: string): boolean {
  if (header === undefined) return false;
  if (header.trim() === '*') return true;
  return tagsOf(header)?.map(opaque).includes(opaque(etag)) ?? false;
}

/** A tag without what makes it weak. */
const opaque = (tag: string): string => tag.replace(/^W\//, '');

/**
 * Whether If-Match lets a representation be sent whose tag is `etag`, or that has none yet: strong comparison. A header that
 * cannot be read names none.
 *
 * @see RFC 9110 13.1.1
 */
export function matchNames(header: string | undefined, etag: string | undefined): boolean {
  if (header === undefined || header.trim() === '*') return true;
  return etag !== undefined && !etag.startsWith('W/') && (tagsOf(header)?.includes(etag) ?? false);
}

/** Whether a Range may be answered under If-Range: strong comparison, and dates never match. @see RFC 9110 13.1.5 */
export function rangeApplies(ifRange: string | undefined, etag: string | undefined): boolean {
  if (ifRange === undefined) return true;
  return etag !== undefined && !etag.startsWith('W/') && ifRange.trim() === etag;
}

/** Ranges of more entries than this are not served as such: overlapping ones are a known way to exhaust a server. */
const maxSpans = 16;

/**
 * What a Range header asks of a body of `size` bytes: one span (several that touch or overlap are one), `unsatisfiable`,
 * or undefined when the whole body is to be sent: no or malformed header, another unit, spans apart.
 *
 * @see RFC 9110 14.1.2, 14.2
 */
export function parseRange(header: string | undefined, size: number): ByteSpan | 'unsatisfiable' | undefined {
  const given = rangeEntries(header ?? '');
  if (given.length === 0 || given.length > maxSpans) return undefined;
  const spans: ByteSpan[] = [];
  for (const entry of given) {
    const span = parseSpan(entry, size);
    if (span === undefined) return undefined;
    if (span.start < span.end) spans.push(span);
  }
  return spans.length === 0 ? 'unsatisfiable' : coalesce(spans);
}

function rangeEntries(header: string): readonly string[] {
  const list = /^bytes=(.*)$/i.exec(header.trim())?.[1] ?? '';
  return list
    .split(',')
    .map((entry) => entry.trim())
    .filter((entry) => entry !== '');
}

/** Empty when it lies behind the end; undefined when malformed. */
function parseSpan(entry: string, size: number): ByteSpan | undefined {
  const [, first = '', last = ''] = /^(\d*)-(\d*)$/.exec(entry) ?? [];
  if (first === '' && last === '') return undefined;
  if (first === '') return { start: Math.max(size - Number(last), 0), end: size };
  if (last !== '' && Number(last) < Number(first)) return undefined;
  return { start: Number(first), end: last === '' ? size : Math.min(Number(last) + 1, size) };
}

function coalesce(spans: readonly ByteSpan[]): ByteSpan | undefined {
  const [first, ...rest] = [...spans].sort((a, b) => a.start - b.start);
  let whole = first;
  for (const span of rest) {
    if (whole === undefined || span.start > whole.end) return undefined;
    whole = { start: whole.start, end: Math.max(whole.end, span.end) };
  }
  return whole;
}
