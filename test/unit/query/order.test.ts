import { expect, test } from '@jest/globals';
import type { DicomJsonObject } from '../../../src/dicom/index.js';
import { sortRows } from '../../../src/query/index.js';

const row = (values: Record<string, string | number>): DicomJsonObject =>
  Object.fromEntries(Object.entries(values).map(([tag, value]) => [tag, { vr: 'XX', Value: [value] }]));

test('Q-25: newest studies first, then series and instances by number, then UIDs; what has none comes last', () => {
  const sorted = [
    row({ '00080020': '20240102', '00080030': '101530.5', '0020000D': '1.9' }),
    row({ '00080020': '20240102', '00080030': '101530', '0020000D': '1.1' }),
    row({ '00080020': '20240102', '0020000D': '1.0' }),
    row({ '00080020': '20240101', '00080030': '235959', '0020000D': '1.2' }),
    row({ '0020000D': '1.3', '00200011': 2, '0020000E': '1.3.9', '00200013': 10, '00080018': '1.3.9.1' }),
    row({ '0020000D': '1.3', '00200011': 2, '0020000E': '1.3.9', '00200013': 10, '00080018': '1.3.9.2' }),
    row({ '0020000D': '1.3', '00200011': 2, '0020000E': '1.3.9', '00080018': '1.3.9.0' }),
    row({ '0020000D': '1.3', '00200011': 10, '0020000E': '1.3.8' }),
    row({ '0020000D': '1.3', '0020000E': '1.3.7' }),
  ];
  const mixed = [3, 8, 0, 5, 6, 1, 7, 4, 2].map((index) => sorted[index] ?? row({}));
  expect(sortRows(mixed)).toEqual(sorted);
});
