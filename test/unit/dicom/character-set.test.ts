import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { decodeValues } from '../../../src/dicom/character-set.js';
import { decodeText, type Vr } from '../../../src/dicom/index.js';

/** Bytes from hexadecimal pairs and quoted ASCII: `1b'$B' 3b33`. */
function bytes(notation: string): Buffer {
  const parts = notation.match(/'[^']*'|[0-9a-f]{2}/g) ?? [];
  return Buffer.concat(
    parts.map((part) =>
      part.startsWith("'") ? Buffer.from(part.slice(1, -1), 'latin1') : Buffer.from(part, 'hex'),
    ),
  );
}

const kanjiOfYamada = "1b'$B' 3b33 4544 1b'(B'"; // 山田 in JIS X 0208, then back to ASCII
const names = {
  // PS3.5 H.3.1: everything in one value, kanji by escape from ASCII
  h31: bytes(
    `'Yamada^Tarou=' ${kanjiOfYamada} '^' 1b'$B' 4240 4f3a 1b'(B' '=' 1b'$B' 2464 245e 2440 1b'(B' '^' 1b'$B' 243f 246d 2426 1b'(B'`,
  ),
  // PS3.5 H.3.2: half-width katakana in G1 from the start, romaji in G0 again by ESC ( J
  h32: bytes(
    `d4cfc0de '^' c0dbb3 '=' 1b'$B' 3b33 4544 1b'(J' '^' 1b'$B' 4240 4f3a 1b'(J' '=' 1b'$B' 2464 245e 2440 1b'(J' '^' 1b'$B' 243f 246d 2426 1b'(J'`,
  ),
  // PS3.5 I.2: KS X 1001 in G1, designated again in every component
  i2: bytes(`'Hong^Gildong=' 1b'$)C' fbf3 '^' 1b'$)C' d1ce d4d7 '=' 1b'$)C' c8ab '^' 1b'$)C' b1e6 b5bf`),
  // PS3.5 K.2: GB 2312 in G1
  k2: bytes(`'Zhang^XiaoDong=' 1b'$)A' d5c5 '^' 1b'$)A' d0a1 b6ab '='`),
};

describe('code extension by ISO 2022 (J-14)', () => {
  test.each([
    ['H.3.1', ['', 'ISO 2022 IR 87'], names.h31, 'Yamada^Tarou=山田^太郎=やまだ^たろう'],
    ['H.3.2', ['ISO 2022 IR 13', 'ISO 2022 IR 87'], names.h32, 'ﾔﾏﾀﾞ^ﾀﾛｳ=山田^太郎=やまだ^たろう'],
    ['I.2', ['', 'ISO 2022 IR 149'], names.i2, 'Hong^Gildong=洪^吉洞=홍^길동'],
    ['K.2', ['', 'ISO 2022 IR 58'], names.k2, 'Zhang^XiaoDong=张^小东='],
  ])('the name of PS3.5 %s reads as printed there', (_clause, characterSet, value, text) => {
    expect(decodeText(value, characterSet, 'PN')).toBe(text);
  });

  test('JIS X 0212 is read by its own escape sequence', () => {
    const value = bytes("1b'$(D' 306c 1b'(B'");
    expect(decodeText(value, ['', 'ISO 2022 IR 159'], 'LO')).toBe('佒');
  });

  test.each([
    ['-A', 100, 'e9', 'é'],
    ['-B', 101, 'e8', 'č'],
    ['-C', 109, 'a1', 'Ħ'],
    ['-D', 110, 'e0', 'ā'],
    ['-L', 144, 'bb', 'Л'],
    ['-G', 127, 'c7', 'ا'],
    ['-F', 126, 'c4', 'Δ'],
    ['-H', 138, 'f9', 'ש'],
    ['-M', 148, 'fd', 'ı'],
    ['-T', 166, 'a1', 'ก'],
    ['-b', 203, 'a4', '€'],
    [')I', 13, 'b1', 'ｱ'],
  ])('ESC %s designates ISO-IR %i', (sequence, number, code, text) => {
    const value = bytes(`'a' 1b'${sequence}' ${code}`);
    expect(decodeText(value, ['', `ISO 2022 IR ${number}`], 'LO')).toBe(`a${text}`);
  });

  test('a 5CH inside a double-byte character is no delimiter, one outside is', () => {
    // 25 5C is a katakana letter of JIS X 0208; the delimiter follows the return to ASCII
    const value = bytes("1b'$B' 255c 1b'(B' 5c 'B'");
    expect(decodeValues(value, ['', 'ISO 2022 IR 87'], 'LO')).toEqual(['ボ', 'B']);
  });

  test('a delimiter after a writer that did not return to ASCII still delimits', () => {
    const value = bytes("1b'$B' 3b33 5c 1b'$B' 4544 1b'(B'");
    expect(decodeValues(value, ['', 'ISO 2022 IR 87'], 'LO')).toEqual(['山', '田']);
  });

  test.each([
    ['a backslash', 'LO', '5c', '\\'],
    ['a caret in a name', 'PN', '5e', '^'],
    ['an equals sign in a name', 'PN', '3d', '='],
    ['a carriage return', 'LT', '0d', '\r'],
    ['a line feed', 'LT', '0a', '\n'],
    ['a form feed', 'LT', '0c', '\f'],
    ['a tab', 'LT', '09', '\t'],
  ] as const)('the sets of the first value come back after %s', (_name, vr, code, delimiter) => {
    // Cyrillic is designated before the delimiter; after it E9 is Latin-1 again
    const value = bytes(`1b'-L' d0 ${code} e9`);
    expect(decodeText(value, ['ISO 2022 IR 100', 'ISO 2022 IR 144'], vr)).toBe(`а${delimiter}é`);
  });

  test('carets and backslashes that delimit nothing in their VR change no set', () => {
    const value = bytes("1b'-L' d0 5e 5c d0");
    expect(decodeText(value, ['ISO 2022 IR 100', 'ISO 2022 IR 144'], 'LT')).toBe('а^\\а');
  });

  test('a peer that leaves out the escape sequence of its only other set is understood', () => {
    expect(decodeText(bytes('c8ab'), ['', 'ISO 2022 IR 149'], 'PN')).toBe('홍');
    expect(decodeText(bytes('c8ab'), ['ISO 2022 IR 149'], 'PN')).toBe('홍');
  });

  test('escape sequences are read even where no code extension is declared', () => {
    expect(decodeText(bytes(kanjiOfYamada), ['ISO_IR 100'], 'LO')).toBe('山田');
  });
});

describe('ISO_IR 13', () => {
  test('J-14: 5CH delimits values where the VR has several, and is a yen sign in text', () => {
    const value = bytes("'1' 5c '2' 7e b1");
    expect(decodeValues(value, ['ISO_IR 13'], 'LO')).toEqual(['1', '2\u203Eｱ']);
    expect(decodeValues(value, ['ISO_IR 13'], 'LT')).toEqual(['1\u00A52\u203Eｱ']);
  });

  test('VRs outside Specific Character Set keep ASCII', () => {
    expect(decodeText(bytes("'http://x/~y'"), ['ISO_IR 13'], 'UR')).toBe('http://x/~y');
  });
});

describe('character sets without code extension', () => {
  test.each([
    ['ISO_IR 100', 'c4', 'Ä'],
    ['ISO_IR 101', 'd8', 'Ř'],
    ['ISO_IR 109', 'f8', 'ĝ'],
    ['ISO_IR 110', 'e7', 'į'],
    ['ISO_IR 144', 'bbeeda', 'Люк'],
    ['ISO_IR 127', 'e2c8c7e6ea', 'قباني'],
    ['ISO_IR 126', 'c4e9efedf5f3e9eff2', 'Διονυσιος'],
    ['ISO_IR 138', 'f9f8e5ef', 'שרון'],
    ['ISO_IR 148', 'de', 'Ş'],
    ['ISO_IR 166', 'cac1aad2c2', 'สมชาย'],
    ['ISO_IR 203', 'bcbda4', 'Œœ€'],
    ['ISO_IR 192', 'e78e8b', '王'],
    ['GB18030', 'cdf5d0a1b6ab', '王小东'],
    ['GBK', 'cdf5', '王'],
  ])('%s', (term, hex, text) => {
    expect(decodeText(bytes(hex), [term], 'LO')).toBe(text);
  });

  test.each(['GB18030', 'GBK'])('J-14: the trail byte 5CH of %s delimits nothing', (term) => {
    // 81 5C is 乗; the second 5C stands alone
    expect(decodeValues(bytes("815c 5c 'B'"), [term], 'LO')).toEqual(['乗', 'B']);
  });

  test('a GB18030 character of four bytes is one character', () => {
    expect(decodeText(bytes('9439fc36'), ['GB18030'], 'LO')).toBe('😀');
  });

  test.each(['ISO-IR 144', 'ISO IR 144', 'iso_ir 144', 'ISO_IR144', 'ISO 2022 IR 144'])(
    'the spelling %s is understood',
    (term) => {
      expect(decodeText(bytes('bb'), [term], 'LO')).toBe('Л');
    },
  );
});

describe('what cannot be decoded', () => {
  test.each<[string, string, string[], string]>([
    ['a byte above 7FH without a character set', "'a' e4 'b'", [], 'a\uFFFDb'],
    ['a byte above 7FH in ISO_IR 6', 'e4', ['ISO_IR 6'], '\uFFFD'],
    ['an unassigned place of ISO_IR 127', 'a1', ['ISO_IR 127'], '\uFFFD'],
    ['broken UTF-8', 'c3', ['ISO_IR 192'], '\uFFFD'],
    ['a surrogate in UTF-8', 'eda080', ['ISO_IR 192'], '\uFFFD\uFFFD\uFFFD'],
    ['half of a double-byte character', "1b'$B' 3b", ['', 'ISO 2022 IR 87'], '\uFFFD'],
    ['an unknown escape sequence', "1b'%x'", ['', 'ISO 2022 IR 87'], '\uFFFD%x'],
    ['an unknown term', 'e4', ['KLINGON'], '\uFFFD'],
  ])('J-16: %s becomes U+FFFD', (_name, value, characterSet, text) => {
    expect(decodeText(bytes(value), characterSet, 'LO')).toBe(text);
  });

  test('any bytes in any character set give text, and never an error', () => {
    const terms = [
      '',
      'ISO_IR 13',
      'ISO_IR 100',
      'ISO 2022 IR 87',
      'ISO 2022 IR 149',
      'ISO 2022 IR 58',
      'GB18030',
    ];
    const vrs: Vr[] = ['PN', 'LO', 'LT', 'UI'];
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 40 }),
        fc.array(fc.constantFrom(...terms), { maxLength: 3 }),
        fc.constantFrom(...vrs),
        (value, characterSet, vr) => {
          expect(decodeText(Buffer.from(value), characterSet, vr)).not.toMatch(/\p{Surrogate}/u);
        },
      ),
      { interruptAfterTimeLimit: 2000 },
    );
  });

  test('a hostile term costs no time', () => {
    expect(decodeText(bytes('e4'), [`ISO${' '.repeat(1_000_000)}x`], 'LO')).toBe('\uFFFD');
  });
});
