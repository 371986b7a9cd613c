import { GatewayError, type OperationContext } from '../core/index.js';
import { transferSyntax } from '../dicom/index.js';
import type { StoreCompletion, StoreRequest } from './contract.js';

/** An instance that is to be stored. */
export interface StoreJob {
  readonly request: StoreRequest;
  readonly context: OperationContext;
  /** It is sent again: by itself, on an association that nothing has happened to yet. */
  readonly isAgain: boolean;
  /** How many of its bytes have been read. */
  bytes: number;
  /** Its bytes have been asked for. */
  isBegun: boolean;
  /** Its bytes could not be had, which is why the association is gone. */
  isBroken: boolean;
  readonly resolve: (completion: StoreCompletion) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * The bytes of its request, with a note of what came of them. A deflated dataset of an odd length gets the zero byte that
 * it lacks: peers refuse odd fragments, and some never answer then.
 *
 * @throws GatewayError `malformed-dataset` for any other of an odd length; or what the request's bytes throw
 * @see PS3.5 A.5, PS3.8 E.2
 */
export async function* bytesOf(job: StoreJob): AsyncGenerator<Buffer, void, undefined> {
  const { bytes, transferSyntaxUid } = job.request;
  job.isBegun = true;
  job.bytes = 0;
  try {
    for await (const chunk of bytes) {
      job.bytes += chunk.length;
      yield chunk;
    }
    if (job.bytes % 2 === 0) return;
    if (transferSyntax(transferSyntaxUid)?.deflated !== true)
      throw new GatewayError('malformed-dataset', 'The dataset has an odd number of bytes.');
    yield Buffer.of(0);
  } catch (error) {
    job.isBroken = true;
    throw error;
  }
}

/** What an archive is sure to do with an instance that it has all of, before it answers: digests, copies, the disk. */
const KEPT_BYTES_PER_MS = (16 * 2 ** 20) / 1000;

/** Milliseconds that the peer may be silent beyond `firstResponseMs`, for what it was sent. */
export const patienceWith = ({ bytes }: StoreJob): number => bytes / KEPT_BYTES_PER_MS;

/** Whether nothing else may be under way on its association: what ends it would end that too. */
export const isAlone = ({ isAgain, request }: StoreJob): boolean => isAgain || request.once === true;

/** Whether it can be sent once more. */
export const canBeAgain = ({ isAgain, isBroken, isBegun, request, context }: StoreJob): boolean =>
  !isAgain && !isBroken && !context.signal.aborted && !(isBegun && request.once === true);
