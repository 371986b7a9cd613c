import { GatewayError, toGatewayError, type PatientIdentity } from '../core/index.js';
import {
  DatasetIndexer,
  Part10Reader,
  transferSyntax,
  type DatasetIndex,
  type DatasetSink,
  type DatasetUids,
  type Part10Meta,
  type TransferSyntax,
} from '../dicom/index.js';
import type { Spool, SpoolStore } from '../cache/index.js';
import type { StoreSettings } from './ports.js';

/** A part whose bytes are in a spool, all of them or, if it flows, those that have come. */
export interface ReceivedPart {
  readonly meta: Part10Meta;
  readonly uids: DatasetUids;
  readonly patient: PatientIdentity | undefined;
  readonly spool: Spool;
}

/** One Part 10 file on its way from the request body into a spool. */
export class PartReceiver {
  readonly #spools: SpoolStore;
  readonly #reader: Part10Reader;
  readonly #settings: StoreSettings;
  readonly #onFlow: (part: ReceivedPart) => void;
  #spool: Spool | undefined;
  #indexer: DatasetIndexer | undefined;
  #flowing: ReceivedPart | undefined;
  #whole = false;
  #bytes = 0;
  /** What File Meta Information says, once it has been read. */
  meta: Part10Meta | undefined;
  /** Why it cannot be stored, as far as is known. */
  problem: GatewayError | undefined;

  /** `onFlow` is called when there is no room to keep the part whole: it must be read while it comes. */
  constructor(spools: SpoolStore, settings: StoreSettings, onFlow: (part: ReceivedPart) => void) {
    this.#spools = spools;
    this.#settings = settings;
    this.#onFlow = onFlow;
    this.#reader = new Part10Reader((meta) => this.#begin(meta));
  }

  /** Whether it was handed on before its end. */
  get flows(): boolean {
    return this.#flowing !== undefined;
  }

  /**
   * Takes bytes of the part; after a first problem the rest is dropped, so that the other parts are still read.
   * @throws GatewayError `payload-too-large`, or `cancelled`
   */
  async push(bytes: Buffer): Promise<void> {
    this.#bytes += bytes.length;
    const { maxPartBytes } = this.#settings;
    if (this.#bytes > maxPartBytes) {
      throw new GatewayError('payload-too-large', `A part is larger than ${maxPartBytes} bytes.`);
    }
    if (this.problem) return;
    try {
      await this.#reader.push(bytes);
    } catch (thrown) {
      this.#reject(thrown);
    }
  }

  /** The part is over; undefined when it has a problem. */
  async end(): Promise<ReceivedPart | undefined> {
    try {
      if (this.problem === undefined) await this.#reader.end();
    } catch (thrown) {
      this.#reject(thrown);
    }
    const part = this.#part();
    if (this.#whole && part) return part;
    this.discard();
    return undefined;
  }

  /** Nothing more will come of it. Who reads it already learns that it is not whole. */
  discard(): void {
    if (!this.#whole) {
      const broken = new GatewayError('bad-request', 'The body broke off inside the part.');
      this.#spool?.fail(this.problem ?? broken);
    }
    if (!this.flows) this.#spool?.discard();
  }

  #begin(meta: Part10Meta): DatasetSink {
    this.meta = meta;
    const syntax = transferSyntax(meta.transferSyntaxUid);
    if (syntax === undefined) {
      const message = 'The part is in a transfer syntax that the gateway does not know.';
      throw new GatewayError('malformed-dataset', message);
    }
    const indexer = new DatasetIndexer(syntax, this.#settings.limits);
    const spool = this.#spools.create(() => {
      this.#flow();
    });
    this.#indexer = indexer;
    this.#spool = spool;
    let length = 0;
    return {
      push: async (bytes) => {
        length += bytes.length;
        await indexer.push(bytes);
        await spool.write(bytes);
      },
      end: async () => {
        const index = await indexer.end();
        this.#requireSame(index);
        requireWhole(index);
        requireEven(length, syntax);
        await spool.finish();
        this.#whole = true;
      },
    };
  }

  #part(): ReceivedPart | undefined {
    if (!this.meta || !this.#spool || !this.#indexer) return undefined;
    const { uids, patient } = this.#indexer;
    return { meta: this.meta, uids, patient, spool: this.#spool };
  }

  #flow(): void {
    const part = this.#part();
    if (this.#flowing || part?.uids.seriesInstanceUid === undefined) return;
    this.#flowing = part;
    this.#onFlow(part);
  }

  /** What was judged by its head must not turn out to be something else. */
  #requireSame(uids: DatasetUids): void {
    const judged = this.#flowing?.uids;
    if (!judged) return;
    const names = ['sopClassUid', 'sopInstanceUid', 'studyInstanceUid', 'seriesInstanceUid'] as const;
    if (names.every((name) => uids[name] === judged[name])) return;
    throw new GatewayError('malformed-dataset', 'The part names two instances.');
  }

  #reject(thrown: unknown): void {
    const problem = toGatewayError(thrown);
    if (problem.code === 'cancelled' || problem.code === 'payload-too-large') throw problem;
    this.problem = problem;
    this.#spool?.fail(problem);
  }
}

/** What is read all the same when it comes from a PACS may be less than there was: of what is stored nothing may be missing. */
function requireWhole({ pixelData }: DatasetIndex): void {
  if (pixelData?.kind === 'encapsulated' && pixelData.unterminated)
    throw new GatewayError('malformed-dataset', 'The pixel data have no end: fragments may be missing.');
}

/** Fragments of messages are even; a deflated dataset may be padded when it is sent. @see PS3.5 A.5, PS3.8 E.2 */
function requireEven(length: number, syntax: TransferSyntax): void {
  if (length % 2 === 0 || syntax.deflated) return;
  throw new GatewayError('malformed-dataset', 'The dataset has an odd number of bytes: it cannot be sent.');
}
