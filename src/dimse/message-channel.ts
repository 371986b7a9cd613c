import { GatewayError, systemClock, toGatewayError, type Clock } from '../core/index.js';
import { tlsFailure } from '../tls/index.js';
import type { ByteLink } from './byte-link.js';
import { formatCommandSet, type CommandSet } from './command-set.js';
import { MessageReader, type MessageHandler } from './message-reader.js';
import { DatasetPacker, maxFragmentLength, packCommand, packMessage } from './message-writer.js';
import { MAX_ASSOCIATION_PDU_LENGTH, PduFramer, type PdvHeader } from './pdu-framer.js';
import { decodePdu, encodePdu, PduTypes, type AssociationPdu } from './pdu.js';

export interface ChannelEvents {
  /** An association PDU. What this throws aborts the association. */
  pdu(pdu: AssociationPdu): void;
  /** A message in one of the opened presentation contexts. What this throws aborts the association. */
  readonly message: MessageHandler;
  /** Whether a message will be sent as soon as one has come that is on its way; not when left out. */
  hurries?(): boolean;
  /** Called once, as the last: the channel is of no more use. A clean end by `end()` has no error. */
  closed(error: GatewayError | undefined): void;
}

export interface ChannelOptions {
  /** What was announced to the peer; 0 = any length. */
  readonly maxPduLength: number;
  /** How long the peer may take nothing of what is written to it; 0 = for ever. */
  readonly sendTimeoutMs: number;
  /** Configured name of the peer, for errors. */
  readonly peer?: string;
  readonly clock?: Clock;
}

/** Some peers count the headers in, some do not: what they send above the announced length is taken up to this. */
const PDU_LENGTH_TOLERANCE = 16 * 1024;
const MAX_UNANNOUNCED_PDU_LENGTH = 128 * 1024 * 1024;
/** The smallest length with room for two bytes of data. */
const MIN_PEER_PDU_LENGTH = 8;
/** How long a closing connection may take to send what is written. */
const LINGER_MS = 1_000;
/** Whatever the message: it goes in PDUs of this type. */
const FIRST_BYTE = Buffer.of(PduTypes.data);
/** Why an A-ABORT is sent. @see PS3.8 9.3.8 */
const ABORT_BY_USER = { kind: 'abort', source: 0, reason: 0 } as const;
const ABORT_BY_PROVIDER = { kind: 'abort', source: 2, reason: 0 } as const;

const CLOSED = 'The peer closed the connection.';

/** Peers that speak TLS, and those that do not know us, often say nothing at all. */
function unheardText(security: ByteLink['security']): string {
  const guess = security
    ? 'it does not take the certificate that it was shown'
    : 'it speaks TLS on this port, or takes nothing from this address';
  return `The peer closed the connection without a word: perhaps ${guess}.`;
}

/**
 * Messages over one connection, for requestor and acceptor alike. It owns the socket: one reader, one writer at a
 * time, back-pressure both ways, and no bytes held beyond the chunk under way.
 */
export class MessageChannel {
  readonly #socket: ByteLink['socket'];
  readonly #events: ChannelEvents;
  readonly #options: ChannelOptions;
  readonly #clock: Clock;
  readonly #framer: PduFramer;
  #reader: MessageReader | undefined;
  #fragmentLength = 0;
  #failure: { readonly error: GatewayError | undefined } | undefined;
  #lastHeard: number;
  #isHeard = false;
  #held = false;
  #sending: Promise<void> = Promise.resolve();
  #sends = 0;
  #isAhead = false;

  constructor(link: ByteLink, events: ChannelEvents, options: ChannelOptions) {
    this.#socket = link.socket;
    this.#events = events;
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#lastHeard = this.#clock.now();
    this.#framer = new PduFramer(
      {
        pdu: (type, body) => {
          if (!this.#failure) events.pdu(decodePdu(type, body));
        },
        fragment: (header, bytes, ended) => this.#fragment(header, bytes, ended),
      },
      {
        maxAssociationPduLength: MAX_ASSOCIATION_PDU_LENGTH,
        maxDataPduLength:
          options.maxPduLength === 0
            ? MAX_UNANNOUNCED_PDU_LENGTH
            : options.maxPduLength + PDU_LENGTH_TOLERANCE,
      },
    );
    this.#listen(link);
  }

  /** Bytes that came from the peer so far. */
  get bytesReceived(): number {
    return this.#socket.bytesRead;
  }

  /** Bytes written to the peer so far. */
  get bytesSent(): number {
    return this.#socket.bytesWritten;
  }

  /** When the peer was last heard, by the clock; now, while the gateway itself holds the peer up. */
  get lastHeard(): number {
    return this.#held ? this.#clock.now() : this.#lastHeard;
  }

  /** Whether the first byte of the next message has been sent: nothing else can be sent before. */
  get isAhead(): boolean {
    return this.#isAhead;
  }

  get closed(): boolean {
    return this.#failure !== undefined;
  }

  /**
   * The association is there: messages in these presentation contexts may come and go.
   * @param peerMaxPduLength what the peer announced; 0 = any length
   * @throws GatewayError `peer-protocol` when no message fits that length
   */
  open(acceptedContextIds: ReadonlySet<number>, peerMaxPduLength: number): void {
    if (peerMaxPduLength !== 0 && peerMaxPduLength < MIN_PEER_PDU_LENGTH) {
      throw this.#error(
        'peer-protocol',
        `The peer takes PDUs of ${peerMaxPduLength} bytes, too short for any message.`,
      );
    }
    this.#fragmentLength = maxFragmentLength(peerMaxPduLength);
    this.#reader = new MessageReader(acceptedContextIds, this.#events.message);
  }

  /** Writes an association PDU; not behind the beginning of a message, whose rest it would be. */
  sendPdu(pdu: AssociationPdu): void {
    if (!this.#failure && !this.#isAhead) this.#socket.write(encodePdu(pdu));
  }

  /**
   * Writes a message; resolves when the connection has taken it. A command without a stream goes out in one write.
   * A dataset that comes as a stream is written at the peer's pace; when it throws after something of it was written,
   * the association is aborted. Messages do not interleave: a message waits for the one before.
   * @throws GatewayError why the channel closed, or whatever the stream threw
   */
  async send(
    contextId: number,
    command: CommandSet,
    dataset?: Buffer | AsyncIterable<Buffer>,
  ): Promise<void> {
    const task =
      dataset === undefined || Buffer.isBuffer(dataset)
        ? () => this.#sendWhole(contextId, command, dataset)
        : () => this.#sendStream(contextId, command, dataset);
    const turn = this.#sends === 0 ? task() : this.#sending.then(task);
    this.#sends += 1;
    this.#sending = turn.then(
      () => undefined,
      () => undefined,
    );
    try {
      await turn;
    } finally {
      this.#sends -= 1;
    }
  }

  /**
   * Sends the first byte of the message that follows, if one does, where the one before it has come in part. A peer whose
   * sockets are Nagle's sends the beginning of a PDU, and the rest when that is acknowledged, which takes the operating
   * system 40 ms unless something is sent.
   */
  hurry(): void {
    const isIncomplete = !this.#framer.betweenPdus;
    if (!isIncomplete || this.#isAhead || this.#sends > 0 || this.#failure) return;
    if (!this.#reader || this.#events.hurries?.() !== true) return;
    this.#isAhead = true;
    this.#socket.write(FIRST_BYTE);
  }

  /** Ends the connection cleanly after what was written. */
  end(): void {
    this.#close(undefined, undefined);
  }

  /** Sends A-ABORT and ends the connection because of `error`, which is what `closed` and pending sends get. */
  abort(error: GatewayError): void {
    this.#close(error, encodePdu(error.code === 'peer-protocol' ? ABORT_BY_PROVIDER : ABORT_BY_USER));
  }

  /** The peer is gone, or said that it is: no A-ABORT. */
  fail(error: GatewayError): void {
    this.#close(error, undefined);
  }

  #listen(link: ByteLink): void {
    const { socket } = link;
    const lost = (cause?: Error): void => {
      this.fail(this.#lost(link, cause));
    };
    socket
      .on('error', lost)
      .on('end', () => {
        lost();
      })
      .on('close', () => {
        lost();
      });
    link.receive((chunk) => this.#receive(chunk));
  }

  /** In TLS 1.3 a client is told only after its handshake that its certificate is not taken. */
  #lost({ security }: ByteLink, cause: Error | undefined): GatewayError {
    const failure = tlsFailure(cause);
    if (failure !== undefined)
      return this.#error('peer-unreachable', `The peer ended TLS: ${failure}.`, cause && { cause });
    return this.#error('peer-aborted', this.#isHeard ? CLOSED : unheardText(security), cause && { cause });
  }

  #receive(chunk: Buffer): boolean {
    if (this.#failure) return true;
    this.#isHeard = true;
    this.#lastHeard = this.#clock.now();
    try {
      const waiting = this.#framer.push(chunk);
      if (!waiting) {
        this.hurry();
        return true;
      }
      this.#held = true;
      waiting.then(
        () => {
          this.#resume();
        },
        (error: unknown) => {
          this.#refuse(error);
        },
      );
      return false;
    } catch (error) {
      this.#refuse(error);
      return true;
    }
  }

  #resume(): void {
    this.#held = false;
    this.#lastHeard = this.#clock.now();
    if (!this.#failure) this.#socket.resume();
  }

  #refuse(thrown: unknown): void {
    const error = toGatewayError(thrown);
    const { peer } = this.#options;
    const named =
      error.peer === undefined && peer !== undefined && error.code.startsWith('peer-')
        ? new GatewayError(error.code, error.message, { cause: error.cause, peer })
        : error;
    this.abort(named);
  }

  #fragment(header: PdvHeader, bytes: Buffer, ended: boolean): void | Promise<void> {
    if (this.#failure) return;
    if (!this.#reader) throw this.#error('peer-protocol', 'The peer sent a message without an association.');
    return this.#reader.fragment(header, bytes, ended);
  }

  #sendWhole(contextId: number, command: CommandSet, dataset: Buffer | undefined): Promise<void> {
    const bytes = formatCommandSet(command, dataset !== undefined);
    return this.#write([packMessage(contextId, bytes, dataset, this.#fragmentLength)]);
  }

  async #sendStream(contextId: number, command: CommandSet, dataset: AsyncIterable<Buffer>): Promise<void> {
    const packer = new DatasetPacker(contextId, this.#fragmentLength);
    let head = packCommand(contextId, formatCommandSet(command, true), this.#fragmentLength);
    try {
      for await (const chunk of dataset) {
        const packed = packer.add(chunk);
        if (packed.length === 0) continue;
        const pending = head;
        head = [];
        await this.#write([...pending, ...packed]);
      }
    } catch (error) {
      if (head.length === 0) this.abort(toGatewayError(error));
      throw error;
    }
    await this.#write([...head, ...packer.end()]);
  }

  /** The buffers may change when the promise has resolved. */
  #write(message: readonly Buffer[]): Promise<void> {
    if (this.#failure) return Promise.reject(this.#closedError());
    const buffers = this.#isAhead
      ? message.map((bytes, index) => (index === 0 ? bytes.subarray(1) : bytes))
      : message;
    this.#isAhead = false;
    return new Promise((resolve, reject) => {
      const { sendTimeoutMs } = this.#options;
      const socket = this.#socket;
      const timer: { cancel?: () => void } = {};
      const done = (error?: Error | null): void => {
        timer.cancel?.();
        if (error) reject(this.#closedError());
        else resolve();
      };
      socket.cork();
      buffers.forEach((bytes, index) => {
        if (index < buffers.length - 1) socket.write(bytes);
        else socket.write(bytes, done);
      });
      socket.uncork();
      if (sendTimeoutMs === 0 || socket.writableLength === 0) return;
      timer.cancel = this.#clock.after(sendTimeoutMs, () => {
        this.abort(this.#error('peer-timeout', 'The peer stopped taking what is sent to it.'));
      });
    });
  }

  #close(error: GatewayError | undefined, lastWords: Buffer | undefined): void {
    if (this.#failure) return;
    this.#failure = { error };
    const socket = this.#socket;
    const cancelLinger = this.#clock.after(LINGER_MS, () => {
      socket.destroy();
    });
    socket.once('close', cancelLinger);
    // Behind the beginning of a message they would be taken for its rest.
    if (lastWords && socket.writable && !this.#isAhead) socket.write(lastWords);
    // Not end(): a peer that never closes its half would keep the socket for ever.
    socket.destroySoon();
    this.#reader?.fail(error ?? this.#closedError());
    this.#events.closed(error);
  }

  #closedError(): GatewayError {
    return this.#failure?.error ?? this.#error('peer-aborted', 'The association is closed.');
  }

  #error(
    code: 'peer-protocol' | 'peer-aborted' | 'peer-timeout' | 'peer-unreachable',
    message: string,
    details?: { cause: Error },
  ): GatewayError {
    const { peer } = this.#options;
    return new GatewayError(code, message, { ...details, ...(peer !== undefined && { peer }) });
  }
}
