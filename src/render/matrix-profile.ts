import type { ColourSpace } from './colour-spaces.js';

/** The white of the profile connection space. @see ICC.1:2010 7.2.16 */
const D50 = [0.9642, 1, 0.8249] as const;
const HEADER_BYTES = 128;
const VERSION_4 = 0x04200000;

/** The profile of a space: three primaries and one curve. @see ICC.1:2010 8.3, 8.4 */
export function matrixProfile({ name, toXyz, curve }: ColourSpace): Uint8Array {
  const [x, y, z] = toXyz;
  const parametric = Buffer.concat([Buffer.from('para\0\0\0\0\0\x03\0\0', 'latin1'), ...curve.map(fixed)]);
  const tags: readonly (readonly [string, Buffer])[] = [
    ['desc', localized(name)],
    ['cprt', localized('No copyright, use freely')],
    ['wtpt', xyz(D50)],
    ['rXYZ', xyz([x[0], y[0], z[0]])],
    ['gXYZ', xyz([x[1], y[1], z[1]])],
    ['bXYZ', xyz([x[2], y[2], z[2]])],
    ['rTRC', parametric],
    ['gTRC', parametric],
    ['bTRC', parametric],
  ];
  const table = Buffer.alloc(4 + tags.length * 12);
  table.writeUInt32BE(tags.length);
  const values: Buffer[] = [];
  let offset = HEADER_BYTES + table.length;
  tags.forEach(([signature, value], at) => {
    table.write(signature, 4 + at * 12, 'latin1');
    table.writeUInt32BE(offset, 8 + at * 12);
    table.writeUInt32BE(value.length, 12 + at * 12);
    const padded = Buffer.concat([value, Buffer.alloc(-value.length & 3)]);
    values.push(padded);
    offset += padded.length;
  });
  return new Uint8Array(Buffer.concat([header(offset), table, ...values]));
}

function header(size: number): Buffer {
  const bytes = Buffer.alloc(HEADER_BYTES);
  bytes.writeUInt32BE(size);
  bytes.writeUInt32BE(VERSION_4, 8);
  bytes.write('mntrRGB XYZ ', 12, 'latin1');
  // The date and time of the standard, not of now: bytes of pictures are compared.
  [2010, 12, 1, 0, 0, 0].forEach((part, at) => bytes.writeUInt16BE(part, 24 + at * 2));
  bytes.write('acsp', 36, 'latin1');
  Buffer.concat(D50.map(fixed)).copy(bytes, 68);
  return bytes;
}

/** A number with 16 bits before its point and 16 behind it. */
function fixed(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(Math.round(value * 0x10000));
  return bytes;
}

const xyz = (values: readonly number[]): Buffer =>
  Buffer.concat([Buffer.from('XYZ \0\0\0\0', 'latin1'), ...values.map(fixed)]);

/** Text in English alone. @see ICC.1:2010 10.13 */
function localized(text: string): Buffer {
  const utf16 = Buffer.from(text, 'utf16le').swap16();
  const bytes = Buffer.alloc(28);
  bytes.write('mluc', 'latin1');
  bytes.writeUInt32BE(1, 8);
  bytes.writeUInt32BE(12, 12);
  bytes.write('enUS', 16, 'latin1');
  bytes.writeUInt32BE(utf16.length, 20);
  bytes.writeUInt32BE(28, 24);
  return Buffer.concat([bytes, utf16]);
}
