import { TextDecoder } from 'node:util';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { Dataset, decodeDataset, decodeText, encodeText, unencodable } from '../../../src/dicom/index.js';
import { decodeValues } from '../../../src/dicom/character-set.js';
import { ELE, ILE, element, item, sequence } from './dataset-bytes.js';

const ESC = '\x1B';
const latin = (text: string): Buffer => Buffer.from(text, 'latin1');
/** Every code of a set of 94 x 94, as the two bytes of its left half. */
const square = Array.from({ length: 94 * 94 }, (_, index) => [
  0x21 + Math.floor(index / 94),
  0x21 + (index % 94),
]);

/** PS3.5 Annexes H, I, J and K: the value of (0008,0005), the text, and the bytes that are printed there. */
const printed: readonly (readonly [clause: string, characterSet: string, text: string, bytes: string])[] = [
  [
    'H.3.1',
    '\\ISO 2022 IR 87',
    'Yamada^Tarou=山田^太郎=やまだ^たろう',
    `Yamada^Tarou=${ESC}$B;3ED${ESC}(B^${ESC}$BB@O:${ESC}(B=${ESC}$B$d$^$@${ESC}(B^${ESC}$B$?$m$&${ESC}(B`,
  ],
  [
    'H.3.2',
    'ISO 2022 IR 13\\ISO 2022 IR 87',
    'ﾔﾏﾀﾞ^ﾀﾛｳ=山田^太郎=やまだ^たろう',
    `\xD4\xCF\xC0\xDE^\xC0\xDB\xB3=${ESC}$B;3ED${ESC}(J^${ESC}$BB@O:${ESC}(J=${ESC}$B$d$^$@${ESC}(J^${ESC}$B$?$m$&${ESC}(J`,
  ],
  [
    'I.2',
    '\\ISO 2022 IR 149',
    'Hong^Gildong=洪^吉洞=홍^길동',
    `Hong^Gildong=${ESC}$)C\xFB\xF3^${ESC}$)C\xD1\xCE\xD4\xD7=${ESC}$)C\xC8\xAB^${ESC}$)C\xB1\xE6\xB5\xBF`,
  ],
  [
    'J.3, UTF-8',
    'ISO_IR 192',
    'Wang^XiaoDong=王^小东=',
    'Wang^XiaoDong=\xE7\x8E\x8B^\xE5\xB0\x8F\xE4\xB8\x9C=',
  ],
  ['J.4, GB18030', 'GB18030', 'Wang^XiaoDong=王^小东=', 'Wang^XiaoDong=\xCD\xF5^\xD0\xA1\xB6\xAB='],
  ['J.5, GBK', 'GBK', 'Wang^XiaoDong=王^小东=', 'Wang^XiaoDong=\xCD\xF5^\xD0\xA1\xB6\xAB='],
  [
    'K.2',
    '\\ISO 2022 IR 58',
    'Zhang^XiaoDong=张^小东=',
    `Zhang^XiaoDong=${ESC}$)A\xD5\xC5^${ESC}$)A\xD0\xA1\xB6\xAB=`,
  ],
];

describe('names as the annexes of PS3.5 print them', () => {
  test.each(printed)('J-14: %s reads', (_clause, characterSet, text, bytes) => {
    expect(decodeText(latin(bytes), characterSet.split('\\'), 'PN')).toBe(text);
  });

  test.each(printed)('Q-51: %s is written', (_clause, characterSet, text, bytes) => {
    expect(encodeText(text, [characterSet])).toEqual({ bytes: latin(bytes), characterSet });
  });
});

describe('every character of a set reads as another decoder reads it', () => {
  const decoder = (label: string): TextDecoder => new TextDecoder(label, { ignoreBOM: true });

  test.each([
    ['ISO 2022 IR 87', `${ESC}$B`, `${ESC}(B`, 'iso-2022-jp'],
    ['ISO 2022 IR 13\\ISO 2022 IR 87', `${ESC}$B`, `${ESC}(J`, 'iso-2022-jp'],
  ])('%s', (characterSet, into, back, label) => {
    const other = decoder(label);
    const wrong = square.filter((pair) => {
      const bytes = Buffer.concat([latin(into), Buffer.from(pair), latin(back)]);
      const theirs = other.decode(bytes);
      return !theirs.includes('\uFFFD') && decodeText(bytes, characterSet.split('\\'), 'LO') !== theirs;
    });
    expect(wrong).toEqual([]);
  });

  test.each([
    ['\\ISO 2022 IR 149', `${ESC}$)C`, 'euc-kr'],
    ['\\ISO 2022 IR 58', `${ESC}$)A`, 'gbk'],
  ])('%s', (characterSet, into, label) => {
    const other = decoder(label);
    const wrong = square.filter((pair) => {
      const code = Buffer.from(pair.map((byte) => byte | 0x80));
      const bytes = Buffer.concat([latin(into), code]);
      const theirs = other.decode(code);
      return !theirs.includes('\uFFFD') && decodeText(bytes, characterSet.split('\\'), 'LO') !== theirs;
    });
    expect(wrong).toEqual([]);
  });

  test.each([
    ['GB18030', 'gb18030'],
    ['GBK', 'gbk'],
    ['ISO_IR 13', 'shift_jis'],
  ])('%s, and a 5CH that is half of a character delimits nothing', (characterSet, label) => {
    const other = decoder(label);
    for (let lead = 0x81; lead <= 0xfc; lead++) {
      // JIS X 0201 has half-width katakana here, each a character of its own.
      if (characterSet === 'ISO_IR 13' && lead >= 0xa0 && lead <= 0xdf) continue;
      for (let trail = 0x40; trail <= 0xfc; trail++) {
        const bytes = Buffer.of(lead, trail);
        const theirs = other.decode(bytes);
        // Where they differ over what is for private use neither is wrong.
        if (/[\uE000-\uF8FF\uFFFD]/.test(theirs)) continue;
        expect(decodeValues(Buffer.concat([bytes, latin('\\B')]), [characterSet], 'LO')).toEqual([
          theirs,
          'B',
        ]);
      }
    }
  });
});

/**
 * Codes as the standards print them, by row and column: first and last of rows and levels, and what names are made of. The
 * decoders of the platform have no part in them.
 */
describe('codes of the standards', () => {
  const pairsOf = (table: string): (readonly [string, string])[] =>
    table.split(' ').map((entry) => [String.fromCodePoint(entry.codePointAt(0) ?? 0), entry.slice(-4)]);
  const gr = (hex: string): string =>
    Buffer.from(Buffer.from(hex, 'hex').map((byte) => byte | 0x80)).toString('latin1');
  const gl = (hex: string): string => Buffer.from(hex, 'hex').toString('latin1');

  test.each([
    [
      'JIS X 0208',
      '\\ISO 2022 IR 87',
      '\u30002121 、2122 。2123 々2139 ー213c ！212a ０2330 Ａ2341 あ2422 ん2473 ア2522 ン2573 ヶ2576 Α2621 ω2658 А2721 я2771 亜3021 腕4f53 弌5021 熙7426 凜7425 山3b33 田4544 太4240 郎4f3a',
      (hex: string) => `${ESC}$B${gl(hex)}${ESC}(B`,
    ],
    [
      'JIS X 0212',
      '\\ISO 2022 IR 159',
      '丂3021 龥6d63 佒306c ł2948',
      (hex: string) => `${ESC}$(D${gl(hex)}${ESC}(B`,
    ],
    [
      'KS X 1001',
      '\\ISO 2022 IR 149',
      '\u30002121 ㄱ2421 가3021 힝487e 홍482b 길3166 동353f 伽4a21 詰7d7e 洪7b73 あ2a22 Α2541',
      (hex: string) => `${ESC}$)C${gr(hex)}`,
    ],
    [
      'GB 2312',
      '\\ISO 2022 IR 58',
      '\u30002121 、2122 啊3021 座5779 亍5821 齄777e 张5545 小5021 东362b あ2422 Α2621 А2721 ā2821 ㄅ2845',
      (hex: string) => `${ESC}$)A${gr(hex)}`,
    ],
  ])('J-14, Q-51: %s', (_name, characterSet, table, form) => {
    for (const [character, hex] of pairsOf(table)) {
      const bytes = latin(form(hex));
      expect([hex, decodeText(bytes, characterSet.split('\\'), 'UT')]).toEqual([hex, character]);
      expect([character, encodeText(character, [characterSet]).bytes]).toEqual([character, bytes]);
    }
  });

  test.each([
    ['GB18030', '81308130', '\x80'],
    ['GB18030', '81308638', 'À'],
    ['GB18030', '81308a31', 'ä'],
    ['GB18030', '81308938', 'ß'],
    ['GB18030', '8139a431', '\u301C'],
    ['GB18030', '8139ee39', '㐀'],
    ['GB18030', '82358738', '䶵'],
    ['GB18030', '82359330', '鿋'],
    ['GB18030', '83368433', '한'],
    ['GB18030', '8431a439', '\uFFFF'],
    ['GB18030', '90308130', '\u{10000}'],
    ['GB18030', '95328236', '\u{20000}'],
    ['GB18030', '9439fc36', '😀'],
    ['GB18030', 'a2e3', '€'],
    ['GB18030', 'a8bf', 'ǹ'],
    ['GB18030', 'a8bc', 'ḿ'],
    ...(['GB18030', 'GBK'] as const).flatMap((set): [string, string, string][] => [
      [set, 'a1a1', '\u3000'],
      [set, 'a1a2', '、'],
      [set, 'a1a4', '·'],
      [set, 'a1aa', '—'],
      [set, 'a1ab', '\uFF5E'],
      [set, 'a1c1', '×'],
      [set, 'a2d9', '①'],
      [set, 'a2f1', 'Ⅰ'],
      [set, 'a3a1', '！'],
      [set, 'a3a4', '￥'],
      [set, 'a4a1', 'ぁ'],
      [set, 'a6a1', 'Α'],
      [set, 'a7a1', 'А'],
      [set, 'a844', '―'],
      [set, 'a8a6', 'é'],
      [set, 'a8b9', 'ü'],
      [set, 'a996', '〇'],
      [set, '8140', '丂'],
      [set, 'b0a1', '啊'],
      [set, 'd6d0', '中'],
      [set, 'b9fa', '国'],
      [set, 'fd9b', '龥'],
    ]),
  ])('J-14, Q-51: %s %s', (characterSet, hex, character) => {
    expect(decodeText(Buffer.from(hex, 'hex'), [characterSet], 'UT')).toBe(character);
    expect(encodeText(character, [characterSet]).bytes.toString('hex')).toBe(hex);
  });

  test.each([
    ['ISO_IR 100', 'Äc4 ÿff ×d7'],
    ['ISO_IR 101', 'Ąa1 Ła3 żbf ßdf'],
    ['ISO_IR 109', 'Ħa1 ħb1 Ċc5'],
    ['ISO_IR 110', 'Āc0 ķf3 ŋbf'],
    ['ISO_IR 144', 'Ёa1 Лbb юee №f0'],
    ['ISO_IR 127', 'ءc1 قe2 يea'],
    ['ISO_IR 126', 'Δc4 ωf9 Άb6'],
    ['ISO_IR 138', 'אe0 תfa ×aa'],
    ['ISO_IR 148', 'Ğd0 ıfd şfe Äc4'],
    ['ISO_IR 166', 'กa1 สca ฯcf ๛fb'],
    ['ISO_IR 203', '€a4 Œbc Ÿbe ša8'],
    ['ISO_IR 13', 'ｱb1 ﾝdd ｡a1 ﾟdf ‾7e'],
  ])('J-14, Q-51: %s', (characterSet, table) => {
    for (const entry of table.split(' ')) {
      const [character, hex] = [entry.slice(0, 1), entry.slice(1)];
      expect([hex, decodeText(Buffer.from(hex, 'hex'), [characterSet], 'UT')]).toEqual([hex, character]);
      expect(encodeText(character, [characterSet]).bytes.toString('hex')).toBe(hex);
    }
  });

  test.each([
    ['\u301C', '\\ISO 2022 IR 87', '2141'],
    ['\uFF5E', '\\ISO 2022 IR 87', '2141'],
    ['\u2212', '\\ISO 2022 IR 87', '215d'],
    ['\uFF0D', '\\ISO 2022 IR 87', '215d'],
    ['\u2016', '\\ISO 2022 IR 87', '2142'],
    ['\u2225', '\\ISO 2022 IR 87', '2142'],
    ['\u2014', '\\ISO 2022 IR 87', '213d'],
    ['\u2015', '\\ISO 2022 IR 87', '213d'],
    ['¢', '\\ISO 2022 IR 87', '2171'],
    ['￡', '\\ISO 2022 IR 87', '2172'],
    ['¬', '\\ISO 2022 IR 87', '224c'],
  ])(
    'Q-51: %j, whichever of its two code points a client has, in %s is %s',
    (character, characterSet, hex) => {
      expect(encodeText(character, [characterSet]).bytes).toEqual(latin(`${ESC}$B${gl(hex)}${ESC}(B`));
    },
  );

  test('Q-51: a set that has just this code point comes before one that has the other', () => {
    const { bytes } = encodeText('山£', ['\\ISO 2022 IR 87\\ISO 2022 IR 100']);
    expect(bytes).toEqual(latin(`${ESC}$B${gl('3b33')}${ESC}-A\xA3${ESC}(B`));
    expect(encodeText('\u301C', ['GBK']).bytes.toString('hex')).toBe('a1ab');
  });
});

describe('what is written reads back', () => {
  const texts: Readonly<Record<string, string>> = {
    'ISO_IR 13': 'ﾔﾏﾀﾞ^ﾀﾛｳ‾',
    'ISO 2022 IR 100\\ISO 2022 IR 144\\ISO 2022 IR 126': 'Müller^Люк=Διονυσιος',
    'ISO 2022 IR 6\\ISO 2022 IR 87\\ISO 2022 IR 159': '丂山田ボ^A b佒',
    'ISO 2022 IR 13\\ISO 2022 IR 87\\ISO 2022 IR 159': 'ﾔﾏ山ﾏ田佒 A',
    '\\ISO 2022 IR 149': '홍길동 洪吉洞 ABC',
    '\\ISO 2022 IR 58': '张小东 ABC',
    '\\ISO 2022 IR 13\\ISO 2022 IR 166': 'ﾔﾏสมชาย',
    GB18030: '王é😀ǹ€',
  };

  test.each(Object.entries(texts))('%s', (characterSet, text) => {
    const { bytes } = encodeText(text, [characterSet]);
    for (const vr of ['PN', 'LO', 'UT'] as const)
      expect(decodeText(bytes, characterSet.split('\\'), vr)).toBe(text);
  });

  test('any text in any set, with delimiters anywhere: whole, or not at all', () => {
    const alphabet = 'aZ0 ^=\\\r\n\t~山田ボんｱﾔ洪길张东ÄéЛΔשกı€Œ佒丂😀';
    const text = fc
      .array(fc.constantFrom(...Array.from(alphabet)), { maxLength: 12 })
      .map((characters) => characters.join(''));
    const sets = fc.constantFrom(...Object.keys(texts), 'ISO_IR 100', 'GBK', 'ISO_IR 192');
    fc.assert(
      fc.property(text, sets, (value, characterSet) => {
        const missing = unencodable(value, characterSet);
        const can = Array.from(value, (one) => (missing.has(one) ? '?' : one)).join('');
        const { bytes, characterSet: declared } = encodeText(can, [characterSet]);
        const read = decodeText(bytes, declared?.split('\\') ?? [], 'LO');
        expect(read).toBe(can);
      }),
      { numRuns: 3000, interruptAfterTimeLimit: 5000 },
    );
  });

  test.each([
    ['a double-byte set cannot come first', '山', 'ISO 2022 IR 87'],
    ['what vendors added to a set is left to wildcards', '①', '\\ISO 2022 IR 87'],
    ['nor is what GBK has beside GB 2312', '€', '\\ISO 2022 IR 58'],
    ['a set that nobody knows', '山', 'ISO 2022 IR 6\\ISO 2022 IR 999'],
    ['ASCII alone', 'é', 'ISO_IR 6'],
  ])('%s', (_what, text, characterSet) => {
    expect([...unencodable(text, characterSet)]).toEqual([text]);
    expect(() => encodeText(text, [characterSet])).toThrow(expect.objectContaining({ code: 'bad-request' }));
  });
});

describe('what writers call their sets', () => {
  test.each<readonly [string, string, string]>([
    ['ISO_IR 192 ', 'c3a4', 'ä'],
    ['ISO 2022 IR 192', 'c3a4', 'ä'],
    ['UTF-8', 'c3a4', 'ä'],
    ['utf8', 'c3a4', 'ä'],
    ['ISO-IR 100', 'e4', 'ä'],
    ['ISO-8859-1', 'e4', 'ä'],
    ['ISO 8859-5', 'bb', 'Л'],
    ['ISO8859_15', 'a4', '€'],
    ['ISO_IR 149', 'c8ab', '홍'],
    ['GB2312', 'd5c5', '张'],
    ['GB 18030', 'd5c5', '张'],
    ['SHIFT_JIS', '8e52935c', '山貼'],
    ['ISO 2022 IR 6', 'e4', '\uFFFD'],
    ['KLINGON', 'e4', '\uFFFD'],
    ['ISO_IR 999', 'e4', '\uFFFD'],
    ['', 'e4', '\uFFFD'],
  ])('%j', (term, hex, text) => {
    expect(decodeText(Buffer.from(hex, 'hex'), [term], 'LO')).toBe(text);
  });

  test('J-14: Shift_JIS that is called ISO_IR 13 is read as what it is, katakana as they are', () => {
    // 93 5C is one character; B1 alone is half-width katakana in both
    const value = Buffer.from('8e52935c5cb1', 'hex');
    expect(decodeValues(value, ['ISO_IR 13'], 'LO')).toEqual(['山貼', 'ｱ']);
    expect(decodeValues(Buffer.from('b1b2', 'hex'), ['ISO_IR 13'], 'LO')).toEqual(['ｱｲ']);
  });
});

describe('datasets', () => {
  const name = 0x00100010;
  const read = (characterSet: Buffer, fallback?: string): string | undefined =>
    decodeDataset(Buffer.concat([characterSet, element(name, 'PN', latin('D\xF6e '))]), ELE, {
      ...(fallback === undefined ? {} : { fallbackCharacterSet: fallback }),
    }).string(name);

  test.each<readonly [string, Buffer]>([
    ['is missing', Buffer.alloc(0)],
    ['is empty', element(0x00080005, 'CS', '')],
    ['names the default repertoire', element(0x00080005, 'CS', 'ISO_IR 6')],
    ['names what nobody knows', element(0x00080005, 'CS', 'KLINGON ')],
    ['is no text', element(0x00080005, 'US', Buffer.of(1, 0))],
  ])('Q-35: where (0008,0005) %s the fallback of the peer counts', (_what, characterSet) => {
    expect(read(characterSet, 'ISO_IR 100')).toBe('Döe');
    expect(read(characterSet)).toBe('D\uFFFDe');
  });

  test('Q-35: where it is there the fallback does not count', () => {
    expect(read(element(0x00080005, 'CS', 'ISO_IR 101'), 'ISO_IR 144')).toBe('Döe');
  });

  test('Q-35: a fallback of several sets with code extension', () => {
    const bytes = element(name, 'PN', latin(`${ESC}$B;3ED${ESC}(B`));
    const row = decodeDataset(bytes, ELE, { fallbackCharacterSet: '\\ISO 2022 IR 87' });
    expect(row.string(name)).toBe('山田');
  });

  test.each([ELE, ILE])(
    'J-20: items with sets of their own, and those that inherit, to any depth',
    (syntax) => {
      const code = (text: string): Buffer => element(0x00080104, 'LO', latin(text), syntax);
      const set = (term: string): Buffer => element(0x00080005, 'CS', latin(term), syntax);
      const within = sequence(
        0x00401012,
        [
          item(code('\xBB'), 'defined', syntax),
          item(Buffer.concat([set('ISO_IR 126'), code('\xC4')]), 'defined', syntax),
        ],
        'undefined',
        syntax,
      );
      const bytes = Buffer.concat([
        set('ISO_IR 100'),
        sequence(
          0x00081032,
          [
            item(code('\xE4 '), 'undefined', syntax),
            item(Buffer.concat([set('ISO_IR 144'), code('\xBB '), within]), 'defined', syntax),
            item(code('\xE4 '), 'defined', syntax),
          ],
          'defined',
          syntax,
        ),
        element(name, 'PN', latin('\xE4 '), syntax),
      ]);
      const row = decodeDataset(bytes, syntax);
      const items = row.items(0x00081032);
      expect(items.map((one) => one.string(0x00080104))).toEqual(['ä', 'Л', 'ä']);
      expect(items[1]?.items(0x00401012).map((one) => one.string(0x00080104))).toEqual(['Л', 'Δ']);
      expect(row.string(name)).toBe('ä');
    },
  );

  test('an identifier declares several sets as several values', () => {
    const identifier = new Dataset({ encodingCharacterSets: ['ISO_IR 100', '\\ISO 2022 IR 87'] });
    identifier.setString(name, '山田', 'PN');
    expect(identifier.string(name)).toBe('山田');
  });
});
