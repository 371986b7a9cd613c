import { abortReason, GatewayError, type Clock, type OperationContext } from '../core/index.js';
import { decodeDataset, Tags, TransferSyntaxes, type TransferSyntax } from '../dicom/index.js';
import type { Association } from './association.js';
import { CommandFields, type CommandSet } from './command-set.js';
import type { RetrieveCompletion, RetrieveProgress, RetrieveRequest } from './contract.js';
import { DatasetCollector } from './dataset-collector.js';
import type { Exchange, ExchangeHandler } from './exchange.js';
import { encodeIdentifier, identifierSyntax } from './identifier.js';
import type { DatasetSink, IncomingMessage } from './message-reader.js';
import type { AcceptedContext } from './negotiation.js';
import { statusCategory, statusError, Statuses } from './status.js';

export interface RetrieveExchangeOptions {
  readonly association: Association;
  /** The context of the retrieve service. */
  readonly presentation: AcceptedContext;
  readonly operation: 'C-GET' | 'C-MOVE';
  /** AE title that a C-MOVE names. */
  readonly moveDestination?: string;
  readonly request: RetrieveRequest;
  readonly context: OperationContext;
  /** Configured name of the peer. */
  readonly peer: string;
  readonly clock: Clock;
  /** Instances taken so far. */
  readonly received: () => number;
  /** The request is being written: nothing of its answer can have come. */
  readonly begun?: (exchange: Exchange) => void;
  /** A sub-operation on the same association. */
  readonly subOperation?: (message: IncomingMessage) => DatasetSink | undefined;
  /** Whether a sub-operation is under way: a peer that was told to stop may end it first. */
  readonly isReceiving?: () => boolean;
  /** The peer was told to stop. */
  readonly cancelled?: (reason: GatewayError) => void;
}

/** How long a peer may take to stop after C-CANCEL before the association is aborted. */
const CANCEL_MS = 5_000;
/** About 60,000 UIDs in (0008,0058). */
const MAX_FAILED_LIST_LENGTH = 4 * 1024 * 1024;
const { ImplicitVrLittleEndian } = TransferSyntaxes;
const priorities = { low: 2, medium: 0, high: 1 } as const;

/**
 * The request, the pending responses, the last one: what C-GET and C-MOVE have in common. Resolves when sub-operations
 * were done or cancelled, also when all of them failed.
 * @throws GatewayError for a failure status, and for whatever ended the association
 */
export function exchangeRetrieve(options: RetrieveExchangeOptions): Promise<RetrieveCompletion> {
  for (const signal of [options.context.signal, options.request.stop])
    if (signal?.aborted) return Promise.reject(abortReason(signal));
  return new Promise((resolve, reject) => {
    new RetrieveExchange(options, { resolve, reject }).begin();
  });
}

interface Settle {
  readonly resolve: (completion: RetrieveCompletion) => void;
  readonly reject: (error: unknown) => void;
}

class RetrieveExchange implements ExchangeHandler {
  readonly request: (message: IncomingMessage) => DatasetSink | undefined;
  readonly #options: RetrieveExchangeOptions;
  readonly #settle: Settle;
  #exchange: Exchange | undefined;
  #progress: RetrieveProgress | undefined;
  /** Most sub-operations that a response spoke of. */
  #announced = 0;
  #cancelReason: GatewayError | undefined;
  #stopWaiting: () => void = () => undefined;
  readonly #onAbort = (): void => {
    const reason = abortReason(this.#options.context.signal);
    this.#cancel(reason);
    this.#options.cancelled?.(reason);
  };
  readonly #onStop = (): void => {
    const { stop } = this.#options.request;
    if (stop) this.#cancel(abortReason(stop), this.#options.isReceiving);
  };

  constructor(options: RetrieveExchangeOptions, settle: Settle) {
    this.#options = options;
    this.#settle = settle;
    this.request = (message) => {
      if (options.subOperation) return options.subOperation(message);
      throw new GatewayError('peer-protocol', 'The peer sent a request that nothing led to.', {
        peer: options.peer,
      });
    };
  }

  begin(): void {
    const { association, presentation, operation, request, context, moveDestination } = this.#options;
    this.#exchange = association.begin(
      presentation.id,
      {
        affectedSopClassUid: presentation.abstractSyntax,
        commandField: operation === 'C-GET' ? CommandFields.cGetRequest : CommandFields.cMoveRequest,
        priority: priorities[request.priority ?? 'medium'],
        ...(moveDestination !== undefined && { moveDestination }),
      },
      encodeIdentifier(request.identifier, request.level, presentation),
      this,
    );
    context.signal.addEventListener('abort', this.#onAbort, { once: true });
    request.stop?.addEventListener('abort', this.#onStop, { once: true });
    this.#options.begun?.(this.#exchange);
    request.begun?.();
  }

  response(command: CommandSet, hasDataset: boolean): DatasetSink | undefined {
    const { status } = command;
    if (status === undefined)
      throw this.#error('peer-protocol', 'The peer sent a response without a status.');
    const counted = this.#count(command);
    if (statusCategory(status) === 'pending') {
      if (counted) this.#options.request.onProgress?.(this.#currentProgress());
      return undefined;
    }
    if (!hasDataset) {
      const { misplacedDataset } = command;
      this.#finish(status, misplacedDataset ? failedList(misplacedDataset, ImplicitVrLittleEndian) : []);
      return undefined;
    }
    return new DatasetCollector(MAX_FAILED_LIST_LENGTH, (bytes) => {
      this.#finish(status, failedList(bytes, identifierSyntax(this.#options.presentation)));
    });
  }

  failed(error: GatewayError): void {
    this.#end();
    this.#settle.reject(this.#cancelReason ?? error);
  }

  #finish(status: number, failedSopInstanceUids: readonly string[]): void {
    this.#exchange?.finish();
    this.#end();
    const progress = this.#currentProgress();
    const isCancelled = this.#cancelReason !== undefined;
    if (statusCategory(status) === 'failure' && !isCancelled && !this.#isAccountedFor(status, progress)) {
      this.#settle.reject(statusError(this.#options.operation, status, this.#options.peer));
      return;
    }
    this.#settle.resolve({
      ...progress,
      status,
      received: this.#options.received(),
      failedSopInstanceUids,
      cancelled: isCancelled || status === Statuses.cancel,
    });
  }

  /**
   * Whether a failure status says no more than that sub-operations failed: the peer tried all that it announced.
   * Orthanc gives up at the first one that fails.
   */
  #isAccountedFor(status: number, { completed, failed, warning }: RetrieveProgress): boolean {
    if (failed === 0) return false;
    const isAll = completed + failed + warning >= this.#announced;
    return this.#announced > 0 ? isAll : status === Statuses.subOperationsFailed;
  }

  /** Whether the response has counters. They are optional in the last response, and peers leave them out elsewhere. */
  #count(command: CommandSet): boolean {
    const { remainingSubOperations: remaining, completedSubOperations, failedSubOperations } = command;
    const { warningSubOperations } = command;
    const counters = [remaining, completedSubOperations, failedSubOperations, warningSubOperations];
    if (counters.every((counter) => counter === undefined)) return false;
    const before = this.#progress ?? { completed: 0, failed: 0, warning: 0 };
    const completed = completedSubOperations ?? before.completed;
    const failed = failedSubOperations ?? before.failed;
    const warning = warningSubOperations ?? before.warning;
    this.#progress = { ...(remaining !== undefined && { remaining }), completed, failed, warning };
    this.#announced = Math.max(this.#announced, (remaining ?? 0) + completed + failed + warning);
    return true;
  }

  #currentProgress(): RetrieveProgress {
    return this.#progress ?? { completed: this.#options.received(), failed: 0, warning: 0 };
  }

  /** Waits for what `isReceiving` tells of, however long that takes: the watchdog bounds silence. */
  #cancel(reason: GatewayError, isReceiving: () => boolean = () => false): void {
    if (this.#cancelReason) return;
    const { association, presentation, clock } = this.#options;
    this.#cancelReason = reason;
    const wait = (): void => {
      this.#stopWaiting = clock.after(CANCEL_MS, () => {
        if (isReceiving()) wait();
        else association.abort(reason);
      });
    };
    wait();
    const messageId = this.#exchange?.messageId ?? 0;
    association
      .send(presentation.id, {
        commandField: CommandFields.cCancelRequest,
        messageIdBeingRespondedTo: messageId,
      })
      // `failed` is told why the association is gone.
      .catch(() => undefined);
  }

  #end(): void {
    this.#stopWaiting();
    this.#options.context.signal.removeEventListener('abort', this.#onAbort);
    this.#options.request.stop?.removeEventListener('abort', this.#onStop);
  }

  #error(code: 'peer-protocol', message: string): GatewayError {
    return new GatewayError(code, message, { peer: this.#options.peer });
  }
}

/** (0008,0058). The counters say how many failed; which ones is a help, not a promise. */
function failedList(bytes: Buffer, syntax: TransferSyntax): readonly string[] {
  try {
    return decodeDataset(bytes, syntax).strings(Tags.FailedSOPInstanceUIDList);
  } catch {
    return [];
  }
}
