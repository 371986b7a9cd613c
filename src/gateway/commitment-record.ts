import { createHash } from 'node:crypto';
import type { CommitmentReport } from '../dimse/index.js';
import type { CommitmentPayload, CommitmentReference } from '../dicomweb/index.js';

/** Of the files; another one is of another release. */
const VERSION = 1;

/** What is known of a request for storage commitment without its list of instances. Times are those of the wall clock. */
export interface CommitmentHead {
  readonly peer: string;
  /** The Transaction UID that the peer knows. */
  readonly upstreamUid: string;
  /** `gone`: there was a result, or would have been, which is not kept any more. */
  readonly state: 'pending' | 'done' | 'gone';
  readonly requestedAt: number;
  /** Since when it is in its state. */
  readonly changedAt: number;
}

/** What was asked for, and once it is known, what came of each: 0, or the failure reason. */
export interface CommitmentBody extends CommitmentPayload {
  readonly reasons?: readonly number[];
}

/** Where a request of this Transaction UID is kept: a name that tells nothing of it. */
export const commitmentName = (peer: string, transactionUid: string): string =>
  `${createHash('sha256').update(`${peer}\n${transactionUid}`).digest('hex')}.json`;

/** A line for the head, so that no more than that need be read, and one for the body. */
export const formatCommitment = (head: CommitmentHead, body?: CommitmentBody): string =>
  `${JSON.stringify({ version: VERSION, ...head })}\n${body ? `${JSON.stringify(body)}\n` : ''}`;

/** The head in a first line. @throws Error for what is none */
export function parseCommitmentHead(line: string): CommitmentHead {
  const content = JSON.parse(line) as Partial<CommitmentHead> & { readonly version?: unknown };
  const { version, peer, upstreamUid, state, requestedAt, changedAt } = content;
  if (version !== VERSION) throw new TypeError('it is of another release');
  const isHead =
    typeof peer === 'string' &&
    typeof upstreamUid === 'string' &&
    (state === 'pending' || state === 'done' || state === 'gone') &&
    typeof requestedAt === 'number' &&
    typeof changedAt === 'number';
  if (!isHead) throw new TypeError('something in it is not what it should be');
  return { peer, upstreamUid, state, requestedAt, changedAt };
}

/** The body in a whole file. @throws Error when there is none */
export function parseCommitmentBody(text: string): CommitmentBody {
  const content = JSON.parse(text.slice(text.indexOf('\n') + 1)) as Partial<CommitmentBody>;
  if (!Array.isArray(content.references)) throw new TypeError('something in it is not what it should be');
  return content as CommitmentBody;
}

/** Failure reasons that the gateway gives itself. @see PS3.3 C.14.1.1 */
const Reasons = { processingFailure: 0x0110, classInstanceConflict: 0x0119 } as const;

/**
 * What a report says of each instance that was asked for. Only what the report names as committed, with the SOP class that
 * was asked for, is committed; what it does not name, or names both ways, is not.
 *
 * @see PS3.4 J.3.3.1.2, rule C-05
 */
export function reasonsOf(
  references: readonly CommitmentReference[],
  { committed, failed }: CommitmentReport,
): readonly number[] {
  const failures = new Map(
    failed.map(({ sopInstanceUid, failureReason }) => [sopInstanceUid, failureReason]),
  );
  const kept = new Map(committed.map(({ sopInstanceUid, sopClassUid }) => [sopInstanceUid, sopClassUid]));
  return references.map(({ sopClassUid, sopInstanceUid }) => {
    const failure = failures.get(sopInstanceUid);
    // A failure for reason 0 is one all the same.
    if (failure !== undefined) return failure === 0 ? Reasons.processingFailure : failure;
    const as = kept.get(sopInstanceUid);
    if (as === undefined) return Reasons.processingFailure;
    return as === '' || as === sopClassUid ? 0 : Reasons.classInstanceConflict;
  });
}
