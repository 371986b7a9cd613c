import { GatewayError } from '../core/index.js';
import { formatTag } from './tag.js';
import type { Vr } from './vr.js';

interface NumberFormat {
  readonly size: 2 | 4 | 8;
  read(bytes: Buffer, offset: number): number | bigint;
  write(bytes: Buffer, text: string): void;
}

/** Little endian, as values are kept in memory. */
const formats: Partial<Record<Vr, NumberFormat>> = {
  FD: { size: 8, read: (b, o) => b.readDoubleLE(o), write: (b, t) => b.writeDoubleLE(finite(decimal(t))) },
  FL: {
    size: 4,
    read: (b, o) => b.readFloatLE(o),
    write: (b, t) => b.writeFloatLE(finite(Math.fround(decimal(t)))),
  },
  SL: { size: 4, read: (b, o) => b.readInt32LE(o), write: (b, t) => b.writeInt32LE(decimal(t)) },
  SS: { size: 2, read: (b, o) => b.readInt16LE(o), write: (b, t) => b.writeInt16LE(decimal(t)) },
  SV: { size: 8, read: (b, o) => b.readBigInt64LE(o), write: (b, t) => b.writeBigInt64LE(BigInt(t)) },
  UL: { size: 4, read: (b, o) => b.readUInt32LE(o), write: (b, t) => b.writeUInt32LE(decimal(t)) },
  US: { size: 2, read: (b, o) => b.readUInt16LE(o), write: (b, t) => b.writeUInt16LE(decimal(t)) },
  UV: { size: 8, read: (b, o) => b.readBigUInt64LE(o), write: (b, t) => b.writeBigUInt64LE(BigInt(t)) },
  AT: {
    size: 4,
    read: (b, o) => ((b.readUInt16LE(o) << 16) | b.readUInt16LE(o + 2)) >>> 0,
    write: (b, t) => {
      b.writeUInt16LE(Number.parseInt(t.slice(0, 4), 16));
      b.writeUInt16LE(Number.parseInt(t.slice(4), 16), 2);
    },
  },
};

const integerText = /^[+-]?\d{1,20}$/;
const decimalText = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,4})?$/;
/** Longer ones are not looked at: the decimal grammar takes time by the square of the length. */
const maxNumberLength = 64;
const tagText = /^[0-9A-Fa-f]{8}$/;

function decimal(text: string): number {
  return Number(text);
}

/** @throws RangeError when a text that is finite is not so as a number */
function finite(value: number): number {
  if (!Number.isFinite(value)) throw new RangeError();
  return value;
}

/** Whether values of this VR are binary numbers; tags (AT) among them. */
export function isNumberVr(vr: Vr): boolean {
  return formats[vr] !== undefined;
}

/** The numbers of a value field; `undefined` when its length is no multiple of their size. */
export function readNumbers(bytes: Buffer, vr: Vr): readonly (number | bigint)[] | undefined {
  const format = formats[vr];
  if (format === undefined || bytes.length % format.size !== 0) return undefined;
  const numbers: (number | bigint)[] = [];
  for (let offset = 0; offset < bytes.length; offset += format.size) numbers.push(format.read(bytes, offset));
  return numbers;
}

/** The shortest decimal that reads back as the same 32-bit float. */
export function shortestFloat(value: number): number {
  if (!Number.isFinite(value)) return value;
  for (let precision = 6; precision < 9; precision++) {
    const candidate = Number(value.toPrecision(precision));
    if (Math.fround(candidate) === value) return candidate;
  }
  return Number(value.toPrecision(9));
}

/** A number of this VR as text: a tag as eight hexadecimal digits. */
export function formatNumber(value: number | bigint, vr: Vr): string {
  if (typeof value === 'bigint') return value.toString();
  if (vr === 'AT') return formatTag(value);
  return Object.is(value, -0) ? '-0' : String(vr === 'FL' ? shortestFloat(value) : value);
}

/** Characters of a DS. @see PS3.5 6.2 */
export const maxDecimalLength = 16;

/** The spelling of a finite number as DS that is closest to it, which need not be it. @see PS3.5 6.2 */
export function formatDecimal(value: number): string {
  const whole = Object.is(value, -0) ? '-0' : String(value);
  if (whole.length <= maxDecimalLength) return whole;
  for (let digits = maxDecimalLength; digits > 1; digits--) {
    const spellings = [
      String(Number(value.toPrecision(digits))),
      value.toExponential(digits - 1).replace('e+', 'e'),
    ];
    // The largest numbers are rounded to what is too large.
    const fits = (text: string): boolean => text.length <= maxDecimalLength && Number.isFinite(Number(text));
    const fitting = spellings.find(fits);
    if (fitting !== undefined) return fitting;
  }
  return value.toExponential(0);
}

function grammarOf(vr: Vr): RegExp {
  if (vr === 'AT') return tagText;
  return vr === 'FL' || vr === 'FD' ? decimalText : integerText;
}

/**
 * The value field of `texts` as numbers of this VR.
 *
 * @throws GatewayError `bad-request` when one of them is none, or is out of range
 */
export function writeNumbers(texts: readonly string[], vr: Vr): Buffer {
  const format = formats[vr];
  if (format === undefined) throw new GatewayError('internal', `${vr} is no number.`);
  return Buffer.concat(
    texts.map((text) => {
      const bytes = Buffer.alloc(format.size);
      // The cause is left out: it quotes the value, which may be a patient's.
      const invalid = new GatewayError('bad-request', `A value is no number of type ${vr}.`);
      if (text.length > maxNumberLength || !grammarOf(vr).test(text)) throw invalid;
      try {
        format.write(bytes, text);
      } catch {
        throw invalid;
      }
      return bytes;
    }),
  );
}
