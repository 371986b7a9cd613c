import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { GatewayError } from '../../../src/core/index.js';
import {
  DatasetIndexer,
  frameCount,
  frameRanges,
  Part10Reader,
  part10Header,
  toExplicitLittleEndian,
  TransferSyntaxes,
  type TransferSyntax,
} from '../../../src/dicom/index.js';
import {
  collect,
  EBE,
  element,
  ELE,
  encapsulated,
  ILE,
  item,
  pieces,
  sequence,
  stream,
} from './dataset-bytes.js';
import { eventsOf } from './reader-events.js';

const timeBox = { interruptAfterTimeLimit: 4000, markInterruptAsFailure: false };

type Node =
  | { readonly kind: 'value'; readonly tag: number; readonly vr: string; readonly bytes: Uint8Array }
  | { readonly kind: 'sequence'; readonly undef: boolean; readonly items: readonly (readonly Node[])[] };

const value: fc.Arbitrary<Node> = fc.record({
  kind: fc.constant('value' as const),
  tag: fc.constantFrom(0x00100020, 0x00280010, 0x00091001, 0x00420011, 0x00080018, 0x00186020),
  vr: fc.constantFrom('LO', 'US', 'UN', 'OB', 'OW', 'FD', 'UT'),
  bytes: fc.uint8Array({ maxLength: 40 }),
});
const { node } = fc.letrec<{ node: Node }>((tie) => ({
  node: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    value,
    fc.record({
      kind: fc.constant('sequence' as const),
      undef: fc.boolean(),
      items: fc.array(fc.array(tie('node'), { maxLength: 4 }), { maxLength: 3 }),
    }),
  ),
}));
const dataset = fc.array(node, { maxLength: 6 });

const encode = (nodes: readonly Node[], syntax: TransferSyntax): Buffer =>
  Buffer.concat(
    nodes.map((one) => {
      if (one.kind === 'value') return element(one.tag, one.vr, Buffer.from(one.bytes), syntax);
      const lengths = one.undef ? 'undefined' : 'defined';
      return sequence(
        0x00081115,
        one.items.map((nested) => item(encode(nested, syntax), lengths, syntax)),
        lengths,
        syntax,
      );
    }),
  );
const sizes = fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1, maxLength: 5 });
const syntaxes = fc.constantFrom<TransferSyntax>(ELE, ILE, EBE);

test('any chunking of a dataset gives the same events, and all of its bytes', () => {
  fc.assert(
    fc.property(dataset, syntaxes, sizes, (nodes, syntax, cut) => {
      const bytes = encode(nodes, syntax);
      const whole = eventsOf(bytes, syntax);
      expect(eventsOf(bytes, syntax, { sizes: cut })).toEqual(whole);
      expect(
        eventsOf(bytes, syntax, { sizes: cut, mode: 'collect' }).filter((e) => e.startsWith('value')),
      ).toEqual(eventsOf(bytes, syntax, { mode: 'collect' }).filter((e) => e.startsWith('value')));
      expect(whole.filter((event) => event.startsWith('element'))).toHaveLength(count(nodes));
    }),
    timeBox,
  );
});

const count = (nodes: readonly Node[]): number =>
  nodes.reduce(
    (sum, one) =>
      sum + (one.kind === 'value' ? 1 : one.items.reduce((all, nested) => all + count(nested), 0)),
    0,
  );

/** Datasets with some bytes changed, cut out or put in: nearer to the edge than bytes by chance. */
const damaged = fc
  .tuple(
    dataset,
    syntaxes,
    fc.boolean(),
    fc.array(
      fc.tuple(
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.constantFrom('set', 'cut', 'put'),
        fc.integer({ min: 0, max: 255 }),
      ),
      {
        maxLength: 4,
      },
    ),
  )
  .map(([nodes, syntax, pixels, edits]) => {
    let bytes = encode(nodes, syntax);
    if (pixels)
      bytes = Buffer.concat([
        bytes,
        encapsulated([0, 10], [Buffer.of(0xff, 0xd8), Buffer.of(0xff, 0xd8, 0xff, 0xe0)]),
      ]);
    for (const [where, what, byte] of edits) {
      const at = Math.floor(where * bytes.length);
      if (what === 'set' && at < bytes.length) bytes[at] = byte;
      if (what === 'cut') bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + byte)]);
      if (what === 'put') bytes = Buffer.concat([bytes.subarray(0, at), Buffer.of(byte), bytes.subarray(at)]);
    }
    return bytes;
  });
const anyBytes = fc.oneof(
  damaged,
  fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
);

/** Runs `read`; nothing but `malformed-dataset` and (for a frame) `not-found` may be thrown. */
async function outcome(read: () => unknown): Promise<unknown> {
  try {
    return await read();
  } catch (error) {
    if (!(error instanceof GatewayError) || error.code !== 'malformed-dataset') throw error;
    return 'malformed-dataset';
  }
}

test('any bytes in any chunking are indexed or malformed, alike for every chunking', async () => {
  await fc.assert(
    fc.asyncProperty(
      anyBytes,
      fc.constantFrom<TransferSyntax>(
        ELE,
        ILE,
        EBE,
        TransferSyntaxes.JpegBaseline,
        TransferSyntaxes.DeflatedExplicitVrLittleEndian,
      ),
      sizes,
      async (bytes, syntax, cut) => {
        const index = (by: readonly number[]): Promise<unknown> =>
          outcome(async () => {
            const indexer = new DatasetIndexer(syntax);
            for (const piece of pieces(bytes, by)) await indexer.push(piece);
            const made = await indexer.end();
            if (frameCount(made) > 0) await outcome(() => frameRanges(made, 1));
            return made;
          });
        expect(await index(cut)).toEqual(await index([1000]));
      },
    ),
    timeBox,
  );
});

test('any bytes re-encode to a dataset that reads alike, or are malformed', async () => {
  await fc.assert(
    fc.asyncProperty(
      anyBytes,
      fc.constantFrom<TransferSyntax>(ILE, EBE),
      sizes,
      async (bytes, syntax, cut) => {
        const made = await outcome(() => collect(toExplicitLittleEndian(stream(bytes, cut), syntax)));
        expect(await outcome(() => collect(toExplicitLittleEndian(stream(bytes), syntax)))).toEqual(made);
        if (Buffer.isBuffer(made)) expect(() => eventsOf(made, ELE)).not.toThrow();
      },
    ),
    timeBox,
  );
});

test('any bytes are a Part 10 file with a dataset, or malformed', async () => {
  const head = part10Header({ sopClassUid: '1.2', sopInstanceUid: '1.3', transferSyntaxUid: '1.4' });
  await fc.assert(
    fc.asyncProperty(anyBytes, fc.integer({ min: 0, max: head.length }), sizes, async (bytes, kept, cut) => {
      await outcome(async () => {
        const reader = new Part10Reader(() => ({ push: () => undefined, end: () => undefined }));
        for (const piece of pieces(Buffer.concat([head.subarray(0, kept), bytes]), cut))
          await reader.push(piece);
        await reader.end();
      });
    }),
    timeBox,
  );
});
