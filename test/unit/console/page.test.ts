import { describe, expect, test } from '@jest/globals';
import { attributeRows, filtered, opened } from '../../../src/console/attribute-rows.js';
import { contentOf, dateText, kindOf, nameText, timeText, type Row } from '../../../src/console/dicom.js';
import { searchQuery } from '../../../src/console/search-query.js';
import { EventReader } from '../../../src/console/sse.js';
import { stackOf } from '../../../src/console/stack.js';
import { storeResult } from '../../../src/console/store-answer.js';
import { visibleText } from '../../../src/console/visible-text.js';
import { warningTexts } from '../../../src/console/warnings.js';
import { draggedWindow, storedWindow, windowQuery } from '../../../src/console/window-level.js';
import { formatWarning } from '../../../src/dicomweb/index.js';

describe('a search of the console', () => {
  const query = (form: Readonly<Record<string, string>>): URLSearchParams =>
    new URLSearchParams(searchQuery(new URLSearchParams(form)));

  test('turns a form into keys: a name that is begun goes on, dates and times become ranges', () => {
    const keys = query({
      name: 'Müller, An',
      from: '2024-01-15',
      until: '2024-01-20',
      fromTime: '09:30',
      modality: 'ct',
      offset: '50',
    });
    expect(Object.fromEntries(keys)).toMatchObject({
      PatientName: 'Müller^An*',
      StudyDate: '20240115-20240120',
      StudyTime: '0930-',
      ModalitiesInStudy: 'CT',
      limit: '25',
      offset: '50',
    });
    expect(keys.has('PatientID')).toBe(false);
  });

  test('leaves wildcards as they are, and takes no offset that is none', () => {
    const keys = query({ name: '*SMITH*', until: '2024-01-20', from: '2024-01-20', offset: '-5' });
    expect(Object.fromEntries(keys)).toMatchObject({
      PatientName: '*SMITH*',
      StudyDate: '20240120',
      offset: '0',
    });
  });
});

describe('what the page shows of attributes', () => {
  test('names, dates and times as people write them, and what is none as it is', () => {
    expect(nameText({ Alphabetic: 'DEMO^MR^^Dr', Ideographic: '演示^磁共振' })).toBe(
      'DEMO, MR Dr · 演示, 磁共振',
    );
    expect(nameText({ Alphabetic: '<b>x</b>^' })).toBe('<b>x</b>');
    expect(nameText(undefined)).toBe('');
    expect(['20240115', '2024', 'today'].map(dateText)).toEqual(['2024-01-15', '2024', 'today']);
    expect(['0930', '141503.25', '7'].map(timeText)).toEqual(['09:30', '14:15:03', '7']);
  });

  test('characters that turn text round, or do nothing that is seen, stand there by their numbers', () => {
    expect(visibleText('A\u202eB\u0007 \u05d0 \u{1f600}')).toBe(
      'A\u27e8U+202E\u27e9B\u27e8U+0007\u27e9 \u05d0 \u{1f600}',
    );
  });

  test('reports and documents are told from pictures by their SOP class', () => {
    const kinds = [
      '1.2.840.10008.5.1.4.1.1.88.33',
      '1.2.840.10008.5.1.4.1.1.104.1',
      '1.2.840.10008.5.1.4.1.1.2',
      '',
    ];
    expect(kinds.map(kindOf)).toEqual(['report', 'document', 'picture', 'picture']);
  });

  test('what has no rows is no picture, once its attributes are known', () => {
    const [ecg, ct] = ['1.2.840.10008.5.1.4.1.1.9.1.1', '1.2.840.10008.5.1.4.1.1.2'];
    const image = { '00280010': { vr: 'US', Value: [512] } };
    const of = (uid: string): Row => ({ '00080016': { vr: 'UI', Value: [uid] } });
    expect([contentOf(of(ecg), undefined), contentOf(of(ecg), {}), contentOf(of(ct), image)]).toEqual([
      'picture',
      'none',
      'picture',
    ]);
    expect(contentOf(of('1.2.840.10008.5.1.4.1.1.88.33'), {})).toBe('report');
  });

  test.each([
    ['1.2.840.10008.5.1.4.1.1.77.1.1.1', '', 'video'],
    ['1.2.840.10008.5.1.4.1.1.7.4', '1.2.840.10008.1.2.4.102', 'video'],
    ['1.2.840.10008.5.1.4.1.1.7.4', '1.2.840.10008.1.2.4.103.1', 'video'],
    ['1.2.840.10008.5.1.4.1.1.7.4', '1.2.840.10008.1.2.4.110', 'picture'],
  ])('%s in %s is a %s (PS3.5 A.4.5 to A.4.7)', (sopClass, syntax, kind) => {
    const listed = {
      '00080016': { vr: 'UI', Value: [sopClass] },
      '00083002': { vr: 'UI', Value: [syntax] },
    };
    expect(contentOf(listed, { '00280010': { vr: 'US', Value: [512] } })).toBe(kind);
  });

  const row = {
    '00100010': { vr: 'PN', Value: [{ Alphabetic: 'A^B' }] },
    '00081110': { vr: 'SQ', Value: [{ '00081155': { vr: 'UI', Value: ['1.2.3'] } }, {}] },
    '7FE00010': { vr: 'OW', BulkDataURI: 'https://x/studies/1/bulkdata/7FE00010' },
  };
  const rows = attributeRows(row, { '00100010': 'PatientName', '00081155': 'ReferencedSOPInstanceUID' });

  test('all of them, by tag, with what they are in', () => {
    expect(rows.map(({ depth, tag, name, value }) => [depth, tag, name, value])).toEqual([
      [0, '00081110', '', ''],
      [1, '', '1', ''],
      [2, '00081155', 'ReferencedSOPInstanceUID', '1.2.3'],
      [1, '', '2', ''],
      [0, '00100010', 'PatientName', 'A, B'],
      [0, '7FE00010', '', ''],
    ]);
    expect(rows.at(-1)?.bulkDataUri).toBe(row['7FE00010'].BulkDataURI);
  });

  test.each([
    ['instanceuid', ['00081110', '', '00081155']],
    ['(0010,0010)', ['00100010']],
    ['1.2.3', ['00081110', '', '00081155']],
    ['nothing', []],
  ])('those that %s finds, with what they are in', (filter, tags) => {
    expect(filtered(rows, filter).map(({ tag }) => tag)).toEqual(tags);
  });

  test('below a sequence and an item only when these are open', () => {
    expect(opened(rows, new Set())).toHaveLength(3);
    expect(opened(rows, new Set([rows[0]?.id ?? '']))).toHaveLength(5);
    expect(opened(rows, new Set([rows[0]?.id ?? '', rows[1]?.id ?? '']))).toHaveLength(6);
  });
});

describe('the frames of a series', () => {
  test('stand one behind the other, and positions beyond the ends are the ends', () => {
    const stack = stackOf([1, 20, 0, 3]);
    expect(stack.total).toBe(25);
    for (let position = 0; position < stack.total; position += 1)
      expect(stack.positionOf(stack.placeOf(position))).toBe(position);
    expect(stack.placeOf(20)).toEqual({ index: 1, frame: 20 });
    expect([stack.placeOf(-3), stack.placeOf(99)]).toEqual([
      { index: 0, frame: 1 },
      { index: 3, frame: 3 },
    ]);
  });
});

describe('a window', () => {
  test('is that of the image, else one of all its values; dragging widens and brightens it', () => {
    const stored = { '00281050': { vr: 'DS', Value: [40] }, '00281051': { vr: 'DS', Value: [400] } };
    expect(storedWindow(stored)).toEqual({ center: 40, width: 400 });
    expect(
      storedWindow({ '00280101': { vr: 'US', Value: [12] }, '00281052': { vr: 'DS', Value: [-1024] } }),
    ).toEqual({
      center: 1024,
      width: 4096,
    });
    const dragged = draggedWindow({ center: 40, width: 400 }, 100, 30);
    expect(dragged).toEqual({ center: 80, width: 659 });
    expect(windowQuery(dragged)).toBe('?window=80,659,linear');
    expect(draggedWindow({ center: 1, width: 2 }, -5000, 0).width).toBe(1);
  });
});

describe('the answer to a file that was stored', () => {
  const response = (body: object, status = 200): ReturnType<typeof storeResult> =>
    storeResult({ status, text: JSON.stringify(body) });
  const item = (attributes: object) => ({ vr: 'SQ', Value: [attributes] });

  test('says where it is, or why it is not, in words', () => {
    const url = { vr: 'UR', Value: ['https://x/dicomweb/studies/1.2/series/3/instances/4'] };
    expect(response({ '00081199': item({ '00081190': url }) })).toEqual({
      state: 'stored',
      words: 'Stored',
      study: '1.2',
    });
    const warned = response(
      { '00081199': item({ '00081190': url, '00081196': { vr: 'US', Value: [0xb000] } }) },
      202,
    );
    expect(warned).toMatchObject({
      state: 'warned',
      words: 'Stored, with a warning: attributes were changed (reason B000)',
    });
    const failed = response({ '00081198': item({ '00081197': { vr: 'US', Value: [0xc122] } }) }, 409);
    expect(failed).toEqual({
      state: 'failed',
      words: 'Not stored: its transfer syntax is not taken (reason C122)',
    });
  });

  test.each([
    [0, ''],
    [200, ''],
    [200, '{}'],
    [202, '[]'],
    [500, '<html>'],
    [409, '{"00081198":{"vr":"SQ","Value":[{}]}}'],
    [413, '{"detail":"The body is too large."}'],
  ])('that is not clear (%d %s) is no success', (status, text) => {
    expect(storeResult({ status, text }).state).toBe('failed');
  });

  test.each([0x0110, 0x0122, 0xa700, 0xa900, 0xc000, 0xc122])(
    'has words for reason %d, which the gateway itself gives',
    (reason) => {
      const failed = response({ '00081198': item({ '00081197': { vr: 'US', Value: [reason] } }) }, 409);
      expect(failed.words).not.toContain('the PACS refused it');
    },
  );
});

describe('headers and events', () => {
  test('Warning headers are read as the gateway writes them', () => {
    const texts = ['There are "12" additional results', 'a, b; c'];
    expect(warningTexts(texts.map((text) => formatWarning('dicomweb-gateway', text)).join(', '))).toEqual(
      texts,
    );
    expect(warningTexts(null)).toEqual([]);
  });

  test('an event stream is read in pieces of any length, without its signs of life', () => {
    const text = ': still here\n\nevent: pulls\ndata: {"a":1}\n\ndata: x\n\n';
    const reader = new EventReader();
    expect(Array.from(text).flatMap((piece) => reader.push(piece))).toEqual([
      { name: 'pulls', data: '{"a":1}' },
      { name: 'message', data: 'x' },
    ]);
  });
});
