import { GatewayError, type OperationContext } from '../core/index.js';
import type { DatasetIndex, TransferSyntax } from '../dicom/index.js';
import { transferSyntax } from '../dicom/index.js';
import type { RetrieveTarget } from '../dicomweb/index.js';
import type { PartsAnswer } from './answer.js';
import type { InstanceRecord } from './ports.js';
import { openRetrieve } from './retrieve.js';
import type { RetrieveBinding } from './side.js';
import type { HeldInstance } from './want.js';

/** An instance that is there or on its way, held in the cache until it is closed. */
export interface ComingInstance {
  readonly instance: HeldInstance;
  readonly stalled: AbortSignal;
  readonly close: () => Promise<void>;
}

/** Opens instances of one study, wherever in a group they are. */
export interface StudyInstances {
  /** @throws GatewayError as `openWhole` of the members that were asked */
  readonly open: (target: Required<RetrieveTarget>) => Promise<OpenInstance>;
  /** How text of a peer's reads that names no character set. */
  readonly fallbackCharacterSetOf: (peer: string) => string | undefined;
}

/** An instance whose every byte is there. */
export interface OpenInstance extends ComingInstance {
  readonly record: InstanceRecord;
  readonly index: DatasetIndex;
  readonly stored: TransferSyntax;
}

/**
 * Opens one instance to read parts of it: from the cache, by joining its arrival, or by a retrieve of it alone.
 *
 * @throws GatewayError `not-found`, or of the retrieve
 */
async function openInstance(
  side: RetrieveBinding,
  target: Required<RetrieveTarget>,
  context: OperationContext,
): Promise<ComingInstance> {
  const { instances, stalled } = await openRetrieve(side, target, context);
  const close = async (): Promise<void> => {
    await instances.return();
  };
  try {
    const first = await instances.next();
    if (first.done) throw new GatewayError('internal', 'A retrieve was opened without an instance.');
    return { instance: first.value, stalled, close };
  } catch (thrown) {
    await close();
    throw thrown;
  }
}

/** Runs `make` on an instance and lets go of the instance when that fails. @throws GatewayError */
export async function withInstance(
  side: RetrieveBinding,
  target: Required<RetrieveTarget>,
  context: OperationContext,
  make: (coming: ComingInstance) => Promise<PartsAnswer>,
): Promise<PartsAnswer> {
  const coming = await openInstance(side, target, context);
  try {
    return await make(coming);
  } catch (thrown) {
    await coming.close();
    throw thrown;
  }
}

/**
 * Resolves when every byte of it is there.
 *
 * @throws GatewayError `malformed-dataset` when its elements cannot be found, `payload-too-large` when there is no room for
 *   all of it, or of the arrival
 */
export async function whenWhole(coming: ComingInstance): Promise<OpenInstance> {
  const { instance } = coming;
  const record = await instance.unlessTooLong(instance.complete);
  const { index, problem } = record;
  const stored = transferSyntax(instance.info.transferSyntaxUid);
  if (index === undefined || stored === undefined) {
    const message = 'The instance can be delivered as it is, but its elements cannot be read.';
    throw problem ?? new GatewayError('malformed-dataset', message);
  }
  return { ...coming, record, index, stored };
}

/** The instances that one peer has. */
export const ofPeer = (side: RetrieveBinding, context: OperationContext): StudyInstances => ({
  open: (target) => openWhole(side, target, context),
  fallbackCharacterSetOf: () => side.binding.retrieve.fallbackCharacterSet,
});

/** Opens one instance and waits for every byte of it. @throws GatewayError as `whenWhole`, or of the retrieve */
export async function openWhole(
  side: RetrieveBinding,
  target: Required<RetrieveTarget>,
  context: OperationContext,
): Promise<OpenInstance> {
  const coming = await openInstance(side, target, context);
  try {
    return await whenWhole(coming);
  } catch (thrown) {
    await coming.close();
    throw thrown;
  }
}
