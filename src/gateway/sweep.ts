import { abortReason, GatewayError, toGatewayError, type OperationContext } from '../core/index.js';
import type { RetrieveTarget } from '../dicomweb/index.js';
import { retrieveIdentifier } from '../query/index.js';
import type {
  IncomingInstance,
  InstanceWriter,
  RetrieveCompletion,
  RetrieveProgress,
} from '../dimse/index.js';
import { adopt, type Adoption } from './adopt.js';
import { drain } from './arrival-writer.js';
import type { BackgroundPace } from './background-pace.js';
import { tooMany } from './listing.js';
import type { FetcherDependencies, PeerBinding } from './ports.js';
import type { ReplacedLately } from './replaced-lately.js';
import type { FoundInstance } from './want.js';

export interface SweepRequest {
  readonly target: RetrieveTarget;
  /** SOP Instance UIDs that the listing named. */
  readonly known: ReadonlySet<string>;
  readonly sopClassUids: readonly string[];
  /** What the peer said of a study last. */
  readonly seen: Adoption['seen'];
  /** What the peer has in another form than before, or not any more. */
  readonly replaced: ReplacedLately;
  /** An instance that the listing did not name has begun to arrive, or was in the cache. */
  readonly onExtra: (instance: FoundInstance) => void;
  /** At which the peer may send, when nobody waits for it. */
  readonly pace?: BackgroundPace;
}

/**
 * How many sub-operations there are in all, as the first answer with counters says; undefined of one that leaves none, for
 * there are peers that say so each time.
 */
const announced = ({ remaining = 0, completed, failed, warning }: RetrieveProgress): number | undefined =>
  remaining === 0 ? undefined : remaining + completed + failed + warning;

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
  /** Why all of it is given up. */
  refusal: GatewayError | undefined;

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

  /** There is no end of it, or none that may be waited for. */
  refuse(error: GatewayError): void {
    this.refusal ??= error;
    this.#controller.abort(error);
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
 * @throws GatewayError of the retrieve that failed, `peer-incomplete` when the peer could not deliver all of it, or
 * `payload-too-large` beyond `retrieve.maxInstances`
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
  const { mark } = request.replaced;
  const isReplaced: Adoption['isReplaced'] = (key) => request.replaced.since(mark, key);
  const receive = (incoming: IncomingInstance): InstanceWriter => {
    const { sopInstanceUid } = incoming;
    if (known.has(sopInstanceUid) || extras.has(sopInstanceUid)) return drain;
    if (known.size + extras.size >= binding.retrieve.maxInstances) {
      patience.refuse(tooMany(binding));
      return drain;
    }
    // Counted only once its reader knows of it: what is refused before that is lost.
    const onExtra = (instance: FoundInstance): void => {
      if (extras.has(sopInstanceUid)) return;
      extras.add(sopInstanceUid);
      patience.follow(instance);
      request.onExtra(instance);
    };
    return adopt(
      binding,
      deps,
      { target, seen: request.seen, isReplaced, pace: request.pace, onAdopted: onExtra },
      incoming,
    );
  };
  try {
    const { level, identifier } = retrieveIdentifier(target);
    let isFirst = true;
    const onProgress = (progress: RetrieveProgress): void => {
      if (isFirst && extras.size === 0 && announced(progress) === known.size) patience.agree();
      isFirst = false;
    };
    const retrieve = (sopClassUids: readonly string[]): Promise<RetrieveCompletion> => {
      const asked = { level, identifier, sopClassUids, onProgress };
      return binding.peer.retrieve(asked, receive, { ...context, signal: patience.signal });
    };
    let completion = await retrieve(request.sopClassUids);
    // What the listing left out may be of classes that it did not name either, and then fails.
    const isNamed = request.sopClassUids.length > 0 && completion.failed > 0;
    if (isNamed && !patience.agreed && !isWhole(completion, known, extras)) completion = await retrieve([]);
    if (patience.refusal) throw patience.refusal;
    if (!patience.agreed) requireWhole(completion, known, extras, binding);
  } catch (thrown) {
    if (!patience.agreed) throw patience.refusal ?? toGatewayError(thrown);
  } finally {
    patience.end();
  }
}

/** What failed may be known instances that were delivered before: only the sum tells, or the list of what failed. */
function isWhole(
  completion: RetrieveCompletion,
  known: ReadonlySet<string>,
  extras: ReadonlySet<string>,
): boolean {
  const { status, completed, warning, failed, failedSopInstanceUids, cancelled } = completion;
  const unknownFailed = failedSopInstanceUids.some((uid) => !known.has(uid) && !extras.has(uid));
  const untold = status !== 0 && failed === 0 && warning === 0;
  const missing = completed + warning + failed > known.size + extras.size;
  return !cancelled && !unknownFailed && !untold && !missing;
}

function requireWhole(
  completion: RetrieveCompletion,
  known: ReadonlySet<string>,
  extras: ReadonlySet<string>,
  { peer }: PeerBinding,
): void {
  if (isWhole(completion, known, extras)) return;
  throw new GatewayError('peer-incomplete', 'The PACS did not deliver everything that it has.', {
    peer: peer.name,
    dimseStatus: completion.status,
  });
}
