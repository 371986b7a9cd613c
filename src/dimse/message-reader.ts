import { GatewayError } from '../core/index.js';
import { parseCommandSet, type CommandSet } from './command-set.js';
import { GatheredBytes } from './gathered-bytes.js';
import type { PdvHeader } from './pdu-framer.js';

/** A message whose command has come; its dataset, if it has one, is still to come. */
export interface IncomingMessage {
  readonly contextId: number;
  readonly command: CommandSet;
  readonly hasDataset: boolean;
}

/**
 * Where the dataset of a message goes. A returned promise pauses the peer. `end` or `fail` is the last call; when one
 * of these functions throws or rejects, the association is aborted and `fail` is not called.
 */
export interface DatasetSink {
  /** `chunk` is valid until this returns, or its promise resolves. */
  write(chunk: Buffer): void | Promise<void>;
  end(): void | Promise<void>;
  fail(error: GatewayError): void;
}

/** Says what becomes of a message; without a sink its dataset is dropped. */
export type MessageHandler = (message: IncomingMessage) => DatasetSink | undefined;

/** The longest command sets of the standard are a few hundred bytes. */
const MAX_COMMAND_LENGTH = 16 * 1024;

/** Makes messages of PDV fragments. */
export class MessageReader {
  readonly #handler: MessageHandler;
  readonly #acceptedContextIds: ReadonlySet<number>;
  readonly #gathered = new GatheredBytes();
  #contextId: number | undefined;
  #awaitsDataset = false;
  #sink: DatasetSink | undefined;

  constructor(acceptedContextIds: ReadonlySet<number>, handler: MessageHandler) {
    this.#acceptedContextIds = acceptedContextIds;
    this.#handler = handler;
  }

  /** @throws GatewayError `peer-protocol`; the promise is the sink's. */
  fragment(header: PdvHeader, bytes: Buffer, ended: boolean): void | Promise<void> {
    this.#check(header);
    if (!header.isCommand) return this.#data(bytes, ended && header.isLast);
    if (this.#gathered.length + bytes.length > MAX_COMMAND_LENGTH)
      throw violation('a command set that is too long');
    const isEnd = ended && header.isLast;
    const isWhole = isEnd && this.#gathered.length === 0;
    if (!isWhole) this.#gathered.add(bytes);
    if (isEnd) this.#command(header.contextId, isWhole ? bytes : this.#gathered.take());
  }

  /** The connection is gone: tells the sink that its dataset will not be whole. */
  fail(error: GatewayError): void {
    const sink = this.#sink;
    this.#sink = undefined;
    sink?.fail(error);
  }

  #check({ contextId, isCommand }: PdvHeader): void {
    if (!this.#acceptedContextIds.has(contextId)) {
      throw violation(`a message in presentation context ${contextId}, which was not accepted`);
    }
    if (this.#contextId !== undefined && contextId !== this.#contextId) {
      throw violation('parts of one message in different presentation contexts');
    }
    if (isCommand === this.#awaitsDataset) {
      throw violation(isCommand ? 'a command where a dataset was due' : 'a dataset where a command was due');
    }
    this.#contextId = contextId;
  }

  #command(contextId: number, bytes: Buffer): void {
    const { command, hasDataset } = parseCommandSet(bytes);
    this.#awaitsDataset = hasDataset;
    if (!hasDataset) this.#contextId = undefined;
    const sink = this.#handler({ contextId, command, hasDataset });
    if (hasDataset) this.#sink = sink;
  }

  #data(bytes: Buffer, isEnd: boolean): void | Promise<void> {
    const sink = this.#sink;
    const written = bytes.length > 0 ? sink?.write(bytes) : undefined;
    if (!isEnd) return written;
    this.#awaitsDataset = false;
    this.#contextId = undefined;
    if (written) return written.then(() => this.#end(sink));
    return this.#end(sink);
  }

  /** The sink is kept until the last bytes are written, so that a connection lost meanwhile fails it. */
  #end(sink: DatasetSink | undefined): void | Promise<void> {
    if (this.#sink !== sink) return;
    this.#sink = undefined;
    return sink?.end();
  }
}

function violation(what: string): GatewayError {
  return new GatewayError('peer-protocol', `The peer sent ${what}.`);
}
