import { setImmediate as nextTurn } from 'node:timers/promises';
import { abortReason, ByteBudget, Channel, GatewayError, type OperationContext } from '../core/index.js';
import {
  decodeDataset,
  formatTag,
  Tags,
  type Dataset,
  type Tag,
  type TransferSyntax,
} from '../dicom/index.js';
import type { Association } from './association.js';
import { CommandFields, type CommandSet } from './command-set.js';
import { findContexts } from './context-sets.js';
import type { FindCompletion, QueryRetrieveLevel } from './contract.js';
import { DatasetCollector } from './dataset-collector.js';
import type { Exchange, ExchangeHandler } from './exchange.js';
import { FindNeeds } from './find-meaning.js';
import { encodeIdentifier, identifierSyntax } from './identifier.js';
import type { DatasetSink } from './message-reader.js';
import type { AcceptedContext } from './negotiation.js';
import { OperationReport } from './operation-report.js';
import type { OperationDependencies } from './operation.js';
import { diedUnheard, type AssociationRequest, type Lease } from './lease.js';
import { rootedContext } from './query-roots.js';
import { requireContext } from './root-learning.js';
import { statusCategory, statusError, Statuses } from './status.js';

/** One row; hundreds of times what any level's attributes take. */
const MAX_ROW_LENGTH = 1024 * 1024;
/** Rows that nobody has taken yet; with this much waiting the peer is held up. */
const MAX_WAITING_BYTES = 256 * 1024;
/** What a waiting row costs beside its bytes. */
const ROW_OVERHEAD = 256;
/**
 * Rows that are handed on in one turn of the event loop, about 5 ms: a fast peer's rows come by the megabyte, and whoever
 * works on each would keep everybody else waiting until the last.
 */
const ROWS_A_TURN = 200;
/** How long, and for how many rows, a peer may take to stop after C-CANCEL before the association is aborted. */
const CANCEL_MS = 5_000;
const MAX_ROWS_AFTER_CANCEL = 20_000;

/** Attributes that came twice in one row, of which the log tells. */
const MAX_REPEATED = 20;

/** Runs a C-FIND; see `Peer.find`. */
export async function* findRows(
  dependencies: OperationDependencies,
  query: { readonly level: QueryRetrieveLevel; readonly identifier: Dataset },
  context: OperationContext,
): AsyncGenerator<Dataset, FindCompletion, undefined> {
  const { level, identifier } = query;
  const { planned, root } = context;
  const needs = new FindNeeds(
    { level, identifier, root, ...(planned && { planned }) },
    dependencies.knowledge,
  );
  const request = {
    contextSet: findContexts(needs.wants, dependencies.knowledge),
    use: 'search',
    context,
    suits: (association: Association) => needs.areMetBy(association),
  } as const;
  if (dependencies.peer.characterSetReturnKey && !identifier.has(Tags.SpecificCharacterSet)) {
    identifier.setEmpty(Tags.SpecificCharacterSet);
  }
  const search = new Search(dependencies, await acquire(dependencies, request, needs), context);
  try {
    return yield* search.rows(level, identifier);
  } catch (error) {
    if (!search.mayRepeat(error)) throw error;
  }
  const fresh = await acquire(dependencies, { ...request, fresh: true }, needs);
  return yield* new Search(dependencies, fresh, context).rows(level, identifier);
}

/** An association on which the identifier means what it was planned to mean. @throws GatewayError also `peer-changed` */
async function acquire(
  dependencies: OperationDependencies,
  request: AssociationRequest,
  needs: FindNeeds,
): Promise<Lease> {
  const { pool, peer } = dependencies;
  const lease = await pool.acquire(request);
  try {
    requireContext(lease.association, 'find', request.context.root, dependencies);
  } catch (thrown) {
    lease.release(thrown);
    throw thrown;
  }
  if (needs.areMetBy(lease.association)) return lease;
  const error = new GatewayError(
    'peer-changed',
    'The peer accepts no more what the search was planned for.',
    { peer: peer.name, retryAfterSeconds: 1 },
  );
  lease.release(error);
  throw error;
}

/** One for all: nobody looks at it, and a new one for each search costs as much as a row. */
const left = new GatewayError('cancelled', 'Nobody wants more rows.');

class Search implements ExchangeHandler {
  readonly #dependencies: OperationDependencies;
  readonly #lease: Lease;
  readonly #context: OperationContext;
  readonly #report: OperationReport;
  readonly #messagesBefore: number;
  /** Bounded by the budget. */
  readonly #rows = new Channel<Buffer>(Number.POSITIVE_INFINITY);
  readonly #waiting = new ByteBudget(MAX_WAITING_BYTES);
  readonly #leaving = new AbortController();
  #exchange: Exchange | undefined;
  #presentation: AcceptedContext | undefined;
  #completion: FindCompletion | undefined;
  #isOver = false;
  #rowCount = 0;
  #rowsAfterCancel = 0;
  readonly #repeated = new Set<Tag>();
  readonly #onRepeated = (tag: Tag): void => {
    if (this.#repeated.size < MAX_REPEATED) this.#repeated.add(tag);
  };
  #stopWaiting: () => void = () => undefined;
  readonly #onAbort = (): void => {
    this.#rows.fail(abortReason(this.#context.signal));
    this.#leave();
  };

  constructor(dependencies: OperationDependencies, lease: Lease, context: OperationContext) {
    this.#dependencies = dependencies;
    this.#lease = lease;
    this.#context = context;
    this.#messagesBefore = lease.association.heard.messages;
    this.#report = new OperationReport({
      ...dependencies,
      peer: dependencies.peer.name,
      operation: 'C-FIND',
      associationId: lease.association.id,
      context,
    });
  }

  mayRepeat(error: unknown): boolean {
    return diedUnheard(this.#lease, this.#messagesBefore, error);
  }

  async *rows(
    level: QueryRetrieveLevel,
    identifier: Dataset,
  ): AsyncGenerator<Dataset, FindCompletion, undefined> {
    try {
      const syntax = this.#begin(level, identifier);
      let handedOn = 0;
      for await (const bytes of this.#rows) {
        if (++handedOn % ROWS_A_TURN === 0) await nextTurn();
        this.#waiting.release(bytes.length + ROW_OVERHEAD);
        yield this.#decode(bytes, syntax);
      }
      if (!this.#completion) throw new GatewayError('internal', 'The search ended without a last response.');
      return this.#completion;
    } finally {
      this.#leave();
      this.#tellRepeated();
    }
  }

  /** Once for the search, not for each of its rows. */
  #tellRepeated(): void {
    if (this.#repeated.size === 0) return;
    const { observe, peer } = this.#dependencies;
    const tags = [...this.#repeated].map(formatTag);
    const { requestId } = this.#context;
    observe({
      kind: 'repeated-attributes',
      peer: peer.name,
      in: 'match',
      tags,
      isPartial: false,
      requestId,
    });
  }

  response(command: CommandSet, hasDataset: boolean): DatasetSink | undefined {
    const { status } = command;
    if (status === undefined) throw this.#violation('a response without a status');
    this.#report.responded();
    if (statusCategory(status) !== 'pending') {
      this.#finish(status);
      return undefined;
    }
    if (!hasDataset) throw this.#violation('a match without an identifier');
    this.#rowCount += 1;
    if (!this.#leaving.signal.aborted)
      return new DatasetCollector(MAX_ROW_LENGTH, (bytes) => this.#keep(bytes));
    this.#rowsAfterCancel += 1;
    if (this.#rowsAfterCancel > MAX_ROWS_AFTER_CANCEL) this.#lease.association.abort(cancelled());
    return undefined;
  }

  failed(error: GatewayError): void {
    this.#report.broke(error, this.#rowCount);
    this.#rows.fail(error);
    this.#end(error);
  }

  #begin(level: QueryRetrieveLevel, identifier: Dataset): TransferSyntax {
    const { association } = this.#lease;
    const { signal } = this.#context;
    const { presentation } = rootedContext(association.contexts, 'find') ?? {};
    if (!presentation) throw this.#error('peer-unsupported', 'The peer does not accept C-FIND.');
    if (signal.aborted) throw abortReason(signal);
    this.#presentation = presentation;
    this.#exchange = association.begin(
      presentation.id,
      {
        affectedSopClassUid: presentation.abstractSyntax,
        commandField: CommandFields.cFindRequest,
        priority: 0,
      },
      encodeIdentifier(identifier, level, presentation),
      this,
    );
    signal.addEventListener('abort', this.#onAbort, { once: true });
    return identifierSyntax(presentation);
  }

  /** Holds the peer up while there is no room; who leaves makes room. */
  #keep(bytes: Buffer): void | Promise<void> {
    const cost = bytes.length + ROW_OVERHEAD;
    if (this.#waiting.tryAcquire(cost)) {
      this.#rows.offer(bytes);
      return;
    }
    return this.#waiting.acquire(cost, this.#leaving.signal).then(
      () => {
        this.#rows.offer(bytes);
      },
      () => undefined,
    );
  }

  #decode(bytes: Buffer, syntax: TransferSyntax): Dataset {
    const { fallbackCharacterSet } = this.#dependencies.peer;
    try {
      return decodeDataset(bytes, syntax, {
        onRepeated: this.#onRepeated,
        ...(fallbackCharacterSet === undefined ? {} : { fallbackCharacterSet }),
      });
    } catch (cause) {
      throw new GatewayError('peer-protocol', 'The peer sent a match that cannot be read.', {
        peer: this.#dependencies.peer.name,
        cause,
      });
    }
  }

  #finish(status: number): void {
    const category = statusCategory(status);
    this.#report.ended(status, this.#rowCount);
    this.#learnCap(status);
    if (category === 'success' || category === 'cancel') {
      this.#completion = { status, truncated: status === Statuses.cancel };
      this.#rows.close();
    } else this.#rows.fail(statusError('C-FIND', status, this.#dependencies.peer.name));
    this.#end();
  }

  /** The peer stops by itself after some rows: it gives no more to one search. */
  #learnCap(status: number): void {
    const isCapped = status === Statuses.cancel || status === Statuses.outOfResources;
    if (!isCapped || this.#rowCount === 0 || this.#leaving.signal.aborted) return;
    const { knowledge, peer } = this.#dependencies;
    knowledge.learn('findCap', this.#rowCount, peer.relearnMs);
  }

  /** Nobody wants more rows. The peer is told, and heard out in the background, so that the association stays good. */
  #leave(): void {
    if (this.#leaving.signal.aborted) return;
    this.#leaving.abort(left);
    const { association } = this.#lease;
    const { messageId } = this.#exchange ?? {};
    if (this.#isOver || messageId === undefined || !this.#presentation) {
      this.#end();
      return;
    }
    this.#stopWaiting = this.#dependencies.clock.after(CANCEL_MS, () => {
      association.abort(cancelled());
    });
    association
      .send(this.#presentation.id, {
        commandField: CommandFields.cCancelRequest,
        messageIdBeingRespondedTo: messageId,
      })
      // `failed` is told why the association is gone.
      .catch(() => undefined);
  }

  #end(error?: GatewayError): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#stopWaiting();
    this.#context.signal.removeEventListener('abort', this.#onAbort);
    this.#exchange?.finish();
    this.#lease.release(error);
  }

  #violation(what: string): GatewayError {
    return this.#error('peer-protocol', `The peer sent ${what}.`);
  }

  #error(code: 'peer-protocol' | 'peer-unsupported', message: string): GatewayError {
    return new GatewayError(code, message, { peer: this.#dependencies.peer.name });
  }
}

function cancelled(): GatewayError {
  return new GatewayError('cancelled', 'The search was given up.');
}
