import { GatewayError } from '../core/index.js';
import {
  Dataset,
  decodeDataset,
  encodeDataset,
  Tags,
  transferSyntax,
  type TransferSyntax,
} from '../dicom/index.js';
import type { CommitmentReport, CommitmentRequest, SopReference } from './contract.js';
import { Statuses } from './status.js';

/** The Action Information of a request. @see PS3.4 table J.3-1 */
export function encodeCommitmentRequest(
  { transactionUid, references }: CommitmentRequest,
  transferSyntaxUid: string,
): Buffer {
  const dataset = new Dataset().setString(Tags.TransactionUID, transactionUid);
  const items = references.map(({ sopClassUid, sopInstanceUid }) =>
    new Dataset()
      .setString(Tags.ReferencedSOPClassUID, sopClassUid)
      .setString(Tags.ReferencedSOPInstanceUID, sopInstanceUid),
  );
  return encodeDataset(dataset.setItems(Tags.ReferencedSOPSequence, items), syntaxOf(transferSyntaxUid));
}

/**
 * What the Event Information of a report says, whatever its event type; an instance that it does not name is of no use and
 * is left out. A failure without a reason is a processing failure.
 *
 * @throws GatewayError `malformed-dataset` when it cannot be read, `peer-protocol` when it names no transaction
 * @see PS3.4 table J.3-2
 */
export function readCommitmentReport(bytes: Buffer, transferSyntaxUid: string): CommitmentReport {
  const dataset = decodeDataset(bytes, syntaxOf(transferSyntaxUid));
  const transactionUid = dataset.string(Tags.TransactionUID);
  if (transactionUid === undefined)
    throw new GatewayError('peer-protocol', 'The peer sent a report of no transaction.');
  const failed = dataset.items(Tags.FailedSOPSequence).flatMap((item) => {
    const failureReason = item.integer(Tags.FailureReason) ?? Statuses.processingFailure;
    return referencesOf(item).map((reference) => ({ ...reference, failureReason }));
  });
  const committed = dataset.items(Tags.ReferencedSOPSequence).flatMap(referencesOf);
  return { transactionUid, committed, failed };
}

function referencesOf(item: Dataset): readonly SopReference[] {
  const sopInstanceUid = item.string(Tags.ReferencedSOPInstanceUID);
  const sopClassUid = item.string(Tags.ReferencedSOPClassUID) ?? '';
  return sopInstanceUid === undefined ? [] : [{ sopClassUid, sopInstanceUid }];
}

function syntaxOf(uid: string): TransferSyntax {
  const syntax = transferSyntax(uid);
  if (!syntax) throw new GatewayError('internal', 'The transfer syntax of the message is unknown.');
  return syntax;
}
