import { GatewayError } from '../core/index.js';
import { decodeLiteral, splitQuery } from './query-string.js';

/**
 * Refuses an answer of text to a client that takes no UTF-8: the one character set of every answer, and able to encode all
 * of it. Other character sets that it would like better are passed over, as the standard asks of unsupported ones.
 *
 * @param rawQuery undecoded and without the question mark; its `charset` parameter goes before the header
 * @param header Accept-Charset
 * @throws GatewayError `not-acceptable` for UTF-8 with q=0, by name or by wildcard; `bad-request` for a second `charset`.
 * @see PS3.18 8.8.5, RFC 9110 12.5.2 (H-12)
 */
export function requireUtf8(rawQuery: string, header: string | undefined): void {
  const parameters = splitQuery(rawQuery).filter(({ name }) => name === 'charset');
  if (parameters.length > 1) throw new GatewayError('bad-request', 'The parameter "charset" is given twice.');
  const [parameter] = parameters;
  const texts = [parameter && decodeLiteral(parameter.rawValue), header];
  const quality = texts.map((text) => qualityOfUtf8(text ?? '')).find((found) => found !== undefined);
  if (quality === 0)
    throw new GatewayError('not-acceptable', 'Answers are encoded in UTF-8 and nothing else.');
}

/** The weight that a list gives to UTF-8: its own, or that of `*`; undefined when it says nothing of it. */
function qualityOfUtf8(text: string): number | undefined {
  let wildcard: number | undefined;
  for (const entry of text.split(',')) {
    const parts = /^\s*"?([\w*-]+)"?\s*(?:;\s*q=([01](?:\.\d{0,9})?|\.\d{1,9})\s*)?$/i.exec(entry);
    const name = parts?.[1]?.toLowerCase();
    const quality = Number(parts?.[2] ?? 1);
    if (name === 'utf-8' || name === 'utf8') return quality;
    if (name === '*') wildcard = quality;
  }
  return wildcard;
}
