import { GatewayError } from '../core/index.js';
import type { InstanceKey } from '../cache/index.js';
import type { RetrieveTarget } from '../dicomweb/index.js';
import type { IncomingInstance, InstanceWriter } from '../dimse/index.js';
import { ArrivalWriter, duplicate, type ArrivalWriterOptions } from './arrival-writer.js';
import type { BackgroundPace } from './background-pace.js';
import { HeadReader } from './head-reader.js';
import type { FetcherDependencies, PeerBinding } from './ports.js';
import type { FoundInstance } from './want.js';

export interface Adoption {
  /** What was asked for as a whole: a study or a series. */
  readonly target: RetrieveTarget;
  /** What the peer said of a study last. */
  readonly seen: ArrivalWriterOptions['seen'];
  /** At which the peer may send, when nobody waits for it. */
  readonly pace?: BackgroundPace | undefined;
  /** Whether there may be another, or none, since this was asked for: then what comes is not kept. */
  readonly isReplaced: (key: InstanceKey) => boolean;
  /** The instance has begun to arrive, or was in the cache. */
  readonly onAdopted: (instance: FoundInstance) => void;
}

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
 * Takes an instance of a retrieve of a whole study or series into the cache; one that is there already is dropped as it
 * comes, and the peer is told Success. Of a study the series is read from the first bytes.
 *
 * The writer throws GatewayError `peer-protocol` for an instance of another study.
 */
export function adopt(
  binding: PeerBinding,
  deps: FetcherDependencies,
  { target, seen, pace, isReplaced, onAdopted }: Adoption,
  incoming: IncomingInstance,
): InstanceWriter {
  const { sopClassUid, sopInstanceUid, transferSyntaxUid } = incoming;
  const begin = (seriesInstanceUid: string): InstanceWriter => {
    const { studyInstanceUid } = target;
    const key = { peer: binding.peer.name, studyInstanceUid, seriesInstanceUid, sopInstanceUid };
    const arrival = deps.instances.begin(key, { sopClassUid, transferSyntaxUid });
    const instance = arrival?.instance ?? deps.instances.peek(key);
    if (instance) onAdopted(instance);
    if (arrival && isReplaced(key)) deps.instances.delete(key);
    const { limits } = binding.retrieve;
    if (arrival) {
      const writer = new ArrivalWriter(arrival, { limits, observe: deps.observe, seen });
      return pace ? pace.slow(writer, () => true) : writer;
    }
    return duplicate(deps.observe, key.peer);
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
