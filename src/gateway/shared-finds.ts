import { baselineQueryOptions, type Clock, type OperationContext } from '../core/index.js';
import { datasetToJson, isAsciiText, type Dataset } from '../dicom/index.js';
import type { Peer, QueryRetrieveLevel } from '../dimse/index.js';
import { FindFlight, type Find } from './find-flight.js';

export interface SharedFindsOptions {
  /** How long a whole answer is given to others who ask the same; 0 = only while it comes. */
  readonly keepMs: number;
}

/** Answers that are kept, of 1000 rows at most; the oldest go first. */
const MOST_KEPT = 32;

/** The C-FINDs of one peer: who asks what somebody asks already gets the same rows, from the first one on. */
export class SharedFinds {
  readonly #peer: Peer;
  readonly #options: SharedFindsOptions;
  readonly #clock: Clock;
  readonly #flights = new Map<string, FindFlight>();
  readonly #kept = new Map<FindFlight, () => void>();

  constructor(peer: Peer, options: SharedFindsOptions, clock: Clock) {
    this.#peer = peer;
    this.#options = options;
    this.#clock = clock;
  }

  /** C-FINDs that others can join, or whose answers are kept. */
  get size(): number {
    return this.#flights.size;
  }

  /**
   * As `Peer.find`; the rows are shared and must not be changed. `since` tells apart what may not be shared: an answer
   * that began before something was known to have changed.
   */
  async *find(
    level: QueryRetrieveLevel,
    identifier: Dataset,
    context: OperationContext,
    since: number | string = '',
  ): Find {
    const { priority = 'interactive', patient = false, planned = baselineQueryOptions, root } = context;
    // The same text in another character set is another question.
    const text = JSON.stringify(datasetToJson(identifier));
    const keys = isAsciiText(text) ? text : `${text} ${identifier.encodingCharacterSets?.join() ?? ''}`;
    const meaning = Object.entries(planned)
      .flatMap(([name, isOn]) => (isOn ? [name] : []))
      .sort();
    const key = `${priority} ${patient} ${since} ${meaning.join()} ${root ?? ''} ${level} ${keys}`;
    const flight = this.#join(key) ?? this.#begin(key, level, identifier, context);
    const completion = yield* flight.read(context.signal);
    this.#keep(key, flight);
    return completion;
  }

  /** Whoever asks from now on asks the peer: something was stored, or dropped. */
  clear(): void {
    this.#flights.clear();
    for (const cancel of this.#kept.values()) cancel();
    this.#kept.clear();
  }

  #join(key: string): FindFlight | undefined {
    const flight = this.#flights.get(key);
    return flight?.isJoinable ? flight : undefined;
  }

  #begin(key: string, level: QueryRetrieveLevel, identifier: Dataset, context: OperationContext): FindFlight {
    const flight: FindFlight = new FindFlight(
      (signal) => this.#peer.find(level, identifier, { ...context, signal }),
      () => {
        this.#forget(key, flight);
      },
    );
    this.#flights.set(key, flight);
    return flight;
  }

  /** It has ended: it goes now, or when it is no longer fresh. */
  #keep(key: string, flight: FindFlight): void {
    if (this.#flights.get(key) !== flight || this.#kept.has(flight)) return;
    if (this.#options.keepMs === 0 || !flight.isWhole) {
      this.#forget(key, flight);
      return;
    }
    const forget = (): void => {
      this.#kept.delete(flight);
      this.#forget(key, flight);
    };
    const cancel = this.#clock.after(this.#options.keepMs, forget);
    this.#kept.set(flight, () => {
      cancel();
      forget();
    });
    const [oldest] = this.#kept.values();
    if (this.#kept.size > MOST_KEPT) oldest?.();
  }

  #forget(key: string, flight: FindFlight): void {
    if (this.#flights.get(key) === flight) this.#flights.delete(key);
  }
}
