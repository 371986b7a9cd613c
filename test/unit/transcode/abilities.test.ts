import { expect, test } from '@jest/globals';
import { allTransferSyntaxes, isVideo, TransferSyntaxes as S } from '../../../src/dicom/index.js';
import { transferSyntaxAbilities } from '../../../src/transcode/index.js';

const abilityOf = ({ uid }: { readonly uid: string }): unknown => {
  const found = transferSyntaxAbilities().find(({ syntax }) => syntax.uid === uid);
  return found && [found.pass, found.decode, found.encode];
};

test('every transfer syntax has its line, in the order of the table', () => {
  expect(transferSyntaxAbilities().map(({ syntax }) => syntax)).toEqual(allTransferSyntaxes);
});

test.each([
  [S.ImplicitVrLittleEndian, 'explicit-little-endian', true, undefined],
  [S.ExplicitVrBigEndian, 'explicit-little-endian', true, undefined],
  [S.ExplicitVrLittleEndian, 'as-stored', true, 'lossless'],
  [S.DeflatedExplicitVrLittleEndian, 'as-stored', true, 'lossless'],
  [S.EncapsulatedUncompressedExplicitVrLittleEndian, 'as-stored', true, 'lossless'],
  [S.DeflatedImageFrameCompression, 'as-stored', true, 'lossless'],
  [S.RleLossless, 'as-stored', true, 'lossless'],
  [S.JpegExtended, 'as-stored', true, undefined],
  [S.JpegLosslessHierarchical28, 'as-stored', false, undefined],
  [S.Jpeg2000Part2, 'as-stored', true, undefined],
  [S.JpegXlJpegRecompression, 'as-stored', true, undefined],
  [S.JpipHtJ2kReferencedDeflate, 'as-stored', false, undefined],
])('W-20, W-23: $name', (syntax, pass, decode, encode) => {
  expect(abilityOf(syntax)).toEqual([pass, decode, encode]);
});

test('W-29: video is passed and never turned', () => {
  for (const syntax of allTransferSyntaxes.filter(isVideo))
    expect(abilityOf(syntax)).toEqual(['as-stored', false, undefined]);
});
