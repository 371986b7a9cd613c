import { describe, expect, test } from '@jest/globals';
import { GatewayError } from '../../../src/core/index.js';
import { encodeCommitmentRequest, readCommitmentReport } from '../../../src/dimse/commitment-codec.js';
import { readElements } from '../../helpers/independent-reader.js';
import { encodeAttributes, Uids } from '../../helpers/rogue-peer.js';

const { explicitLittleEndian, implicitLittleEndian, ctImageStorage, mrImageStorage } = Uids;

describe('C-03: the Action Information of a request', () => {
  test.each([explicitLittleEndian, implicitLittleEndian])('names all instances, in %s', (syntax) => {
    const bytes = encodeCommitmentRequest(
      {
        transactionUid: '2.25.9',
        references: [
          { sopClassUid: ctImageStorage, sopInstanceUid: '1.2.3' },
          { sopClassUid: mrImageStorage, sopInstanceUid: '1.2.34' },
        ],
      },
      syntax,
    );
    const vrOf = (path: string): string => (path.endsWith('00081199') ? 'SQ' : 'UI');
    const found = readElements(bytes, syntax, vrOf).map(({ path, value }) => [
      path,
      value.toString('latin1').replace(/\0$/, ''),
    ]);
    expect(found).toEqual([
      ['00081195', '2.25.9'],
      ['00081199/0/00081150', ctImageStorage],
      ['00081199/0/00081155', '1.2.3'],
      ['00081199/1/00081150', mrImageStorage],
      ['00081199/1/00081155', '1.2.34'],
    ]);
  });
});

describe('C-04: the Event Information of a report', () => {
  test.each([
    [explicitLittleEndian, 'explicit'],
    [implicitLittleEndian, 'implicit'],
  ] as const)('is read in %s', (syntax, encoding) => {
    const bytes = encodeAttributes(
      {
        TransactionUID: '2.25.9',
        ReferencedSOPSequence: [
          { ReferencedSOPClassUID: ctImageStorage, ReferencedSOPInstanceUID: '1.2.3' },
          { ReferencedSOPInstanceUID: '1.2.4' },
          { ReferencedSOPClassUID: ctImageStorage },
        ],
        FailedSOPSequence: [
          { ReferencedSOPClassUID: ctImageStorage, ReferencedSOPInstanceUID: '1.2.5', FailureReason: 0x0112 },
          { ReferencedSOPClassUID: ctImageStorage, ReferencedSOPInstanceUID: '1.2.6' },
        ],
      },
      encoding,
    );
    expect(readCommitmentReport(bytes, syntax)).toEqual({
      transactionUid: '2.25.9',
      committed: [
        { sopClassUid: ctImageStorage, sopInstanceUid: '1.2.3' },
        { sopClassUid: '', sopInstanceUid: '1.2.4' },
      ],
      failed: [
        { sopClassUid: ctImageStorage, sopInstanceUid: '1.2.5', failureReason: 0x0112 },
        { sopClassUid: ctImageStorage, sopInstanceUid: '1.2.6', failureReason: 0x0110 },
      ],
    });
  });

  test('of no transaction, or cut off, is none', () => {
    const none = encodeAttributes({ StudyInstanceUID: '1.2.3' }, 'explicit');
    expect(() => readCommitmentReport(none, explicitLittleEndian)).toThrow(GatewayError);
    const whole = encodeAttributes(
      { TransactionUID: '2.25.9', ReferencedSOPSequence: [{ ReferencedSOPInstanceUID: '1.2.4' }] },
      'explicit',
    );
    for (let length = 1; length < whole.length; length += 1) {
      let report: ReturnType<typeof readCommitmentReport> | undefined;
      try {
        report = readCommitmentReport(whole.subarray(0, length), explicitLittleEndian);
      } catch (error) {
        expect(error).toBeInstanceOf(GatewayError);
      }
      expect(report?.committed ?? []).toEqual([]);
    }
  });
});
