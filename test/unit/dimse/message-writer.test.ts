import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  DatasetPacker,
  maxFragmentLength,
  packCommand,
  packMessage,
} from '../../../src/dimse/message-writer.js';
import { MessageReader, type IncomingMessage } from '../../../src/dimse/message-reader.js';
import { PduFramer } from '../../../src/dimse/pdu-framer.js';
import { formatCommandSet } from '../../../src/dimse/command-set.js';

interface Read {
  readonly messages: IncomingMessage[];
  readonly datasets: Buffer[];
  readonly pduLengths: number[];
  readonly fragmentLengths: number[];
}

/** What our own reader makes of the bytes, and how they were cut. */
function read(bytes: Buffer): Read {
  const result: Read = { messages: [], datasets: [], pduLengths: [], fragmentLengths: [] };
  for (let offset = 0; offset < bytes.length;) {
    const length = bytes.readUInt32BE(offset + 2);
    result.pduLengths.push(length);
    result.fragmentLengths.push(bytes.readUInt32BE(offset + 6) - 2);
    offset += 6 + length;
  }
  const reader = new MessageReader(new Set([1]), (message) => {
    result.messages.push(message);
    const parts: Buffer[] = [];
    return {
      write: (chunk) => void parts.push(Buffer.from(chunk)),
      end: () => void result.datasets.push(Buffer.concat(parts)),
      fail: () => undefined,
    };
  });
  const framer = new PduFramer(
    { pdu: () => undefined, fragment: (header, data, ended) => reader.fragment(header, data, ended) },
    { maxDataPduLength: 1 << 24, maxAssociationPduLength: 0 },
  );
  void framer.push(bytes);
  return result;
}

const command = formatCommandSet(
  { commandField: 1, messageId: 7, affectedSopClassUid: '1.2.840.10008.1.1' },
  true,
);

describe('messages', () => {
  test('keep to the length that the peer takes, in even fragments', () => {
    expect(maxFragmentLength(16_384)).toBe(16_378);
    expect(maxFragmentLength(16_383)).toBe(16_376);
    expect(maxFragmentLength(0)).toBe(262_138);
    expect(maxFragmentLength(0xffffffff)).toBe(262_138);
  });

  test('that are small go out in one buffer', () => {
    const { messages, datasets } = read(packMessage(1, command, Buffer.from('abcd'), 1000));
    expect(messages).toEqual([expect.objectContaining({ contextId: 1, hasDataset: true })]);
    expect(datasets).toEqual([Buffer.from('abcd')]);
  });

  test('that are longer than a PDU are split, their command too', () => {
    const { messages, datasets, pduLengths } = read(packMessage(1, command, Buffer.alloc(99, 1), 10));
    expect(messages[0]?.command.messageId).toBe(7);
    expect(datasets).toEqual([Buffer.alloc(99, 1)]);
    expect(Math.max(...pduLengths)).toBe(16);
  });

  test('that come as a stream arrive byte for byte, whatever the chunks (W-45)', () => {
    const sizes = fc.array(fc.oneof(fc.nat(50), fc.integer({ min: 16_000, max: 40_000 })), { maxLength: 8 });
    fc.assert(
      fc.property(sizes, fc.constantFrom(64, 1000, 16_378, 262_138), (lengths, fragmentLength) => {
        const packer = new DatasetPacker(1, fragmentLength);
        const written = [...packCommand(1, command, fragmentLength)];
        const sent: Buffer[] = [];
        lengths.forEach((length, index) => {
          const chunk = Buffer.alloc(length, index + 1);
          sent.push(Buffer.from(chunk));
          written.push(...packer.add(chunk).map((bytes) => Buffer.from(bytes)));
          // The chunk's memory is the source's again.
          chunk.fill(0xff);
        });
        written.push(...packer.end().map((bytes) => Buffer.from(bytes)));
        const { datasets, fragmentLengths, pduLengths } = read(Buffer.concat(written));
        expect(datasets[0]?.equals(Buffer.concat(sent))).toBe(true);
        expect(Math.max(...pduLengths)).toBeLessThanOrEqual(fragmentLength + 6);
        expect(fragmentLengths.slice(0, -1).every((length) => length % 2 === 0)).toBe(true);
        if (Buffer.concat(sent).length > 0) expect(fragmentLengths.at(-1)).toBeGreaterThan(0);
      }),
      { numRuns: 60 },
    );
  });
});
