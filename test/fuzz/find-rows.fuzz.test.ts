import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { GatewayError } from '../../src/core/index.js';
import { decodeDataset, formatDicomJson, type Dataset, type TransferSyntax } from '../../src/dicom/index.js';
import { parseSearch, retrieveUrl, type SearchLevel } from '../../src/dicomweb/index.js';
import {
  defaultPeerQueryProfile,
  planSearch,
  requireUniqueKey,
  type SearchPlan,
} from '../../src/query/index.js';
import { fuzz } from '../helpers/fuzz.js';
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

const latin = (text: string): Buffer => Buffer.from(text, 'latin1');

/** A row that has something of everything. */
function validRow(syntax: TransferSyntax, characterSet: string): Buffer {
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

const plans: readonly (readonly [SearchLevel, SearchPlan])[] = [
  [
    'STUDY',
    'StudyDate=20220101-&StudyTime=1000-&ModalitiesInStudy=CT,MR&StudyDescription=M*&TimezoneOffsetFromUTC=%2B0200&ProcedureCodeSequence.CodeValue=C1&ProcedureCodeSequence.CodeMeaning=*&PatientName=%E5%B1%B1&00230010=ACME&00231001=ab&includefield=PatientWeight,ProcedureCodeSequence',
  ],
  ['SERIES', 'RequestAttributesSequence.ScheduledProcedureStepID=S1&SeriesDescription=x&includefield=all'],
  ['IMAGE', 'InstanceNumber=7&Rows=512&AcquisitionDateTime=2022-2023&includefield=all'],
].map(([level, query]) => {
  const path =
    level === 'STUDY' ? {} : { study: '1.2.3', ...(level === 'IMAGE' ? { series: '1.2.3.4' } : {}) };
  const request = parseSearch(level as SearchLevel, path, query ?? '');
  const profile = { ...defaultPeerQueryProfile, characterSets: ['ISO_IR 100'], timezoneOffset: '+0100' };
  return [level as SearchLevel, planSearch(request, profile)] as const;
});

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

const row = fc
  .tuple(
    fc.constantFrom(ELE, ILE, EBE),
    fc.constantFrom('ISO_IR 100', 'ISO_IR 192', '\\ISO 2022 IR 87', 'GB18030', 'ISO_IR 13', '', 'KLINGON'),
    fc.array(mutation, { maxLength: 4 }),
  )
  .map(([syntax, characterSet, mutations]) => ({
    syntax,
    bytes: mutations.reduce((bytes, mutate) => mutate(bytes), validRow(syntax, characterSet)),
  }));

/** A row as `Peer.find` gives it; undefined when it cannot be read. */
function decode(bytes: Buffer, syntax: TransferSyntax): Dataset | undefined {
  try {
    return decodeDataset(bytes, syntax, { fallbackCharacterSet: 'ISO_IR 100' });
  } catch (error) {
    if (error instanceof GatewayError && error.code === 'malformed-dataset') return undefined;
    throw error;
  }
}

/** Everything that becomes of a row before it is sent to the client. */
function answer(dataset: Dataset): void {
  for (const [level, plan] of plans) {
    const step = plan.steps.at(-1);
    if (step === undefined) throw new Error('no step');
    try {
      requireUniqueKey(level, dataset);
    } catch (error) {
      if (!(error instanceof GatewayError && error.code === 'peer-protocol')) throw error;
    }
    step.accepts(dataset, { studyInstanceUid: '1.2.3', seriesInstanceUid: '1.2.3.4' });
    step.unverified(dataset);
    const rows = plan.steps.map(() => dataset);
    const text = formatDicomJson(plan.project(rows, (target) => retrieveUrl('http://gateway', target)));
    expect(text).not.toMatch(/\p{Surrogate}/u);
    const keys = Object.keys(JSON.parse(text) as object);
    expect(keys).toEqual([...keys].sort());
    expect(keys.filter((key) => /^0000|^0002|^....0000$/.test(key))).toEqual([]);
  }
}

describe('R-12: rows of a C-FIND, whatever is in them', () => {
  fuzz('are decoded, filtered and written, or refused as malformed', row, ({ bytes, syntax }) => {
    const dataset = decode(bytes, syntax);
    if (dataset !== undefined) answer(dataset);
  });

  test.each([ELE, ILE, EBE])('the row that they are made of is read whole', (syntax) => {
    const dataset = decode(validRow(syntax, 'ISO_IR 100'), syntax);
    expect(dataset?.size).toBe(19);
    if (dataset !== undefined) answer(dataset);
  });

  test.each([
    [
      'nested 100,000 deep',
      Buffer.concat(
        Array.from({ length: 50_000 }, () =>
          Buffer.concat([header(0x00081032, 'SQ', UNDEFINED), header(0xfffee000, '', UNDEFINED)]),
        ),
      ),
    ],
    [
      'of 100,000 items',
      sequence(
        0x00081032,
        Array.from({ length: 100_000 }, () => item(Buffer.alloc(0))),
      ),
    ],
    ['of 100,000 values', element(0x00080061, 'UN', latin('CT\\'.repeat(100_000)))],
    ['of 1,000,000 escapes', element(0x00104000, 'UT', latin('\x1B$B'.repeat(300_000)))],
    ['of one long name', element(0x00100010, 'UN', latin('='.repeat(1_000_000)))],
    [
      'of one element again and again',
      Buffer.concat(Array.from({ length: 100_000 }, () => element(0x00100010, 'PN', 'A^'))),
    ],
  ])('a row %s takes no time to speak of', (_what, bytes) => {
    for (const syntax of [ELE, ILE]) {
      const dataset = decode(bytes, syntax);
      if (dataset !== undefined) answer(dataset);
    }
  });
});
