import { element, join, numbers, sequence, type Write } from './fixtures-element.js';

/** A coded entry. */
export const code = (meaning: string | Buffer, value = '1', scheme = 'L'): Write =>
  join(
    element(0x00080100, 'SH', value),
    element(0x00080102, 'SH', scheme),
    element(0x00080104, 'LO', meaning),
  );

export interface ItemOptions {
  readonly relationship?: string;
  readonly name?: string | Buffer;
  /** What stands before the items below, and behind them. */
  readonly value?: Write;
  readonly late?: Write;
  readonly below?: readonly Write[];
}

const nothing: Write = () => Buffer.alloc(0);

/** A content item of a value type, its attributes in the order of their tags. */
export function contentItem(type: string, options: ItemOptions = {}): Write {
  const { relationship = 'CONTAINS', name, value = nothing, late = nothing, below = [] } = options;
  return join(
    element(0x0040a010, 'CS', relationship),
    element(0x0040a040, 'CS', type),
    name === undefined ? nothing : sequence(0x0040a043, [code(name)]),
    value,
    below.length === 0 ? nothing : sequence(0x0040a730, below),
    late,
  );
}

export const textItem = (name: string | Buffer, text: string | Buffer, options: ItemOptions = {}): Write =>
  contentItem('TEXT', { name, value: element(0x0040a160, 'UT', text), ...options });

/** A reference to another instance stands in front of everything. */
export const referenceItem = (type: string, reference: Write, options: ItemOptions = {}): Write =>
  join(sequence(0x00081199, [reference]), contentItem(type, options));

export const numberItem = (name: string, number: string, unit: string, meaning: string): Write =>
  contentItem('NUM', {
    name,
    value: sequence(0x0040a300, [
      join(
        sequence(0x004008ea, [code(meaning, unit, 'UCUM')]),
        number === '' ? nothing : element(0x0040a30a, 'DS', number),
      ),
    ]),
  });

/** An item that stands for another, by its place. */
export const byReference = (...place: readonly number[]): Write =>
  join(element(0x0040a010, 'CS', 'INFERRED FROM'), numbers(0x0040db73, 'UL', ...place));

export interface ReportOptions {
  readonly characterSet?: string;
  readonly patientName?: string | Buffer;
  readonly title?: string | Buffer;
}

/** A report with what every report has. */
export function report(below: readonly Write[], options: ReportOptions = {}): Write {
  const { characterSet, patientName = 'Doe^Jane', title = 'Report' } = options;
  return join(
    characterSet === undefined ? nothing : element(0x00080005, 'CS', characterSet),
    element(0x00080016, 'UI', '1.2.840.10008.5.1.4.1.1.88.33'),
    element(0x00080018, 'UI', '1.2.3.4'),
    element(0x00080020, 'DA', '20240229'),
    element(0x00100010, 'PN', patientName),
    element(0x00100020, 'LO', 'ID-1'),
    element(0x0020000d, 'UI', '1.2.3'),
    element(0x0020000e, 'UI', '1.2.3.1'),
    element(0x0040a040, 'CS', 'CONTAINER'),
    sequence(0x0040a043, [code(title)]),
    sequence(0x0040a073, [
      join(
        element(0x0040a027, 'LO', 'Clinic'),
        element(0x0040a030, 'DT', '20240229101530'),
        element(0x0040a075, 'PN', 'Roe^Richard'),
      ),
    ]),
    element(0x0040a491, 'CS', 'COMPLETE'),
    element(0x0040a493, 'CS', 'VERIFIED'),
    below.length === 0 ? nothing : sequence(0x0040a730, below),
  );
}
