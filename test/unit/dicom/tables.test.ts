import { describe, expect, test } from '@jest/globals';
import {
  allTransferSyntaxes,
  attributeByKeyword,
  attributeByTag,
  formatTag,
  implementationClassUid,
  implementationVersionName,
  isArchivedUid,
  isGroupLength,
  isPrivateTag,
  isUid,
  isVideo,
  isVr,
  parseTag,
  Tags,
  transferSyntax,
  TransferSyntaxes,
  transferSyntaxesOfNoInstance,
  vrTraits,
} from '../../../src/dicom/index.js';

describe('UIDs (PS3.5 9.1)', () => {
  test.each(['1', '0', '1.2.840.10008.1.2', '2.25.0', '1.0.3', `1.${'2'.repeat(62)}`])(
    '%s is one',
    (text) => {
      expect(isUid(text)).toBe(true);
    },
  );

  test.each([
    '',
    '.',
    '1.',
    '.1',
    '1..2',
    '01.2',
    '1.02',
    '1.2a',
    ' 1.2',
    '1.2\n',
    '1/2',
    '../1',
    `1.${'2'.repeat(63)}`,
    '١.٢',
  ])('%j is none', (text) => {
    expect(isUid(text)).toBe(false);
  });

  test.each<[string, boolean]>([
    ['1.02.003', true],
    ['0.1', true],
    ['1..2', false],
    ['1.2/..', false],
    ['1.2a', false],
    ['', false],
    [`1.${'0'.repeat(63)}`, false],
  ])('%j as archives hold them: %s', (text, expected) => {
    expect(isArchivedUid(text)).toBe(expected);
  });

  test("the gateway's own are well formed", () => {
    expect(isUid(implementationClassUid)).toBe(true);
    expect(implementationVersionName).toMatch(/^[A-Z0-9_]{1,16}$/);
  });
});

describe('tags', () => {
  test('are written with eight capital digits and read in any case', () => {
    expect(formatTag(0x0020000d)).toBe('0020000D');
    expect(formatTag(0xfffee0dd)).toBe('FFFEE0DD');
    expect(parseTag('7fe00010')).toBe(0x7fe00010);
    expect(parseTag('FFFEE000')).toBe(0xfffee000);
    expect(parseTag('0020000')).toBeUndefined();
    expect(parseTag('0020000G')).toBeUndefined();
    expect(parseTag('0x200001')).toBeUndefined();
  });

  test('are private in odd groups and group lengths at element 0', () => {
    expect(isPrivateTag(0x00091001)).toBe(true);
    expect(isPrivateTag(0x00080018)).toBe(false);
    expect(isGroupLength(0x00080000)).toBe(true);
    expect(isGroupLength(0x00080018)).toBe(false);
  });

  test('are named as in PS3.6', () => {
    for (const [keyword, tag] of Object.entries(Tags)) {
      if (tag >= 0xfffee000 && tag <= 0xfffee0dd) continue;
      expect(attributeByTag(tag)).toMatchObject({ tag, keyword });
    }
  });
});

describe('the dictionary', () => {
  test('finds attributes by keyword, retired ones too', () => {
    expect(attributeByKeyword('StudyDate')).toEqual({
      tag: 0x00080020,
      keyword: 'StudyDate',
      vr: 'DA',
      vm: '1',
    });
    expect(attributeByKeyword('OtherPatientIDs')).toMatchObject({ tag: 0x00101000, vr: 'LO' });
    expect(attributeByKeyword('studydate')).toBeUndefined();
    expect(attributeByKeyword('toString')).toBeUndefined();
  });

  test('PS3.5 A.1: a choice of VRs is what implicit encoding implies', () => {
    expect(attributeByTag(Tags.PixelData)?.vr).toBe('OW');
    expect(attributeByTag(Tags.LUTData)?.vr).toBe('OW');
    expect(attributeByTag(Tags.SmallestImagePixelValue)).toMatchObject({
      vr: 'US',
      signedByPixelRepresentation: true,
    });
    expect(attributeByTag(Tags.Rows)?.signedByPixelRepresentation).toBeUndefined();
  });

  test('PS3.5 7.6: repeating groups have the entry of the first one', () => {
    expect(attributeByTag(0x60023000)).toMatchObject({ keyword: 'OverlayData', vr: 'OW' });
    expect(attributeByTag(0x50fe0005)).toMatchObject({ vr: 'US' });
    expect(attributeByTag(0x60033000)).toBeUndefined();
  });

  test('private creators are LO, group lengths UL, other private elements unknown', () => {
    expect(attributeByTag(0x00090010)?.vr).toBe('LO');
    expect(attributeByTag(0x000900ff)?.vr).toBe('LO');
    expect(attributeByTag(0x00091001)).toBeUndefined();
    expect(attributeByTag(0x00090000)?.vr).toBe('UL');
    expect(attributeByTag(0x00080000)?.vr).toBe('UL');
  });
});

describe('value representations', () => {
  test('have the header and unit of PS3.5 7.1.2 and 7.3', () => {
    expect(vrTraits('OW')).toMatchObject({ unit: 2, long: true });
    expect(vrTraits('AT')).toMatchObject({ unit: 2, long: false });
    expect(vrTraits('UC')).toMatchObject({ long: true, encoded: true });
    expect(vrTraits('UI')).toMatchObject({ pad: 0, text: true });
    expect(isVr('PN')).toBe(true);
    expect(isVr('toString')).toBe(false);
  });
});

describe('transfer syntaxes', () => {
  test('are found by their UID', () => {
    for (const syntax of allTransferSyntaxes) {
      expect(isUid(syntax.uid)).toBe(true);
      expect(transferSyntax(syntax.uid)).toBe(syntax);
    }
    expect(new Set(allTransferSyntaxes.map((syntax) => syntax.uid)).size).toBe(allTransferSyntaxes.length);
    expect(transferSyntax('1.2.3')).toBeUndefined();
  });

  test('are all of PS3.6 Table A-1 (2026)', () => {
    const below = (prefix: string, ...suffixes: (number | string)[]): string[] =>
      suffixes.map((suffix) => `1.2.840.10008.1.2.${prefix}${suffix}`);
    const from50 = Array.from({ length: 17 }, (_, index) => 50 + index);
    const video = [100, 101, 102, 103, 104, 105, 106].flatMap((number) => [number, `${number}.1`]);
    const known = [
      '1.2.840.10008.1.2',
      ...below('', 1, 2, 5),
      ...below('1.', 98, 99),
      ...below('4.', ...from50, 70, 80, 81, 90, 91, 92, 93, 94, 95, ...video, 107, 108),
      ...below('4.', 110, 111, 112, 201, 202, 203, 204, 205),
      ...below('6.', 1, 2),
      ...below('7.', 1, 2, 3),
      ...below('8.', 1),
      '1.2.840.10008.1.20',
    ];
    const ours = [...allTransferSyntaxes, ...transferSyntaxesOfNoInstance].map(({ uid }) => uid);
    expect([...ours].sort()).toEqual(known.sort());
  });

  test('in which no instance is stored are none that the gateway takes', () => {
    for (const { uid } of transferSyntaxesOfNoInstance) expect(transferSyntax(uid)).toBeUndefined();
  });

  test('only Implicit VR Little Endian is implicit, only Explicit VR Big Endian big', () => {
    expect(allTransferSyntaxes.filter((syntax) => syntax.vr === 'implicit')).toEqual([
      TransferSyntaxes.ImplicitVrLittleEndian,
    ]);
    expect(allTransferSyntaxes.filter((syntax) => syntax.byteOrder === 'big')).toEqual([
      TransferSyntaxes.ExplicitVrBigEndian,
    ]);
  });

  test.each([
    ['1.2.840.10008.1.2.1', 'application/octet-stream', false, false],
    ['1.2.840.10008.1.2.5', 'image/dicom-rle', true, false],
    ['1.2.840.10008.1.2.4.50', 'image/jpeg', true, true],
    ['1.2.840.10008.1.2.4.70', 'image/jpeg', true, false],
    ['1.2.840.10008.1.2.4.80', 'image/jls', true, false],
    ['1.2.840.10008.1.2.4.91', 'image/jp2', true, true],
    ['1.2.840.10008.1.2.4.93', 'image/jpx', true, true],
    ['1.2.840.10008.1.2.4.110', 'image/jxl', true, false],
    ['1.2.840.10008.1.2.4.202', 'image/jphc', true, false],
    ['1.2.840.10008.1.2.4.101', 'video/mpeg', true, true],
    ['1.2.840.10008.1.2.4.107', 'video/H265', true, true],
  ])('PS3.18 8.7.3.3: the frames of %s are %s', (uid, frameMediaType, encapsulated, lossy) => {
    const syntax = transferSyntax(uid);
    expect(syntax).toMatchObject({ frameMediaType, encapsulated, lossy });
    expect(syntax && isVideo(syntax)).toBe(frameMediaType.startsWith('video/'));
  });
});

test('S-05: PS3.6 is right where dcmjs is not', () => {
  for (const [tag, vr] of [
    [0x006862f0, 'SQ'],
    [0x0070150c, 'UL'],
    [0x00760034, 'SQ'],
  ] as const)
    expect(attributeByTag(tag)?.vr).toBe(vr);
});
