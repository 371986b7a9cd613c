import { describe, expect, test } from '@jest/globals';
import {
  changeCuts,
  surveyDataset,
  TransferSyntaxes,
  withCuts,
  type AttributeChange,
} from '../../../src/dicom/index.js';
import { modificationsOf } from '../../helpers/coercion.js';
import { syntaxes } from '../../helpers/fixtures.js';
import {
  element,
  explicitLittle,
  implicitLittle,
  join,
  sequence,
  type Write,
} from '../../helpers/fixtures-element.js';
import { readElements, textOf } from '../../helpers/independent-reader.js';

const ELE = TransferSyntaxes.ExplicitVrLittleEndian;
const stamp = { dateTime: '20260101', system: 'GATEWAY' };
const accession: AttributeChange = { tag: 0x00080050, vr: 'SH', value: Buffer.from('NEW') };

async function changed(dataset: Buffer, ...changes: readonly AttributeChange[]): Promise<Buffer> {
  // eslint-disable-next-line @typescript-eslint/require-await -- what a source is made of
  async function* bytes(): AsyncGenerator<Buffer, void, undefined> {
    yield dataset;
  }
  const tags = changes.map(({ tag }) => tag);
  const survey = await surveyDataset(bytes(), ELE, tags, {});
  const pieces: Buffer[] = [];
  for await (const piece of withCuts(bytes(), ELE, changeCuts(survey, changes, stamp, ELE)))
    pieces.push(Buffer.from(piece));
  return Buffer.concat(pieces);
}

const before: Write = join(element(0x00080018, 'UI', '1.2'), element(0x00080050, 'SH', 'OLD'));
const told = sequence(0x04000550, [element(0x00100020, 'LO', 'ID')]);
const of = (dataset: Buffer): ReturnType<typeof readElements> =>
  readElements(dataset, syntaxes.explicitLittle);

describe('datasets that are not as they should be', () => {
  test('of an attribute that comes again the last one is changed, and told of, and the others go', async () => {
    const dataset = join(before, element(0x00080050, 'SH', 'LATER'), element(0x00100020, 'LO', 'ID'));
    const elements = of(await changed(dataset(explicitLittle), accession));
    expect(elements.filter(({ path }) => path === '00080050').map(({ value }) => value.toString())).toEqual([
      'NEW ',
    ]);
    expect(modificationsOf(elements)[0]?.['00080050']).toBe('LATER');
  });

  test('Law 3: of those that go no value is kept', async () => {
    const dataset = join(before, element(0x00080050, 'SH', 'LATER'))(explicitLittle);
    // eslint-disable-next-line @typescript-eslint/require-await -- what a source is made of
    async function* bytes(): AsyncGenerator<Buffer, void, undefined> {
      yield dataset;
    }
    const { elements } = await surveyDataset(bytes(), ELE, [0x00080050], {});
    expect(elements.get(0x00080050)?.map(({ value }) => value.toString().trim())).toEqual(['', 'LATER']);
  });

  test('a last item whose end is told by the end of its sequence alone is ended', async () => {
    const whole = sequence(0x04000561, [told])(explicitLittle);
    const open = Buffer.concat([whole.subarray(0, -16), whole.subarray(-8)]);
    const dataset = Buffer.concat([before(explicitLittle), open]);
    const items = modificationsOf(of(await changed(dataset, accession)));
    expect(items.map((item) => [item['00100020'], item['00080050']])).toEqual([
      ['ID', undefined],
      [undefined, 'OLD'],
    ]);
  });

  test('PS3.5 6.2.2: a sequence of VR UN gets an item in Implicit VR Little Endian', async () => {
    const content = sequence(0x04000561, [told], { sequence: 'defined', items: 'defined' })(
      implicitLittle,
    ).subarray(8);
    for (const unknown of [
      element(0x04000561, 'UN', content)(explicitLittle),
      Buffer.concat([
        Buffer.from('00046105554e0000ffffffff', 'hex'),
        content,
        Buffer.from('feffdde000000000', 'hex'),
      ]),
    ]) {
      const dataset = await changed(Buffer.concat([before(explicitLittle), unknown]), accession);
      const at = dataset.indexOf(Buffer.from('00046105554e', 'hex'));
      const isDefined = dataset.readUInt32LE(at + 8) !== 0xffffffff;
      const value = dataset.subarray(at + 12, isDefined ? undefined : -8);
      if (isDefined) expect(dataset.readUInt32LE(at + 8)).toBe(value.length);
      // Both items read as the value of a sequence that is implicit as a whole.
      const implicit = Buffer.concat([
        Buffer.from('00046105ffffffff', 'hex'),
        value,
        Buffer.from('feffdde000000000', 'hex'),
      ]);
      const vrOf = (path: string): string | undefined => (/0400055[0]$/.test(path) ? 'SQ' : 'LO');
      const elements = readElements(implicit, syntaxes.implicitLittle, (path) =>
        path === '04000561' ? 'SQ' : vrOf(path),
      );
      expect(modificationsOf(elements).map((item) => item['00080050'] ?? item['00100020'])).toEqual([
        'ID',
        'OLD',
      ]);
    }
  });

  test('what stands out of order is changed where it stands', async () => {
    const dataset = join(
      element(0x00100020, 'LO', 'ID'),
      element(0x00080050, 'SH', 'OLD'),
      element(0x00200010, 'SH', '1'),
    );
    const elements = of(await changed(dataset(explicitLittle), accession));
    expect(elements.map(({ path }) => path).filter((path) => !path.includes('/'))).toEqual([
      '00100020',
      '00080050',
      '00200010',
    ]);
    expect(textOf(elements, '00080050')).toBe('NEW');
  });

  test.each<readonly [string, Buffer]>([
    ['a sequence in place of the attribute', sequence(0x00080050, [told])(explicitLittle)],
    [
      'Original Attributes Sequence that is none',
      Buffer.concat([before(explicitLittle), element(0x04000561, 'LO', 'x')(explicitLittle)]),
    ],
  ])('%s is refused', async (_what, dataset) => {
    await expect(changed(dataset, accession)).rejects.toMatchObject({ code: 'malformed-dataset' });
  });
});
