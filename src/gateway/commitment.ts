import { GatewayError, type OperationContext } from '../core/index.js';
import {
  formatDicomJson,
  formatNativeXml,
  NativeXmlReader,
  parseDicomJson,
  type DicomJsonObject,
} from '../dicom/index.js';
import {
  commitmentResponse,
  negotiate,
  parseCommitmentRequest,
  type Representation,
} from '../dicomweb/index.js';
import type { Commitments, CommitmentStatus } from './commitments.js';
import type { CommitmentAnswer, CommitmentDocument } from './commitment-answer.js';
import { requestOfMembers, statusOfMembers, type CommitmentMembers } from './commitment-members.js';
import type { CommitmentCall } from './use-cases.js';

const NOT_OFFERED =
  'Storage commitment needs a place for its results that outlasts the process: commitment.directory, or a cache on disk.';

/** @throws GatewayError `not-implemented` where requests could not outlast the process (C-05) */
function offered(commitments: Commitments | undefined): Commitments {
  if (commitments) return commitments;
  throw new GatewayError('not-implemented', NOT_OFFERED);
}

/**
 * Asks the members to commit themselves to keep what the document names.
 * @throws GatewayError `bad-request`, `not-acceptable`, `conflict`, `not-implemented`, or why the peer did not take it
 * @see PS3.18 13.4, rules C-01, C-03
 */
export async function requestCommitment(
  commitments: Commitments | undefined,
  members: CommitmentMembers,
  { transactionUid, accept, document }: CommitmentCall & { readonly document: CommitmentDocument },
  context: OperationContext,
): Promise<CommitmentAnswer> {
  const known = offered(commitments);
  const [representation] = negotiate('commitment', accept);
  const payload = parseCommitmentRequest(objectIn(document), known.settings.maxInstances);
  const asked = { transactionUid, payload };
  return answerOf(await requestOfMembers(known, members, asked, context), representation);
}

/**
 * What became of such a request.
 * @throws GatewayError `not-found`, `gone`, `peer-timeout`, `not-acceptable`, `not-implemented`
 * @see PS3.18 13.5, rule C-02
 */
export async function commitmentOf(
  commitments: Commitments | undefined,
  members: CommitmentMembers,
  { transactionUid, accept }: CommitmentCall,
): Promise<CommitmentAnswer> {
  const known = offered(commitments);
  const [representation] = negotiate('commitment', accept);
  return answerOf(await statusOfMembers(known, members, transactionUid), representation);
}

/** @throws GatewayError `bad-request` when the document is not one dataset */
function objectIn({ form, bytes }: CommitmentDocument): DicomJsonObject {
  if (form === 'xml') {
    const reader = new NativeXmlReader({ maxBytes: Infinity });
    reader.push(bytes);
    return reader.end();
  }
  const [object, another] = parseDicomJson(bytes);
  if (object && !another) return object;
  throw new GatewayError('bad-request', 'A request for storage commitment is one dataset.');
}

function answerOf(status: CommitmentStatus, representation: Representation | undefined): CommitmentAnswer {
  if (status.state === 'pending') return status;
  const object = commitmentResponse(status.payload, status.reasons);
  const { mediaType = 'application/dicom+json', multipart = false } = representation ?? {};
  const body = mediaType === 'application/dicom+xml' ? formatNativeXml(object) : formatDicomJson(object);
  return { state: 'done', body, mediaType, multipart };
}
