/**
 * A font of 5 x 7 points, so that text looks the same wherever the gateway runs: no fonts need be installed. It has ASCII
 * and Latin-1, and every letter that Unicode takes apart into one of those and a mark that is here.
 */

/** Seven rows from above, each a digit of base 32 whose highest bit is the leftmost point. */
const ascii =
  '0000000 4444404 aaa0000 aavavaa 4fke5u4 op248j3 cik8lid 4480000 2488842 8422248 04lel40 044v440 0000c48 000v000 00000cc 01248g0 ' +
  'ehjlphe 4c4444e eh1248v v2421he 26aiv22 vgu11he 68guhhe v124888 ehhehhe ehhf12c 0cc0cc0 0cc0c48 248g842 00v0v00 8421248 eh12404 ' +
  'eh1dlle ehhhvhh uhhuhhu ehggghe sihhhis vgguggv vgguggg ehgnhhf hhhvhhh e44444e 72222ic hikokih ggggggv hrllhhh hhpljhh ehhhhhe ' +
  'uhhuggg ehhhlid uhhukih fgge11u v444444 hhhhhhe hhhhha4 hhhllla hha4ahh hhha444 v1248gv e88888e 0g84210 e22222e 4ah0000 000000v ' +
  '8420000 00e1fhf ggmphhu 00egghe 11djhhf 00ehvge 698s888 0fhhf1e ggmphhh 40c444e 20622ic ggikoki c44444e 00qllhh 00mphhh 00ehhhe ' +
  '00uhugg 00djf11 00mpggg 00ege1u 88s8896 00hhhjd 00hhha4 00hhlla 00ha4ah 00hhf1e 00v248v 2448442 4444444 8442448 008l200';

const others: Readonly<Record<string, string>> = {
  '\u00a0': '0000000',
  '¡': '4044444',
  '¢': '4fkkkf4',
  '£': '698s88v',
  '¤': 'heaaeh0',
  '¥': 'hav4v44',
  '¦': '4440444',
  '§': 'egehe1e',
  '¨': '0a00000',
  '©': 'ehnpnhe',
  ª: 'c2eie0u',
  '«': '05aka50',
  '¬': '00v1100',
  '\u00ad': '000e000',
  '®': 'ehtrtre',
  '¯': 'v000000',
  '°': '4a40000',
  '±': '44v440v',
  '²': 'c248e00',
  '³': 'c242c00',
  '´': '2480000',
  µ: '00hhjtg',
  '¶': 'flld555',
  '·': '000c000',
  '¸': '0000048',
  '¹': '4c44e00',
  º: 'ehhe0v0',
  '»': '0ka5ak0',
  '¼': 'ghi5bn1',
  '½': 'ghi6927',
  '¾': 'o9q5bn1',
  '¿': '4048ghe',
  Æ: 'fkkukkn',
  Ð: 'sihthis',
  '×': '0ha4ah0',
  Ø: 'dilll9m',
  Þ: 'guhhugg',
  ß: 'ciimhhm',
  æ: '00q5fkf',
  ð: 'a4a1fhe',
  '÷': '040v040',
  ø: '00djlpm',
  þ: 'gguhugg',
  Ł: '88aco8f',
  ł: 'c46c44e',
  Đ: 'sihthis',
  đ: '272eiie',
  ı: '00c444e',
  Œ: 'fkknkkf',
  œ: '00alnkf',
  '–': '000v000',
  '—': '000v000',
  '‘': '2440000',
  '’': '4480000',
  '€': '69s8s96',
};

/** What stands for a character that is not here: to be seen, for it must not be missed. */
const UNKNOWN = 'vhhhhhv';

/** Marks above a letter by their combining character, rows of points. */
const marksAbove: Readonly<Record<string, string>> = {
  '\u0300': '84',
  '\u0301': '24',
  '\u0302': '4a',
  '\u0303': 'dm',
  '\u0304': '0e',
  '\u0306': 'he',
  '\u0307': '04',
  '\u0308': '0a',
  '\u030a': '4a4',
  '\u030b': '5a',
  '\u030c': 'a4',
};
/** Marks below a letter, in the rows below its last. */
const marksBelow: Readonly<Record<string, string>> = {
  '\u0323': '04',
  '\u0326': '48',
  '\u0327': '4c',
  '\u0328': '23',
};

/** Points of a character from side to side, and the one between it and the next. */
export const CELL_WIDTH = 6;
/** Three rows for marks, seven for letters, two for what hangs below. */
export const CELL_HEIGHT = 12;
const LETTER_AT = 3;
const LETTER_ROWS = 7;

const letters = new Map<string, string>([
  ...ascii.split(' ').map((rows, at): [string, string] => [String.fromCharCode(0x20 + at), rows]),
  ...Object.entries(others),
]);

/** The points of a character, row by row: bit 4 is the leftmost. */
export function glyphOf(character: string): readonly number[] {
  const [base = ' ', ...marks] = letters.has(character)
    ? [character]
    : Array.from(character.normalize('NFD'));
  const rows = Array.from({ length: CELL_HEIGHT }, () => 0);
  const letter = letterOf(base, marks);
  put(rows, letter ?? UNKNOWN, LETTER_AT);
  if (letter === undefined) return rows;
  // Small letters begin lower.
  const above = letter.startsWith('00') ? LETTER_AT - 1 : LETTER_AT - 3;
  for (const mark of marks) {
    put(rows, marksAbove[mark] ?? '', above);
    put(rows, marksBelow[mark] ?? '', LETTER_AT + LETTER_ROWS);
  }
  return rows;
}

/** The points of a letter that these marks can be put to; undefined when one of them is not here. */
function letterOf(base: string, marks: readonly string[]): string | undefined {
  if (marks.some((mark) => !(mark in marksAbove) && !(mark in marksBelow))) return undefined;
  // Below a mark an i has no dot.
  const isDotless = base === 'i' && marks.some((mark) => mark in marksAbove);
  return letters.get(isDotless ? 'ı' : base);
}

function put(rows: number[], points: string, from: number): void {
  Array.from(points).forEach((digit, at) => {
    rows[from + at] = (rows[from + at] ?? 0) | Number.parseInt(digit, 32);
  });
}
