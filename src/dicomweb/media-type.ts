import { GatewayError } from '../core/index.js';

/** One entry of an Accept header or `accept` parameter. Everything but parameter values is lower case. */
export interface MediaRange {
  /** `*` matches any. */
  readonly type: string;
  /** `*` matches any. */
  readonly subtype: string;
  /** Without `q`; quotes removed. The value of `type` is lower case. */
  readonly parameters: ReadonlyMap<string, string>;
  /** 0 to 1; 0 refuses what the range matches. */
  readonly q: number;
  /** The `accept` parameter goes before the header (PS3.18 8.7.8.1). */
  readonly source: 'header' | 'parameter';
}

/** A media type with its parameters, as in a Content-Type. */
export interface MediaType {
  readonly type: string;
  readonly subtype: string;
  readonly parameters: ReadonlyMap<string, string>;
}

/** Viewers send eight at most; ranking them takes time in proportion to the square of their number. */
const maxRanges = 64;

const anything: MediaRange = { type: '*', subtype: '*', parameters: new Map(), q: 1, source: 'header' };

/**
 * What the client accepts: the entries of the `accept` parameter, then those of the Accept header.
 *
 * Entries that cannot be read are left out (H-09), a missing or empty header is `*` `/*`, and the parameter's wildcards,
 * which it must not hold (H-05), are left out too. Reads quoted and unquoted `type` and `transfer-syntax` (H-10).
 *
 * @throws GatewayError `bad-request` for more than 64 entries.
 * @see PS3.18 8.7.5, 8.7.7
 */
export function parseAccept(header: string | undefined, acceptParameter?: string): readonly MediaRange[] {
  // A form encodes the space after a separator as a plus, which is kept because of `dicom+json`.
  const asHeader = (acceptParameter ?? '').replace(/([;,])\++/g, '$1');
  const fromParameter = parseRanges(asHeader, 'parameter').filter(
    (range) => !isWildcard(range.type) && !isWildcard(range.subtype),
  );
  if (header === undefined || header.trim() === '') return [...fromParameter, anything];
  return [...fromParameter, ...parseRanges(header, 'header')];
}

/** A single media type such as a Content-Type; undefined when it cannot be read. */
export function parseMediaType(text: string): MediaType | undefined {
  const [head = '', ...rest] = splitOutsideQuotes(text, ';');
  const name = /^\s*([\w!#$&.+*^-]+)(?:\/([\w!#$&.+*^-]+))?\s*$/.exec(head);
  const type = name?.[1]?.toLowerCase();
  // Java's HttpURLConnection spells "anything" as a lone asterisk.
  const subtype = name?.[2]?.toLowerCase() ?? (type === '*' ? '*' : undefined);
  if (type === undefined || subtype === undefined) return undefined;
  const parameters = parseParameters(rest);
  return parameters && { type, subtype, parameters };
}

const isWildcard = (text: string): boolean => text === '*';

function parseRanges(text: string, source: MediaRange['source']): MediaRange[] {
  const entries = splitOutsideQuotes(text, ',');
  if (entries.length > maxRanges) {
    throw new GatewayError('bad-request', `More than ${maxRanges} media types are given as acceptable.`);
  }
  return entries.flatMap((entry) => {
    const media = parseMediaType(entry);
    const q = parseQuality(media?.parameters.get('q'));
    if (media === undefined || q === undefined) return [];
    const parameters = new Map(media.parameters);
    parameters.delete('q');
    return [{ type: media.type, subtype: media.subtype, parameters, q, source }];
  });
}

/** More decimals than three and a missing leading zero are tolerated (`q=.2` is what Java sends). */
function parseQuality(text: string | undefined): number | undefined {
  if (text === undefined) return 1;
  return /^(?:0?\.\d{1,20}|[01]\.?|0\.\d{1,20}|1\.0{1,20})$/.test(text) ? Number(text) : undefined;
}

/** Undefined when malformed or when a name comes twice (W-22). */
function parseParameters(texts: readonly string[]): Map<string, string> | undefined {
  const parameters = new Map<string, string>();
  for (const text of texts) {
    if (text.trim() === '') continue;
    const equals = text.indexOf('=');
    const name = text.slice(0, Math.max(equals, 0)).trim().toLowerCase();
    if (!/^[\w!#$%&'*+.^`|~-]+$/.test(name) || parameters.has(name)) return undefined;
    const value = unquote(text.slice(equals + 1).trim());
    if (value === undefined) return undefined;
    parameters.set(name, value);
  }
  return liftNestedParameters(parameters);
}

/** `type="image/jls; transfer-syntax=…"`, as Orthanc writes it, says the same as two parameters. */
function liftNestedParameters(parameters: Map<string, string>): Map<string, string> | undefined {
  const whole = parameters.get('type');
  if (whole === undefined) return parameters;
  const [type = '', ...nested] = whole.split(';');
  const lifted = parseParameters(nested);
  if (lifted === undefined) return undefined;
  for (const [name, value] of lifted) {
    if (!parameters.has(name)) parameters.set(name, value);
  }
  return parameters.set('type', type.trim().toLowerCase());
}

/** Single quotes, which are no quotes in HTTP, stand around `type` in what some proxies and scripts send. */
function unquote(text: string): string | undefined {
  const quote = text[0];
  if (quote !== '"' && quote !== "'") return /["\s]/.test(text) ? undefined : text;
  if (text.length < 2 || !text.endsWith(quote)) return undefined;
  const inner = text.slice(1, -1);
  return quote === '"' ? inner.replace(/\\(.)/g, '$1') : inner;
}

function splitOutsideQuotes(text: string, separator: string): string[] {
  if (!text.includes('"')) return text.split(separator);
  const parts: string[] = [];
  let start = 0;
  let quoted = false;
  for (let at = 0; at < text.length; at += 1) {
    const character = text[at];
    if (character === '"') quoted = !quoted;
    else if (quoted && character === '\\') at += 1;
    else if (!quoted && character === separator) {
      parts.push(text.slice(start, at));
      start = at + 1;
    }
  }
  parts.push(text.slice(start));
  return parts;
}
