import { GatewayError } from '../core/index.js';

/** Receives the parts of a multipart body; a promise it returns holds the reader back until it resolves. */
export interface MultipartHandler {
  /** Header names are lower case. */
  beginPart(headers: ReadonlyMap<string, string>): void | Promise<void>;
  /** A run of the part's bytes, part of what was pushed: whoever keeps it longer than this call copies it. */
  partData(bytes: Buffer): void | Promise<void>;
  /** The part is whole: its closing delimiter was seen. */
  endPart(): void | Promise<void>;
}

/** Bounds of what a multipart body may hold. */
export interface MultipartLimits {
  /** Of one part, names and values. */
  readonly maxHeaderBytes: number;
  readonly maxParts: number;
}

/** 16 KiB is what Node allows the headers of a whole request. */
const defaultLimits: MultipartLimits = { maxHeaderBytes: 16_384, maxParts: 50_000 };
/** Text before the first delimiter; more than this is no multipart body. */
const maxPreambleBytes = 65_536;
/** White space between a delimiter and its line break. */
const maxPadding = 256;

const CR = 0x0d;
const LF = 0x0a;
const DASH = 0x2d;
const none = Buffer.alloc(0);

type State = 'preamble' | 'headers' | 'body' | 'epilogue';
type Steps = Generator<void | Promise<void>, void, undefined>;
/** A delimiter line; `next` is the first byte after it. */
interface Delimiter {
  readonly isLast: boolean;
  readonly next: number;
}

/**
 * Splits a multipart body into parts as its bytes come, holding back no more than one header line.
 *
 * Tolerates text before the first and after the last delimiter, a missing last line break, and lines that end in LF
 * alone. Where the first delimiter's line does, the end of the first part tells whether its other lines do too: see
 * `isCrOfDelimiter`. One `push` at a time: its promise, if any, comes first.
 *
 * @see RFC 2046 5.1, PS3.18 8.6.1.2 (S-03)
 */
export class MultipartReader {
  readonly #handler: MultipartHandler;
  readonly #limits: MultipartLimits;
  #delimiter: Buffer;
  /** Whether it is known what stands before the delimiters. */
  #isLearnt = false;
  #partBytes = 0;
  #state: State = 'preamble';
  /** Not yet understood bytes; the first delimiter needs no line break before it, so one is taken as read. */
  #carry: Buffer = Buffer.from('\n');
  #preambleBytes = 0;
  #parts = 0;
  #headers = new Map<string, string>();
  #headerBytes = 0;
  #lastHeader = '';
  #failure: { readonly error: unknown } | undefined;

  constructor(boundary: string, handler: MultipartHandler, limits: Partial<MultipartLimits> = {}) {
    this.#handler = handler;
    this.#limits = { ...defaultLimits, ...limits };
    this.#delimiter = Buffer.from(`\n--${boundary}`, 'latin1');
  }

  /**
   * Reads the next bytes of the body.
   *
   * @throws GatewayError `bad-request` for malformed headers, `payload-too-large` for too many parts; also rejects so.
   */
  push(bytes: Buffer): void | Promise<void> {
    this.#rethrow();
    if (this.#state === 'epilogue' || bytes.length === 0) return undefined;
    const input = this.#carry.length === 0 ? bytes : Buffer.concat([this.#carry, bytes]);
    this.#carry = none;
    return this.#drive(this.#read(input));
  }

  /**
   * Says that the body has ended.
   *
   * @throws GatewayError `bad-request` when the closing delimiter has not come; the part it was in is not whole.
   */
  end(): void | Promise<void> {
    this.#rethrow();
    if (this.#state === 'epilogue') return;
    const error =
      this.#state === 'preamble'
        ? new GatewayError(
            'bad-request',
            'The multipart body has no part with the boundary of the Content-Type.',
          )
        : new GatewayError('bad-request', 'The multipart body ends before its closing boundary.');
    this.#failure = { error };
    throw error;
  }

  #rethrow(): void {
    if (this.#failure) throw this.#failure.error;
  }

  /** Stays synchronous until the handler returns a promise. */
  #drive(steps: Steps): void | Promise<void> {
    try {
      for (;;) {
        const step = steps.next();
        if (step.done) return undefined;
        if (step.value instanceof Promise) return this.#driveAsync(step.value, steps);
      }
    } catch (error) {
      this.#failure = { error };
      throw error;
    }
  }

  async #driveAsync(first: Promise<void>, steps: Steps): Promise<void> {
    try {
      await first;
      for (const step of steps) await step;
    } catch (error) {
      this.#failure = { error };
      throw error;
    }
  }

  *#read(input: Buffer): Steps {
    let at = 0;
    while (at < input.length) {
      switch (this.#state) {
        case 'headers':
          at = yield* this.#readHeaderLine(input, at);
          break;
        case 'preamble':
        case 'body':
          at = yield* this.#readUpToDelimiter(input, at);
          break;
        case 'epilogue':
          return;
      }
    }
  }

  *#readUpToDelimiter(input: Buffer, from: number): Generator<void | Promise<void>, number> {
    const isPart = this.#state === 'body';
    const { end: found, delimiter } = this.#findDelimiter(input, from);
    const end = isPart && this.#endsInItsCr(input.subarray(from, found), delimiter) ? found - 1 : found;
    if (!isPart) this.#countPreamble(end - from);
    else if (end > from) yield this.#handler.partData(input.subarray(from, end));
    this.#partBytes += end - from;
    if (delimiter === undefined) {
      this.#carry = Buffer.from(input.subarray(end));
      return input.length;
    }
    if (isPart) yield this.#handler.endPart();
    else if (input[delimiter.next - 2] === CR) this.#learn(true);
    this.#state = delimiter.isLast ? 'epilogue' : 'headers';
    if (!delimiter.isLast) this.#countPart();
    return delimiter.next;
  }

  /** The first delimiter and where what is before it ends; without one, the end of what cannot belong to one. */
  #findDelimiter(input: Buffer, from: number): { readonly end: number; readonly delimiter?: Delimiter } {
    let search = from;
    for (;;) {
      const found = input.indexOf(this.#delimiter, search);
      if (found < 0) return { end: heldBackFrom(input, search, this.#delimiter) };
      const delimiter = this.#readDelimiter(input, found);
      if (delimiter === 'incomplete') return { end: found };
      if (delimiter !== 'data') return { end: found, delimiter };
      search = found + 1;
    }
  }

  /** Tells a delimiter line from data that begins like one. */
  #readDelimiter(input: Buffer, found: number): Delimiter | 'incomplete' | 'data' {
    let at = found + this.#delimiter.length;
    if (input[at] === DASH && at + 1 >= input.length) return 'incomplete';
    if (input[at] === DASH && input[at + 1] === DASH) return { isLast: true, next: at + 2 };
    const padded = at + maxPadding;
    while (at < padded && (input[at] === 0x20 || input[at] === 0x09)) at += 1;
    if (input[at] === CR) at += 1;
    if (at >= input.length) return 'incomplete';
    return input[at] === LF ? { isLast: false, next: at + 1 } : 'data';
  }

  /** Whether the last byte of `bytes` is no byte of the part, or may turn out to be none. */
  #endsInItsCr(bytes: Buffer, delimiter: Delimiter | undefined): boolean {
    if (this.#isLearnt) return false;
    const isCr = bytes.at(-1) === CR;
    if (delimiter === undefined) return isCr;
    const isOfDelimiter = isCr && isCrOfDelimiter(this.#headers, this.#partBytes + bytes.length);
    this.#learn(isOfDelimiter);
    return isOfDelimiter;
  }

  /** CRLF stands before every delimiter, unless this client ends its lines in LF: then CR belongs to the part. */
  #learn(isCrLf: boolean): void {
    this.#isLearnt = true;
    if (isCrLf) this.#delimiter = Buffer.concat([Buffer.of(CR), this.#delimiter]);
  }

  #countPreamble(bytes: number): void {
    this.#preambleBytes += bytes;
    if (this.#preambleBytes > maxPreambleBytes) {
      throw new GatewayError('bad-request', 'The body does not begin with the boundary of the Content-Type.');
    }
  }

  #countPart(): void {
    this.#parts += 1;
    this.#partBytes = 0;
    this.#headerBytes = 0;
    this.#headers = new Map();
    this.#lastHeader = '';
    if (this.#parts > this.#limits.maxParts) {
      throw new GatewayError('payload-too-large', `The body has more than ${this.#limits.maxParts} parts.`);
    }
  }

  *#readHeaderLine(input: Buffer, from: number): Generator<void | Promise<void>, number> {
    const lineFeed = input.indexOf(LF, from);
    const next = lineFeed < 0 ? input.length : lineFeed + 1;
    if (this.#headerBytes + next - from > this.#limits.maxHeaderBytes) {
      throw new GatewayError('bad-request', 'The headers of a part are too long.');
    }
    if (lineFeed < 0) {
      this.#carry = Buffer.from(input.subarray(from));
      return next;
    }
    this.#headerBytes += next - from;
    const end = lineFeed > from && input[lineFeed - 1] === CR ? lineFeed - 1 : lineFeed;
    if (end > from) this.#addHeader(input.toString('latin1', from, end));
    else {
      this.#state = 'body';
      yield this.#handler.beginPart(this.#headers);
    }
    return next;
  }

  #addHeader(line: string): void {
    if (/^[ \t]/.test(line) && this.#lastHeader !== '') {
      this.#headers.set(this.#lastHeader, `${this.#headers.get(this.#lastHeader) ?? ''} ${line.trim()}`);
      return;
    }
    const colon = line.indexOf(':');
    const name = line.slice(0, Math.max(colon, 0)).trim().toLowerCase();
    if (name === '') throw new GatewayError('bad-request', 'A header of a part is malformed.');
    const earlier = this.#headers.get(name);
    const value = line.slice(colon + 1).trim();
    this.#headers.set(name, earlier === undefined ? value : `${earlier}, ${value}`);
    this.#lastHeader = name;
  }
}

/** Text, which nobody ends in CR alone. */
const TEXT = /^(?:text\/|application\/(?:\S+\+)?(?:json|xml)\b)/i;

/**
 * Whether the CR that ends a part of `length` bytes belongs to the delimiter behind it, in a body whose other lines end in
 * LF: after text, and after what has an odd length with it, for datasets and values of DICOM have an even one.
 */
const isCrOfDelimiter = (headers: ReadonlyMap<string, string>, length: number): boolean =>
  length % 2 === 1 || TEXT.test(headers.get('content-type') ?? '');

/** Where a delimiter may begin whose end is still to come; the input's length if nowhere. */
function heldBackFrom(input: Buffer, from: number, delimiter: Buffer): number {
  const first = delimiter[0] ?? LF;
  let at = input.indexOf(first, Math.max(from, input.length - delimiter.length + 1));
  while (at >= 0) {
    if (delimiter.subarray(0, input.length - at).equals(input.subarray(at))) return at;
    at = input.indexOf(first, at + 1);
  }
  return input.length;
}
