/** Rows of a C-FIND as bytes: one that has something of everything, and what becomes of it on a bad day. */
import fc from 'fast-check';
import type { TransferSyntax } from '../../src/dicom/index.js';
import {
  EBE,
  ELE,
  ILE,
  UNDEFINED,
  element,
  header,
  item,
  sequence,
  us,
} from '../unit/dicom/dataset-bytes.js';

/** Bytes from Latin-1 text. */
export const latin = (text: string): Buffer => Buffer.from(text, 'latin1');

/** A row that has something of everything. */
export function validRow(syntax: TransferSyntax, characterSet: string): Buffer {
  const text = (tag: number, vr: string, value: string): Buffer =>
    element(tag, vr, latin(value.length % 2 === 0 ? value : `${value} `), syntax);
  const coded = item(
    Buffer.concat([
      text(0x00080005, 'CS', 'ISO_IR 144'),
      text(0x00080100, 'SH', 'C1'),
      text(0x00080104, 'LO', '\xBB\xEE'),
    ]),
    'undefined',
    syntax,
  );
  return Buffer.concat([
    text(0x00080005, 'CS', characterSet),
    text(0x00080020, 'DA', '20220101'),
    text(0x00080030, 'TM', '101530.5'),
    text(0x00080050, 'SH', 'A1'),
    text(0x00080061, 'CS', 'CT\\MR'),
    text(0x00080201, 'SH', '+0100'),
    text(0x00081030, 'LO', 'M\xFCller \x1B$B;3ED\x1B(B'),
    sequence(0x00081032, [coded, item(text(0x00080100, 'SH', 'C2'), 'defined', syntax)], 'undefined', syntax),
    text(0x00100010, 'PN', 'Doe^J=\x1B$)C\xFB\xF3=x'),
    text(0x00100020, 'LO', 'P1'),
    text(0x00101030, 'DS', '70.5'),
    text(0x00230010, 'LO', 'ACME'),
    element(0x00231001, 'UN', latin('ab'), syntax),
    text(0x0020000d, 'UI', '1.2.3\0'),
    text(0x0020000e, 'UI', '1.2.3.4\0'),
    text(0x00200013, 'IS', '7'),
    text(0x00201208, 'IS', '12'),
    element(0x00280010, 'US', us(512, syntax), syntax),
    sequence(0x00400275, [item(text(0x00400009, 'SH', 'S1'), 'defined', syntax)], 'defined', syntax),
  ]);
}

type Mutation = (bytes: Buffer) => Buffer;
const at = fc.double({ min: 0, max: 1, noNaN: true });
const place = (bytes: Buffer, where: number): number => Math.floor(where * bytes.length);
const splice = (bytes: Buffer, start: number, end: number, between: Buffer): Buffer =>
  Buffer.concat([bytes.subarray(0, start), between, bytes.subarray(Math.max(start, end))]);

/** What stands in datasets and is dangerous in the wrong place. */
const pieces = fc.constantFrom(
  header(0xfffee000, '', UNDEFINED),
  header(0xfffee00d, '', 0),
  header(0xfffee0dd, '', 0),
  header(0x00081032, 'SQ', UNDEFINED),
  header(0x00081032, 'SQ', 0x7fffffff),
  header(0x00100010, 'PN', 0xffff),
  header(0x7fe00010, 'OB', UNDEFINED),
  header(0x00231001, 'UN', UNDEFINED),
  element(0x00080005, 'CS', 'ISO_IR 192'),
  element(0x00080005, 'CS', '\\\\\\\\'),
  element(0x0020000d, 'UI', '1.2.4\0'),
  element(0x0020000d, 'SQ', ''),
  element(0x00080061, 'US', Buffer.of(1, 2, 3)),
  element(0x00080020, 'DA', '99999999'),
  element(0x00080000, 'UL', Buffer.of(0xff, 0xff, 0xff, 0xff)),
  latin('\x1B$B'),
  Buffer.alloc(64),
  Buffer.alloc(64, 0xff),
);

const mutation: fc.Arbitrary<Mutation> = fc.oneof(
  fc.tuple(at, fc.integer({ min: 0, max: 255 })).map(
    ([where, byte]): Mutation =>
      (bytes) =>
        splice(bytes, place(bytes, where), place(bytes, where) + 1, Buffer.of(byte)),
  ),
  fc.tuple(at, fc.integer({ min: 0, max: 7 })).map(([where, bit]): Mutation => (bytes) => {
    const copy = Buffer.from(bytes);
    const offset = place(copy, where);
    if (offset < copy.length) copy[offset] = (copy[offset] ?? 0) ^ (1 << bit);
    return copy;
  }),
  at.map(
    (where): Mutation =>
      (bytes) =>
        bytes.subarray(0, place(bytes, where)),
  ),
  at.map(
    (where): Mutation =>
      (bytes) =>
        bytes.subarray(place(bytes, where)),
  ),
  fc.tuple(at, pieces).map(
    ([where, piece]): Mutation =>
      (bytes) =>
        splice(bytes, place(bytes, where), place(bytes, where), piece),
  ),
  fc.tuple(at, at, at).map(
    ([from, to, where]): Mutation =>
      (bytes) =>
        splice(
          bytes,
          place(bytes, where),
          place(bytes, where),
          bytes.subarray(place(bytes, from), place(bytes, to)),
        ),
  ),
  fc.tuple(at, at).map(
    ([from, to]): Mutation =>
      (bytes) =>
        splice(bytes, place(bytes, from), place(bytes, to), Buffer.alloc(0)),
  ),
  fc.tuple(at, fc.uint8Array({ maxLength: 40 })).map(
    ([where, some]): Mutation =>
      (bytes) =>
        splice(bytes, place(bytes, where), place(bytes, where), Buffer.from(some)),
  ),
);

/** Rows in each syntax, changed in up to four places. */
export const row = fc
  .tuple(
    fc.constantFrom(ELE, ILE, EBE),
    fc.constantFrom('ISO_IR 100', 'ISO_IR 192', '\\ISO 2022 IR 87', 'GB18030', 'ISO_IR 13', '', 'KLINGON'),
    fc.array(mutation, { maxLength: 4 }),
  )
  .map(([syntax, characterSet, mutations]) => ({
    syntax,
    bytes: mutations.reduce((bytes, mutate) => mutate(bytes), validRow(syntax, characterSet)),
  }));
