import { deflateRawSync } from 'node:zlib';
import { expect, test } from '@jest/globals';
import { DatasetIndexer, inflate, Tags, TransferSyntaxes } from '../../../src/dicom/index.js';
import { collect, element, pieces, stream } from './dataset-bytes.js';

const malformed = expect.objectContaining({ code: 'malformed-dataset' });
const plain = Buffer.from('a dataset that repeats itself, '.repeat(5000), 'latin1');
const deflated = deflateRawSync(plain);

test('PS3.5 A.5: a raw deflate stream comes out whole in any chunking', async () => {
  for (const sizes of [[1], [7, 100], [deflated.length]]) {
    expect((await collect(inflate(stream(deflated, sizes)))).equals(plain)).toBe(true);
  }
});

test('PS3.5 A.5: a pad byte after the end is passed over, in the same chunk and in one of its own', async () => {
  const padded = Buffer.concat([deflated, Buffer.alloc(1)]);
  expect((await collect(inflate(stream(padded)))).equals(plain)).toBe(true);
  expect((await collect(inflate(stream(padded, [deflated.length])))).equals(plain)).toBe(true);
  expect((await collect(inflate(stream(padded, [1])))).equals(plain)).toBe(true);
});

test('other bytes after the end, a stream cut short and no deflate stream at all are malformed', async () => {
  const junk = Buffer.concat([deflated, Buffer.from('junk')]);
  await expect(collect(inflate(stream(junk)))).rejects.toEqual(malformed);
  await expect(collect(inflate(stream(junk, [deflated.length])))).rejects.toEqual(malformed);
  await expect(collect(inflate(stream(deflated.subarray(0, -3))))).rejects.toEqual(malformed);
  await expect(collect(inflate(stream(Buffer.from('\xff\xff\xff', 'latin1'))))).rejects.toEqual(malformed);
});

test('R-03: a bomb is refused after a bounded output', async () => {
  const bomb = deflateRawSync(Buffer.alloc(200 * 1024 * 1024));
  let out = 0;
  const read = async (): Promise<void> => {
    for await (const chunk of inflate(stream(bomb, [64 * 1024]))) out += chunk.length;
  };
  await expect(read()).rejects.toEqual(malformed);
  expect(out).toBeLessThan(140 * 1024 * 1024);
});

test('a reader that leaves early ends the inflating', async () => {
  for await (const chunk of inflate(stream(deflated, [10]))) {
    expect(chunk.length).toBeGreaterThan(0);
    break;
  }
});

test('the index of a deflated dataset counts in inflated bytes', async () => {
  const dataset = Buffer.concat([
    element(Tags.SOPInstanceUID, 'UI', '1.2.3\0'),
    element(Tags.PixelData, 'OW', plain),
  ]);
  const indexer = new DatasetIndexer(TransferSyntaxes.DeflatedExplicitVrLittleEndian);
  for (const piece of pieces(deflateRawSync(dataset), [50])) await indexer.push(piece);
  expect(await indexer.end()).toEqual({
    length: dataset.length,
    transferSyntaxUid: '1.2.840.10008.1.2.1.99',
    sopInstanceUid: '1.2.3',
    pixelData: { kind: 'native', tag: Tags.PixelData, vr: 'OW', value: { start: 26, end: dataset.length } },
  });
});
