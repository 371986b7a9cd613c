import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { deflateRawSync } from 'node:zlib';
import type { ByteSource } from '../../../src/core/index.js';
import {
  Tags,
  TransferSyntaxes,
  writeDicomJson,
  type DicomJsonObject,
  type MetadataOptions,
  type TransferSyntax,
} from '../../../src/dicom/index.js';
import {
  element,
  encapsulated,
  header,
  join,
  numbers,
  rawElement,
  sequence,
  withGroupLength,
  type Write,
} from '../../helpers/fixtures-element.js';

const {
  ExplicitVrLittleEndian,
  ImplicitVrLittleEndian,
  ExplicitVrBigEndian,
  DeflatedExplicitVrLittleEndian,
} = TransferSyntaxes;
const uncompressed = [ImplicitVrLittleEndian, ExplicitVrLittleEndian, ExplicitVrBigEndian];

const options: MetadataOptions = { bulkDataUri: (path) => `bulk/${path}`, inlineLimitBytes: 64 };

/** A source that counts what is read of it. */
class CountingSource implements ByteSource {
  readonly size: number;
  read_ = 0;
  readonly #bytes: Buffer;
  readonly #chunk: number;

  constructor(bytes: Buffer, chunk = 4096) {
    this.#bytes = bytes;
    this.size = bytes.length;
    this.#chunk = chunk;
  }

  async *read(start = 0, end = this.size): AsyncGenerator<Buffer> {
    for (let at = start; at < end; at += this.#chunk) {
      const part = this.#bytes.subarray(at, Math.min(end, at + this.#chunk));
      this.read_ += part.length;
      yield await Promise.resolve(part);
    }
  }
}

async function textOf(source: ByteSource, syntax: TransferSyntax, settings = options): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of writeDicomJson(source, syntax, settings)) chunks.push(chunk);
  return Buffer.concat(chunks).toString('utf8');
}

async function jsonOf(
  write: Write,
  syntax = ExplicitVrLittleEndian,
  settings = options,
): Promise<DicomJsonObject> {
  const text = await textOf(new CountingSource(write(syntax)), syntax, settings);
  return JSON.parse(text) as DicomJsonObject;
}

const header1 = join(
  withGroupLength(
    0x0008,
    element(Tags.SpecificCharacterSet, 'CS', 'ISO_IR 100'),
    element(Tags.SOPInstanceUID, 'UI', '1.2.3'),
    element(Tags.StudyDate, 'DA', ''),
    sequence(Tags.ProcedureCodeSequence, [
      element(Tags.CodeMeaning, 'LO', Buffer.from('e9', 'hex')),
      join(),
      join(
        element(Tags.SpecificCharacterSet, 'CS', 'ISO_IR 101'),
        element(Tags.CodeMeaning, 'LO', Buffer.from('d8', 'hex')),
      ),
    ]),
    sequence(0x00081111, []),
  ),
  element(Tags.PatientName, 'PN', Buffer.from('4ae972f46d65', 'hex')),
  numbers(Tags.Rows, 'US', 2),
  numbers(Tags.BitsAllocated, 'US', 16),
);
const pixels = element(Tags.PixelData, 'OW', Buffer.alloc(16, 7));

describe('the metadata of one instance', () => {
  test.each(uncompressed.map((syntax): [string, TransferSyntax] => [syntax.name, syntax]))(
    'W-02, W-48, J-20: holds every attribute of an instance in %s',
    async (_name, syntax) => {
      expect(await textOf(new CountingSource(join(header1, pixels)(syntax)), syntax)).toBe(
        '{"00080005":{"vr":"CS","Value":["ISO_IR 192"]},"00080018":{"vr":"UI","Value":["1.2.3"]},"00080020":{"vr":"DA"},' +
          '"00081032":{"vr":"SQ","Value":[{"00080104":{"vr":"LO","Value":["é"]}},{},{"00080104":{"vr":"LO","Value":["Ř"]}}]},' +
          '"00081111":{"vr":"SQ"},"00100010":{"vr":"PN","Value":[{"Alphabetic":"Jérôme"}]},' +
          '"00280010":{"vr":"US","Value":[2]},"00280100":{"vr":"US","Value":[16]},' +
          '"7FE00010":{"vr":"OW","BulkDataURI":"bulk/7FE00010"}}',
      );
    },
  );

  test('is the same however the bytes are cut, and from a deflated instance', async () => {
    const bytes = join(header1, pixels)(ExplicitVrLittleEndian);
    const whole = await textOf(new CountingSource(bytes), ExplicitVrLittleEndian);
    for (const chunk of [1, 2, 7, 64]) {
      expect(await textOf(new CountingSource(bytes, chunk), ExplicitVrLittleEndian)).toBe(whole);
    }
    const deflated = new CountingSource(deflateRawSync(bytes), 5);
    expect(await textOf(deflated, DeflatedExplicitVrLittleEndian)).toBe(whole);
  });

  test('an empty dataset is an empty object', async () => {
    expect(await textOf(new CountingSource(Buffer.alloc(0)), ExplicitVrLittleEndian)).toBe('{}');
  });

  test('W-28: file meta information that strayed into a dataset is left out', async () => {
    expect(await jsonOf(join(element(0x00020010, 'UI', '1.2'), element(0x00020102, 'OB', 'x')))).toEqual({});
  });

  test('J-12: encapsulated pixel data is OB bulk data, native is OW from 9 bits on', async () => {
    expect((await jsonOf(encapsulated([Buffer.alloc(8)])))['7FE00010']).toEqual({
      vr: 'OB',
      BulkDataURI: 'bulk/7FE00010',
    });
    const native = (bits: number, vr: string): Write =>
      join(numbers(Tags.BitsAllocated, 'US', bits), element(Tags.PixelData, vr, Buffer.alloc(4)));
    expect((await jsonOf(native(8, 'OB')))['7FE00010']?.vr).toBe('OB');
    expect((await jsonOf(native(8, 'OW')))['7FE00010']?.vr).toBe('OW');
    expect((await jsonOf(native(16, 'OB')))['7FE00010']?.vr).toBe('OW');
  });

  test('float pixel data has the same path as any other', async () => {
    expect(await jsonOf(element(Tags.FloatPixelData, 'OF', Buffer.alloc(4)))).toEqual({
      '7FE00008': { vr: 'OF', BulkDataURI: 'bulk/7FE00010' },
    });
  });

  test('J-11, W-49: bytes up to the limit are inline, longer ones are bulk data by their path', async () => {
    const bytes = (length: number): Buffer => Buffer.alloc(length, 1);
    const json = await jsonOf(
      join(
        element(0x00091001, 'UN', bytes(64)),
        element(0x00091002, 'UN', bytes(66)),
        sequence(0x00880200, [join(), element(Tags.PixelData, 'OB', bytes(66))]),
        element(0x60003000, 'OW', bytes(66)),
      ),
    );
    expect(json['00091001']?.InlineBinary).toBe(bytes(64).toString('base64'));
    expect(json['00091002']?.BulkDataURI).toBe('bulk/00091002');
    expect(json['00880200']?.Value?.[1]).toEqual({
      '7FE00010': { vr: 'OB', BulkDataURI: 'bulk/00880200/1/7FE00010' },
    });
    expect(json['60003000']?.BulkDataURI).toBe('bulk/60003000');
  });

  test('J-10: numbers over the limit are bulk data, text never below the bound of the reader', async () => {
    const limits = { maxCollectedBytes: 1000 };
    const json = await jsonOf(
      join(
        element(0x00281201, 'US', Buffer.alloc(66)),
        element(0x00282000, 'UT', 'x'.repeat(1000)),
        element(0x00282002, 'UT', 'x'.repeat(1002)),
        element(0x00283010, 'DS', '1\\'.repeat(400)),
      ),
      ExplicitVrLittleEndian,
      { ...options, limits },
    );
    expect(json['00281201']).toEqual({ vr: 'US', BulkDataURI: 'bulk/00281201' });
    expect(json['00282000']?.Value).toEqual(['x'.repeat(1000)]);
    expect(json['00282002']?.BulkDataURI).toBe('bulk/00282002');
    expect(json['00283010']?.Value).toHaveLength(401);
  });

  test('J-10: a list of UIDs that nobody could collect is refused, not replaced', async () => {
    const write = element(0x00081155, 'UI', '1.2\\'.repeat(300));
    await expect(
      jsonOf(write, ExplicitVrLittleEndian, { ...options, limits: { maxCollectedBytes: 1000 } }),
    ).rejects.toMatchObject({ code: 'malformed-dataset' });
  });

  test('J-07: NaN in FL and FD is bulk data', async () => {
    const json = await jsonOf(join(numbers(0x00189219, 'FD', 1, NaN), numbers(0x00189220, 'FL', -Infinity)));
    expect(json).toEqual({
      '00189219': { vr: 'FD', BulkDataURI: 'bulk/00189219' },
      '00189220': { vr: 'FL', BulkDataURI: 'bulk/00189220' },
    });
  });

  test('J-09: minus zero is written', async () => {
    const source = new CountingSource(numbers(0x00189219, 'FD', -0)(ExplicitVrLittleEndian));
    expect(await textOf(source, ExplicitVrLittleEndian)).toBe('{"00189219":{"vr":"FD","Value":[-0]}}');
  });

  test('numbers of a wrong length keep their bytes', async () => {
    const json = await jsonOf(
      join(rawElement(Tags.Rows, 'US', Buffer.alloc(3)), rawElement(0x00280009, 'AT', Buffer.alloc(2))),
    );
    expect(json['00280010']?.BulkDataURI).toBe('bulk/00280010');
    expect(json['00280009']).toEqual({ vr: 'UN', InlineBinary: 'AAA=' });
  });

  test('J-17: "US or SS" goes by the Pixel Representation of the dataset or of the item', async () => {
    const values = numbers(Tags.SmallestImagePixelValue, 'SS', -5);
    const write = join(
      numbers(Tags.PixelRepresentation, 'US', 1),
      values,
      sequence(0x00880200, [values, join(numbers(Tags.PixelRepresentation, 'US', 0), values)]),
    );
    const json = await jsonOf(write, ImplicitVrLittleEndian);
    expect(json['00280106']).toEqual({ vr: 'SS', Value: [-5] });
    expect(json['00880200']?.Value).toEqual([
      { '00280106': { vr: 'SS', Value: [-5] } },
      { '00280103': { vr: 'US', Value: [0] }, '00280106': { vr: 'US', Value: [65531] } },
    ]);
  });

  test('J-17: a sequence written as UN is read as the Implicit VR that it is', async () => {
    const inner = join(element(Tags.CodeMeaning, 'LO', 'Head'), numbers(Tags.Rows, 'US', 512));
    const items = sequence(0x00091010, [() => inner(ImplicitVrLittleEndian)], undefined, 'UN');
    const expected = { '00080104': { vr: 'LO', Value: ['Head'] }, '00280010': { vr: 'US', Value: [512] } };
    const little = await jsonOf(items, ExplicitVrLittleEndian);
    expect(little['00091010']).toEqual({ vr: 'SQ', Value: [expected] });
  });

  test('J-18: private attributes keep their block, and its creator stays', async () => {
    const write = join(element(0x00290042, 'LO', 'ACME'), element(0x00294201, 'LO', 'x'));
    expect(await jsonOf(write)).toEqual({
      '00290042': { vr: 'LO', Value: ['ACME'] },
      '00294201': { vr: 'LO', Value: ['x'] },
    });
  });

  test('J-20: an ASCII character set is dropped', async () => {
    expect(await jsonOf(element(Tags.SpecificCharacterSet, 'CS', 'ISO_IR 6'))).toEqual({});
    expect(await jsonOf(element(Tags.SpecificCharacterSet, 'CS', ''))).toEqual({});
  });

  test('Q-35: text without a declared character set reads by the fallback', async () => {
    const json = await jsonOf(
      element(Tags.PatientName, 'PN', Buffer.from('d8', 'hex')),
      ExplicitVrLittleEndian,
      {
        ...options,
        fallbackCharacterSet: 'ISO_IR 101',
      },
    );
    expect(json['00100010']?.Value).toEqual([{ Alphabetic: 'Ř' }]);
  });

  test('J-19: of a tag that comes twice the first one stays where it is not said that another counts, sequences too', async () => {
    const item = (text: string): Write =>
      sequence(Tags.ProcedureCodeSequence, [element(Tags.CodeMeaning, 'LO', text)]);
    const bytes = join(
      item('A'),
      element(Tags.PatientID, 'LO', 'A'),
      element(Tags.Modality, 'CS', 'CT'),
      item('B'),
      element(Tags.PatientID, 'LO', 'B'),
      element(Tags.StudyInstanceUID, 'UI', '1.2'),
    )(ExplicitVrLittleEndian);
    expect(await textOf(new CountingSource(bytes), ExplicitVrLittleEndian)).toBe(
      '{"00081032":{"vr":"SQ","Value":[{"00080104":{"vr":"LO","Value":["A"]}}]},"00100020":{"vr":"LO","Value":["A"]},' +
        '"00080060":{"vr":"CS","Value":["CT"]},"0020000D":{"vr":"UI","Value":["1.2"]}}',
    );
  });

  test('J-19: a dataset of more attributes than are kept at once is malformed', async () => {
    const bytes = Buffer.alloc(100_001 * 8); // headers without a value: group, element, length 0
    for (let index = 0; index <= 100_000; index++) {
      bytes.writeUInt16LE(0x0009 + (index >> 15) * 2, index * 8);
      bytes.writeUInt16LE(1 + (index & 0x7fff), index * 8 + 2);
    }
    await expect(jsonOf(() => bytes, ImplicitVrLittleEndian)).rejects.toMatchObject({
      code: 'malformed-dataset',
    });
  });

  test('elements after the pixel data belong to the metadata', async () => {
    const json = await jsonOf(join(pixels, element(0xfffcfffc, 'OB', Buffer.alloc(2))));
    expect(Object.keys(json)).toContain('FFFCFFFC');
  });
});

describe('large instances', () => {
  test('long values are jumped over: little more than the header is read', async () => {
    const large = Buffer.alloc(8 << 20);
    const bytes = join(
      header1,
      element(0x00091002, 'OB', large),
      element(Tags.PixelData, 'OW', large),
      element(0xfffcfffc, 'OB', 'xx'),
    )(ExplicitVrLittleEndian);
    const source = new CountingSource(bytes);
    const json = JSON.parse(await textOf(source, ExplicitVrLittleEndian)) as DicomJsonObject;
    expect(json['00091002']?.BulkDataURI).toBe('bulk/00091002');
    expect(json['FFFCFFFC']?.InlineBinary).toBe('eHg=');
    expect(source.read_).toBeLessThan(32 * 1024);
  });

  test('an instance that ends inside a value that is jumped over is malformed, not whole', async () => {
    const bytes = join(header1, header(Tags.PixelData, 'OW', 8 << 20))(ExplicitVrLittleEndian);
    for (const missing of [8 << 20, 100, 1]) {
      const cut = Buffer.concat([bytes, Buffer.alloc((8 << 20) - missing)]);
      await expect(textOf(new CountingSource(cut), ExplicitVrLittleEndian)).rejects.toMatchObject({
        code: 'malformed-dataset',
      });
    }
  });

  test('100,000 functional group items pass in chunks of about 64 KiB', async () => {
    const item = sequence(0x00189114, [join(numbers(0x00189220, 'FD', 1.5), numbers(0x00189221, 'FD', 2))]);
    const one = sequence(0x52009230, [item])(ExplicitVrLittleEndian);
    const ends = one.length - 8; // 12 bytes of header, the item, 8 bytes of delimiter
    const items = Array<Buffer>(100_000).fill(one.subarray(12, ends));
    const bytes = Buffer.concat([one.subarray(0, 12), ...items, one.subarray(ends)]);
    let longest = 0;
    const texts: string[] = [];
    for await (const chunk of writeDicomJson(
      new CountingSource(bytes, 65_536),
      ExplicitVrLittleEndian,
      options,
    )) {
      longest = Math.max(longest, chunk.length);
      texts.push(chunk.toString('utf8'));
    }
    expect(longest).toBeLessThan(512 * 1024);
    const json = JSON.parse(texts.join('')) as DicomJsonObject;
    expect(json['52009230']?.Value).toHaveLength(100_000);
  });

  test('any bytes give JSON or a malformed dataset, nothing else', async () => {
    const start = header1(ExplicitVrLittleEndian);
    await fc.assert(
      fc.asyncProperty(fc.nat(start.length), fc.uint8Array({ maxLength: 40 }), async (kept, behind) => {
        const bytes = Buffer.concat([start.subarray(0, kept), behind]);
        const outcome = await textOf(new CountingSource(bytes, 16), ExplicitVrLittleEndian).catch(
          (error: unknown) => error,
        );
        if (typeof outcome === 'string') expect(() => JSON.parse(outcome) as unknown).not.toThrow();
        else expect(outcome).toMatchObject({ code: 'malformed-dataset' });
      }),
      { interruptAfterTimeLimit: 1500 },
    );
  });

  test('a failure of the source is the failure of the metadata', async () => {
    const bytes = header1(ExplicitVrLittleEndian);
    const source: ByteSource = {
      size: undefined,
      async *read() {
        yield await Promise.resolve(bytes.subarray(0, 40));
        throw new Error('lost');
      },
    };
    await expect(textOf(source, ExplicitVrLittleEndian)).rejects.toThrow('lost');
  });
});
