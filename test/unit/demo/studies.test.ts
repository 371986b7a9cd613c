import { createHash } from 'node:crypto';
import { beforeAll, describe, expect, test } from '@jest/globals';
import {
  DatasetIndexer,
  frameCount,
  isUid,
  Tags,
  transferSyntax,
  type DatasetIndex,
} from '../../../src/dicom/index.js';
import { demoStudies, demoUpload, type DemoInstance } from '../../../src/demo/index.js';
import { readHeader } from '../../../src/demo/header.js';

let studies: readonly DemoInstance[] = [];
beforeAll(() => {
  studies = demoStudies();
});

async function indexOf({ dataset, transferSyntaxUid }: DemoInstance): Promise<DatasetIndex> {
  const syntax = transferSyntax(transferSyntaxUid);
  if (!syntax) throw new RangeError(transferSyntaxUid);
  const indexer = new DatasetIndexer(syntax);
  await indexer.push(dataset);
  return indexer.end();
}

describe('demoStudies', () => {
  test('are the same on every run', () => {
    const digest = (instances: readonly DemoInstance[]): string =>
      instances.reduce((hash, { dataset }) => hash.update(dataset), createHash('sha256')).digest('hex');
    expect(digest(demoStudies())).toBe(digest(studies));
  });

  test('hold a CT series with a report, a colour cine, a colour chart and a deflated MR series', async () => {
    const modalities = await Promise.all(
      studies.map(async ({ dataset, transferSyntaxUid }) =>
        (await readHeader(dataset, transferSyntaxUid))?.string(Tags.Modality),
      ),
    );
    const count = (modality: string): number => modalities.filter((each) => each === modality).length;
    expect({ CT: count('CT'), SR: count('SR'), US: count('US'), OT: count('OT'), MR: count('MR') }).toEqual({
      CT: 40,
      SR: 1,
      US: 1,
      OT: 1,
      MR: 12,
    });
    expect(new Set(studies.map(({ studyInstanceUid }) => studyInstanceUid)).size).toBe(4);
  });

  test('say the same in their datasets as beside them, in valid UIDs of their own', async () => {
    const all = [...studies, demoUpload()];
    for (const instance of all) {
      const { sopClassUid, sopInstanceUid, seriesInstanceUid, studyInstanceUid } = instance;
      expect(await indexOf(instance)).toMatchObject({
        sopClassUid,
        sopInstanceUid,
        seriesInstanceUid,
        studyInstanceUid,
      });
      expect([sopInstanceUid, seriesInstanceUid, studyInstanceUid].every(isUid)).toBe(true);
    }
    expect(new Set(all.map(({ sopInstanceUid }) => sopInstanceUid)).size).toBe(all.length);
  });

  test('have as much pixel data as they say', async () => {
    const lengths = new Map<string, number>();
    for (const instance of studies) {
      const index = await indexOf(instance);
      if (index.pixelData?.kind !== 'native') continue;
      const { rows = 0, columns = 0, samplesPerPixel = 1, bitsAllocated = 0 } = index;
      const { start, end } = index.pixelData.value;
      expect(end - start).toBe(rows * columns * samplesPerPixel * (bitsAllocated / 8) * frameCount(index));
      lengths.set(instance.sopClassUid, frameCount(index));
    }
    expect([...lengths.values()].sort((a, b) => a - b)).toEqual([1, 1, 1, 20]);
  });

  test('show somebody who never was', async () => {
    for (const { dataset, transferSyntaxUid } of studies) {
      const header = await readHeader(dataset, transferSyntaxUid);
      expect(header?.string(Tags.PatientName)).toMatch(/^DEMO\^/);
      expect(header?.string(Tags.PatientID)).toMatch(/^DEMO-/);
    }
  });
});
