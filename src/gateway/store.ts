import {
  abortReason,
  GatewayError,
  Semaphore,
  toGatewayError,
  type Observe,
  type OperationContext,
} from '../core/index.js';
import {
  DatasetIndexer,
  formatDicomJson,
  isUid,
  Part10Reader,
  transferSyntax,
  type DatasetIndex,
  type Part10Meta,
} from '../dicom/index.js';
import { storeResponse, type FailedInstance, type StoredInstance } from '../dicomweb/index.js';
import type { Spool, SpoolStore } from '../cache/index.js';
import type { Instances, PeerBinding, StoreSettings } from './ports.js';

/** What became of everything that was to be stored. @see rules S-07..S-13 */
export interface StoreAnswer {
  /** All stored without a warning, some of it (or with warnings), or none. */
  readonly status: 'all' | 'some' | 'none';
  /** The response dataset as DICOM JSON. */
  readonly body: string;
  /** Set when not one instance was stored because the peer could not be reached or is full. */
  readonly unavailable: GatewayError | undefined;
}

/** Failure reasons of (0008,1197). @see PS3.18 10.5.3 and PS3.4 Table B.2-1 */
const Reason = {
  processingFailure: 0x0110,
  outOfResources: 0xa700,
  doesNotMatch: 0xa900,
  cannotUnderstand: 0xc000,
} as const;

/** Most failures of one request that are logged one by one. */
const MOST_TOLD = 20;

type PartResult =
  | { readonly kind: 'stored'; readonly instance: StoredInstance }
  | { readonly kind: 'failed'; readonly instance: FailedInstance; readonly error?: GatewayError };

interface ReceivedPart {
  readonly meta: Part10Meta;
  readonly index: DatasetIndex;
  readonly spool: Spool;
}

const isWarning = (status: number): boolean =>
  (status & 0xf000) === 0xb000 || status === 0x0001 || status === 0x0107;

/** Reasons for which nothing that follows on this peer can fare better. */
const UNAVAILABLE: ReadonlySet<string> = new Set<string>([
  'peer-unreachable',
  'peer-busy',
  'peer-out-of-resources',
  'overloaded',
  'shutting-down',
]);

/** One Part 10 file on its way from the request body into a spool. */
class PartReceiver {
  readonly #spools: SpoolStore;
  readonly #reader: Part10Reader;
  readonly #settings: StoreSettings;
  #spool: Spool | undefined;
  #index: DatasetIndex | undefined;
  #meta: Part10Meta | undefined;
  #problem: GatewayError | undefined;
  #bytes = 0;

  constructor(spools: SpoolStore, settings: StoreSettings) {
    this.#spools = spools;
    this.#settings = settings;
    this.#reader = new Part10Reader((meta) => this.#begin(meta));
  }

  #begin(meta: Part10Meta): { push(bytes: Buffer): Promise<void>; end(): Promise<void> } {
    this.#meta = meta;
    const syntax = transferSyntax(meta.transferSyntaxUid);
    if (syntax === undefined) {
      throw new GatewayError(
        'malformed-dataset',
        'The part is in a transfer syntax that the gateway does not know.',
      );
    }
    const indexer = new DatasetIndexer(syntax, this.#settings.limits);
    const spool = this.#spools.create();
    this.#spool = spool;
    return {
      push: async (bytes) => {
        await indexer.push(bytes);
        await spool.write(bytes);
      },
      end: async () => {
        this.#index = await indexer.end();
        await spool.finish();
      },
    };
  }

  /** Takes bytes of the part; after a first problem the rest is dropped, so that the other parts are still read. */
  async push(bytes: Buffer): Promise<void> {
    this.#bytes += bytes.length;
    const { maxPartBytes } = this.#settings;
    if (this.#bytes > maxPartBytes) {
      throw new GatewayError('payload-too-large', `A part is larger than ${maxPartBytes} bytes.`);
    }
    if (this.#problem) return;
    try {
      await this.#reader.push(bytes);
    } catch (thrown) {
      this.#reject(thrown);
    }
  }

  /** Why it cannot be stored, as far as is known. */
  get problem(): GatewayError | undefined {
    return this.#problem;
  }

  async end(): Promise<ReceivedPart | FailedInstance> {
    try {
      if (this.#problem === undefined) await this.#reader.end();
    } catch (thrown) {
      this.#reject(thrown);
    }
    const { sopClassUid, sopInstanceUid } = this.#meta ?? {};
    if (this.#problem || !this.#meta || !this.#index || !this.#spool) {
      this.discard();
      const failureReason =
        this.#problem?.code === 'overloaded' ? Reason.outOfResources : Reason.cannotUnderstand;
      return {
        ...(sopClassUid === undefined ? {} : { sopClassUid }),
        ...(sopInstanceUid === undefined ? {} : { sopInstanceUid }),
        failureReason,
      };
    }
    return { meta: this.#meta, index: this.#index, spool: this.#spool };
  }

  discard(): void {
    this.#spool?.discard();
  }

  #reject(thrown: unknown): void {
    const problem = toGatewayError(thrown);
    if (problem.code === 'cancelled' || problem.code === 'payload-too-large') throw problem;
    this.#problem = problem;
    this.#spool?.fail(problem);
  }
}

export interface StoreSessionOptions {
  readonly binding: PeerBinding;
  readonly instances: Instances;
  readonly spools: SpoolStore;
  /** Study Instance UID of the URL: instances of other studies fail. */
  readonly study: string | undefined;
  /** Base of the URLs in the answer. */
  readonly serviceUrl: string;
  readonly context: OperationContext;
  readonly observe: Observe;
}

/**
 * Stores what a request brings, part by part: each is spooled and read to its end before its C-STORE begins, so that
 * no half instance reaches the peer and a slow client holds no association.
 */
export class StoreSession {
  readonly #binding: PeerBinding;
  readonly #instances: Instances;
  readonly #spools: SpoolStore;
  readonly #observe: Observe;
  readonly #context: OperationContext;
  readonly #serviceUrl: string;
  readonly #study: string | undefined;
  readonly #slots: Semaphore;
  readonly #results: Promise<PartResult>[] = [];
  #current: PartReceiver | undefined;

  constructor({ binding, instances, spools, study, serviceUrl, context, observe }: StoreSessionOptions) {
    this.#observe = observe;
    this.#binding = binding;
    this.#instances = instances;
    this.#spools = spools;
    this.#study = study;
    this.#serviceUrl = serviceUrl;
    this.#context = context;
    this.#slots = new Semaphore(binding.store.parallel);
  }

  /** A part begins. */
  beginPart(): void {
    this.#current = new PartReceiver(this.#spools, this.#binding.store);
  }

  /** Bytes of the part; the promise is back-pressure. */
  async partData(bytes: Buffer): Promise<void> {
    if (this.#context.signal.aborted) throw abortReason(this.#context.signal);
    await this.#current?.push(bytes);
  }

  /** The part is whole: it goes to the peer, beside those before it and not more at once than configured. */
  async endPart(): Promise<void> {
    const receiver = this.#current;
    const part = await receiver?.end();
    this.#current = undefined;
    if (receiver === undefined || part === undefined) return;
    if ('failureReason' in part) {
      const error = receiver.problem;
      this.#results.push(Promise.resolve({ kind: 'failed', instance: part, ...(error ? { error } : {}) }));
      return;
    }
    const release = await this.#slots.acquire(this.#context.signal).catch((thrown: unknown) => {
      part.spool.discard();
      throw thrown;
    });
    this.#results.push(
      this.#store(part).finally(() => {
        part.spool.discard();
        release();
      }),
    );
  }

  /** The body broke off: waits for the parts before, and counts the broken one as a failure. */
  breakOff(): Promise<StoreAnswer> {
    this.abandon();
    this.#results.push(
      Promise.resolve({ kind: 'failed', instance: { failureReason: Reason.cannotUnderstand } }),
    );
    return this.finish();
  }

  /** Drops the part that is being read. */
  abandon(): void {
    this.#current?.discard();
    this.#current = undefined;
  }

  /** Waits for the peer's word on every part. */
  async finish(): Promise<StoreAnswer> {
    this.abandon();
    const results = await Promise.all(this.#results);
    this.#tell(results);
    const stored = results.flatMap((result) => (result.kind === 'stored' ? [result.instance] : []));
    const failures = results.flatMap((result) => (result.kind === 'failed' ? [result] : []));
    const failed = failures.map(({ instance }) => instance);
    const { status, body } = storeResponse(this.#serviceUrl, { stored, failed, otherFailures: [] });
    const unavailable = stored.length > 0 ? undefined : everyUnavailable(failures);
    return { status, body: formatDicomJson(body), unavailable };
  }

  /** The answer has a number for each failure; the words are in the log. */
  #tell(results: readonly PartResult[]): void {
    const failures = [...results.entries()].flatMap(([index, result]) =>
      result.kind === 'failed' ? [{ part: index + 1, result }] : [],
    );
    for (const { part, result } of failures.slice(0, MOST_TOLD)) {
      const reason = result.instance.failureReason.toString(16).toUpperCase().padStart(4, '0');
      this.#observe({
        kind: 'log',
        level: 'warn',
        message: `part ${part} of ${results.length} was not stored, failure reason ${reason}`,
        requestId: this.#context.requestId,
        peer: this.#binding.peer.name,
        ...(result.error ? { error: result.error } : {}),
      });
    }
  }

  async #store(part: ReceivedPart): Promise<PartResult> {
    const refusal = this.#refusal(part);
    const { sopClassUid, sopInstanceUid, transferSyntaxUid } = part.meta;
    const failed = (failureReason: number, error?: GatewayError): PartResult => ({
      kind: 'failed',
      instance: { sopClassUid, sopInstanceUid, failureReason },
      ...(error ? { error } : {}),
    });
    if (refusal !== undefined) return failed(refusal);
    try {
      const { status } = await this.#binding.peer.store(
        { sopClassUid, sopInstanceUid, transferSyntaxUid, bytes: part.spool.read() },
        this.#context,
      );
      if (status !== 0 && !isWarning(status)) return failed(status);
      const instance = storedInstance(part, status);
      // The peer may have replaced an instance of the same UID.
      this.#instances.delete({ ...instance, peer: this.#binding.peer.name });
      return { kind: 'stored', instance };
    } catch (thrown) {
      const error = toGatewayError(thrown);
      const reason = UNAVAILABLE.has(error.code) ? Reason.outOfResources : Reason.processingFailure;
      return failed(error.dimseStatus ?? reason, error);
    }
  }

  /** Why the part is not sent at all. @see rule S-07 */
  #refusal({ meta, index }: ReceivedPart): number | undefined {
    const { studyInstanceUid, seriesInstanceUid } = index;
    const uids = [meta.sopClassUid, meta.sopInstanceUid, studyInstanceUid, seriesInstanceUid];
    if (!uids.every((uid) => uid !== undefined && isUid(uid))) return Reason.doesNotMatch;
    if (index.sopInstanceUid !== meta.sopInstanceUid || index.sopClassUid !== meta.sopClassUid) {
      return Reason.doesNotMatch;
    }
    return this.#study !== undefined && this.#study !== studyInstanceUid ? Reason.doesNotMatch : undefined;
  }
}

function storedInstance({ meta, index }: ReceivedPart, status: number): StoredInstance {
  return {
    sopClassUid: meta.sopClassUid,
    sopInstanceUid: meta.sopInstanceUid,
    studyInstanceUid: index.studyInstanceUid ?? '',
    seriesInstanceUid: index.seriesInstanceUid ?? '',
    ...(status === 0 ? {} : { warningReason: status }),
  };
}

function everyUnavailable(failures: readonly { readonly error?: GatewayError }[]): GatewayError | undefined {
  const [first] = failures;
  return failures.every(({ error }) => error !== undefined && UNAVAILABLE.has(error.code))
    ? first?.error
    : undefined;
}
