import type { GatewayError } from '../core/index.js';
import type { CommandSet } from './command-set.js';
import type { DatasetSink, IncomingMessage } from './message-reader.js';
import type { Watchdog } from './watchdog.js';

/** What an operation wants to hear of its association. */
export interface ExchangeHandler {
  /** A response to the request; returns where its dataset goes. */
  response(command: CommandSet, hasDataset: boolean): DatasetSink | undefined;
  /** A request of the peer, a sub-operation; left out where none can come. */
  request?(message: IncomingMessage): DatasetSink | undefined;
  /** Whether another request will follow on the association as soon as the response is there; not when left out. */
  hurries?(): boolean;
  /** Milliseconds of silence after the request beyond those of any other; none when left out. */
  patienceMs?(): number;
  /** The association is gone; the last call. */
  failed(error: GatewayError): void;
}

/** A request under way. `finish` must be called when its last response has come. */
export interface Exchange {
  readonly messageId: number;
  /** When the whole request is written. Rejects with a `GatewayError`, or what the dataset's source threw. */
  readonly sent: Promise<void>;
  /** The peer was heard on the association of a sub-operation. */
  touch(): void;
  /** The gateway holds the peer up elsewhere: its silence does not count until the returned function is called. */
  hold(): () => void;
  finish(): void;
}

/** What an association knows of the operation that is under way on it. */
export interface Operation {
  readonly messageId: number;
  readonly commandField: number;
  readonly handler: ExchangeHandler;
  readonly watchdog: Watchdog;
}
