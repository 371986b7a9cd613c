import {
  abortReason,
  type GatewayError,
  Semaphore,
  toGatewayError,
  type Observe,
  type OperationContext,
} from '../core/index.js';
import {
  formatDicomJson,
  formatNativeXml,
  isArchivedUid,
  type DicomJsonObject,
  type Part10Meta,
} from '../dicom/index.js';
import { storeResponse, type FailedInstance, type StoredInstance } from '../dicomweb/index.js';
import type { SpoolStore } from '../cache/index.js';
import { PartReceiver, type ReceivedPart } from './part-receiver.js';
import type { Instances, PeerBinding } from './ports.js';
import type { StudyWatch } from './study-watch.js';

/** What became of everything that was to be stored. @see rules S-07..S-13 */
export interface StoreAnswer {
  /** All stored without a warning, some of it (or with warnings), or none. */
  readonly status: 'all' | 'some' | 'none';
  readonly contentType: string;
  /** The response dataset. */
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

/** The reason for what stopped a part on this side of the peer. */
function reasonOf(error: GatewayError | undefined): number {
  if (error === undefined || error.code === 'malformed-dataset') return Reason.cannotUnderstand;
  return UNAVAILABLE.has(error.code) ? Reason.outOfResources : Reason.processingFailure;
}

/** How the answer is written. */
const RESPONSES = {
  json: (body: DicomJsonObject) => ({ contentType: 'application/dicom+json', body: formatDicomJson(body) }),
  xml: (body: DicomJsonObject) => ({ contentType: 'application/dicom+xml', body: formatNativeXml(body) }),
} as const;

/** Most failures of one request that are logged one by one. */
const MOST_TOLD = 20;

type PartResult =
  | { readonly kind: 'stored'; readonly instance: StoredInstance }
  | { readonly kind: 'failed'; readonly instance: FailedInstance; readonly error?: GatewayError };

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

export interface StoreSessionOptions {
  readonly binding: PeerBinding;
  readonly instances: Instances;
  readonly watch: StudyWatch;
  readonly spools: SpoolStore;
  /** Study Instance UID of the URL: instances of other studies fail. */
  readonly study: string | undefined;
  /** Base of the URLs in the answer. */
  readonly serviceUrl: string;
  /** What the answer is written in: DICOM JSON, or Native DICOM Model. @see rule S-09 */
  readonly form: 'json' | 'xml';
  readonly context: OperationContext;
  readonly observe: Observe;
}

/**
 * Stores what a request brings, part by part: each is spooled and read to its end before its C-STORE begins, so that
 * no half instance reaches the peer and a slow client holds no association.
 *
 * A part for which the cache has no room, which without a disk tier is one larger than the memory, flows: its C-STORE
 * begins once its head has been read and checked, and pauses the client. Should the rest prove broken the association
 * is aborted, so that the peer keeps nothing of it.
 */
export class StoreSession {
  readonly #binding: PeerBinding;
  readonly #instances: Instances;
  readonly #watch: StudyWatch;
  readonly #spools: SpoolStore;
  readonly #observe: Observe;
  readonly #context: OperationContext;
  readonly #serviceUrl: string;
  readonly #form: StoreSessionOptions['form'];
  readonly #study: string | undefined;
  readonly #slots: Semaphore;
  readonly #results: Promise<PartResult>[] = [];
  #current: PartReceiver | undefined;

  constructor(options: StoreSessionOptions) {
    const { binding, instances, watch, spools, study, serviceUrl, form, context, observe } = options;
    this.#watch = watch;
    this.#observe = observe;
    this.#binding = binding;
    this.#instances = instances;
    this.#spools = spools;
    this.#study = study;
    this.#serviceUrl = serviceUrl;
    this.#form = form;
    this.#context = context;
    this.#slots = new Semaphore(binding.store.parallel);
  }

  /** A part begins. */
  beginPart(): void {
    this.#current = new PartReceiver(this.#spools, this.#binding.store, (part) => {
      this.#results.push(this.#storeFlowing(part));
    });
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
    if (receiver === undefined || receiver.flows) return;
    if (part === undefined) {
      const { problem, meta } = receiver;
      const instance = { ...pickUids(meta), failureReason: reasonOf(problem) };
      this.#results.push(Promise.resolve({ kind: 'failed', instance, ...(problem && { error: problem }) }));
      return;
    }
    const release = await this.#slots.acquire(this.#context.signal).catch((thrown: unknown) => {
      part.spool.discard();
      throw thrown;
    });
    this.#results.push(this.#storeAndDiscard(part).finally(release));
  }

  /** The body broke off: waits for the parts before, and counts the broken one as a failure. */
  breakOff(): Promise<StoreAnswer> {
    // One that flows has a result of its own.
    if (!this.#current?.flows) {
      this.#results.push(
        Promise.resolve({ kind: 'failed', instance: { failureReason: Reason.cannotUnderstand } }),
      );
    }
    this.abandon();
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
    return { status, ...RESPONSES[this.#form](body), unavailable };
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

  /** A part that is not there whole: it is read while it is sent. */
  async #storeFlowing(part: ReceivedPart): Promise<PartResult> {
    // Until its turn comes the bytes that are there must stay.
    const lease = part.spool.lease();
    try {
      const release = await this.#slots.acquire(this.#context.signal);
      lease.release();
      return await this.#storeAndDiscard(part).finally(release);
    } catch (thrown) {
      part.spool.discard();
      const error = toGatewayError(thrown);
      return { kind: 'failed', instance: { ...pickUids(part.meta), failureReason: reasonOf(error) }, error };
    }
  }

  #storeAndDiscard(part: ReceivedPart): Promise<PartResult> {
    return this.#store(part).finally(() => {
      part.spool.discard();
    });
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
      this.#watch.forget(instance.studyInstanceUid);
      return { kind: 'stored', instance };
    } catch (thrown) {
      const error = toGatewayError(thrown);
      return failed(error.dimseStatus ?? reasonOf(error), error);
    }
  }

  /** Why the part is not sent at all. @see rule S-07 */
  #refusal({ meta, uids }: ReceivedPart): number | undefined {
    const { studyInstanceUid, seriesInstanceUid } = uids;
    const all = [meta.sopClassUid, meta.sopInstanceUid, studyInstanceUid, seriesInstanceUid];
    if (!all.every((uid) => uid !== undefined && isArchivedUid(uid))) return Reason.doesNotMatch;
    if (uids.sopInstanceUid !== meta.sopInstanceUid || uids.sopClassUid !== meta.sopClassUid) {
      return Reason.doesNotMatch;
    }
    return this.#study !== undefined && this.#study !== studyInstanceUid ? Reason.doesNotMatch : undefined;
  }
}

const pickUids = (meta: Part10Meta | undefined): Pick<FailedInstance, 'sopClassUid' | 'sopInstanceUid'> =>
  meta === undefined ? {} : { sopClassUid: meta.sopClassUid, sopInstanceUid: meta.sopInstanceUid };

function storedInstance({ meta, uids }: ReceivedPart, status: number): StoredInstance {
  return {
    sopClassUid: meta.sopClassUid,
    sopInstanceUid: meta.sopInstanceUid,
    studyInstanceUid: uids.studyInstanceUid ?? '',
    seriesInstanceUid: uids.seriesInstanceUid ?? '',
    ...(status === 0 ? {} : { warningReason: status }),
  };
}

function everyUnavailable(failures: readonly { readonly error?: GatewayError }[]): GatewayError | undefined {
  const [first] = failures;
  return failures.every(({ error }) => error !== undefined && UNAVAILABLE.has(error.code))
    ? first?.error
    : undefined;
}
