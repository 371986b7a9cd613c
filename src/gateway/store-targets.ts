import { GatewayError, type Observe, type OperationContext } from '../core/index.js';
import type { Part10Meta } from '../dicom/index.js';
import type { PeerBinding, StoreAt } from './ports.js';
import { UNAVAILABLE, type PartResult } from './store-result.js';
import type { StudyGuard } from './study-guard.js';
import type { StudyWatch } from './study-watch.js';

/** A peer that instances are stored at, with who must hear of it. */
export interface StoreTarget {
  readonly binding: PeerBinding;
  readonly watch: StudyWatch;
  readonly guard: StudyGuard;
}

/** What one of them made of an instance. */
export interface TargetResult {
  readonly peer: string;
  readonly result: PartResult;
}

/**
 * Warning reason of an instance that is not stored at every peer: of the category of warnings (Bxxx) and none of those
 * that the standard has a meaning for.
 *
 * @see PS3.7 C.4, PS3.18 10.5.3
 */
const NOT_EVERYWHERE = 0xb001;

/** Divisions that are logged one by one, and different ones that are told apart. */
const MOST_TOLD = 20;

export interface StoreTargetsOptions {
  readonly members: readonly StoreTarget[];
  readonly requires: StoreAt['requires'];
  readonly observe: Observe;
  readonly context: OperationContext;
}

/** The peers that the instances of one request are stored at, which may come to hold not the same. */
export class StoreTargets {
  readonly #options: StoreTargetsOptions;
  readonly #divisions = new Map<string, number>();
  #told = 0;

  constructor(options: StoreTargetsOptions) {
    this.#options = options;
  }

  /** Whether an instance is read more than once. */
  get areSeveral(): boolean {
    return this.#options.members.length > 1;
  }

  /** What became of an instance of which `storeAt`, that never throws, tells what became of it at one peer. */
  async store(meta: Part10Meta, storeAt: (target: StoreTarget) => Promise<PartResult>): Promise<PartResult> {
    const { members, requires } = this.#options;
    const results = await Promise.all(
      members.map(async (target) => ({ peer: target.binding.peer.name, result: await storeAt(target) })),
    );
    const division = divisionOf(results);
    if (division !== undefined) this.#divided(division, meta);
    return together(results, requires, division);
  }

  /** Says which peers have instances that others lack, and how many. */
  get warnings(): readonly string[] {
    return [...this.#divisions].map(([division, count]) =>
      count === 1 ? `1 instance is stored ${division}.` : `${count} instances are stored ${division}.`,
    );
  }

  #divided(division: string, { sopInstanceUid }: Part10Meta): void {
    const { observe, context } = this.#options;
    const { requestId } = context;
    const isKnown = this.#divisions.has(division) || this.#divisions.size < MOST_TOLD;
    const named = isKnown ? division : 'at some of the members, and not at others';
    this.#divisions.set(named, (this.#divisions.get(named) ?? 0) + 1);
    // Also when the client has gone and gets no answer.
    if (this.#told++ < MOST_TOLD)
      observe({ kind: 'log', level: 'warn', message: `an instance is stored ${division}`, requestId });
    observe({
      kind: 'log',
      level: 'debug',
      message: `instance ${sopInstanceUid} is stored ${division}`,
      requestId,
    });
  }
}

/** Where an instance is and where it is not; undefined where all agree. */
function divisionOf(results: readonly TargetResult[]): string | undefined {
  const names = (kind: PartResult['kind']): string =>
    results.flatMap(({ peer, result }) => (result.kind === kind ? [peer] : [])).join(', ');
  const [stored, failed] = [names('stored'), names('failed')];
  return stored === '' || failed === '' ? undefined : `at ${stored}, and not at ${failed}`;
}

/** One result of all. `division` says in words how they differ. @see rule S-13 */
export function together(
  results: readonly TargetResult[],
  requires: StoreAt['requires'],
  division = divisionOf(results),
): PartResult {
  const failures = results.flatMap(({ peer, result }) =>
    result.kind === 'failed' ? [{ peer, ...result }] : [],
  );
  const stored = results.flatMap(({ result }) => (result.kind === 'stored' ? [result.instance] : []));
  const [first] = stored;
  const failure = failures.find(isForGood) ?? failures[0];
  if (failure && (first === undefined || requires === 'all')) {
    const { peer, ...chosen } = failure;
    const result = { ...chosen, ...doubtOf(failures) };
    if (division === undefined) return result;
    const { error: cause } = result;
    // Never one of those that say that nothing has happened yet.
    const error = new GatewayError('peer-failed', `The instance is stored ${division}.`, { peer, cause });
    return { ...result, error };
  }
  if (first === undefined) throw new GatewayError('internal', 'An instance was to be stored nowhere.');
  const own = stored.find(({ warningReason }) => warningReason !== undefined)?.warningReason;
  const warningReason = own ?? (failure ? NOT_EVERYWHERE : undefined);
  return { kind: 'stored', instance: { ...first, ...(warningReason !== undefined && { warningReason }) } };
}

/** One on its way makes it unknown who has it, whichever failure is told of. */
const doubtOf = (failures: readonly { readonly isBrokenOff?: boolean }[]): { readonly isBrokenOff?: true } =>
  failures.some(({ isBrokenOff }) => isBrokenOff === true) ? { isBrokenOff: true } : {};

/** What will not be otherwise when the client tries again says more. */
const isForGood = ({ error }: { readonly error?: GatewayError }): boolean =>
  error === undefined || !UNAVAILABLE.has(error.code);
