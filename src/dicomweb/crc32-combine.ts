/** The polynomial of CRC-32, its bits reflected. @see ISO/IEC 3309 */
const POLYNOMIAL = 0xedb88320;
/** x^0, reflected. */
const ONE = 0x80000000;

/** The product of two polynomials over GF(2), modulo that of CRC-32. */
function multiply(a: number, b: number): number {
  let product = 0;
  let shifted = b;
  for (let bit = ONE; bit !== 0; bit >>>= 1) {
    if ((a & bit) !== 0) product ^= shifted;
    shifted = (shifted & 1) === 0 ? shifted >>> 1 : (shifted >>> 1) ^ POLYNOMIAL;
  }
  return product >>> 0;
}

/** x^(8 `bytes`), modulo the polynomial: what `bytes` more bytes do to a checksum. */
function shiftOver(bytes: number): number {
  let power = 0x00800000; // x^8
  let result = ONE;
  for (let rest = bytes; rest > 0; rest = Math.floor(rest / 2)) {
    if (rest % 2 === 1) result = multiply(power, result);
    power = multiply(power, power);
  }
  return result;
}

/** The CRC-32 of two runs of bytes one after the other, from that of each, and the length of the second in bytes. */
export function combineCrc32(first: number, second: number, secondBytes: number): number {
  return (multiply(shiftOver(secondBytes), first) ^ second) >>> 0;
}
