import type { Socket } from 'node:net';
import { GatewayError } from '../core/index.js';
import { acceptedLink } from './byte-link.js';
import { CommandFields, RESPONSE, responseTo } from './command-set.js';
import { receiveEventReport } from './commitment-events.js';
import { MessageChannel } from './message-channel.js';
import { SpeaksTls } from './pdu-framer.js';
import type { DatasetSink, IncomingMessage } from './message-reader.js';
import { ContextResults, type AssociateRequest, type AssociationPdu } from './pdu.js';
import { Statuses } from './status.js';
import { acceptOf } from './storage-scp-accept.js';
import { answerContexts, eventContextIds } from './storage-scp-contexts.js';
import type { InboundHost } from './storage-scp-host.js';
import { callerOf, judge, type Connected } from './storage-scp-judge.js';
import { Rejections, type Rejection } from './storage-scp-rejections.js';
import { droppingSink, StoreSink } from './storage-scp-sink.js';

/** Without an asynchronous operations window one request is outstanding; some slack for peers that do not count. */
const MAX_UNSENT_RESPONSES = 16;

/** Status of a C-STORE request that lacks what it needs. @see PS3.4 B.2.3 */
const CANNOT_UNDERSTAND = 0xc000;

let lastId = 0;

/** An association that somebody else opened, to bring instances or to see whether we are there. */
export class InboundAssociation {
  readonly id: string;
  readonly #host: InboundHost;
  readonly #onClosed: () => void;
  readonly #channel: MessageChannel;
  /** Address of the other end. */
  readonly remote: string;
  readonly #connected: Connected;
  readonly #connectedAt: number;
  #state: 'connected' | 'deciding' | 'open' | 'closed' = 'connected';
  #callingAeTitle = '';
  #peer = 'unknown';
  /** Configured names of those that may report storage commitment on it. */
  #reporters: readonly string[] = [];
  /** The presentation contexts of storage commitment. */
  #eventContexts: ReadonlySet<number> = new Set();
  /** Transfer syntax by presentation context. */
  #transferSyntaxes: ReadonlyMap<number, string> = new Map();
  #isReceiving = false;
  /** Of the instance that came last. */
  #sink: StoreSink | undefined;
  #unsentResponses = 0;
  #outcome: 'released' | 'rejected' | undefined;
  #cancelWatch: () => void = () => undefined;
  /** Aborts when it has closed. */
  readonly #over = new AbortController();

  /** @param onClosed called once, as the last */
  constructor(socket: Socket, host: InboundHost, onClosed: () => void) {
    lastId += 1;
    this.id = `in-${lastId}`;
    this.#host = host;
    this.#onClosed = onClosed;
    this.remote = socket.remoteAddress ?? 'unknown';
    this.#connectedAt = host.clock.now();
    const link = acceptedLink(socket);
    this.#connected = { remote: this.remote, certificate: link.security?.certificate?.fingerprint };
    this.#channel = new MessageChannel(
      link,
      {
        pdu: (pdu) => {
          this.#pdu(pdu);
        },
        message: (message) => this.#message(message),
        closed: (error) => {
          this.#closed(error);
        },
      },
      { maxPduLength: host.maxPduLength, sendTimeoutMs: host.timeouts.stallMs, clock: host.clock },
    );
    this.#watch();
  }

  /** Has not asked, or is not answered yet. */
  get isUndecided(): boolean {
    return this.#state === 'connected' || this.#state === 'deciding';
  }

  /** Accepted, and not over. */
  get isOpen(): boolean {
    return this.#state === 'open';
  }

  /** Opened by one that calls as a configured peer does. */
  get isKnown(): boolean {
    return this.#host.callers.peersOf(this.#callingAeTitle).length > 0;
  }

  /** In the middle of an instance that a C-MOVE waits for. */
  get isBringing(): boolean {
    return this.#isReceiving && this.#sink?.isExpected === true;
  }

  /** In the middle of an instance. */
  get isReceiving(): boolean {
    return this.#isReceiving;
  }

  abort(error: GatewayError): void {
    this.#channel.abort(error);
  }

  #pdu(pdu: AssociationPdu): void {
    if (pdu.kind === 'abort') {
      this.#channel.fail(new GatewayError('peer-aborted', 'The peer aborted the association.'));
    } else if (pdu.kind === 'associate-request' && this.#state === 'connected') {
      this.#associate(pdu);
    } else if (pdu.kind === 'release-request' && this.#state === 'open') {
      this.#channel.sendPdu({ kind: 'release-response' });
      this.#outcome = 'released';
      this.#channel.end();
    } else {
      throw new GatewayError('peer-protocol', 'The peer sent a PDU that has no place here.');
    }
  }

  #associate(request: AssociateRequest): void {
    const { identities } = this.#host;
    const { userIdentity } = request.user;
    const rejection =
      judge(request, this.#connected, this.#host) ??
      (!userIdentity && identities?.isRequired && Rejections.noIdentity);
    if (rejection) {
      this.#reject(rejection);
      return;
    }
    if (!identities || !userIdentity) {
      this.#answer(request);
      return;
    }
    this.#state = 'deciding';
    void identities.accepts(userIdentity, this.#over.signal).then((isKnown) => {
      this.#decided(request, isKnown);
    });
  }

  /** The peer may have left meanwhile, and others may have come. */
  #decided(request: AssociateRequest, isKnown: boolean): void {
    if (this.#state !== 'deciding') return;
    const rejection = isKnown ? judge(request, this.#connected, this.#host) : Rejections.wrongIdentity;
    if (rejection) this.#reject(rejection);
    else this.#answer(request, request.user.userIdentity?.responseRequested);
  }

  /** @param confirms whether the requestor wants to hear that its identity was taken */
  #answer(request: AssociateRequest, confirms = false): void {
    const storage = this.#host.welcomesInstances();
    const { roles } = request.user;
    const reporters = this.#host.events?.peersOf(request.callingAeTitle) ?? [];
    const contexts = answerContexts(request.contexts, { storage, events: reporters.length > 0, roles });
    const accepted = contexts.filter(({ result }) => result === ContextResults.accepted);
    if (accepted.length === 0 && !storage) {
      const isReport = this.#host.events !== undefined && eventContextIds(request).length > 0;
      this.#reject(isReport ? Rejections.stranger : Rejections.unexpected);
      return;
    }
    this.#host.makeRoom(callerOf(request, this.#connected, this.#host));
    this.#state = 'open';
    this.#watch();
    this.#callingAeTitle = request.callingAeTitle;
    this.#peer = this.#host.moves.peerOf(request.callingAeTitle) ?? reporters[0] ?? this.#peer;
    this.#reporters = reporters;
    this.#transferSyntaxes = new Map(accepted.map(({ id, transferSyntax }) => [id, transferSyntax]));
    this.#eventContexts = new Set(eventContextIds(request));
    this.#channel.open(new Set(this.#transferSyntaxes.keys()), request.user.maxPduLength);
    const takesEvents = accepted.some(({ id }) => this.#eventContexts.has(id));
    this.#channel.sendPdu(
      acceptOf(request, contexts, { maxPduLength: this.#host.maxPduLength, takesEvents, confirms }),
    );
    this.#observe('opened');
  }

  #reject({ text, ...fields }: Rejection): void {
    this.#outcome = 'rejected';
    this.#refused(text);
    this.#channel.sendPdu({ kind: 'associate-reject', ...fields });
    this.#channel.end();
  }

  #message(message: IncomingMessage): DatasetSink | undefined {
    const { command } = message;
    if (command.commandField === CommandFields.cStoreRequest) return this.#store(message);
    if (command.commandField === CommandFields.nEventReportRequest) return this.#event(message);
    if (command.commandField === CommandFields.cCancelRequest) return undefined;
    if ((command.commandField & RESPONSE) !== 0) {
      throw new GatewayError('peer-protocol', 'The peer sent a response that nobody asked for.');
    }
    const isEcho = command.commandField === CommandFields.cEchoRequest;
    void this.#respond(message, isEcho ? Statuses.success : Statuses.unrecognizedOperation);
    return undefined;
  }

  #store(message: IncomingMessage): DatasetSink | undefined {
    const { contextId, command, hasDataset } = message;
    const { affectedSopClassUid, affectedSopInstanceUid } = command;
    const transferSyntaxUid = this.#transferSyntaxes.get(contextId);
    if (!hasDataset || !affectedSopClassUid || !affectedSopInstanceUid || transferSyntaxUid === undefined) {
      return this.#drop(message, CANNOT_UNDERSTAND);
    }
    const { clock, moves, timeouts } = this.#host;
    this.#isReceiving = true;
    this.#watch();
    this.#sink = new StoreSink({
      instance: {
        sopClassUid: affectedSopClassUid,
        sopInstanceUid: affectedSopInstanceUid,
        transferSyntaxUid,
      },
      correlation: moves.correlate({
        callingAeTitle: this.#callingAeTitle,
        sopInstanceUid: affectedSopInstanceUid,
        originatorAeTitle: command.moveOriginatorAeTitle,
        originatorMessageId: command.moveOriginatorMessageId,
      }),
      delivery: { association: this, clock, stallMs: timeouts.stallMs },
      respond: (status) => this.#respond(message, status),
      onRefused: () => {
        this.#refused('no pending C-MOVE expects the instance');
      },
      onOver: () => {
        this.#isReceiving = false;
        this.#watch();
        this.#host.onReceived();
      },
    });
    return this.#sink;
  }

  /** PS3.4 J.3.3: the report of storage commitment may come on an association of the peer's own. */
  #event(message: IncomingMessage): DatasetSink | undefined {
    const { contextId, command, hasDataset } = message;
    const transferSyntaxUid = this.#transferSyntaxes.get(contextId);
    const { events } = this.#host;
    if (!events || transferSyntaxUid === undefined || !this.#eventContexts.has(contextId))
      return this.#drop(message, Statuses.unrecognizedOperation);
    if (!hasDataset) return this.#drop(message, Statuses.invalidArgument);
    this.#isReceiving = true;
    this.#watch();
    return receiveEventReport(command, {
      events,
      context: { transferSyntaxUid },
      peers: this.#reporters,
      respond: (status) => this.#respond(message, status),
      onOver: () => {
        this.#isReceiving = false;
        this.#watch();
        this.#host.onReceived();
      },
    });
  }

  /** Answers what cannot be taken, after its dataset if it has one. */
  #drop(message: IncomingMessage, status: number): DatasetSink | undefined {
    if (!message.hasDataset) {
      void this.#respond(message, status);
      return undefined;
    }
    return droppingSink(() => this.#respond(message, status));
  }

  /** Resolves when the response is sent, or cannot be any more: then the channel has closed. */
  async #respond({ contextId, command }: IncomingMessage, status: number): Promise<void> {
    if (this.#unsentResponses >= MAX_UNSENT_RESPONSES) {
      this.abort(new GatewayError('peer-protocol', 'The peer sends requests without taking the responses.'));
      return;
    }
    this.#unsentResponses += 1;
    try {
      await this.#channel.send(contextId, responseTo(command, status));
    } catch {
      // `closed` tells why.
    } finally {
      this.#unsentResponses -= 1;
    }
  }

  /** How long the peer may be silent in this state, and since when. */
  #silence(): { readonly since: number; readonly ms: number } {
    const { associationMs, idleMs, stallMs } = this.#host.timeouts;
    if (this.isUndecided) return { since: this.#connectedAt, ms: associationMs };
    return { since: this.#channel.lastHeard, ms: this.#isReceiving ? stallMs : idleMs };
  }

  /** To be called when the state changes; a peer that is heard moves the deadline by itself. */
  #watch(): void {
    this.#cancelWatch();
    if (this.#state === 'closed') return;
    const { clock, moves } = this.#host;
    const { totalMs } = this.#host.timeouts;
    const { since, ms } = this.#silence();
    const left = since + ms - clock.now();
    // A peer that fetches from tape may keep its association silent for as long as its C-MOVE runs.
    const mayBeSilent = this.#state === 'open' && !this.#isReceiving && moves.size > 0;
    const rest = totalMs === 0 ? Number.POSITIVE_INFINITY : this.#connectedAt + totalMs - clock.now();
    if (rest <= 0) {
      this.abort(new GatewayError('peer-timeout', 'The association lasted longer than it may.'));
      return;
    }
    if (left <= 0 && !mayBeSilent) {
      this.abort(new GatewayError('peer-timeout', 'The peer fell silent.'));
      return;
    }
    this.#cancelWatch = clock.after(Math.min(left > 0 ? left : ms, rest), () => {
      this.#watch();
    });
  }

  #closed(error: GatewayError | undefined): void {
    const wasOpen = this.#state === 'open';
    this.#state = 'closed';
    this.#over.abort(error);
    this.#cancelWatch();
    this.#host.moves.associationEnded(this);
    const { bytesReceived, bytesSent } = this.#channel;
    // While a C-MOVE runs it may have been its own.
    const isIdle = !this.#isReceiving && this.#host.moves.size === 0 && error?.code === 'peer-aborted';
    if (wasOpen) this.#observe(this.#outcome === 'released' ? 'released' : 'aborted', isIdle);
    else if (!this.#outcome && error && bytesReceived > 0 && error.code !== 'shutting-down') {
      const speaksTls = error.cause instanceof SpeaksTls;
      this.#refused(
        speaksTls ? 'TLS is spoken where none is configured' : 'no DICOM association request came',
      );
    }
    if (bytesReceived > 0) {
      this.#host.observe({ kind: 'dimse-bytes', peer: this.#peer, sent: bytesSent, received: bytesReceived });
    }
    this.#onClosed();
  }

  #refused(reason: string): void {
    this.#host.observe({ kind: 'inbound-refused', reason, remote: this.remote });
  }

  #observe(event: 'opened' | 'released' | 'aborted', isIdle = false): void {
    this.#host.observe({
      kind: 'association',
      peer: this.#peer,
      event,
      direction: 'in',
      associationId: this.id,
      ...(event !== 'opened' && { durationMs: this.#host.clock.now() - this.#connectedAt }),
      ...(event === 'aborted' && isIdle && { idle: true as const }),
    });
  }
}
