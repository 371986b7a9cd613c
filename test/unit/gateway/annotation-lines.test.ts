import { describe, expect, test } from '@jest/globals';
import { transferSyntax } from '../../../src/dicom/index.js';
import { annotationLines } from '../../../src/gateway/annotation-lines.js';
import { makeInstance, type Attributes } from '../../helpers/rogue-peer.js';

type Of = Parameters<typeof annotationLines>[0];

function instance(extra: Attributes): Of {
  const { dataset, transferSyntaxUid } = makeInstance({ extra: { InstanceNumber: '7', ...extra } });
  const source = {
    size: dataset.length,
    // eslint-disable-next-line @typescript-eslint/require-await -- what sources give
    async *read(start = 0): AsyncGenerator<Buffer, void, undefined> {
      yield dataset.subarray(start);
    },
  };
  return { instance: { source }, stored: transferSyntax(transferSyntaxUid) } as unknown as Of;
}

const one = { frame: 1, count: 1 };

describe('W-51: what is written into a picture', () => {
  test('who the patient is', async () => {
    const of = instance({
      PatientName: 'Doe^Jane^^Dr',
      PatientID: 'P1',
      PatientBirthDate: '19700131',
      PatientSex: 'F',
    });
    expect(await annotationLines(of, ['patient'], one, undefined)).toEqual([
      'Doe Jane Dr  P1',
      '1970-01-31  F',
    ]);
  });

  test('how the image came about, and which frame it is', async () => {
    const of = instance({ StudyDate: '20240229', SeriesDescription: 'Axial', SeriesNumber: '3' });
    expect(await annotationLines(of, ['technique'], { frame: 2, count: 5 }, undefined)).toEqual([
      '2024-02-29  CT',
      'Axial  Se 3  Im 7  Fr 2/5',
    ]);
  });

  test('what is missing is left out, and nothing at all where nothing is asked for', async () => {
    const of = instance({ PatientID: '' });
    expect(await annotationLines(of, ['patient'], one, undefined)).toEqual([]);
    expect(await annotationLines(instance({ PatientID: 'P1' }), [], one, undefined)).toEqual([]);
    expect(await annotationLines(of, ['patient', 'technique'], one, undefined)).toEqual(['CT', 'Im 7']);
  });

  test.each([
    ['Yamada^Tarou=山田^太郎=やまだ^たろう', 'Yamada Tarou'],
    ['=山田^太郎', '山田 太郎'],
    ['^^=山田^太郎', '山田 太郎'],
    ['==やまだ', 'やまだ'],
  ])('PS3.5 6.2.1: the name %s in the first script in which it is written', async (name, written) => {
    const of = instance({
      SpecificCharacterSet: 'ISO_IR 192',
      '00100010:PN': Buffer.from(name),
      PatientID: '',
    });
    expect(await annotationLines(of, ['patient'], one, undefined)).toEqual([written]);
  });

  test('names read by the character set of the dataset, or that of the peer', async () => {
    const name = Buffer.from('4de57965', 'hex');
    const latin = instance({ SpecificCharacterSet: 'ISO_IR 100', '00100010:PN': name, PatientID: '' });
    expect(await annotationLines(latin, ['patient'], one, undefined)).toEqual(['Måye']);
    const unsaid = instance({ '00100010:PN': name, PatientID: '' });
    expect(await annotationLines(unsaid, ['patient'], one, 'ISO_IR 100')).toEqual(['Måye']);
  });
});
