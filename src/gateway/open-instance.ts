import { GatewayError, type OperationContext } from '../core/index.js';
import type { DatasetIndex, TransferSyntax } from '../dicom/index.js';
import { transferSyntax } from '../dicom/index.js';
import type { RetrieveTarget } from '../dicomweb/index.js';
import type { InstanceRecord } from './ports.js';
import { openRetrieve } from './retrieve.js';
import type { RetrieveBinding } from './side.js';
import type { HeldInstance } from './want.js';

/** An instance whose every byte is there, held in the cache until it is closed. */
export interface OpenInstance {
  readonly instance: HeldInstance;
  readonly record: InstanceRecord;
  readonly index: DatasetIndex;
  readonly stored: TransferSyntax;
  readonly stalled: AbortSignal;
  readonly close: () => Promise<void>;
}

/**
 * Opens one instance to read parts of it: from the cache, by joining its arrival, or by a retrieve of it alone.
 *
 * @throws GatewayError `not-found`, `malformed-dataset` when its elements cannot be found, or of the retrieve
 */
export async function openInstance(
  side: RetrieveBinding,
  target: Required<RetrieveTarget>,
  context: OperationContext,
): Promise<OpenInstance> {
  const { instances, stalled } = await openRetrieve(side, target, context);
  const close = async (): Promise<void> => {
    await instances.return();
  };
  try {
    const first = await instances.next();
    if (first.done) throw new GatewayError('internal', 'A retrieve was opened without an instance.');
    const instance = first.value;
    const record = await instance.complete;
    const { index, problem } = record;
    const stored = transferSyntax(instance.info.transferSyntaxUid);
    if (index === undefined || stored === undefined) {
      const message = 'The instance can be delivered as it is, but its elements cannot be read.';
      throw problem ?? new GatewayError('malformed-dataset', message);
    }
    return { instance, record, index, stored, stalled, close };
  } catch (thrown) {
    await close();
    throw thrown;
  }
}
