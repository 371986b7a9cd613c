import { describe, expect, test } from '@jest/globals';
import {
  decodedEdits,
  derivedEdits,
  headerWith,
  lossyEdits,
  newInstanceEdits,
  TransferSyntaxes as S,
  type ElementEdit,
} from '../../../src/dicom/index.js';
import { encodeAttributes, type Attributes } from '../../helpers/rogue-peer.js';

const encode = (attributes: Attributes): Buffer => encodeAttributes(attributes, 'explicit');
const hex = (attributes: Attributes): string => encode(attributes).toString('hex');

async function edited(attributes: Attributes, edits: readonly ElementEdit[], size = 9): Promise<string> {
  const dataset = encode(attributes);
  // eslint-disable-next-line @typescript-eslint/require-await -- what a source is made of
  const open = async function* (): AsyncGenerator<Buffer, void, undefined> {
    for (let at = 0; at < dataset.length; at += size) yield Buffer.from(dataset.subarray(at, at + size));
  };
  const pixels = { photometricInterpretation: 'MONOCHROME2', planarConfiguration: undefined };
  const pieces: Buffer[] = [];
  for await (const piece of headerWith(open, pixels, edits)) pieces.push(Buffer.from(piece));
  return Buffer.concat(pieces).toString('hex');
}

const base: Attributes = { PhotometricInterpretation: 'MONOCHROME2', Rows: 4, Columns: 4 };
const compression = { syntax: S.JpegBaseline, ratio: 12.345 };

describe('what a dataset says of pixels that have lost something (PS3.3 C.7.6.1.1.5)', () => {
  test('flag, ratio and method are added, or stand behind those of earlier compressions', async () => {
    expect(await edited({ PatientID: 'P', ...base }, lossyEdits(compression))).toBe(
      hex({
        PatientID: 'P',
        ...base,
        '00282110:CS': '01',
        '00282112:DS': '12.35 ',
        '00282114:CS': 'ISO_10918_1 ',
      }),
    );
    const before = { '00282110:CS': '00', '00282112:DS': '4.5 ', '00282114:CS': 'ISO_14495_1 ' };
    const after = {
      '00282110:CS': '01',
      '00282112:DS': '4.5\\12.35 ',
      '00282114:CS': 'ISO_14495_1\\ISO_10918_1 ',
    };
    expect(await edited({ ...base, ...before }, lossyEdits(compression))).toBe(hex({ ...base, ...after }));
  });

  test('of an earlier compression that nothing told of ratio and method stand before the new ones', async () => {
    const earlier = { syntax: S.JpegBaseline, ratio: 7 };
    const again = lossyEdits({ syntax: S.Jpeg2000, ratio: 20 }, earlier);
    const flagged = { '00282110:CS': '01' };
    const both = { '00282112:DS': '7.00\\20.00', '00282114:CS': 'ISO_10918_1\\ISO_15444_1 ' };
    expect(await edited(base, again)).toBe(hex({ ...base, ...flagged, ...both }));
    expect(await edited({ ...base, '00282110:CS': '00' }, again)).toBe(hex({ ...base, ...flagged, ...both }));
    const said = { ...flagged, '00282112:DS': '6.5 ', '00282114:CS': 'ISO_10918_1 ' };
    const onlyNew = { '00282112:DS': '6.5\\20.00 ', '00282114:CS': 'ISO_10918_1\\ISO_15444_1 ' };
    expect(await edited({ ...base, ...said }, again)).toBe(hex({ ...base, ...flagged, ...onlyNew }));
    const lossless = lossyEdits({ syntax: S.Jpeg2000, ratio: 20 }, { syntax: S.JpegLsLossless, ratio: 2 });
    expect(await edited(base, lossless)).toBe(
      hex({ ...base, ...flagged, '00282112:DS': '20.00 ', '00282114:CS': 'ISO_15444_1 ' }),
    );
  });

  test.each([
    ['no method', {}, '\\ISO_10918_1'],
    ['an empty method', { '00282114:CS': '' }, '\\ISO_10918_1'],
  ])('an earlier ratio with %s: method and ratio stand at the same place', async (_what, method, methods) => {
    const before = { '00282110:CS': '01', '00282112:DS': '4.5 ', ...method };
    const after = { '00282110:CS': '01', '00282112:DS': '4.5\\12.35 ', '00282114:CS': methods };
    expect(await edited({ ...base, ...before }, lossyEdits(compression))).toBe(hex({ ...base, ...after }));
  });

  test.each([
    ['no ratio', {}, '\\12.35'],
    ['an empty ratio', { '00282112:DS': '' }, '\\12.35'],
  ])('an earlier method with %s: ratio and method stand at the same place', async (_what, ratio, ratios) => {
    const before = { '00282110:CS': '01', ...ratio, '00282114:CS': 'ISO_14495_1 ' };
    const after = { '00282110:CS': '01', '00282112:DS': ratios, '00282114:CS': 'ISO_14495_1\\ISO_10918_1 ' };
    expect(await edited({ ...base, ...before }, lossyEdits(compression, undefined, 1))).toBe(
      hex({ ...base, ...after }),
    );
  });

  test('of two earlier methods one has a ratio: the other has an empty one', async () => {
    const before = { '00282110:CS': '01', '00282112:DS': '4.5 ', '00282114:CS': 'ISO_14495_1\\ISO_15444_1 ' };
    const after = {
      '00282110:CS': '01',
      '00282112:DS': '4.5\\\\12.35',
      '00282114:CS': 'ISO_14495_1\\ISO_15444_1\\ISO_10918_1 ',
    };
    expect(await edited({ ...base, ...before }, lossyEdits(compression, undefined, 2))).toBe(
      hex({ ...base, ...after }),
    );
  });

  test('of two earlier ratios one has a method: the other has an empty one', async () => {
    const before = { '00282110:CS': '01', '00282112:DS': '4.5\\3', '00282114:CS': 'ISO_14495_1 ' };
    const after = {
      '00282110:CS': '01',
      '00282112:DS': '4.5\\3\\12.35',
      '00282114:CS': 'ISO_14495_1\\\\ISO_10918_1',
    };
    expect(await edited({ ...base, ...before }, lossyEdits(compression))).toBe(hex({ ...base, ...after }));
  });

  test.each([
    [S.JpegLsNearLossless, 'ISO_14495_1 '],
    [S.Jpeg2000, 'ISO_15444_1 '],
    [S.HtJ2k, 'ISO_15444_15'],
  ])('the method of $name', async (syntax, method) => {
    expect(await edited(base, lossyEdits({ syntax, ratio: 250.4 }))).toBe(
      hex({ ...base, '00282110:CS': '01', '00282112:DS': '250 ', '00282114:CS': method }),
    );
  });

  test('the image is a derived one, and says how', async () => {
    const text = 'Lossy compression, JPEG Baseline (Process 1), 12.35:1';
    const old = { '00080008:CS': 'ORIGINAL\\PRIMARY\\AXIAL ', '00082111:ST': 'Averaged' };
    expect(await edited({ ...old, ...base }, derivedEdits(compression))).toBe(
      hex({ '00080008:CS': 'DERIVED\\PRIMARY\\AXIAL', '00082111:ST': `Averaged; ${text} `, ...base }),
    );
    expect(await edited(base, derivedEdits(compression))).toBe(
      hex({ '00080008:CS': 'DERIVED\\PRIMARY ', '00082111:ST': `${text} `, ...base }),
    );
    const long = { '00080008:CS': 'DERIVED\\PRIMARY ', '00082111:ST': 'x'.repeat(1000) };
    expect(await edited({ ...long, ...base }, derivedEdits(compression))).toBe(hex({ ...long, ...base }));
  });

  test.each([1, 5, 1000])(
    'a new instance names the one that it was made of (%i bytes at a time)',
    async (size) => {
      const old = {
        SOPInstanceUID: '1.2.3.4.5',
        '00082112:SQ': [{ '00081155:UI': '9.9.9.9' }, { '00081155:UI': '8.8.8.8' }],
        '00082218:SQ': [{ '00080100:SH': 'KEPT' }],
      };
      const source = { sopClassUid: '1.2.840.10008.5.1.4.1.1.7', sopInstanceUid: '1.2.3.4.5' };
      const made = Buffer.from(
        await edited({ ...old, ...base }, newInstanceEdits('2.25.77', source), size),
        'hex',
      );
      expect(made.includes('9.9.9.9')).toBe(false);
      expect(made.includes('8.8.8.8')).toBe(false);
      expect(made.toString('hex')).toContain(hex({ SOPInstanceUID: '2.25.77' }));
      expect(made.toString('hex')).toContain(
        hex({ '00081150:UI': source.sopClassUid, '00081155:UI': source.sopInstanceUid }),
      );
      expect(
        made.toString('hex').endsWith(hex({ '00082218:SQ': [{ '00080100:SH': 'KEPT' }], ...base })),
      ).toBe(true);
    },
  );

  test('what is decoded keeps the flag, and gets it where JPEG has lost what nothing tells of', async () => {
    const lost = { '00282110:CS': '01', '00282112:DS': '12.35 ', '00282114:CS': 'ISO_10918_1 ' };
    expect(await edited(base, decodedEdits(compression))).toBe(hex({ ...base, ...lost }));
    expect(await edited({ ...base, '00282110:CS': '00' }, decodedEdits(compression))).toBe(
      hex({ ...base, ...lost }),
    );
    const known = { ...base, '00282110:CS': '01', '00282112:DS': '7 ' };
    expect(await edited(known, decodedEdits(compression))).toBe(hex(known));
    for (const syntax of [S.Jpeg2000, S.JpegLsNearLossless, S.JpegLosslessSv1])
      expect(decodedEdits({ syntax, ratio: 2 })).toEqual([]);
  });
});
