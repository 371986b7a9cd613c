import { abortReason, GatewayError, toGatewayError } from '../core/index.js';
import type { AssociationOptions, IdentifiedOptions } from './association-options.js';
import { AssociationReport } from './association-report.js';
import { connectLink, type ByteLink } from './byte-link.js';
import { CommandFields, RESPONSE, responseTo, type CommandSet } from './command-set.js';
import { receiveEventReport } from './commitment-events.js';
import type { Exchange, ExchangeHandler, Operation } from './exchange.js';
import type { NegotiatedOptions } from './extended-negotiation.js';
import { Heard } from './heard.js';
import { MessageChannel } from './message-channel.js';
import type { DatasetSink, IncomingMessage } from './message-reader.js';
import {
  associateRequest,
  negotiationOf,
  rejectionError,
  withRetryAdvice,
  type ContextSet,
  type NegotiatedContexts,
  type Negotiation,
} from './negotiation.js';
import { Operations } from './operations.js';
import type { LinkSecurity } from './secure-link.js';
import type { UserInformation } from './pdu-items.js';
import type { AssociateRequest, AssociationPdu } from './pdu.js';
import { SopClasses } from './uids.js';
import { deadline, watchdogOf } from './watchdog.js';

/** An association that the gateway asked for; one operation at a time, but for C-STOREs. @see PS3.8 9.2 */
export class Association {
  readonly id: string;
  readonly contextSet: ContextSet;
  readonly #options: AssociationOptions;
  readonly #channel: MessageChannel;
  readonly #report: AssociationReport;
  /** What TLS agreed on; undefined without. */
  readonly security: LinkSecurity | undefined;
  readonly localAddress: string | undefined;
  #state: 'requested' | 'open' | 'releasing' | 'closed' = 'requested';
  #negotiated: Negotiation | undefined;
  #answered: ((error: GatewayError | undefined) => void) | undefined;
  #request: AssociateRequest;
  readonly #operations = new Operations();
  /** Whether a retrieve was cancelled on it. */
  wasCancelled = false;
  /** What came so far. */
  readonly heard = new Heard();
  readonly #closeListeners = new Set<() => void>();

  private constructor(link: ByteLink, options: IdentifiedOptions, report: AssociationReport) {
    this.id = options.id;
    this.contextSet = options.contextSet;
    this.#options = options;
    this.#report = report;
    this.security = link.security;
    this.localAddress = link.socket.localAddress;
    this.#request = associateRequest(options.peer, options.contextSet, options.userIdentity);
    this.#channel = new MessageChannel(
      link,
      {
        pdu: (pdu) => {
          this.#pdu(pdu);
        },
        message: (message) => this.#message(message),
        hurries: () => this.#operations.hurries,
        closed: (error) => {
          this.#closed(error);
        },
      },
      {
        maxPduLength: options.peer.maxPduLength,
        sendTimeoutMs: options.peer.timeouts.betweenResponsesMs,
        peer: options.peer.name,
        clock: options.clock,
      },
    );
    report.follow(this.#channel);
  }

  /**
   * Connects and negotiates.
   * @throws GatewayError `internal` when the user identity cannot be read, `peer-unreachable`, `peer-busy`, `peer-rejected`, `peer-aborted`, `peer-protocol`, or the
   *   signal's reason
   */
  static async open(options: AssociationOptions, signal: AbortSignal): Promise<Association> {
    const { id: associationId, requestId, observe, clock } = options;
    const { name: peer, address, timeouts, tls } = options.peer;
    const report = new AssociationReport({ peer, associationId, requestId, observe, clock });
    try {
      const userIdentity = await options.peer.userIdentity?.(signal);
      const link = await connectLink({ ...address, timeoutMs: timeouts.connectMs, signal, tls });
      const association = new Association(link, { ...options, userIdentity }, report);
      await association.#negotiate(signal);
      report.opened();
      return association;
    } catch (thrown) {
      const error = withRetryAdvice(toGatewayError(thrown), peer);
      report.notOpened(error, signal.aborted);
      throw error;
    }
  }

  /** What was negotiated. */
  get contexts(): NegotiatedContexts {
    return this.#negotiation.contexts;
  }

  /** What the peer said of itself. */
  get peerInformation(): UserInformation {
    return this.#negotiation.user;
  }

  /** What came of the extended negotiation: what operations on it mean. */
  get options(): NegotiatedOptions {
    return this.#negotiation.options;
  }

  /** Most C-STOREs that may be under way at one time. @see PS3.7 D.3.3.3 */
  get storesAtOnce(): number {
    return this.#negotiation.storesAtOnce;
  }

  /** Whether messages can be exchanged. */
  get isOpen(): boolean {
    return this.#state === 'open';
  }

  /** Whether a request can begin. */
  get isIdle(): boolean {
    return this.#state === 'open' && this.#operations.size === 0;
  }

  /** Whether the first byte of a message has been sent: the peer waits for the rest of it. */
  get isAhead(): boolean {
    return this.#channel.isAhead;
  }

  /** When the peer was last heard, by the clock; now, while the gateway itself holds it up. */
  get lastHeard(): number {
    return this.#channel.lastHeard;
  }

  /** Calls `listener` once when the association is gone; at once if it is. */
  onClose(listener: () => void): void {
    if (this.#state === 'closed') listener();
    else this.#closeListeners.add(listener);
  }

  /**
   * Sends a request; what comes of it goes to `handler`. Its time-outs run until `finish`.
   * @throws GatewayError `internal` when others are under way and this must wait
   */
  begin(
    contextId: number,
    command: Omit<CommandSet, 'messageId'>,
    dataset: Buffer | AsyncIterable<Buffer> | undefined,
    handler: ExchangeHandler,
  ): Exchange {
    const messageId = this.#operations.nextId(command.commandField, this.storesAtOnce);
    const operation: Operation = {
      messageId,
      commandField: command.commandField,
      handler,
      watchdog: watchdogOf(this.#channel, command.commandField, this.#options),
    };
    if (this.#operations.size === 0) this.#report.busy();
    this.#operations.add(operation);
    const sent = this.#channel.send(contextId, { ...command, messageId }, dataset).then(() => {
      if (this.#operations.find(messageId) === operation) operation.watchdog.watch(handler.patienceMs?.());
    });
    // Whoever does not wait for it hears of a failure through the handler.
    sent.catch(() => undefined);
    return {
      messageId,
      sent,
      touch: () => {
        operation.watchdog.touch();
      },
      hold: () => operation.watchdog.hold(),
      finish: () => {
        this.#finish(operation);
      },
    };
  }

  /** Sends a message that begins no operation: the response to a sub-operation, or C-CANCEL. */
  async send(contextId: number, command: CommandSet): Promise<void> {
    const isCancel = command.commandField === CommandFields.cCancelRequest;
    const { only } = this.#operations;
    if (isCancel && only?.commandField !== CommandFields.cFindRequest) this.wasCancelled = true;
    await this.#channel.send(contextId, command);
  }

  /** There is another request that may follow: see `ExchangeHandler.hurries`. */
  hurry(): void {
    this.#channel.hurry();
  }

  /** Releases, or aborts when the peer does not answer. Never rejects. */
  async release(): Promise<void> {
    if (this.#state !== 'open') return;
    if (this.#operations.size > 0 || this.isAhead) {
      this.abort(new GatewayError('cancelled', 'The operation was given up.'));
      return;
    }
    this.#state = 'releasing';
    this.#channel.sendPdu({ kind: 'release-request' });
    const { clock, peer } = this.#options;
    const cancel = deadline(clock, peer.timeouts.associationMs, () => {
      this.abort(
        new GatewayError('peer-timeout', 'The peer did not answer the release.', { peer: peer.name }),
      );
    });
    await new Promise<void>((resolve) => {
      this.onClose(resolve);
    });
    cancel();
  }

  /** Sends A-ABORT and closes; an operation under way fails with `error`. */
  abort(error: GatewayError): void {
    this.#channel.abort(error);
  }

  get #negotiation(): Negotiation {
    if (!this.#negotiated) throw new GatewayError('internal', 'The association is not negotiated.');
    return this.#negotiated;
  }

  async #negotiate(signal: AbortSignal): Promise<void> {
    const { clock, peer } = this.#options;
    const onAbort = (): void => {
      this.abort(abortReason(signal));
    };
    const cancel = deadline(clock, peer.timeouts.associationMs, () => {
      this.abort(new GatewayError('peer-unreachable', 'The peer did not answer the association request.'));
    });
    signal.addEventListener('abort', onAbort, { once: true });
    try {
      const error = await new Promise<GatewayError | undefined>((resolve) => {
        this.#answered = resolve;
        this.#channel.sendPdu(this.#request);
      });
      if (error) throw error;
    } finally {
      cancel();
      signal.removeEventListener('abort', onAbort);
    }
  }

  #pdu(pdu: AssociationPdu): void {
    switch (pdu.kind) {
      case 'associate-accept':
      case 'associate-reject':
        this.#answer(pdu);
        return;
      case 'release-request':
        this.#releaseAsked();
        return;
      case 'release-response':
        if (this.#state !== 'releasing') throw this.#outOfOrder();
        this.#channel.end();
        return;
      case 'abort':
        this.#channel.fail(this.#gone('The peer aborted the association.'));
        return;
      case 'associate-request':
        throw this.#outOfOrder();
    }
  }

  #answer(pdu: Extract<AssociationPdu, { kind: 'associate-accept' | 'associate-reject' }>): void {
    if (this.#state !== 'requested') throw this.#outOfOrder();
    if (pdu.kind === 'associate-reject') {
      this.#channel.fail(rejectionError(pdu, this.#options.peer.name, this.#request));
      return;
    }
    this.#negotiated = negotiationOf(this.#request, pdu, this.#options.peer.name);
    const ids = this.#negotiated.contexts.accepted.map(({ id }) => id);
    this.#channel.open(new Set(ids), pdu.user.maxPduLength);
    this.#state = 'open';
    this.#answered?.(undefined);
  }

  /** In a collision the requestor answers first and goes on waiting for its own response. @see PS3.8 7.2.2.7 */
  #releaseAsked(): void {
    if (this.#state === 'requested') throw this.#outOfOrder();
    this.#channel.sendPdu({ kind: 'release-response' });
    if (this.#state === 'releasing') return;
    if (this.#operations.size > 0) {
      this.#channel.fail(this.#gone('The peer released the association in the middle of its answer.'));
    } else this.#channel.end();
  }

  #message(message: IncomingMessage): DatasetSink | undefined {
    this.heard.came();
    const { command } = message;
    if ((command.commandField & RESPONSE) === 0) {
      const { only } = this.#operations;
      if (only?.handler.request) return only.handler.request(message);
      if (command.commandField === CommandFields.nEventReportRequest) return this.#event(message);
      throw this.#violation('a request that nothing led to');
    }
    const id = command.messageIdBeingRespondedTo ?? 0;
    const operation = this.#operations.find(id);
    if (operation) {
      if (command.commandField !== (operation.commandField | RESPONSE))
        throw this.#violation('another kind of response');
      return operation.handler.response(command, message.hasDataset);
    }
    // A response more after the last one is a known fault of peers; one to what was never asked is not.
    if (this.#operations.wasUsed(id)) return undefined;
    throw this.#violation('a response to a message that it was not sent');
  }

  /** The report of storage commitment may come on the association of the request. */
  #event({ contextId, command, hasDataset }: IncomingMessage): DatasetSink {
    const { events, peer } = this.#options;
    const context = this.contexts.accepted.find(({ id }) => id === contextId);
    const isReport = hasDataset && context?.abstractSyntax === SopClasses.storageCommitment;
    if (!events || !isReport) throw this.#violation('an event that nothing led to');
    // Where the response cannot be sent the channel has closed, which tells why.
    const respond = (status: number): Promise<void> =>
      this.#channel.send(contextId, responseTo(command, status)).catch(() => undefined);
    return receiveEventReport(command, { events, context, peers: [peer.name], respond });
  }

  #finish(operation: Operation): void {
    operation.watchdog.stop();
    if (this.#operations.remove(operation) && this.#operations.size === 0) this.#report.rested();
  }

  #closed(error: GatewayError | undefined): void {
    const before = this.#state;
    this.#state = 'closed';
    this.#report.rested();
    const failure = error ?? this.#gone('The peer released the association.');
    if (before === 'requested') this.#answered?.(failure);
    else this.#report.closed(error, this.#operations.size > 0);
    for (const { watchdog, handler } of this.#operations.takeAll()) {
      watchdog.stop();
      handler.failed(failure);
    }
    for (const listener of this.#closeListeners) listener();
    this.#closeListeners.clear();
  }

  #gone(message: string): GatewayError {
    return new GatewayError('peer-aborted', message, { peer: this.#options.peer.name });
  }

  #outOfOrder(): GatewayError {
    return this.#violation('an association PDU out of order');
  }

  #violation(what: string): GatewayError {
    return new GatewayError('peer-protocol', `The peer sent ${what}.`, { peer: this.#options.peer.name });
  }
}
