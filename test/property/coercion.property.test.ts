import { deflateRawSync, inflateRawSync } from 'node:zlib';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  changeCuts,
  surveyDataset,
  transferSyntax,
  withCuts,
  type AttributeChange,
  type TransferSyntax,
} from '../../src/dicom/index.js';
import { nested, privateElements, syntaxes } from '../helpers/fixtures.js';
import {
  element,
  explicitBig,
  explicitLittle,
  implicitLittle,
  join,
  sequence,
  withGroupLength,
  type Layout,
  type SequenceLengths,
  type Write,
} from '../helpers/fixtures-element.js';

const seed = 20_260_101;

/** What an instance holds, of what may be changed and of what lies around it. */
interface Held {
  readonly accession: string | undefined;
  readonly institution: string | undefined;
  readonly issuer: string | undefined;
  /** Original attributes that it tells of. */
  readonly told: number;
  readonly lengths: SequenceLengths;
  readonly groupLengths: boolean;
  readonly depth: number;
  readonly padding: boolean;
}

const stamp = { dateTime: '20260101000000.000+0000', system: 'GATEWAY' };
const defined = { sequence: 'defined', items: 'defined' } as const;
const optional = (tag: number, vr: string, value: string | undefined): readonly Write[] =>
  value === undefined ? [] : [element(tag, vr, value)];

const before: Write = join(
  sequence(0x04000550, [element(0x00100020, 'LO', 'OLD')]),
  element(0x04000562, 'DT', '20200101'),
  element(0x04000563, 'LO', 'OTHER'),
  element(0x04000564, 'LO'),
  element(0x04000565, 'CS', 'CORRECT'),
);

/** The item that tells of the change. */
const itemOf = ({ accession, institution, issuer }: Held): Write =>
  join(
    sequence(
      0x04000550,
      [
        join(
          element(0x00080050, 'SH', accession ?? ''),
          ...optional(0x00080080, 'LO', institution),
          element(0x00100021, 'LO', issuer ?? ''),
        ),
      ],
      defined,
    ),
    element(0x04000562, 'DT', stamp.dateTime),
    element(0x04000563, 'LO', stamp.system),
    element(0x04000564, 'LO'),
    element(0x04000565, 'CS', 'COERCE'),
  );

/** Original Attributes Sequence as it was, with the item behind its own ones. */
function originalAttributes({ told, lengths }: Held, item?: Write): Write {
  const own = Array.from({ length: told }, () => before);
  if (item === undefined) return told === 0 ? join() : sequence(0x04000561, own, lengths);
  if (told === 0) return sequence(0x04000561, [item], defined);
  return (layout) => {
    const [whole, added] = [sequence(0x04000561, own, lengths)(layout), sequence(0, [item], defined)(layout)];
    const header = layout.vr === 'implicit' ? 8 : 12;
    const items = [
      whole.subarray(header, whole.length - (lengths.sequence === 'undefined' ? 8 : 0)),
      added.subarray(header),
    ];
    const head = Buffer.from(whole.subarray(0, header));
    if (lengths.sequence === 'undefined') return Buffer.concat([head, ...items, whole.subarray(-8)]);
    const length = items.reduce((sum, bytes) => sum + bytes.length, 0);
    if (layout.byteOrder === 'little') head.writeUInt32LE(length, header - 4);
    else head.writeUInt32BE(length, header - 4);
    return Buffer.concat([head, ...items]);
  };
}

function instance(held: Held, original: Write): Write {
  const group = (number: number, ...parts: readonly Write[]): Write =>
    held.groupLengths ? withGroupLength(number, ...parts) : join(...parts);
  return join(
    group(
      0x0008,
      element(0x00080005, 'CS', 'ISO_IR 100'),
      element(0x00080018, 'UI', '1.2.3'),
      ...optional(0x00080050, 'SH', held.accession),
      ...optional(0x00080080, 'LO', held.institution),
      // What is nested has the same tags and stays.
      sequence(0x00081140, [element(0x00080050, 'SH', 'NESTED')]),
    ),
    group(
      0x0010,
      element(0x00100010, 'PN', 'M\u00fcller'),
      element(0x00100020, 'LO', 'ID'),
      ...optional(0x00100021, 'LO', held.issuer),
    ),
    nestedIn(held.depth),
    privateElements,
    ...(held.groupLengths ? [withGroupLength(0x0400, original)] : [original]),
    element(0x20500020, 'CS', 'IDENTITY'),
    element(0x7fe00010, 'OW', Buffer.from([1, 2, 3, 4, 5, 6])),
    ...(held.padding ? [() => Buffer.alloc(6)] : []),
  );
}

const nestedIn = (depth: number): Write =>
  join(...(depth === 0 ? [] : [sequence(0x00189346, [nested(depth, defined)])]));

const layouts: Readonly<Record<string, Layout>> = {
  [syntaxes.explicitLittle]: explicitLittle,
  [syntaxes.implicitLittle]: implicitLittle,
  [syntaxes.explicitBig]: explicitBig,
  [syntaxes.deflated]: explicitLittle,
};

async function changed(dataset: Buffer, syntax: TransferSyntax, held: Held, size: number): Promise<Buffer> {
  // eslint-disable-next-line @typescript-eslint/require-await -- what a source is made of
  async function* bytes(): AsyncGenerator<Buffer, void, undefined> {
    for (let at = 0; at < dataset.length; at += size) yield Buffer.from(dataset.subarray(at, at + size));
  }
  const changes: AttributeChange[] = [
    { tag: 0x00100021, vr: 'LO', value: Buffer.from('NORTH') },
    { tag: 0x00080050, vr: 'SH', value: Buffer.from('N-1') },
    ...(held.institution === undefined ? [] : [{ tag: 0x00080080, vr: 'LO' as const, value: undefined }]),
  ];
  const survey = await surveyDataset(
    bytes(),
    syntax,
    changes.map(({ tag }) => tag),
    {},
  );
  const pieces: Buffer[] = [];
  for await (const piece of withCuts(bytes(), syntax, changeCuts(survey, changes, stamp, syntax)))
    pieces.push(Buffer.from(piece));
  return Buffer.concat(pieces);
}

const value = fc.option(fc.stringMatching(/^[A-Z0-9]{0,9}$/), { nil: undefined });
const extent = fc.constantFrom('defined' as const, 'undefined' as const);
const held: fc.Arbitrary<Held> = fc.record({
  accession: value,
  institution: value,
  issuer: value,
  told: fc.nat(2),
  lengths: fc.record({ sequence: extent, items: extent }),
  groupLengths: fc.boolean(),
  depth: fc.nat(3),
  padding: fc.boolean(),
});

describe('S-15, Law 2: what a rule changes', () => {
  test('is those attributes, what tells of them, and lengths; all else stays byte for byte, however it is cut', async () => {
    await fc.assert(
      fc.asyncProperty(
        held,
        fc.constantFrom(...Object.keys(layouts)),
        fc.integer({ min: 1, max: 300 }),
        async (is, uid, size) => {
          const syntax = transferSyntax(uid);
          const layout = layouts[uid];
          if (!syntax || !layout) throw new Error('a syntax');
          const plain = instance(is, originalAttributes(is))(layout);
          const dataset = syntax.deflated ? deflateRawSync(plain) : plain;
          const should = { ...is, accession: 'N-1', institution: undefined, issuer: 'NORTH' };
          const wanted = instance(should, originalAttributes(is, itemOf(is)))(layout);
          const got = await changed(dataset, syntax, is, size);
          expect((syntax.deflated ? inflateRawSync(got) : got).toString('hex')).toBe(wanted.toString('hex'));
        },
      ),
      { seed, numRuns: 300 },
    );
  });
});
