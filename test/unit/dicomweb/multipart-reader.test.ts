import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  MultipartReader,
  MultipartWriter,
  type MultipartHandler,
  type MultipartLimits,
} from '../../../src/dicomweb/index.js';
import { GatewayError } from '../../../src/core/index.js';
import { codeOf, errorOf } from './code-of.js';

interface Part {
  readonly headers: Record<string, string>;
  readonly data: string;
  readonly whole: boolean;
}

class Collector implements MultipartHandler {
  readonly parts: { headers: Record<string, string>; chunks: Buffer[]; whole: boolean }[] = [];
  beginPart(headers: ReadonlyMap<string, string>): void {
    this.parts.push({ headers: Object.fromEntries(headers), chunks: [], whole: false });
  }
  partData(bytes: Buffer): void {
    this.parts.at(-1)?.chunks.push(Buffer.from(bytes));
  }
  endPart(): void {
    const part = this.parts.at(-1);
    if (part) part.whole = true;
  }
  get result(): Part[] {
    return this.parts.map(({ headers, chunks, whole }) => ({
      headers,
      data: Buffer.concat(chunks).toString('latin1'),
      whole,
    }));
  }
}

interface Outcome {
  readonly parts: Part[];
  readonly error?: string;
}

function read(chunks: readonly Buffer[], boundary = 'b', limits?: Partial<MultipartLimits>): Outcome {
  const collector = new Collector();
  const reader = new MultipartReader(boundary, collector, limits);
  try {
    for (const chunk of chunks) expect(reader.push(chunk)).toBeUndefined();
    expect(reader.end()).toBeUndefined();
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error;
    return { parts: collector.result, error: error.code };
  }
  return { parts: collector.result };
}

const bytes = (text: string): Buffer => Buffer.from(text, 'latin1');
const byteByByte = (text: string): Buffer[] => [...bytes(text)].map((byte) => Buffer.of(byte));

const whole = (data: string, headers: Record<string, string> = {}): Part => ({ headers, data, whole: true });
const partial = (data: string, headers: Record<string, string> = {}): Part => ({
  headers,
  data,
  whole: false,
});
const dicom = { 'content-type': 'application/dicom' };

/** Every vector is read whole, byte by byte, and with bytes after it. */
const vectors: [string, string, Part[]][] = [
  ['one part', '--b\r\nContent-Type: application/dicom\r\n\r\nxyz\r\n--b--\r\n', [whole('xyz', dicom)]],
  ['two parts', '--b\r\n\r\none\r\n--b\r\n\r\ntwo\r\n--b--\r\n', [whole('one'), whole('two')]],
  ['no part', '--b--\r\n', []],
  ['an empty part', '--b\r\n\r\n\r\n--b--\r\n', [whole('')]],
  ['no final line break', '--b\r\n\r\nxyz\r\n--b--', [whole('xyz')]],
  ['a line break first, as dicomweb-client writes', '\r\n--b\r\n\r\nxyz\r\n--b--', [whole('xyz')]],
  ['a preamble', 'This is MIME.\r\nReally.\r\n--b\r\n\r\nxyz\r\n--b--\r\n', [whole('xyz')]],
  ['a boundary within a line of the preamble', 'see --b\r\n--b\r\n\r\nxyz\r\n--b--\r\n', [whole('xyz')]],
  ['an epilogue', '--b\r\n\r\nxyz\r\n--b--\r\nbye\r\n--b\r\n\r\nno part\r\n--b--', [whole('xyz')]],
  [
    'white space after the boundary',
    '--b \t\r\n\r\nxyz\r\n--b  \r\n\r\n1\r\n--b-- \r\n',
    [whole('xyz'), whole('1')],
  ],
  [
    'headers that end in LF',
    '--b\r\nContent-Type: application/dicom\n\nxyz\r\n--b--\r\n',
    [whole('xyz', dicom)],
  ],
  [
    'lines that end in LF throughout',
    '--b\nContent-Type: application/dicom\n\nxyz\n--b\n\n1\n--b--\n',
    [whole('xyz', dicom), whole('1')],
  ],
  ['lines that end in LF and data that ends in CR', '--b\n\nxyz\r\n--b--\n', [whole('xyz\r')]],
  [
    'lines that end in LF, but for those before the boundaries, around datasets',
    '--b\nContent-Type: application/dicom\n\nwxyz\r\n--b\n\n1\r\n--b--\n',
    [whole('wxyz', dicom), whole('1')],
  ],
  [
    'lines that end in LF, but for those before the boundaries, around text of an odd length',
    '--b\nContent-Type: application/dicom+json\n\n[1]\r\n--b\n\n12\r\n--b--\n',
    [whole('[1]', { 'content-type': 'application/dicom+json' }), whole('12')],
  ],
  [
    'lines that end in LF throughout, and parts behind the first that end in CR',
    '--b\n\n12\n--b\n\n1\r\n--b--\n',
    [whole('12'), whole('1\r')],
  ],
  [
    'LF before the boundary text is data among CRLF lines',
    '--b\r\n\r\nx\n--b\nyz\r\n--b--\r\n',
    [whole('x\n--b\nyz')],
  ],
  ['data that ends in CR', '--b\r\n\r\nxyz\r\r\n--b--\r\n', [whole('xyz\r')]],
  ['data that ends in CRLF', '--b\r\n\r\nxyz\r\n\r\n--b--\r\n', [whole('xyz\r\n')]],
  [
    'data that begins like a delimiter',
    '--b\r\n\r\n\r\n-\r\n--\r\n--a\r\n--\r\n--b--\r\n',
    [whole('\r\n-\r\n--\r\n--a\r\n--')],
  ],
  [
    'a longer boundary in the data',
    '--b\r\n\r\nx\r\n--bb\r\ny\r\n--b\rz\r\n--b-y\r\n--b--\r\n',
    [whole('x\r\n--bb\r\ny\r\n--b\rz\r\n--b-y')],
  ],
  ['a line of a boundary and text', '--b\r\n\r\nx\r\n--b y\r\n--b--\r\n', [whole('x\r\n--b y')]],
  [
    'a boundary with too much white space after it',
    `--b\r\n\r\nx\r\n--b${' '.repeat(300)}\r\n--b--\r\n`,
    [whole(`x\r\n--b${' '.repeat(300)}`)],
  ],
  [
    'header names in any case, spaced',
    '--b\r\nCONTENT-type :  application/dicom \r\nX-a:\r\n\r\nx\r\n--b--',
    [whole('x', { ...dicom, 'x-a': '' })],
  ],
  [
    'a folded header',
    '--b\r\nContent-Type: a/b;\r\n c=d\r\n\r\nx\r\n--b--',
    [whole('x', { 'content-type': 'a/b; c=d' })],
  ],
  ['a header that comes twice', '--b\r\nX: 1\r\nX: 2\r\n\r\nx\r\n--b--', [whole('x', { x: '1, 2' })]],
  [
    'a header with a colon in its value',
    '--b\r\nContent-Location: http://h/1\r\n\r\nx\r\n--b--',
    [whole('x', { 'content-location': 'http://h/1' })],
  ],
];

/** What is wrong is told, and the part that it happened in is not whole. */
const broken: [string, string, Part[]][] = [
  ['nothing at all', '', []],
  ['no boundary', 'DICM and so on', []],
  ['another boundary', '--c\r\n\r\nxyz\r\n--c--\r\n', []],
  ['an end within the headers', '--b\r\nContent-Type: app', []],
  ['an end within a part', '--b\r\n\r\nxyz', [partial('xyz')]],
  ['an end within the closing delimiter', '--b\r\n\r\nxyz\r\n--b-', [partial('xyz')]],
  ['an end at the delimiter', '--b\r\n\r\nxyz\r\n--b', [partial('xyz')]],
  ['an end after a delimiter line', '--b\r\n\r\nxyz\r\n--b\r\n', [whole('xyz')]],
  ['a header without a colon', '--b\r\nnonsense\r\n\r\nxyz\r\n--b--', []],
  ['a header without a name', '--b\r\n: x\r\n\r\nxyz\r\n--b--', []],
  ['a folded line with nothing to belong to', '--b\r\n folded\r\n\r\nxyz\r\n--b--', []],
];

describe('MultipartReader', () => {
  describe.each(vectors)('S-03: %s', (_what, text, parts) => {
    test('whole', () => {
      expect(read([bytes(text)])).toEqual({ parts });
    });
    test('byte by byte', () => {
      expect(read(byteByByte(text))).toEqual({ parts });
    });
    test('with bytes after it', () => {
      expect(read([bytes(`${text}\r\n trailing --b\r\n\r\n`), bytes('and more')])).toEqual({ parts });
    });
    test('cut in two at every place', () => {
      for (let at = 1; at < text.length; at += 1) {
        expect(read([bytes(text.slice(0, at)), bytes(text.slice(at))])).toEqual({ parts });
      }
    });
  });

  describe.each(broken)('S-03: %s is a client error', (_what, text, parts) => {
    test('whole and byte by byte', () => {
      expect(read([bytes(text)])).toEqual({ error: 'bad-request', parts });
      expect(read(byteByByte(text))).toEqual({ error: 'bad-request', parts });
    });
  });

  test('every truncation of a body is a client error, and no part of it is whole that is not', () => {
    const text = '--b\r\nA: 1\r\n\r\nfirst\r\n--b\r\nB: 2\r\n\r\nsecond\r\n--b--';
    for (let length = 0; length < text.length; length += 1) {
      const { parts, error } = read([bytes(text.slice(0, length))]);
      expect(error).toBe('bad-request');
      for (const part of parts.filter((one) => one.whole))
        expect(['first', 'second'].includes(part.data)).toBe(true);
      expect(parts.filter((part) => part.whole).length).toBeLessThan(2);
    }
  });

  test('any chunking gives the same parts', () => {
    // Data made of the very bytes that delimiters are made of.
    const data = fc.string({ unit: fc.constantFrom('\r', '\n', '-', 'b', ' ', 'x'), maxLength: 40 });
    const cuts = fc.array(fc.nat(400), { maxLength: 12 });
    fc.assert(
      fc.property(fc.array(data, { maxLength: 4 }), cuts, (datas, places) => {
        const writer = new MultipartWriter('application/dicom', 'bx-');
        const safe = datas.filter((one) => !one.includes('\r\n--bx-'));
        const body = Buffer.concat([
          ...safe.flatMap((one) => [writer.part({ contentType: 'application/dicom' }), bytes(one)]),
          writer.end(),
        ]);
        const sorted = [0, ...places.map((place) => Math.min(place, body.length)).toSorted((a, b) => a - b)];
        const chunks = sorted.map((start, index) => body.subarray(start, sorted[index + 1] ?? body.length));
        expect(read(chunks, 'bx-')).toEqual({ parts: safe.map((one) => whole(one, dicom)) });
      }),
      { numRuns: 500 },
    );
  });

  test('whatever bytes come, they are parts or a client error', () => {
    const soup = fc.string({
      unit: fc.constantFrom('\r\n', '\n', '--b', '--', 'a: b', '\r\n\r\n', 'x', '\x00'),
      maxLength: 60,
    });
    fc.assert(
      fc.property(soup, (text) => {
        const once = read([bytes(text)]);
        const bitwise = read(byteByByte(text));
        expect(bitwise.error).toBe(once.error);
        if (once.error === undefined) expect(bitwise.parts).toEqual(once.parts);
      }),
      { numRuns: 500 },
    );
  });

  test('10,000 parts are read one after the other', () => {
    const writer = new MultipartWriter('application/dicom', 'b');
    const collector = new Collector();
    const reader = new MultipartReader('b', collector);
    for (let index = 0; index < 10_000; index += 1) {
      void reader.push(
        Buffer.concat([writer.part({ contentType: 'application/dicom' }), bytes(`part ${index}`)]),
      );
    }
    void reader.push(writer.end());
    void reader.end();
    expect(collector.parts).toHaveLength(10_000);
    expect(collector.result.at(-1)).toEqual(whole('part 9999', dicom));
  });

  test('data is handed on as a slice of what was pushed, not as a copy', () => {
    const chunk = Buffer.alloc(65_536, 7);
    const seen: Buffer[] = [];
    const reader = new MultipartReader('b', {
      beginPart: () => undefined,
      partData: (data) => {
        seen.push(data);
      },
      endPart: () => undefined,
    });
    void reader.push(bytes('--b\r\n\r\n'));
    void reader.push(chunk);
    expect(seen).toHaveLength(1);
    expect(seen[0]?.buffer).toBe(chunk.buffer);
    expect(seen[0]).toHaveLength(chunk.length);
  });

  test('R-03: a part with too long headers is refused, also without any line break', () => {
    const limits = { maxHeaderBytes: 100 };
    const header = `X: ${'y'.repeat(60)}\r\n`;
    expect(read([bytes(`--b\r\n${header}\r\nx\r\n--b--`)], 'b', limits)).toMatchObject({
      parts: [{ whole: true }],
    });
    expect(read([bytes(`--b\r\n${header}${header}\r\nx\r\n--b--`)], 'b', limits).error).toBe('bad-request');
    expect(read([bytes(`--b\r\n${'z'.repeat(101)}`)], 'b', limits).error).toBe('bad-request');
    expect(read(byteByByte(`--b\r\n${'z'.repeat(101)}`), 'b', limits).error).toBe('bad-request');
  });

  test('R-03: each part has its own allowance of headers', () => {
    const part = `--b\r\nX: ${'y'.repeat(60)}\r\n\r\nx\r\n`;
    expect(read([bytes(`${part}${part}--b--`)], 'b', { maxHeaderBytes: 100 }).parts).toHaveLength(2);
  });

  test('R-03: more parts than the limit are refused', () => {
    const part = '--b\r\n\r\nx\r\n';
    expect(read([bytes(`${part}${part}--b--`)], 'b', { maxParts: 2 })).toEqual({
      parts: [whole('x'), whole('x')],
    });
    expect(read([bytes(`${part}${part}${part}--b--`)], 'b', { maxParts: 2 }).error).toBe('payload-too-large');
  });

  test('R-03: a body that never comes to its boundary is given up', () => {
    const reader = new MultipartReader('b', new Collector());
    void reader.push(Buffer.alloc(60_000));
    const error = errorOf(() => reader.push(Buffer.alloc(60_000)));
    expect(error.code).toBe('bad-request');
    expect(errorOf(() => reader.push(Buffer.alloc(1)))).toBe(error);
    expect(errorOf(() => reader.end())).toBe(error);
  });

  test('an end without the closing delimiter stays an error', () => {
    const reader = new MultipartReader('b', new Collector());
    void reader.push(bytes('--b\r\n\r\nxyz'));
    expect(codeOf(() => reader.end())).toBe('bad-request');
    expect(codeOf(() => reader.push(bytes('\r\n--b--')))).toBe('bad-request');
  });

  test('a promise of the handler holds the reader back', async () => {
    const log: string[] = [];
    let release: () => void = () => undefined;
    const reader = new MultipartReader('b', {
      beginPart: () => {
        log.push('begin');
      },
      partData: (data) => {
        log.push(data.toString());
        return new Promise<void>((resolve) => {
          release = resolve;
        });
      },
      endPart: () => {
        log.push('end');
      },
    });
    const pending = reader.push(bytes('--b\r\n\r\none\r\n--b\r\n\r\ntwo\r\n--b--'));
    expect(pending).toBeInstanceOf(Promise);
    expect(log).toEqual(['begin', 'one']);
    const releaseFirst = release;
    releaseFirst();
    while (log.length < 4) await new Promise(setImmediate);
    expect(log).toEqual(['begin', 'one', 'end', 'begin', 'two'].slice(0, log.length));
    while (log.at(-1) !== 'two') await new Promise(setImmediate);
    release();
    await pending;
    expect(log).toEqual(['begin', 'one', 'end', 'begin', 'two', 'end']);
    expect(reader.end()).toBeUndefined();
  });

  test.each(['beginPart', 'partData', 'endPart'] as const)(
    'a failure of %s, at once or later, stays',
    async (method) => {
      const boom = new GatewayError('peer-failed', 'The peer failed.');
      for (const fail of [
        () => Promise.reject(boom),
        (): never => {
          throw boom;
        },
      ]) {
        const collector: MultipartHandler = new Collector();
        collector[method] = fail;
        const reader = new MultipartReader('b', collector);
        await expect(async () => reader.push(bytes('--b\r\n\r\none\r\n--b--'))).rejects.toBe(boom);
        expect(errorOf(() => reader.end())).toBe(boom);
      }
    },
  );
});
