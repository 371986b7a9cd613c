import { expect, test } from '@jest/globals';
import type { DicomJsonObject } from '../../../src/dicom/index.js';
import { withAvailable } from '../../../src/gateway/available-syntaxes.js';
import { createFramePool } from '../../../src/transcode/index.js';

const pool = createFramePool(
  { workers: 1, queue: 1, frameMs: 1000, heapMegabytes: 64, frameBytes: 2 ** 22, picturePixels: 2 ** 22 },
  () => undefined,
);
const EXPLICIT = '1.2.840.10008.1.2.1';
const named = (uids: string[], size: DicomJsonObject = {}): unknown => {
  const row: DicomJsonObject = { '00083002': { vr: 'UI', Value: uids }, ...size };
  return withAvailable(row, pool)['00083002']?.Value;
};
const us = (value: number): { vr: string; Value: number[] } => ({ vr: 'US', Value: [value] });
const sized = (side: number, more: DicomJsonObject = {}): DicomJsonObject => ({
  '00280010': us(side),
  '00280011': us(side),
  ...more,
});

test.each([
  ['Implicit VR Little Endian', '1.2.840.10008.1.2', {}],
  ['Explicit VR Big Endian', '1.2.840.10008.1.2.2', {}],
  ['Deflated Explicit VR Little Endian', '1.2.840.10008.1.2.1.99', {}],
  ['RLE Lossless', '1.2.840.10008.1.2.5', sized(512)],
  ['JPEG Lossless', '1.2.840.10008.1.2.4.70', sized(512)],
  ['JPEG-LS Lossless', '1.2.840.10008.1.2.4.80', sized(512)],
  ['JPEG 2000 (Lossless Only)', '1.2.840.10008.1.2.4.90', sized(512)],
  ['HTJ2K (Lossless Only)', '1.2.840.10008.1.2.4.201', sized(512)],
])('Q-47: what is stored in %s is available in Explicit VR Little Endian too', (_name, uid, size) => {
  expect(named([uid], size)).toEqual([uid, EXPLICIT]);
});

test.each([
  ['JPEG Baseline, which may have lost something', '1.2.840.10008.1.2.4.50'],
  ['JPEG 2000, which may have lost something', '1.2.840.10008.1.2.4.91'],
  ['JPEG Lossless, Hierarchical, which no codec reads', '1.2.840.10008.1.2.4.65'],
  ['video', '1.2.840.10008.1.2.4.102'],
  ['JPIP', '1.2.840.10008.1.2.4.94'],
  ['a transfer syntax that nobody knows', '1.2.3.4'],
])('Q-47: what is stored in %s is available as the PACS says, and in no other', (_name, uid) => {
  expect(named([uid], sized(512))).toEqual([uid]);
});

test('Q-47: the order stays, what is named already is not added, and what is not named is not made up', () => {
  const rle = '1.2.840.10008.1.2.5';
  const jpeg = '1.2.840.10008.1.2.4.50';
  expect(named([rle, jpeg], sized(512))).toEqual([rle, jpeg, EXPLICIT]);
  expect(named([jpeg, rle], sized(512))).toEqual([jpeg, rle]);
  expect(named([rle, EXPLICIT, jpeg], sized(512))).toEqual([rle, EXPLICIT, jpeg]);
  expect(named([EXPLICIT])).toEqual([EXPLICIT]);
  expect(named([])).toEqual([]);
  expect(withAvailable(sized(512), pool)).toEqual(sized(512));
});

test('Q-47: frames that may be too large to be decoded assure nothing', () => {
  const rle = '1.2.840.10008.1.2.5';
  expect(named([rle])).toEqual([rle]);
  expect(named([rle], sized(1024))).toEqual([rle]);
  expect(named([rle], sized(1024, { '00280100': us(8) }))).toEqual([rle, EXPLICIT]);
  const frames = (count: number | string): DicomJsonObject => ({ '00280008': { vr: 'IS', Value: [count] } });
  expect(named([rle], sized(512, frames('1000')))).toEqual([rle, EXPLICIT]);
  expect(named([rle], sized(512, frames(10_000)))).toEqual([rle]);
});
