import { describe, expect, test } from '@jest/globals';
import { Part10Reader, part10Header, type Part10Meta } from '../../../src/dicom/index.js';
import { element, pieces, u32 } from './dataset-bytes.js';

const malformed = expect.objectContaining({ code: 'malformed-dataset' });
const meta: Part10Meta = {
  sopClassUid: '1.2.840.10008.5.1.4.1.1.2',
  sopInstanceUid: '1.2.34',
  transferSyntaxUid: '1.2.840.10008.1.2.1',
};
const dataset = element(0x00100020, 'LO', 'ID');

async function readFile(
  bytes: Buffer,
  sizes: readonly number[] = [1000],
): Promise<{ meta: Part10Meta | undefined; dataset: Buffer; ended: boolean }> {
  const chunks: Buffer[] = [];
  const seen: { meta: Part10Meta | undefined; ended: boolean } = { meta: undefined, ended: false };
  const reader = new Part10Reader((found) => {
    seen.meta = found;
    return {
      push: async (chunk) => {
        const kept = Buffer.from(chunk);
        await Promise.resolve();
        chunks.push(kept);
      },
      end: () => {
        seen.ended = true;
      },
    };
  });
  for (const piece of pieces(bytes, sizes)) await reader.push(piece);
  await reader.end();
  return { ...seen, dataset: Buffer.concat(chunks) };
}

describe('the header', () => {
  test('W-26, R-07: a preamble of zeros, DICM, and group 0002 with its right length', () => {
    const bytes = part10Header(meta);
    expect(bytes.subarray(0, 128).every((byte) => byte === 0)).toBe(true);
    expect(bytes.toString('latin1', 128, 132)).toBe('DICM');
    expect(bytes.subarray(132, 140)).toEqual(element(0x00020000, 'UL', u32(0)).subarray(0, 8));
    expect(bytes.readUInt32LE(140)).toBe(bytes.length - 144);
    expect(bytes.subarray(144, 158)).toEqual(element(0x00020001, 'OB', Buffer.of(0, 1)));
    expect(bytes.length % 2).toBe(0);
  });

  test('is read back as what it says, in any chunking', async () => {
    const file = Buffer.concat([part10Header(meta), dataset]);
    for (const sizes of [[1], [130, 3], [file.length]]) {
      expect(await readFile(file, sizes)).toEqual({ meta, dataset, ended: true });
    }
  });
});

describe('a file', () => {
  const head = Buffer.concat([Buffer.alloc(128, 'MZ'), Buffer.from('DICM')]);
  const uids = Buffer.concat([
    element(0x00020002, 'UI', '1.2.840.10008.5.1.4.1.1.2\0'),
    element(0x00020003, 'UI', '1.2.34'),
    element(0x00020010, 'UI', '1.2.840.10008.1.2.1\0'),
  ]);

  test('R-07: may have anything in its preamble', async () => {
    const file = Buffer.concat([head, element(0x00020000, 'UL', u32(uids.length)), uids, dataset]);
    expect(await readFile(file)).toEqual({ meta, dataset, ended: true });
  });

  test('without a group length, or with a wrong one, ends its meta at the next group', async () => {
    for (const length of [undefined, uids.length + 7, 0xfffffffe]) {
      const group = length === undefined ? Buffer.alloc(0) : element(0x00020000, 'UL', u32(length));
      const file = Buffer.concat([head, group, uids, dataset]);
      expect(await readFile(file, [5])).toEqual({ meta, dataset, ended: true });
    }
  });

  test('may have an empty dataset', async () => {
    expect(await readFile(Buffer.concat([head, uids]))).toEqual({
      meta,
      dataset: Buffer.alloc(0),
      ended: true,
    });
  });

  test('is refused without preamble and prefix, without UIDs, or cut short', async () => {
    const cases = [
      Buffer.alloc(0),
      head,
      Buffer.concat([Buffer.alloc(200), dataset]),
      Buffer.concat([dataset, Buffer.alloc(200)]),
      Buffer.concat([head, dataset]),
      Buffer.concat([head, uids.subarray(0, 50)]),
      Buffer.concat([head, uids.subarray(0, 34), dataset]),
      Buffer.concat([head, uids.subarray(0, -28), element(0x00020010, 'UI', '1.2.00'), dataset]),
    ];
    for (const file of cases) {
      await expect(readFile(file)).rejects.toEqual(malformed);
      await expect(readFile(file, [1])).rejects.toEqual(malformed);
    }
  });

  test('cannot make the reader hold more than a bounded File Meta Information', async () => {
    const endless = element(0x00020102, 'OB', Buffer.alloc(2 * 1024 * 1024));
    await expect(readFile(Buffer.concat([head, endless]), [4096])).rejects.toEqual(malformed);
  });
});
