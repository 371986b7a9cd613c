import { abortReason, GatewayError, toGatewayError, type OperationContext } from '../core/index.js';
import type { RetrieveTarget } from '../dicomweb/index.js';
import { retrieveIdentifier } from '../query/index.js';
import type {
  IncomingInstance,
  InstanceWriter,
  RetrieveCompletion,
  RetrieveProgress,
} from '../dimse/index.js';
import { ArrivalWriter, drain, type ArrivalWriterOptions } from './arrival-writer.js';
import type { BackgroundPace } from './background-pace.js';
import { HeadReader } from './head-reader.js';
import type { FetcherDependencies } from './instance-fetcher.js';
import type { PeerBinding } from './ports.js';
import type { FoundInstance } from './want.js';

export interface SweepRequest {
  readonly target: RetrieveTarget;
  /** SOP Instance UIDs that the listing named. */
  readonly known: ReadonlySet<string>;
  readonly sopClassUids: readonly string[];
  /** What the peer said of a study last. */
  readonly seen: ArrivalWriterOptions['seen'];
  /** An instance that the listing did not name has begun to arrive, or was in the cache. */
  readonly onExtra: (instance: FoundInstance) => void;
  /** At which the peer may send, when nobody waits for it. */
  readonly pace?: BackgroundPace;
}

const announced = ({ remaining, completed, failed, warning }: RetrieveProgress): number | undefined =>
  remaining === undefined ? undefined : remaining + completed + failed + warning;

/** An instance whose series is not known until its first bytes have been read. */
class UnkeyedWriter implements InstanceWriter {
  readonly #head: HeadReader;
  readonly #open: (head: HeadReader) => InstanceWriter;
  readonly #held: Buffer[] = [];
  #writer: InstanceWriter | undefined;

  constructor(transferSyntaxUid: string, open: (head: HeadReader) => InstanceWriter) {
    this.#head = new HeadReader(transferSyntaxUid);
    this.#open = open;
  }

  async write(chunk: Buffer): Promise<void> {
    if (this.#writer) {
      await this.#writer.write(chunk);
      return;
    }
    this.#head.push(chunk);
    this.#held.push(Buffer.from(chunk));
    if (this.#head.done) await this.#begin();
  }

  async end(): Promise<number> {
    if (this.#writer === undefined)
      throw new GatewayError('peer-protocol', 'The PACS sent an instance of no series.');
    return this.#writer.end();
  }

  fail(error: GatewayError): void {
    this.#writer?.fail(error);
  }

  async #begin(): Promise<void> {
    const writer = this.#open(this.#head);
    this.#writer = writer;
    for (const chunk of this.#held.splice(0)) await writer.write(chunk);
  }
}

/**
 * How long a sweep goes on. Others may have joined what is arriving: when whoever began it leaves, the arrival is seen
 * to its end, and no other is begun.
 */
class Patience {
  readonly #asker: AbortSignal;
  readonly #controller = new AbortController();
  readonly #giveUp = (): void => {
    if (this.#arriving === 0 && this.#asker.aborted) this.#controller.abort(abortReason(this.#asker));
  };
  #arriving = 0;
  /** The peer announced just what the listing named. */
  agreed = false;

  constructor(asker: AbortSignal) {
    this.#asker = asker;
    asker.addEventListener('abort', this.#giveUp, { once: true });
    this.#giveUp();
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  follow(instance: FoundInstance): void {
    this.#arriving += 1;
    const arrived = (): void => {
      this.#arriving -= 1;
      this.#giveUp();
    };
    instance.complete.then(arrived, arrived);
  }

  agree(): void {
    this.agreed = true;
    this.#controller.abort(new GatewayError('cancelled', 'The listing was whole.'));
  }

  end(): void {
    this.#asker.removeEventListener('abort', this.#giveUp);
  }
}

/**
 * Asks for everything at or below `target` once more, to find what a listing may have left out without a word.
 *
 * The peer announces how many sub-operations there will be: when that is the number that the listing named, the
 * retrieve is cancelled at once. Otherwise what is known already is dropped as it comes, and the rest is kept.
 *
 * @throws GatewayError of the retrieve that failed, or `peer-incomplete` when the peer could not deliver all of it
 */
export async function sweep(
  binding: PeerBinding,
  deps: FetcherDependencies,
  request: SweepRequest,
  context: OperationContext,
): Promise<void> {
  const { target, known } = request;
  const patience = new Patience(context.signal);
  const extras = new Set<string>();
  const receive = (incoming: IncomingInstance): InstanceWriter => {
    const { sopInstanceUid } = incoming;
    if (known.has(sopInstanceUid) || extras.has(sopInstanceUid)) return drain;
    // Counted only once its reader knows of it: what is refused before that is lost.
    const onExtra = (instance: FoundInstance): void => {
      if (extras.has(sopInstanceUid)) return;
      extras.add(sopInstanceUid);
      patience.follow(instance);
      request.onExtra(instance);
    };
    return receiveExtra(binding, deps, { ...request, onExtra }, incoming);
  };
  try {
    const { level, identifier } = retrieveIdentifier(target);
    const onProgress = (progress: RetrieveProgress): void => {
      if (announced(progress) === known.size) patience.agree();
    };
    const completion = await binding.peer.retrieve(
      { level, identifier, sopClassUids: request.sopClassUids, onProgress },
      receive,
      { ...context, signal: patience.signal },
    );
    if (!patience.agreed) requireWhole(completion, known, extras, binding);
  } catch (thrown) {
    if (!patience.agreed) throw toGatewayError(thrown);
  } finally {
    patience.end();
  }
}

/** What failed may be known instances that were delivered before: only the sum tells, or the list of what failed. */
function requireWhole(
  completion: RetrieveCompletion,
  known: ReadonlySet<string>,
  extras: ReadonlySet<string>,
  { peer }: PeerBinding,
): void {
  const { status, completed, warning, failed, failedSopInstanceUids, cancelled } = completion;
  const unknownFailed = failedSopInstanceUids.some((uid) => !known.has(uid) && !extras.has(uid));
  const untold = status !== 0 && failed === 0 && warning === 0;
  const missing = completed + warning + failed > known.size + extras.size;
  if (!cancelled && !unknownFailed && !untold && !missing) return;
  throw new GatewayError('peer-incomplete', 'The PACS did not deliver everything that it has.', {
    peer: peer.name,
    dimseStatus: status,
  });
}

function receiveExtra(
  binding: PeerBinding,
  deps: FetcherDependencies,
  { target, onExtra, seen, pace }: SweepRequest,
  incoming: IncomingInstance,
): InstanceWriter {
  const { sopClassUid, sopInstanceUid, transferSyntaxUid } = incoming;
  const begin = (seriesInstanceUid: string): InstanceWriter => {
    const { studyInstanceUid } = target;
    const key = { peer: binding.peer.name, studyInstanceUid, seriesInstanceUid, sopInstanceUid };
    const arrival = deps.instances.begin(key, { sopClassUid, transferSyntaxUid });
    const instance = arrival?.instance ?? deps.instances.peek(key);
    if (instance) onExtra(instance);
    const { limits } = binding.retrieve;
    if (arrival === undefined) return drain;
    const writer = new ArrivalWriter(arrival, { limits, observe: deps.observe, seen });
    return pace ? pace.slow(writer, () => true) : writer;
  };
  if (target.seriesInstanceUid !== undefined) return begin(target.seriesInstanceUid);
  return new UnkeyedWriter(transferSyntaxUid, (head) => {
    if (head.studyInstanceUid !== target.studyInstanceUid || head.seriesInstanceUid === undefined) {
      throw new GatewayError('peer-protocol', 'The PACS sent an instance of another study.', {
        peer: binding.peer.name,
      });
    }
    return begin(head.seriesInstanceUid);
  });
}
