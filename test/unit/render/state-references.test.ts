import { expect, jest, test } from '@jest/globals';
import { Dataset, Tags } from '../../../src/dicom/index.js';
import { isFor } from '../../../src/render/state-references.js';

test('the frames that an item of a presentation state names are read once, whatever frames are shown', () => {
  const image = new Dataset()
    .setString(Tags.ReferencedSOPInstanceUID, '1.2.3')
    .setString(Tags.ReferencedFrameNumber, ['1', '3']);
  const item = new Dataset().setItems(Tags.ReferencedImageSequence, [image]);
  const reads = jest.spyOn(image, 'strings');
  const shown = [1, 2, 3].map((frame) => isFor(item, { sopInstanceUid: '1.2.3', frame }));
  expect(shown).toEqual([true, false, true]);
  expect(isFor(item, { sopInstanceUid: '1.2.4', frame: 1 })).toBe(false);
  expect(reads.mock.calls.filter(([tag]) => tag === Tags.ReferencedFrameNumber)).toHaveLength(1);
});
