import { GatewayError } from '../core/index.js';

/** One `name=value` of a query, the value still percent-encoded. */
export interface QueryParameter {
  readonly name: string;
  readonly rawValue: string;
  /** There is no equals sign: what stands as the name may be the rest of a value with an `&` in it. */
  readonly isBare?: true;
}

/** Four times what Node lets a request's head have by default. */
const maxQueryLength = 65_536;
/** More than any viewer has reason to send; `includefield` takes lists. */
const maxParameters = 1_000;

/**
 * The parameters of an undecoded query without its question mark, in order.
 *
 * @throws GatewayError `bad-request` for a query that is too long, has too many parameters or is wrongly encoded.
 */
export function splitQuery(rawQuery: string): readonly QueryParameter[] {
  if (rawQuery.length > maxQueryLength) {
    throw new GatewayError('bad-request', `The query is longer than ${maxQueryLength} characters.`);
  }
  const parts = rawQuery.split('&', maxParameters + 1);
  if (parts.length > maxParameters) {
    throw new GatewayError('bad-request', `The query has more than ${maxParameters} parameters.`);
  }
  return parts
    .filter((part) => part !== '')
    .map((part) => {
      const equals = part.indexOf('=');
      const rawName = equals < 0 ? part : part.slice(0, equals);
      const name = decodeLiteral(rawName);
      return equals < 0 ? { name, rawValue: '', isBare: true } : { name, rawValue: part.slice(equals + 1) };
    });
}

/**
 * Percent-decoded UTF-8 in which `+` stays `+`: media types, dates, time zones, numbers (H-05, DT-33).
 *
 * @throws GatewayError `bad-request` when it is not percent-encoded UTF-8.
 */
export function decodeLiteral(raw: string): string {
  try {
    return decodeURIComponent(raw);
  } catch {
    throw new GatewayError('bad-request', 'The query is not percent-encoded UTF-8.');
  }
}

/**
 * Percent-decoded UTF-8 in which `+` is a space, as HTML forms and most HTTP libraries write it: text.
 *
 * @throws GatewayError `bad-request` when it is not percent-encoded UTF-8.
 */
export function decodeText(raw: string): string {
  return decodeLiteral(raw.replaceAll('+', ' '));
}

/**
 * The decoded `accept` parameter of an undecoded query without its question mark, if there is one.
 *
 * @throws GatewayError `bad-request` when it stands there twice or the query cannot be read.
 * @see PS3.18 8.3.3.1 (H-05)
 */
export function acceptParameter(rawQuery: string): string | undefined {
  const values = splitQuery(rawQuery).filter((parameter) => parameter.name === 'accept');
  if (values.length > 1) throw new GatewayError('bad-request', 'The parameter "accept" is given twice.');
  return values[0] && decodeLiteral(values[0].rawValue);
}
