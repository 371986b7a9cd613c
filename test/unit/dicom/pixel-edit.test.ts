import { describe, expect, test } from '@jest/globals';
import { headerWith, Tags } from '../../../src/dicom/index.js';
import { encapsulated, item, sequence } from './dataset-bytes.js';
import { encodeAttributes, type Attributes } from '../../helpers/rogue-peer.js';

const encode = (attributes: Attributes): Buffer => encodeAttributes(attributes, 'explicit');

async function edited(
  dataset: Buffer,
  size: number,
  planarConfiguration: 0 | 1 | undefined,
): Promise<string> {
  const pieces: Buffer[] = [];
  // eslint-disable-next-line @typescript-eslint/require-await -- what a source is made of
  const open = async function* (): AsyncGenerator<Buffer, void, undefined> {
    for (let at = 0; at < dataset.length; at += size) yield Buffer.from(dataset.subarray(at, at + size));
  };
  const pixels = { photometricInterpretation: 'RGB', planarConfiguration };
  for await (const piece of headerWith(open, pixels)) pieces.push(Buffer.from(piece));
  return Buffer.concat(pieces).toString('hex');
}

const hex = (attributes: Attributes): string => encode(attributes).toString('hex');
const before: Attributes = { PatientID: 'P', '00091001:OB': Buffer.from('abc1') };
const after: Attributes = { Rows: 4, Columns: 4, '00289999:OB': Buffer.alloc(300, 7) };
const pixels: Attributes = { '7FE00010:OW': Buffer.alloc(64) };

describe('the header of a dataset whose pixels are written anew (PS3.3 C.7.6.3)', () => {
  test.each([1, 2, 7, 64, 10_000])(
    'however it is cut (%i bytes), only what tells of pixels changes',
    async (size) => {
      const old = { PhotometricInterpretation: 'YBR_FULL_422', '00280006:US': 1 };
      const offsets = { '7FE00001:OV': Buffer.alloc(16), '7FE00002:OV': Buffer.alloc(16) };
      const dataset = encode({ ...before, ...old, ...after, ...offsets, ...pixels });
      const changed = { PhotometricInterpretation: 'RGB', '00280006:US': 0 };
      expect(await edited(dataset, size, 0)).toBe(hex({ ...before, ...changed, ...after }));
    },
  );

  test.each([1, 3, 10_000])('what is missing is put where it belongs (%i bytes)', async (size) => {
    const changed = { PhotometricInterpretation: 'RGB', '00280006:US': 1 };
    expect(await edited(encode({ ...before, ...after, ...pixels }), size, 1)).toBe(
      hex({ ...before, ...changed, ...after }),
    );
    expect(await edited(encode({ ...before, ...pixels }), size, 1)).toBe(hex({ ...before, ...changed }));
    expect(await edited(encode(before), size, undefined)).toBe(
      hex({ ...before, PhotometricInterpretation: 'RGB' }),
    );
  });

  test.each([1, 5, 10_000])('PS3.5 7.2: no group says how long it was before (%i bytes)', async (size) => {
    const lengths = Object.fromEntries(
      ['00080000', '00100000', '00280000', '7FE00000'].map((tag) => [`${tag}:UL`, Buffer.alloc(4, 1)]),
    );
    const nested = { '00880200:SQ': [{ '00280000:UL': Buffer.alloc(4, 1), Rows: 1 }] };
    const old = { ...before, ...after, ...nested, PhotometricInterpretation: 'YBR_ICT' };
    expect(await edited(encode({ ...old, ...lengths, ...pixels }), size, undefined)).toBe(
      hex({ ...old, PhotometricInterpretation: 'RGB' }),
    );
  });

  test('elements of the same tags within sequences stay', async () => {
    const icon = {
      '00880200:SQ': [{ PhotometricInterpretation: 'MONOCHROME2', '7FE00010:OW': Buffer.alloc(4) }],
    };
    const dataset = encode({ PhotometricInterpretation: 'YBR_RCT', ...icon, ...pixels });
    expect(await edited(dataset, 5, undefined)).toBe(hex({ PhotometricInterpretation: 'RGB', ...icon }));
  });

  test.each([1, 5, 10_000])(
    'PS3.5 A.4: an icon that is encapsulated is left out (%i bytes)',
    async (size) => {
      const fragments = encapsulated([0], [Buffer.from('ffd8ffd9', 'hex')]);
      const icon = sequence(Tags.IconImageSequence, [item(fragments)]);
      const behind: Attributes = { '00881000:OB': Buffer.from('ab') };
      const dataset = Buffer.concat([encode(before), icon, encode({ ...behind, ...pixels })]);
      const changed = encode({ ...before, PhotometricInterpretation: 'RGB' });
      expect(await edited(dataset, size, undefined)).toBe(
        Buffer.concat([changed, encode(behind)]).toString('hex'),
      );
      const last = Buffer.concat([encode(before), icon, encode(pixels)]);
      expect(await edited(last, size, undefined)).toBe(changed.toString('hex'));
    },
  );
});
