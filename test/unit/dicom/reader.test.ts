import { describe, expect, test } from '@jest/globals';
import { DatasetReader, Tags, type TransferSyntax, type ValueMode } from '../../../src/dicom/index.js';
import {
  EBE,
  ELE,
  ILE,
  element,
  encapsulated,
  header,
  item,
  sequence,
  u32,
  UNDEFINED,
  us,
} from './dataset-bytes.js';
import { eventsOf } from './reader-events.js';

const malformed = expect.objectContaining({ code: 'malformed-dataset' });
const patientId = element(Tags.PatientID, 'LO', 'ID');

/** Whole, byte by byte, and in odd pieces: the same events each time. */
function read(bytes: Buffer, syntax: TransferSyntax = ELE, mode: ValueMode = 'stream'): readonly string[] {
  const whole = eventsOf(bytes, syntax, { mode });
  expect(eventsOf(bytes, syntax, { mode, sizes: [1] })).toEqual(whole);
  expect(eventsOf(bytes, syntax, { mode, sizes: [7, 11, 3] })).toEqual(whole);
  return whole;
}

function refuse(bytes: Buffer, syntax: TransferSyntax = ELE): void {
  expect(() => eventsOf(bytes, syntax)).toThrow(malformed);
  expect(() => eventsOf(bytes, syntax, { sizes: [1] })).toThrow(malformed);
}

describe('elements', () => {
  test('explicit headers have 16 or 32 bit lengths by their VR', () => {
    const bytes = Buffer.concat([patientId, element(0x00420011, 'OB', Buffer.of(1, 2))]);
    expect(read(bytes)).toEqual([
      'element 00100020 LO 2 @0/8 depth 0',
      'bytes 4944',
      'end 00100020',
      'element 00420011 OB 2 @10/22 depth 0',
      'bytes 0102',
      'end 00420011',
    ]);
  });

  test('implicit elements get the VR of the dictionary, UN when it has none', () => {
    const bytes = Buffer.concat([
      element(Tags.Rows, '', us(512), ILE),
      element(0x00091001, '', 'private!', ILE),
      element(0x00090010, '', 'CREATOR ', ILE),
      element(Tags.PixelData, '', Buffer.alloc(2), ILE),
    ]);
    expect(read(bytes, ILE).filter((event) => event.startsWith('element'))).toEqual([
      'element 00280010 US 2 @0/8 depth 0',
      'element 00091001 UN 8 @10/18 depth 0',
      'element 00090010 LO 8 @26/34 depth 0',
      'element 7fe00010 OW 2 @42/50 depth 0',
    ]);
  });

  test('big endian lengths and tags are read, values are left as they are', () => {
    const bytes = Buffer.concat([
      element(Tags.Rows, 'US', us(512, EBE), EBE),
      sequence(
        0x00081115,
        [item(element(Tags.PatientID, 'LO', 'ID', EBE), 'undefined', EBE)],
        'undefined',
        EBE,
      ),
    ]);
    expect(read(bytes, EBE)).toEqual([
      'element 00280010 US 2 @0/8 depth 0',
      'bytes 0200',
      'end 00280010',
      'sequence 00081115 SQ -1 depth 0',
      'item 0 @22',
      'element 00100020 LO 2 @30/38 depth 1',
      'bytes 4944',
      'end 00100020',
      'end item',
      'end sequence 00081115',
    ]);
  });

  test('empty values and odd lengths are read as they stand', () => {
    const bytes = Buffer.concat([element(Tags.PatientName, 'PN', ''), element(Tags.PatientID, 'LO', 'ODD')]);
    expect(read(bytes, ELE, 'collect')).toEqual([
      'element 00100010 PN 0 @0/8 depth 0',
      'value 00100010 ',
      'end 00100010',
      'element 00100020 LO 3 @8/16 depth 0',
      'value 00100020 4f4444',
      'end 00100020',
    ]);
  });

  test('elements out of ascending order are tolerated', () => {
    const bytes = Buffer.concat([patientId, element(Tags.Modality, 'CS', 'CT')]);
    expect(read(bytes)).toHaveLength(6);
  });

  test('a VR of two capitals that PS3.5 does not know is UN with a 32 bit length', () => {
    const future = Buffer.concat([header(0x00420011, 'UN', 4), Buffer.of(1, 2, 3, 4)]);
    future.write('ZZ', 4, 'latin1');
    expect(read(Buffer.concat([future, patientId])).slice(0, 2)).toEqual([
      'element 00420011 UN 4 @0/12 depth 0',
      'bytes 01020304',
    ]);
  });

  test('a VR that is no VR at all is UN with a 16 bit length', () => {
    const bytes = Buffer.concat([element(0x00091001, '??', 'abcd'), patientId]);
    expect(read(bytes).slice(0, 2)).toEqual(['element 00091001 UN 4 @0/8 depth 0', 'bytes 61626364']);
  });
});

describe('sequences', () => {
  test('items and sequences of defined and undefined length nest in any combination', () => {
    for (const outer of ['defined', 'undefined'] as const) {
      for (const inner of ['defined', 'undefined'] as const) {
        const nested = sequence(0x00081199, [item(patientId, outer)], inner);
        const bytes = Buffer.concat([
          sequence(0x00081115, [item(nested, inner), item(Buffer.alloc(0), inner)], outer),
          patientId,
        ]);
        expect(read(bytes).map((event) => event.replace(/ -?\d+( depth)| @.*/g, '$1'))).toEqual([
          'sequence 00081115 SQ depth 0',
          'item 0',
          'sequence 00081199 SQ depth 1',
          'item 0',
          'element 00100020 LO 2',
          'bytes 4944',
          'end 00100020',
          'end item',
          'end sequence 00081199',
          'end item',
          'item 1',
          'end item',
          'end sequence 00081115',
          'element 00100020 LO 2',
          'bytes 4944',
          'end 00100020',
        ]);
      }
    }
  });

  test('a sequence of length 0 begins and ends', () => {
    expect(read(sequence(0x00081115, []))).toEqual([
      'sequence 00081115 SQ 0 depth 0',
      'end sequence 00081115',
    ]);
  });

  test('UN of undefined length is a sequence in Implicit VR Little Endian, also in big endian (CP-246)', () => {
    for (const syntax of [ELE, EBE]) {
      const content = sequence(
        0x00091002,
        [item(element(Tags.PatientID, '', 'ID', ILE), 'undefined', ILE)],
        'undefined',
        ILE,
      );
      const bytes = Buffer.concat([
        header(0x00091001, 'UN', UNDEFINED, syntax),
        item(content, 'undefined', ILE),
        header(Tags.SequenceDelimitationItem, '', 0, ILE),
        element(Tags.PatientID, 'LO', 'ID', syntax),
      ]);
      expect(read(bytes, syntax)).toEqual([
        'sequence 00091001 SQ -1 unknown depth 0',
        'item 0 @12',
        expect.stringMatching(/^(sequence 00091002 SQ -1 depth 1)$/),
        'item 0 @28',
        'element 00100020 LO 2 @36/44 depth 2',
        'bytes 4944',
        'end 00100020',
        'end item',
        'end sequence 00091002',
        'end item',
        'end sequence 00091001',
        'element 00100020 LO 2 @78/86 depth 0',
        'bytes 4944',
        'end 00100020',
      ]);
    }
  });

  test('UN of defined length is left closed', () => {
    const bytes = element(0x00091001, 'UN', item(patientId));
    expect(read(bytes)[0]).toBe('element 00091001 UN 18 @0/12 depth 0');
  });

  test('an implicit element that the dictionary does not know is a sequence when its length is undefined', () => {
    const bytes = sequence(0x00091001, [item(Buffer.alloc(0), 'undefined', ILE)], 'undefined', ILE);
    expect(read(bytes, ILE)[0]).toBe('sequence 00091001 SQ -1 depth 0');
  });

  test('an item delimiter left out before the sequence delimiter is tolerated', () => {
    const bytes = Buffer.concat([
      header(0x00081115, 'SQ', UNDEFINED),
      header(Tags.Item, '', UNDEFINED),
      patientId,
      header(Tags.SequenceDelimitationItem, '', 0),
      patientId,
    ]);
    expect(read(bytes).slice(-5)).toEqual([
      'end item',
      'end sequence 00081115',
      'element 00100020 LO 2 @38/46 depth 0',
      'bytes 4944',
      'end 00100020',
    ]);
  });

  test('delimiters that nothing needs are passed over, whatever length they claim', () => {
    const stray = header(Tags.SequenceDelimitationItem, '', 77);
    const bytes = Buffer.concat([sequence(0x00081115, [item(patientId)]), stray, patientId]);
    expect(read(bytes)).toHaveLength(10);
  });

  test('what does not fit into what encloses it is malformed', () => {
    const overrun = sequence(0x00081115, [item(patientId)]);
    overrun.writeUInt32LE(17, 8);
    refuse(Buffer.concat([overrun, patientId]));
    const long = sequence(0x00081115, [item(element(Tags.PatientID, 'LO', 'ID'))]);
    long.writeUInt16LE(40, 12 + 8 + 6);
    refuse(Buffer.concat([long, Buffer.alloc(100)]));
    refuse(sequence(0x00081115, [Buffer.from(patientId)]));
    refuse(item(patientId));
    refuse(Buffer.concat([header(Tags.PatientID, 'UT', UNDEFINED), patientId]));
    refuse(
      Buffer.concat([
        header(0x00081115, 'SQ', 24),
        header(Tags.Item, '', UNDEFINED),
        header(Tags.SequenceDelimitationItem, '', 0),
      ]),
    );
  });

  test('input that stops inside something is malformed', () => {
    const whole = Buffer.concat([
      sequence(0x00081115, [item(patientId, 'undefined')], 'undefined'),
      patientId,
      encapsulated([], [Buffer.alloc(4)]),
    ]);
    const complete = new Set([0, 46, 56, whole.length, whole.length - 8]);
    for (let length = 0; length <= whole.length; length++) {
      const cut = whole.subarray(0, length);
      if (complete.has(length)) expect(() => eventsOf(cut, ELE)).not.toThrow();
      else refuse(cut);
    }
  });
});

describe('pixel data', () => {
  test('fragments are told one by one; the element ends with the delimiter', () => {
    expect(read(encapsulated([0], [Buffer.of(1, 2), Buffer.alloc(0)]))).toEqual([
      'element 7fe00010 OB -1 @0/12 depth 0',
      'fragment 0 @20 4',
      'bytes 00000000',
      'fragment 1 @32 2',
      'bytes 0102',
      'fragment 2 @42 0',
      'end 7fe00010',
    ]);
  });

  test('a missing sequence delimiter at the very end is tolerated and told', () => {
    expect(read(encapsulated([], [Buffer.of(1, 2)], false)).slice(-2)).toEqual([
      'end 7fe00010',
      'unterminated',
    ]);
  });

  test('a missing delimiter is malformed before the first fragment, in an item and in front of an element', () => {
    refuse(encapsulated([], [], false));
    refuse(
      sequence(0x00880200, [item(encapsulated([], [Buffer.of(1, 2)], false), 'undefined')], 'undefined'),
    );
    refuse(Buffer.concat([encapsulated([], [Buffer.of(1, 2)], false), patientId]));
  });

  test('encapsulated pixel data of an icon is read inside its item', () => {
    const bytes = sequence(0x00880200, [item(encapsulated([], [Buffer.of(1, 2)]))]);
    expect(read(bytes)).toContain('fragment 1 @48 2');
  });

  test('a fragment of undefined length is malformed', () => {
    refuse(Buffer.concat([header(Tags.PixelData, 'OB', UNDEFINED), header(Tags.Item, '', UNDEFINED)]));
  });
});

describe('after the last element', () => {
  test('zeros and (FFFC,FFFC) are tolerated', () => {
    for (const zeros of [1, 7, 8, 9, 500]) {
      expect(read(Buffer.concat([patientId, Buffer.alloc(zeros)]))).toHaveLength(3);
    }
    expect(
      read(Buffer.concat([patientId, element(Tags.DataSetTrailingPadding, 'OB', Buffer.alloc(6))])),
    ).toHaveLength(6);
  });

  test('anything else, and zeros alone, are malformed', () => {
    refuse(Buffer.concat([patientId, Buffer.alloc(20), Buffer.of(1)]));
    refuse(Buffer.concat([patientId, Buffer.of(0, 1, 0)]));
    refuse(Buffer.alloc(3));
  });

  test('a group 0000 element is no padding', () => {
    const bytes = element(Tags.CommandGroupLength, '', u32(10), ILE);
    expect(read(bytes, ILE)[0]).toBe('element 00000000 UL 4 @0/8 depth 0');
  });
});

describe('limits', () => {
  const nest = (depth: number): Buffer =>
    depth === 0 ? patientId : sequence(0x00081115, [item(nest(depth - 1), 'undefined')], 'undefined');

  test('sequences nest as deeply as allowed and no deeper', () => {
    expect(() => eventsOf(nest(64), ELE)).not.toThrow();
    refuse(nest(65));
  });

  test('more elements than allowed are malformed', () => {
    const bytes = Buffer.concat([patientId, patientId, patientId]);
    expect(() => eventsOf(bytes, ELE, { limits: { maxElements: 3 } })).not.toThrow();
    expect(() => eventsOf(bytes, ELE, { limits: { maxElements: 2 } })).toThrow(malformed);
  });

  test('a value longer than may be collected is refused by its header, not when it has come', () => {
    const reader = new DatasetReader(ELE, { element: () => 'collect' }, { maxCollectedBytes: 100 });
    expect(() => {
      reader.push(header(0x00420011, 'OB', 101));
    }).toThrow(malformed);
  });

  test('a declared length of 4 GB costs no memory until it comes', () => {
    const reader = new DatasetReader(ELE, { element: () => 'collect' }, { maxCollectedBytes: 2 ** 32 });
    const before = process.memoryUsage().arrayBuffers;
    reader.push(Buffer.concat([header(0x00420011, 'OB', 0xfffffffe), Buffer.alloc(1000)]));
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(1_000_000);
    expect(() => {
      reader.end();
    }).toThrow(malformed);
  });
});

describe('skipping', () => {
  test('a random access driver jumps over what nobody looks at', () => {
    const seen: number[] = [];
    const reader = new DatasetReader(ELE, { element: (e) => (seen.push(e.tag), 'skip') });
    reader.push(Buffer.concat([header(0x00420011, 'OB', 2 ** 31), Buffer.alloc(10)]));
    expect(reader.skippable).toBe(2 ** 31 - 10);
    reader.skip(reader.skippable);
    expect(reader.offset).toBe(2 ** 31 + 12);
    reader.push(patientId);
    reader.end();
    expect(seen).toEqual([0x00420011, Tags.PatientID]);
  });

  test('a skipped last value ends its sequence', () => {
    const ended: number[] = [];
    const reader = new DatasetReader(ELE, { element: () => 'skip', endSequence: (e) => ended.push(e.tag) });
    reader.push(sequence(0x00081115, [item(patientId)]).subarray(0, -2));
    reader.skip(2);
    expect(ended).toEqual([0x00081115]);
    reader.end();
  });

  test('bytes that somebody wants cannot be skipped', () => {
    const reader = new DatasetReader(ELE, { element: () => 'stream' });
    reader.push(patientId.subarray(0, 8));
    expect(reader.skippable).toBe(0);
    expect(() => {
      reader.skip(1);
    }).toThrow(expect.objectContaining({ code: 'internal' }));
  });
});
