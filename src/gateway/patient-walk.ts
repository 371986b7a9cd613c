import type { OperationContext } from '../core/index.js';
import { Tags, type Dataset } from '../dicom/index.js';
import type { FindCompletion, Peer } from '../dimse/index.js';
import { RowsAhead } from './rows-ahead.js';
import { searchEnded } from './search-run.js';

/** A patient as a C-FIND names it. */
export interface ListedPatient {
  readonly patientId: string;
  readonly row: Dataset;
}

/** Whether there may be more than `count` rows: some peers cap their answers without a word, where it is configured. */
export function isCut({ knowledge }: Peer, { truncated }: FindCompletion, count: number): boolean {
  return truncated || count === knowledge.fixed('findCap');
}

/** The patients of a peer whose studies are asked for one after the other, without an association held meanwhile. */
export class PatientWalk {
  readonly #peer: Peer;
  readonly #identifier: Dataset;
  readonly #context: OperationContext;
  /** There may be more patients than were named. */
  truncated = false;

  constructor(peer: Peer, identifier: Dataset, context: OperationContext) {
    this.#peer = peer;
    this.#identifier = identifier;
    this.#context = context;
  }

  /** Each once; leaving early ends what is under way. @throws GatewayError of the C-FIND */
  async *patients(): AsyncGenerator<ListedPatient, void, undefined> {
    const controller = new AbortController();
    const signal = AbortSignal.any([this.#context.signal, controller.signal]);
    const ahead = new RowsAhead<ListedPatient>({
      open: () => this.#rows({ ...this.#context, signal }),
      keyOf: ({ patientId }) => patientId,
    });
    try {
      yield* ahead.read();
    } finally {
      controller.abort(searchEnded);
      ahead.close();
    }
  }

  async *#rows(context: OperationContext): AsyncGenerator<ListedPatient, void, undefined> {
    const find = this.#peer.find('PATIENT', this.#identifier, context);
    try {
      for (let count = 0; ; count += 1) {
        const next = await find.next();
        if (next.done) {
          this.truncated ||= isCut(this.#peer, next.value, count);
          return;
        }
        const patientId = next.value.string(Tags.PatientID);
        // Whose studies cannot be asked for is somebody all the same.
        if (patientId === undefined) this.truncated = true;
        else yield { patientId, row: next.value };
      }
    } finally {
      await find.return({ status: 0xfe00, truncated: true });
    }
  }
}
