import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';

import { transferSyntax } from '../../../src/dicom/index.js';
import { DatasetHead, MAX_HEAD_BYTES } from '../../../src/dimse/storage-scp-head.js';
import { encodeAttributes, makeInstance, Uids } from '../../helpers/rogue-peer.js';

const identity = { studyInstanceUid: '2.25.77.1', seriesInstanceUid: '2.25.77.2' };

function readIn(
  bytes: Buffer,
  sizes: readonly number[],
  syntaxUid: string,
): { head: DatasetHead; pushed: Buffer } {
  const head = new DatasetHead(transferSyntax(syntaxUid));
  let offset = 0;
  for (let index = 0; offset < bytes.length && !head.isDone; index += 1) {
    const end = Math.min(bytes.length, offset + (sizes[index % sizes.length] ?? 1));
    const chunk = Buffer.from(bytes.subarray(offset, end));
    head.push(chunk);
    // What is lent may change after the call.
    chunk.fill(0xee);
    offset = end;
  }
  return { head, pushed: bytes.subarray(0, offset) };
}

describe('the head of a dataset', () => {
  test('tells study and series however the bytes are cut, and keeps what came before the last chunk', () => {
    const syntaxes = [
      Uids.implicitLittleEndian,
      Uids.explicitLittleEndian,
      Uids.explicitBigEndian,
      Uids.jpegBaseline,
    ];
    const sizes = fc.array(fc.integer({ min: 1, max: 200 }), { minLength: 1, maxLength: 5 });
    fc.assert(
      fc.property(fc.constantFrom(...syntaxes), sizes, (transferSyntaxUid, cut) => {
        const { dataset } = makeInstance({ transferSyntaxUid });
        const { head, pushed } = readIn(dataset, cut, transferSyntaxUid);
        expect(head.isDone).toBe(true);
        expect(head.identity).toEqual(identity);
        const kept = head.take();
        expect(kept.equals(pushed.subarray(0, kept.length))).toBe(true);
        expect(pushed.length - kept.length).toBeLessThanOrEqual(200);
      }),
      { numRuns: 60 },
    );
  });

  test('is not misled by UIDs inside sequences', () => {
    const { dataset } = makeInstance({
      extra: { '00081140:SQ': [{ StudyInstanceUID: '1.1', SeriesInstanceUID: '1.1' }] },
    });
    expect(readIn(dataset, [50], Uids.explicitLittleEndian).head.identity).toEqual(identity);
  });

  test('is done without a series when an element beyond it comes', () => {
    const dataset = encodeAttributes({ StudyInstanceUID: '1.2', InstanceNumber: '1' }, 'explicit');
    const { head } = readIn(dataset, [9], Uids.explicitLittleEndian);
    expect([head.isDone, head.identity]).toEqual([true, { studyInstanceUid: '1.2' }]);
  });

  test('gives up at its bound, on what cannot be read, and on what is deflated', () => {
    const long = makeInstance({ extra: { '00091001:OB': Buffer.alloc(200_000) } }).dataset;
    const { head, pushed } = readIn(long, [1000], Uids.explicitLittleEndian);
    expect([head.isDone, head.identity]).toEqual([true, undefined]);
    expect(pushed.length).toBeLessThanOrEqual(MAX_HEAD_BYTES + 1000);
    const nonsense = readIn(Buffer.alloc(64, 0xff), [64], Uids.explicitLittleEndian).head;
    expect([nonsense.isDone, nonsense.identity]).toEqual([true, undefined]);
    expect(new DatasetHead(transferSyntax('1.2.840.10008.1.2.1.99')).isDone).toBe(true);
  });

  test('any bytes end in an identity or none, and in no exception', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        const { head } = readIn(Buffer.from(bytes), [7], Uids.explicitLittleEndian);
        head.take();
        return head.identity === undefined || typeof head.identity.studyInstanceUid === 'string';
      }),
    );
  });
});
