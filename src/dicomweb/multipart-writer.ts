import { GatewayError } from '../core/index.js';

/** What stands before the bytes of a part. */
interface PartHeaders {
  /** With `transfer-syntax` where the type has one: viewers take its absence for Implicit VR Little Endian. */
  readonly contentType: string;
  readonly contentLocation?: string;
  /** Bytes of the part, when known. */
  readonly contentLength?: number;
}

/**
 * Writes what stands between the parts of a `multipart/related` body; the parts' own bytes go straight to the client.
 *
 * @see PS3.18 8.6.1.2, RFC 2387
 */
export class MultipartWriter {
  /** The value of the response's Content-Type header. */
  readonly contentType: string;
  readonly #boundary: string;
  #begun = false;

  /** @throws GatewayError `internal` when `boundary` or `partType` could not stand in a header unquoted. */
  constructor(partType: string, boundary: string) {
    if (!/^[\w.-]{1,70}$/.test(boundary) || /["\\\r\n]/.test(partType)) {
      throw new GatewayError('internal', 'A multipart boundary or type cannot be written.');
    }
    this.#boundary = boundary;
    this.contentType = `multipart/related; type="${partType}"; boundary=${boundary}`;
  }

  /**
   * The delimiter and headers before a part's bytes.
   *
   * The first has no line break before it, and the names are spelled as here: viewers look for just that.
   *
   * @throws GatewayError `internal` for a header value with a line break.
   */
  part(headers: PartHeaders): Buffer {
    let text = `${this.#begun ? '\r\n' : ''}--${this.#boundary}\r\n${headerLine('Content-Type', headers.contentType)}`;
    if (headers.contentLocation !== undefined)
      text += headerLine('Content-Location', headers.contentLocation);
    if (headers.contentLength !== undefined)
      text += headerLine('Content-Length', String(headers.contentLength));
    this.#begun = true;
    return Buffer.from(`${text}\r\n`, 'latin1');
  }

  /** The closing delimiter, to be written only when every part is whole. */
  end(): Buffer {
    return Buffer.from(`${this.#begun ? '\r\n' : ''}--${this.#boundary}--\r\n`, 'latin1');
  }
}

/** A boundary that needs no quotes, of 70 characters at most, from what `random` gives (for example a UUID). */
export function newBoundary(random: () => string): string {
  return `part-${random().replace(/[^0-9A-Za-z-]/g, '')}`.slice(0, 70);
}

function headerLine(name: string, value: string): string {
  if (/[\r\n]/.test(value)) throw new GatewayError('internal', `A ${name} header cannot be written.`);
  return `${name}: ${value}\r\n`;
}
