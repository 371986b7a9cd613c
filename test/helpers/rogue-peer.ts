/**
 * A scripted DICOM peer that does what it is told, right or wrong, byte for byte.
 *
 *     const peer = await startRoguePeer({
 *       onFind: [pending({ StudyInstanceUID: '1.2.3' }), cutAfter(20), pending({ StudyInstanceUID: '1.2.4' })],
 *       onGet: [store(makeInstance()), progress({ remaining: 1 }), store(makeInstance()), final()],
 *     });
 *     ... peer.address, peer.events, await peer.waitFor('C-CANCEL-RQ') ...
 *     await peer.close();
 *
 * A script is a list of steps; a step is a function of the running operation, so a test may write its own. A script
 * that ends without `final` leaves the requestor waiting. It shares no code with `src/`.
 */
import { once } from 'node:events';
import net from 'node:net';
import tls from 'node:tls';

import {
  decodeAssociateAc,
  decodeAssociateRq,
  decodeAttributes,
  decodeCommand,
  encodeAbort,
  encodeAssociateAc,
  encodeAssociateRj,
  encodeAssociateRq,
  encodeAttributes,
  encodeCommand,
  encodeReleaseRp,
  encodeReleaseRq,
  encodingOf,
  pdu,
  pdvs,
  Uids,
  type AssociateAc,
  type AssociateRq,
  type Attributes,
  type CommandFields,
  type ContextResult,
  type Extended,
  type ProposedContext,
  type ReceivedCommand,
  type RogueIdentity,
  type Role,
  type Shape,
} from './rogue-peer-wire.js';

export {
  encodeAbort,
  encodeAssociateRq,
  encodeAttributes,
  encodeElement,
  pdu,
  pdv,
  Uids,
} from './rogue-peer-wire.js';
import { PATIENCE_MS } from './patience.js';
export type { AssociateRq, Attributes, ReceivedCommand, Shape } from './rogue-peer-wire.js';

const CALLING = { aeTitle: 'ROGUE', implementation: 'ROGUE' };
const CANCEL_RQ = 0x0fff;
const RESPONSE = 0x8000;

// ---------------------------------------------------------------------------------------------------------------
// Instances

/** A composite instance as bytes; `dataset` may be made up on the fly, so that its size costs no memory. */
export interface RogueInstance {
  readonly sopClassUid: string;
  readonly sopInstanceUid: string;
  readonly studyInstanceUid: string;
  readonly seriesInstanceUid: string;
  readonly transferSyntaxUid: string;
  readonly dataset: Buffer | Iterable<Buffer>;
}

let instances = 0;

/** A small CT image with UIDs of its own; `extra` attributes win over the made-up ones. */
export function makeInstance(
  options: Partial<Omit<RogueInstance, 'dataset'>> & {
    readonly pixelBytes?: number;
    readonly extra?: Attributes;
  } = {},
): RogueInstance & { readonly dataset: Buffer } {
  instances += 1;
  const identity = {
    sopClassUid: options.sopClassUid ?? Uids.ctImageStorage,
    sopInstanceUid: options.sopInstanceUid ?? `2.25.77.3.${instances}`,
    studyInstanceUid: options.studyInstanceUid ?? '2.25.77.1',
    seriesInstanceUid: options.seriesInstanceUid ?? '2.25.77.2',
    transferSyntaxUid: options.transferSyntaxUid ?? Uids.explicitLittleEndian,
  };
  const pixels = Buffer.alloc(options.pixelBytes ?? 512, instances & 0xff);
  const encoding = encodingOf(identity.transferSyntaxUid);
  const encapsulated = encoding === 'explicit' && identity.transferSyntaxUid !== Uids.explicitLittleEndian;
  const head = encodeAttributes(
    {
      SOPClassUID: identity.sopClassUid,
      SOPInstanceUID: identity.sopInstanceUid,
      Modality: 'CT',
      PatientID: 'ROGUE',
      StudyInstanceUID: identity.studyInstanceUid,
      SeriesInstanceUID: identity.seriesInstanceUid,
      InstanceNumber: String(instances),
      SamplesPerPixel: 1,
      PhotometricInterpretation: 'MONOCHROME2',
      Rows: 1,
      Columns: Math.min(pixels.length >> 1, 0xffff),
      BitsAllocated: 16,
      BitsStored: 16,
      HighBit: 15,
      PixelRepresentation: 0,
      ...(encapsulated ? {} : { '7FE00010:OW': pixels }),
      ...options.extra,
    },
    encoding,
  );
  return { ...identity, dataset: encapsulated ? Buffer.concat([head, encapsulate(pixels)]) : head };
}

/** Pixel Data of undefined length: an empty offset table, one fragment, the delimiter. */
function encapsulate(fragment: Buffer): Buffer {
  const start = Buffer.from('e07f10004f420000ffffffff', 'hex');
  const emptyTable = Buffer.from('feff00e000000000', 'hex');
  const header = Buffer.from('feff00e000000000', 'hex');
  header.writeUInt32LE(fragment.length, 4);
  return Buffer.concat([start, emptyTable, header, fragment, Buffer.from('feffdde000000000', 'hex')]);
}

// ---------------------------------------------------------------------------------------------------------------
// One association, either side

export interface RogueMessage {
  readonly contextId: number;
  readonly command: ReceivedCommand;
  /** Empty when there is none, or when the peer was told to discard. */
  readonly dataset: Buffer;
  readonly datasetBytes: number;
}

export type RogueEvent = { readonly association: number } & (
  | { readonly type: 'connected' | 'release-rq' | 'release-rp' | 'closed' }
  | { readonly type: 'associate-rq'; readonly request: AssociateRq }
  | { readonly type: 'associate-ac'; readonly answer: AssociateAc }
  | { readonly type: 'associate-rj' | 'abort'; readonly body: Buffer }
  | { readonly type: 'message'; readonly name: string; readonly message: RogueMessage }
  | { readonly type: 'unreadable'; readonly pduType: number }
);

interface Assembly {
  command: Buffer[];
  dataset: Buffer[];
  datasetBytes: number;
  decoded: ReceivedCommand | undefined;
}

interface PromiseWithReject<T> {
  readonly resolve: (value: T) => void;
  readonly reject: (error: Error) => void;
}

type Listener = (event: RogueEvent, association: RogueAssociation) => void;

/** Events of a peer or of associations, and a way to wait for them. */
export class RogueRecord {
  readonly events: RogueEvent[] = [];
  readonly #wakers = new Set<() => void>();

  add(event: RogueEvent): void {
    this.events.push(event);
    for (const wake of this.#wakers) wake();
  }

  /** Events of one type, or messages of one name (`C-CANCEL-RQ`). */
  of(typeOrName: string): RogueEvent[] {
    return this.events.filter((event) => matchesName(event, typeOrName));
  }

  /** Received messages of one name (`C-STORE-RSP`). */
  messages(name: string): RogueMessage[] {
    return this.events.flatMap((event) =>
      event.type === 'message' && event.name === name ? [event.message] : [],
    );
  }

  /** Resolves when `count` such events are there; rejects after `timeoutMs` with what there was instead. */
  async waitFor(
    what: string | ((event: RogueEvent) => boolean),
    count = 1,
    timeoutMs = PATIENCE_MS,
  ): Promise<RogueEvent> {
    const matches = typeof what === 'string' ? (e: RogueEvent) => matchesName(e, what) : what;
    const deadline = performance.now() + timeoutMs;
    for (;;) {
      const found = this.events.filter(matches)[count - 1];
      if (found) return found;
      const left = deadline - performance.now();
      if (left <= 0) throw new Error(`rogue peer: no ${String(what)}; saw ${this.summary()}`);
      await this.#change(left);
    }
  }

  summary(): string {
    return this.events.map((e) => `${e.association}:${e.type === 'message' ? e.name : e.type}`).join(' ');
  }

  #change(timeoutMs: number): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        clearTimeout(timer);
        this.#wakers.delete(wake);
        resolve();
      };
      const timer = setTimeout(wake, timeoutMs);
      this.#wakers.add(wake);
    });
  }
}

function matchesName(event: RogueEvent, typeOrName: string): boolean {
  return event.type === typeOrName || (event.type === 'message' && event.name === typeOrName);
}

/** An association seen from its bytes. Nothing is checked and nothing is answered but by who holds it. */
export class RogueAssociation {
  readonly id: number;
  readonly socket: net.Socket;
  readonly record: RogueRecord;
  /** How everything from now on is cut up. */
  shape: Shape = {};
  discardDatasets = false;
  /** What the other side proposed (acceptor) or what we proposed (requestor). */
  proposed: readonly ProposedContext[] = [];
  /** Accepted contexts by id. */
  readonly accepted = new Map<number, { readonly abstractSyntax: string; readonly transferSyntax: string }>();
  theirMaxPduLength = 16_384;
  readonly #listener: Listener;
  #input: Buffer = Buffer.alloc(0);
  readonly #assembly = new Map<number, Assembly>();
  #writing: Promise<void> = Promise.resolve();
  #sent = 0;
  #budget = Number.POSITIVE_INFINITY;
  #messageId = 0;
  readonly #waiting = new Map<number, PromiseWithReject<RogueMessage>>();

  constructor(id: number, socket: net.Socket, record: RogueRecord, listener: Listener) {
    this.id = id;
    this.socket = socket;
    this.record = record;
    this.#listener = listener;
    socket.on('error', () => undefined);
    socket.on('data', (chunk) => {
      this.#read(chunk);
    });
    socket.on('close', () => {
      for (const { reject } of this.#waiting.values())
        reject(new Error('rogue peer: closed before the response'));
      this.#emit({ association: id, type: 'closed' });
    });
    this.#emit({ association: id, type: 'connected' });
  }

  get closed(): boolean {
    return this.socket.destroyed;
  }

  nextMessageId(): number {
    this.#messageId = (this.#messageId % 0xffff) + 1;
    return this.#messageId;
  }

  /** Sends bytes as they are, cut by the shape, after all that was sent before. */
  write(bytes: Buffer): Promise<void> {
    this.#writing = this.#writing.then(() => this.#writeCut(bytes));
    return this.#writing;
  }

  /** Sends a message; concurrent messages do not mix. */
  send(contextId: number, command: CommandFields, dataset?: Buffer | Iterable<Buffer>): Promise<void> {
    const bytes = encodeCommand({ dataSetType: dataset === undefined ? 0x0101 : 0x0001, ...command });
    const chunks = Buffer.isBuffer(dataset) ? [dataset] : dataset;
    this.#writing = this.#writing.then(() => this.#writeMessage(contextId, bytes, chunks));
    return this.#writing;
  }

  /** Sends a request and resolves with its (first) response; rejects when the connection closes before. */
  async request(
    contextId: number,
    command: CommandFields,
    dataset?: Buffer | Iterable<Buffer>,
  ): Promise<RogueMessage> {
    const messageId = command.messageId ?? this.nextMessageId();
    const response = new Promise<RogueMessage>((resolve, reject) => {
      if (this.closed) reject(new Error('rogue peer: the association is closed'));
      this.#waiting.set(messageId, { resolve, reject });
    });
    response.catch(() => undefined);
    await this.send(contextId, { ...command, messageId }, dataset);
    return await response;
  }

  /** The id of an accepted context for an abstract syntax. */
  contextFor(abstractSyntax: string, transferSyntax?: string): number | undefined {
    for (const [id, context] of this.accepted) {
      const fits = transferSyntax === undefined || context.transferSyntax === transferSyntax;
      if (fits && context.abstractSyntax === abstractSyntax) return id;
    }
    return undefined;
  }

  /** From now on `bytes` more go out; then the socket is destroyed. */
  cutAfter(bytes: number): void {
    this.#budget = bytes;
  }

  abort(source = 0, reason = 0): void {
    void this.write(encodeAbort(source, reason)).then(() => this.socket.end());
  }

  drop(): void {
    this.socket.destroy();
  }

  /** Connection reset, as a killed process or a firewall gives. */
  reset(): void {
    this.socket.resetAndDestroy();
  }

  /** Asks for release and waits for the answer. */
  async release(): Promise<void> {
    if (this.closed) return;
    await this.write(encodeReleaseRq());
    await this.record.waitFor(
      (e) => e.association === this.id && (e.type === 'release-rp' || e.type === 'closed'),
    );
    this.socket.destroy();
  }

  async #writeMessage(contextId: number, command: Buffer, chunks?: Iterable<Buffer>): Promise<void> {
    const limit = this.theirMaxPduLength === 0 ? 16_000 : this.theirMaxPduLength - 6;
    const shape = { ...this.shape, fragmentBytes: Math.min(this.shape.fragmentBytes ?? 16_000, limit) };
    await this.#writePdvs(messagePdvs(contextId, command, chunks, shape), shape);
  }

  async #writePdvs(values: Iterable<Buffer>, shape: Shape): Promise<void> {
    let group: Buffer[] = [];
    for (const value of values) {
      group.push(value);
      if (group.length < (shape.pdvsPerPdu ?? 1)) continue;
      await this.#writeCut(pdu(4, Buffer.concat(group)));
      if (this.closed) return;
      group = [];
    }
    if (group.length > 0) await this.#writeCut(pdu(4, Buffer.concat(group)));
  }

  async #writeCut(bytes: Buffer): Promise<void> {
    const size = this.shape.writeBytes ?? bytes.length;
    for (let offset = 0; offset < bytes.length; offset += size) {
      if (!this.socket.writable) return;
      if (this.shape.dripMs !== undefined) await delay(this.shape.dripMs);
      else if (this.shape.writeBytes !== undefined) await new Promise((resolve) => setImmediate(resolve));
      const { pauseAt } = this.shape;
      if (pauseAt && this.#sent >= pauseAt.bytes) await pauseAt.until;
      const piece = bytes.subarray(offset, Math.min(offset + size, offset + this.#budget, bytes.length));
      this.#budget -= piece.length;
      this.#sent += piece.length;
      const roomLeft = this.socket.write(piece);
      if (this.#budget <= 0) this.socket.destroySoon();
      else if (!roomLeft) await this.#drained();
    }
  }

  #drained(): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        this.socket.off('drain', done).off('close', done);
        resolve();
      };
      this.socket.on('drain', done).on('close', done);
      if (this.closed) done();
    });
  }

  #emit(event: RogueEvent): void {
    this.record.add(event);
    this.#listener(event, this);
  }

  #read(chunk: Buffer): void {
    this.#input = this.#input.length === 0 ? chunk : Buffer.concat([this.#input, chunk]);
    while (this.#input.length >= 6) {
      const end = 6 + this.#input.readUInt32BE(2);
      if (this.#input.length < end) return;
      const type = this.#input.readUInt8(0);
      const body = this.#input.subarray(6, end);
      this.#input = this.#input.subarray(end);
      this.#dispatch(type, body);
    }
  }

  #dispatch(type: number, body: Buffer): void {
    const association = this.id;
    if (type === 1) this.#emit({ association, type: 'associate-rq', request: this.#learn(body) });
    else if (type === 2) this.#emit({ association, type: 'associate-ac', answer: this.#accept(body) });
    else if (type === 3) this.#emit({ association, type: 'associate-rj', body });
    else if (type === 4) this.#data(body);
    else if (type === 5) this.#emit({ association, type: 'release-rq' });
    else if (type === 6) this.#emit({ association, type: 'release-rp' });
    else if (type === 7) this.#emit({ association, type: 'abort', body });
    else this.#emit({ association, type: 'unreadable', pduType: type });
  }

  #learn(body: Buffer): AssociateRq {
    const request = decodeAssociateRq(body);
    this.proposed = request.contexts;
    this.theirMaxPduLength = request.maxPduLength;
    return request;
  }

  #accept(body: Buffer): AssociateAc {
    const answer = decodeAssociateAc(body);
    this.theirMaxPduLength = answer.maxPduLength;
    for (const { id, result, transferSyntax } of answer.contexts) {
      const abstractSyntax = this.proposed.find((context) => context.id === id)?.abstractSyntax ?? '';
      if (result === 0) this.accepted.set(id, { abstractSyntax, transferSyntax });
    }
    return answer;
  }

  #data(body: Buffer): void {
    let offset = 0;
    while (offset + 6 <= body.length) {
      const end = offset + 4 + body.readUInt32BE(offset);
      this.#fragment(body.readUInt8(offset + 4), body.readUInt8(offset + 5), body.subarray(offset + 6, end));
      offset = end;
    }
  }

  #fragment(contextId: number, control: number, bytes: Buffer): void {
    const assembly = this.#assembly.get(contextId) ?? {
      command: [],
      dataset: [],
      datasetBytes: 0,
      decoded: undefined,
    };
    this.#assembly.set(contextId, assembly);
    const last = (control & 2) !== 0;
    if ((control & 1) !== 0) {
      assembly.command.push(Buffer.from(bytes));
      if (!last) return;
      assembly.decoded = decodeCommand(Buffer.concat(assembly.command));
      if (assembly.decoded.hasDataset) return;
    } else {
      assembly.datasetBytes += bytes.length;
      if (!this.discardDatasets) assembly.dataset.push(Buffer.from(bytes));
      if (!last) return;
    }
    this.#assembly.delete(contextId);
    if (assembly.decoded) this.#deliver(contextId, assembly, assembly.decoded);
  }

  #deliver(contextId: number, assembly: Assembly, command: ReceivedCommand): void {
    const dataset = Buffer.concat(assembly.dataset);
    const message = { contextId, command, dataset, datasetBytes: assembly.datasetBytes };
    const answered = command.messageIdRespondedTo;
    const waiting = answered === undefined ? undefined : this.#waiting.get(answered);
    if (waiting && answered !== undefined) {
      this.#waiting.delete(answered);
      waiting.resolve(message);
    }
    this.#emit({ association: this.id, type: 'message', name: command.name, message });
  }
}

function* messagePdvs(
  contextId: number,
  command: Buffer,
  chunks: Iterable<Buffer> | undefined,
  shape: Shape,
): Generator<Buffer> {
  yield* pdvs(contextId, 'command', [command], shape);
  if (chunks) yield* pdvs(contextId, 'dataset', chunks, shape);
}

const delay = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

// ---------------------------------------------------------------------------------------------------------------
// The requestor's side: sub-operations of a C-MOVE, and whatever a test wants to send to a storage SCP

export interface RogueRequest {
  readonly host: string;
  readonly port: number;
  readonly callingAeTitle?: string;
  readonly calledAeTitle?: string;
  readonly roles?: readonly Role[];
  readonly contexts?: readonly (readonly [abstractSyntax: string, ...transferSyntaxes: string[]])[];
  readonly maxPduLength?: number;
  readonly record?: RogueRecord;
  /** What to ask on, in place of a connection of its own. */
  readonly over?: net.Socket;
  readonly userIdentity?: RogueIdentity;
}

/** What `store` may say otherwise than it is. */
export interface StoreLies {
  readonly messageId?: number;
  readonly contextId?: number;
  readonly sopClassUid?: string;
  readonly sopInstanceUid?: string;
  readonly moveOriginatorAeTitle?: string;
  readonly moveOriginatorMessageId?: number;
  readonly dataset?: Buffer | Iterable<Buffer>;
}

let requested = 1000;

/** A TCP connection that says nothing by itself. */
export async function connectRogue(
  { host, port }: { readonly host: string; readonly port: number },
  record = new RogueRecord(),
): Promise<RogueAssociation> {
  const socket = net.connect({ host, port, noDelay: true });
  await once(socket, 'connect');
  return rogueOn(socket, record);
}

/** The same over a connection that a test has made itself, such as one by TLS. */
function rogueOn(socket: net.Socket, record = new RogueRecord()): RogueAssociation {
  requested += 1;
  return new RogueAssociation(requested, socket, record, () => undefined);
}

/** The A-ASSOCIATE-RQ that `openRogueAssociation` would send. */
export function associateRequest(request: Omit<RogueRequest, 'host' | 'port' | 'record'>): AssociateRq {
  const contexts = request.contexts ?? [[Uids.verification, Uids.implicitLittleEndian]];
  return {
    callingAeTitle: request.callingAeTitle ?? CALLING.aeTitle,
    calledAeTitle: request.calledAeTitle ?? 'GATEWAY',
    maxPduLength: request.maxPduLength ?? 16_384,
    roles: request.roles ?? [],
    ...(request.userIdentity && { userIdentity: request.userIdentity }),
    contexts: contexts.map(([abstractSyntax, ...transferSyntaxes], index) => ({
      id: index * 2 + 1,
      abstractSyntax,
      transferSyntaxes,
    })),
  };
}

/**
 * Opens an association. Resolves once it was answered: look at `accepted`, which stays empty after a rejection.
 */
export async function openRogueAssociation(request: RogueRequest): Promise<RogueAssociation> {
  const association = request.over
    ? rogueOn(request.over, request.record)
    : await connectRogue(request, request.record);
  const rq = associateRequest(request);
  association.proposed = rq.contexts;
  await association.write(encodeAssociateRq(rq));
  await association.record.waitFor(
    (e) =>
      e.association === association.id &&
      ['associate-ac', 'associate-rj', 'abort', 'closed'].includes(e.type),
  );
  return association;
}

/** Sends one instance on an open association and resolves with the status of the answer. */
export async function storeOn(
  association: RogueAssociation,
  instance: RogueInstance,
  lies: StoreLies = {},
): Promise<number> {
  const contextId =
    lies.contextId ?? association.contextFor(instance.sopClassUid, instance.transferSyntaxUid) ?? 1;
  const response = await association.request(
    contextId,
    {
      commandField: 0x0001,
      messageId: lies.messageId,
      affectedSopClassUid: lies.sopClassUid ?? instance.sopClassUid,
      affectedSopInstanceUid: lies.sopInstanceUid ?? instance.sopInstanceUid,
      priority: 0,
      moveOriginatorAeTitle: lies.moveOriginatorAeTitle,
      moveOriginatorMessageId: lies.moveOriginatorMessageId,
    },
    lies.dataset ?? instance.dataset,
  );
  return response.command.status ?? -1;
}

// ---------------------------------------------------------------------------------------------------------------
// Answering an A-ASSOCIATE-RQ

export type AssociateStep = (
  association: RogueAssociation,
  request: AssociateRq,
  peer: RoguePeer,
) => void | Promise<void>;

export interface AcceptOptions {
  /** Only these abstract syntaxes; default all. */
  readonly sopClasses?: readonly string[];
  /** None of these. */
  readonly refused?: readonly string[];
  /** Only these, in this order of preference; default: the first that is proposed. */
  readonly transferSyntaxes?: readonly string[];
  /** Default: as proposed. */
  readonly roles?: readonly Role[];
  readonly maxPduLength?: number;
  /** What is returned of the extended negotiation; default: nothing, as by most peers. */
  readonly extended?: (proposed: readonly Extended[]) => readonly Extended[];
  /** Most operations at one time that the requestor may invoke, 0 for any number; default: the item is not answered. */
  readonly operationsAtOnce?: number;
  /** What is answered to a user identity; default: nothing, as by most peers. */
  readonly identityResponse?: Buffer;
  /** Changes the answer at will: other ids, contexts nobody proposed, ... */
  readonly tamper?: (contexts: readonly ContextResult[]) => readonly ContextResult[];
}

function judge(context: ProposedContext, options: AcceptOptions): ContextResult {
  const { id, abstractSyntax, transferSyntaxes } = context;
  const [first = ''] = transferSyntaxes;
  const isAllowed = options.sopClasses?.includes(abstractSyntax) ?? true;
  if (!isAllowed || options.refused?.includes(abstractSyntax)) {
    return { id, result: 3, transferSyntax: first };
  }
  const chosen = options.transferSyntaxes
    ? options.transferSyntaxes.find((uid) => transferSyntaxes.includes(uid))
    : first;
  return { id, result: chosen === undefined ? 4 : 0, transferSyntax: chosen ?? first };
}

/** Accepts what fits. */
export function accept(options: AcceptOptions = {}): AssociateStep {
  return async (association, request) => {
    const honest = request.contexts.map((context) => judge(context, options));
    const contexts = options.tamper?.(honest) ?? honest;
    for (const { id, result, transferSyntax } of contexts) {
      const abstractSyntax = request.contexts.find((context) => context.id === id)?.abstractSyntax ?? '';
      if (result === 0) association.accepted.set(id, { abstractSyntax, transferSyntax });
    }
    const { callingAeTitle, calledAeTitle } = request;
    const roles = options.roles ?? request.roles;
    const maxPduLength = options.maxPduLength ?? 16_384;
    const extended = options.extended?.(request.extended ?? []) ?? [];
    const { operationsAtOnce } = options;
    await association.write(
      encodeAssociateAc({
        ...{ callingAeTitle, calledAeTitle, roles, contexts, maxPduLength, extended },
        ...(request.asyncWindow &&
          operationsAtOnce !== undefined && { asyncWindow: [operationsAtOnce, 1] as const }),
        identityResponse: options.identityResponse,
      }),
    );
  };
}

/** Accepts, and does what it is told once `bytes` more have come: in the middle of a dataset, say. */
export function acceptUntil(bytes: number, then: (association: RogueAssociation) => void): AssociateStep {
  return async (association, request, peer) => {
    let left = bytes;
    association.socket.on('data', (chunk: Buffer) => {
      const isReached = left > 0 && left <= chunk.length;
      left -= chunk.length;
      if (isReached) then(association);
    });
    await accept()(association, request, peer);
  };
}

/** Returns these bytes for each SOP class that extended negotiation is proposed for, 1 where it proposes 1. */
export function returning(...most: readonly number[]): NonNullable<AcceptOptions['extended']> {
  return (proposed) =>
    proposed.map(({ sopClassUid, information }) => ({
      sopClassUid,
      information: Buffer.from(most.map((byte, index) => byte & (information[index] ?? 0))),
    }));
}

/** Accepts what fits, but nothing of the Study Root model. */
export function acceptPatientRoot(options: AcceptOptions = {}): AssociateStep {
  return accept({ ...options, refused: [Uids.studyRootFind, Uids.studyRootGet, Uids.studyRootMove] });
}

/** Does with an association that proposes extended negotiation what it is told, and accepts the others. */
export function unlessExtended(step: AssociateStep): AssociateStep {
  const acceptOthers = accept();
  return (association, request, peer) =>
    ((request.extended ?? []).length > 0 ? step : acceptOthers)(association, request, peer);
}

/** A-ASSOCIATE-RJ; by default permanent, service user, calling AE title not recognised. @see PS3.8 9.3.4 */
export function reject(
  result: 'transient' | 'permanent' = 'permanent',
  source = result === 'transient' ? 3 : 1,
  reason = result === 'transient' ? 1 : 3,
): AssociateStep {
  return (association) =>
    association.write(encodeAssociateRj(result === 'transient' ? 2 : 1, source, reason));
}

/** Any bytes in place of an answer. */
export function answerWith(bytes: Buffer): AssociateStep {
  return (association) => association.write(bytes);
}

/** No answer; the connection stays open. Also a step of a script: whatever follows is not run. */
export function silence(): () => Promise<void> {
  return () => new Promise<void>(() => undefined);
}

// ---------------------------------------------------------------------------------------------------------------
// Operations

export interface Counters {
  remaining?: number | undefined;
  completed?: number | undefined;
  failed?: number | undefined;
  warning?: number | undefined;
}

/** A request being answered. */
export interface RogueOperation {
  readonly peer: RoguePeer;
  readonly association: RogueAssociation;
  readonly contextId: number;
  readonly request: ReceivedCommand;
  readonly dataset: Buffer;
  /** Top-level values of the identifier by tag. */
  readonly identifier: ReadonlyMap<number, string>;
  /** Resolves when a C-CANCEL for this request came. */
  readonly cancelled: Promise<void>;
  readonly isCancelled: boolean;
  /** What the sub-operations so far came to. */
  readonly counted: { completed: number; failed: number; warning: number };
  readonly failedUids: string[];
  /** Associations to the move destination. */
  readonly outbound: RogueAssociation[];
  /** Sub-operations sent with `wait: false`. */
  readonly outstanding: Promise<unknown>[];
  respond(fields: Partial<CommandFields>, dataset?: Buffer | Attributes): Promise<void>;
}

export type Step = (operation: RogueOperation) => unknown;
export type Script =
  readonly Step[] | ((request: ReceivedCommand, identifier: ReadonlyMap<number, string>) => readonly Step[]);

/** One pending answer of a C-FIND. */
export function pending(row: Attributes | Buffer, status = 0xff00): Step {
  return (operation) => operation.respond({ status }, row);
}

/** Pending answers without end until the C-CANCEL comes (or `most` of them), then status FE00. */
export function pendingUntilCancelled(row: (index: number) => Attributes, most = 1_000_000): Step {
  return async (operation) => {
    for (let index = 0; index < most && !operation.isCancelled && !operation.association.closed; index += 1) {
      await operation.respond({ status: 0xff00 }, row(index));
      await new Promise((resolve) => setImmediate(resolve));
    }
    await operation.respond({ status: 0xfe00 });
  };
}

/** A pending answer of a C-GET or C-MOVE; counters by what happened unless said otherwise. */
export function progress(counters: Counters = {}): Step {
  return (operation) =>
    operation.respond({ status: 0xff00, ...operation.counted, remaining: 0, ...counters });
}

/**
 * The final answer: for retrieves with the counters by what happened and the list of failed UIDs, unless said
 * otherwise; `status` by default 0000, or B000 when a sub-operation failed.
 */
export function final(
  status?: number,
  options: Counters & {
    readonly failedUids?: readonly string[];
    readonly errorComment?: string;
    readonly identifier?: Attributes | Buffer;
  } = {},
): Step {
  return async (operation) => {
    const { failedUids = operation.failedUids, identifier, ...counters } = options;
    const isFind = operation.request.commandField === 0x0020;
    const list = isFind || failedUids.length === 0 ? undefined : failedUids.join('\\');
    await operation.respond(
      {
        status: status ?? (operation.counted.failed > 0 ? 0xb000 : 0),
        ...(isFind ? {} : operation.counted),
        ...counters,
      },
      identifier ?? (list === undefined ? undefined : { FailedSOPInstanceUIDList: list }),
    );
  };
}

/** A C-STORE sub-operation: on the same association for C-GET, to the move destination for C-MOVE. */
export function store(
  instance: RogueInstance,
  options: StoreLies & {
    /** False: go on without waiting for the C-STORE-RSP. */
    readonly wait?: boolean;
    /** False: without (0000,1030) and (0000,1031), as many peers do. */
    readonly originator?: boolean;
  } = {},
): Step {
  return async (operation) => {
    const isMove = operation.request.commandField === 0x0021;
    const association = isMove ? await outboundFor(operation, instance) : operation.association;
    const originator =
      isMove && options.originator !== false
        ? {
            moveOriginatorAeTitle: operation.peer.callingAeTitleOf(operation.association),
            moveOriginatorMessageId: operation.request.messageId ?? 0,
          }
        : {};
    const stored = storeOn(association, instance, { ...originator, ...options }).then((status) => {
      count(operation, status, instance.sopInstanceUid);
    });
    stored.catch(() => undefined);
    if (options.wait === false) operation.outstanding.push(stored);
    else await stored;
  };
}

/** One association to the move destination for several instances; without it `store` opens one a context. */
export function connectDestination(...instances: readonly RogueInstance[]): Step {
  return (operation) => connectOutbound(operation, instances);
}

function count(operation: RogueOperation, status: number, sopInstanceUid: string): void {
  if (status === 0) operation.counted.completed += 1;
  else if (status >> 12 === 0xb) operation.counted.warning += 1;
  else {
    operation.counted.failed += 1;
    operation.failedUids.push(sopInstanceUid);
  }
}

async function outboundFor(operation: RogueOperation, instance: RogueInstance): Promise<RogueAssociation> {
  const { sopClassUid, transferSyntaxUid } = instance;
  const ready = operation.outbound.find(
    (a) => !a.closed && a.contextFor(sopClassUid, transferSyntaxUid) !== undefined,
  );
  return ready ?? (await connectOutbound(operation, [instance]));
}

async function connectOutbound(
  operation: RogueOperation,
  instances: readonly RogueInstance[],
): Promise<RogueAssociation> {
  const contexts = new Map(
    instances.map(({ sopClassUid, transferSyntaxUid }) => [
      sopClassUid + transferSyntaxUid,
      [sopClassUid, transferSyntaxUid] as const,
    ]),
  );
  const destination = operation.peer.moveDestinations.get(operation.request.moveDestination ?? '');
  if (!destination) throw new Error('rogue peer: no such move destination');
  const association = await openRogueAssociation({
    ...destination,
    callingAeTitle: operation.peer.address.aeTitle,
    calledAeTitle: operation.request.moveDestination ?? '',
    contexts: [...contexts.values()],
    record: operation.peer.record,
  });
  association.shape = operation.association.shape;
  operation.outbound.push(association);
  return association;
}

/** A-ABORT. */
export function abort(source = 2, reason = 0): Step {
  return ({ association }) => {
    association.abort(source, reason);
  };
}

/** The socket closes, without a word. */
export function drop(): Step {
  return ({ association }) => {
    association.drop();
  };
}

/** The socket closes after `bytes` more have gone out on this association. */
export function cutAfter(bytes: number): Step {
  return ({ association }) => {
    association.cutAfter(bytes);
  };
}

/** Bytes as they are. */
export function raw(bytes: Buffer): Step {
  return ({ association }) => association.write(bytes);
}

/** What a report of storage commitment says. */
export interface RogueReport {
  readonly transactionUid: string;
  readonly committed?: readonly RogueReference[];
  readonly failed?: readonly (RogueReference & { readonly reason?: number })[];
  /** Default: 2 when something failed, else 1. */
  readonly eventTypeId?: number;
  readonly affectedSopClassUid?: string;
  /** In place of all that. */
  readonly dataset?: Buffer;
}

export interface RogueReference {
  readonly sopClassUid?: string;
  readonly sopInstanceUid: string;
}

const referenceItem = ({ sopClassUid, sopInstanceUid }: RogueReference): Attributes => ({
  ...(sopClassUid === undefined ? {} : { ReferencedSOPClassUID: sopClassUid }),
  ReferencedSOPInstanceUID: sopInstanceUid,
});

/** Sends an N-EVENT-REPORT on an open association and resolves with its answer. */
export async function reportOn(association: RogueAssociation, report: RogueReport): Promise<RogueMessage> {
  const { transactionUid, committed = [], failed = [], eventTypeId, affectedSopClassUid } = report;
  const contextId = association.contextFor(Uids.storageCommitment) ?? 1;
  const syntax = association.accepted.get(contextId)?.transferSyntax ?? Uids.implicitLittleEndian;
  const attributes: Attributes = {
    TransactionUID: transactionUid,
    ...(committed.length > 0 && { ReferencedSOPSequence: committed.map(referenceItem) }),
    ...(failed.length > 0 && {
      FailedSOPSequence: failed.map(({ reason, ...one }) => ({
        ...referenceItem(one),
        ...(reason === undefined ? {} : { FailureReason: reason }),
      })),
    }),
  };
  return association.request(
    contextId,
    {
      commandField: 0x0100,
      affectedSopClassUid: affectedSopClassUid ?? Uids.storageCommitment,
      affectedSopInstanceUid: Uids.storageCommitmentInstance,
      eventTypeId: eventTypeId ?? (failed.length > 0 ? 2 : 1),
    },
    report.dataset ?? encodeAttributes(attributes, encodingOf(syntax)),
  );
}

/** The Transaction UID of a request for storage commitment. */
const transactionOf = ({ identifier }: Pick<RogueOperation, 'identifier'>): string =>
  identifier.get(0x00081195) ?? '';

/** N-EVENT-REPORT on the association of the request, of the transaction that it names. */
export function report(what: Omit<RogueReport, 'transactionUid'>): Step {
  return async (operation) => {
    await reportOn(operation.association, { transactionUid: transactionOf(operation), ...what });
  };
}

/** An association to report on: opened as SCP unless said otherwise. */
export function openReporting(
  request: Pick<RogueRequest, 'host' | 'port'> & Partial<RogueRequest>,
): Promise<RogueAssociation> {
  return openRogueAssociation({
    contexts: [[Uids.storageCommitment, Uids.explicitLittleEndian, Uids.implicitLittleEndian]],
    roles: [{ sopClassUid: Uids.storageCommitment, scu: false, scp: true }],
    ...request,
  });
}

/** From now on messages of this association are cut up like this; also those of a C-MOVE's sub-operations. */
export function shaped(shape: Shape): Step {
  return ({ association, outbound }) => {
    for (const each of [association, ...outbound]) each.shape = shape;
  };
}

/** Goes on when `gate` does; a function is called when the script gets here. */
export function until(gate: Promise<unknown> | ((operation: RogueOperation) => unknown)): Step {
  return (operation) => (typeof gate === 'function' ? gate(operation) : gate);
}

/** Goes on when the C-CANCEL came. */
export function untilCancelled(): Step {
  return ({ cancelled }) => cancelled;
}

export function wait(ms: number): Step {
  return () => delay(ms);
}

// ---------------------------------------------------------------------------------------------------------------
// The peer

export interface RoguePeerOptions {
  readonly aeTitle?: string;
  /** How associations are answered, the last for all that follow; default: every context accepted. */
  readonly associate?: AssociateStep | readonly AssociateStep[];
  /** The default answers of C-FIND, C-GET and C-MOVE are a bare success; of C-ECHO, C-STORE and N-ACTION too. */
  readonly onFind?: Script;
  readonly onGet?: Script;
  readonly onMove?: Script;
  readonly onEcho?: Script;
  readonly onStore?: Script;
  /** N-ACTION. */
  readonly onAction?: Script;
  /** What happens on A-RELEASE-RQ; `collide` sends one of its own first. */
  readonly release?: 'answer' | 'silence' | 'drop' | 'collide';
  /** Cuts up everything, also the answer to the association. */
  readonly shape?: Shape;
  /** Received datasets are counted but not kept. */
  readonly discardDatasets?: boolean;
  readonly moveDestinations?: Readonly<Record<string, { readonly host: string; readonly port: number }>>;
  readonly host?: string;
  /** TLS alone. */
  readonly tls?: tls.TlsOptions;
}

/** A running peer. */
export interface RoguePeer {
  readonly address: { readonly aeTitle: string; readonly host: string; readonly port: number };
  readonly record: RogueRecord;
  readonly events: readonly RogueEvent[];
  /** Who may be named in a C-MOVE; the others get A801. */
  readonly moveDestinations: Map<string, { readonly host: string; readonly port: number }>;
  /** Errors thrown by steps; a test may look that there are none. */
  readonly stepErrors: unknown[];
  /** Connections that are open now. */
  readonly open: readonly RogueAssociation[];
  waitFor: RogueRecord['waitFor'];
  messages: RogueRecord['messages'];
  callingAeTitleOf(association: RogueAssociation): string;
  /** Resolves when nobody is connected any more; rejects after `timeoutMs`. */
  allClosed(timeoutMs?: number): Promise<void>;
  close(): Promise<void>;
}

/** A port on which nobody listens. */
export async function refusingPort(): Promise<number> {
  const server = net.createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as net.AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/** Starts a peer on a free port of the loopback. */
export async function startRoguePeer(options: RoguePeerOptions = {}): Promise<RoguePeer> {
  const peer = new Peer(options);
  await peer.listen(options.host ?? '127.0.0.1');
  return peer;
}

const scriptNames = {
  0x0001: 'onStore',
  0x0010: 'onGet',
  0x0020: 'onFind',
  0x0021: 'onMove',
  0x0030: 'onEcho',
  0x0130: 'onAction',
} as const;

class Peer implements RoguePeer {
  readonly record = new RogueRecord();
  readonly moveDestinations;
  readonly stepErrors: unknown[] = [];
  readonly #options: RoguePeerOptions;
  readonly #server: net.Server;
  readonly #open = new Set<RogueAssociation>();
  readonly #running = new Map<string, () => void>();
  readonly #calling = new Map<RogueAssociation, string>();
  readonly #outbound = new Set<RogueAssociation>();
  #count = 0;
  #answered = 0;
  #address = { aeTitle: '', host: '', port: 0 };

  constructor(options: RoguePeerOptions) {
    this.#options = options;
    this.moveDestinations = new Map(Object.entries(options.moveDestinations ?? {}));
    const connected = (socket: net.Socket): void => {
      this.#connected(socket);
    };
    this.#server = options.tls
      ? tls.createServer({ noDelay: true, ...options.tls }, connected)
      : net.createServer({ noDelay: true }, connected);
  }

  get address(): RoguePeer['address'] {
    return this.#address;
  }
  get events(): readonly RogueEvent[] {
    return this.record.events;
  }
  get open(): readonly RogueAssociation[] {
    return [...this.#open];
  }
  waitFor: RogueRecord['waitFor'] = (...args) => this.record.waitFor(...args);
  messages: RogueRecord['messages'] = (name) => this.record.messages(name);

  callingAeTitleOf(association: RogueAssociation): string {
    return this.#calling.get(association) ?? '';
  }

  async listen(host: string): Promise<void> {
    this.#server.listen(0, host);
    await once(this.#server, 'listening');
    const { port } = this.#server.address() as net.AddressInfo;
    this.#address = { aeTitle: this.#options.aeTitle ?? CALLING.aeTitle, host, port };
  }

  async allClosed(timeoutMs = PATIENCE_MS): Promise<void> {
    const deadline = performance.now() + timeoutMs;
    while (this.#open.size > 0) {
      if (performance.now() > deadline) {
        throw new Error(
          `rogue peer: ${this.#open.size} connections are still open; ${this.record.summary()}`,
        );
      }
      await delay(5);
    }
  }

  async close(): Promise<void> {
    for (const association of [...this.#open, ...this.#outbound]) association.drop();
    this.#server.close();
    if (this.#server.listening) await once(this.#server, 'close');
  }

  #connected(socket: net.Socket): void {
    this.#count += 1;
    const association = new RogueAssociation(this.#count, socket, this.record, (event, from) => {
      this.#heard(event, from);
    });
    association.shape = this.#options.shape ?? {};
    association.discardDatasets = this.#options.discardDatasets ?? false;
    this.#open.add(association);
  }

  #heard(event: RogueEvent, association: RogueAssociation): void {
    if (event.type === 'closed') this.#open.delete(association);
    else if (event.type === 'associate-rq') this.#associate(association, event.request);
    else if (event.type === 'release-rq') this.#release(association);
    else if (event.type === 'abort') association.drop();
    else if (event.type === 'message') this.#message(association, event.message);
  }

  #associate(association: RogueAssociation, request: AssociateRq): void {
    this.#calling.set(association, request.callingAeTitle);
    const given = this.#options.associate ?? accept();
    const steps = typeof given === 'function' ? [given] : given;
    const step = steps[Math.min(this.#answered, steps.length - 1)] ?? accept();
    this.#answered += 1;
    void this.#guard(async () => {
      await step(association, request, this);
    });
  }

  #release(association: RogueAssociation): void {
    const how = this.#options.release ?? 'answer';
    if (how === 'drop') association.drop();
    if (how === 'collide') void association.write(encodeReleaseRq());
    if (how === 'answer' || how === 'collide') void association.write(encodeReleaseRp());
  }

  #message(association: RogueAssociation, message: RogueMessage): void {
    const { command } = message;
    if (command.commandField === CANCEL_RQ) {
      this.#running.get(`${association.id}:${String(command.messageIdRespondedTo)}`)?.();
      return;
    }
    if ((command.commandField & RESPONSE) !== 0) return;
    void this.#guard(() => this.#run(association, message));
  }

  async #run(association: RogueAssociation, message: RogueMessage): Promise<void> {
    const operation = this.#operation(association, message);
    const name = scriptNames[message.command.commandField as keyof typeof scriptNames];
    const script = this.#options[name] ?? [final(0)];
    const { moveDestination } = message.command;
    const unknown = moveDestination !== undefined && !this.moveDestinations.has(moveDestination);
    const steps = typeof script === 'function' ? script(message.command, operation.identifier) : script;
    for (const step of unknown ? [final(0xa801)] : steps) {
      await step(operation);
      for (const each of operation.outbound) this.#outbound.add(each);
    }
    await Promise.all(operation.outstanding);
    for (const each of operation.outbound) await each.release();
  }

  #operation(association: RogueAssociation, message: RogueMessage): RogueOperation {
    const { contextId, command, dataset } = message;
    const syntax = association.accepted.get(contextId)?.transferSyntax ?? Uids.implicitLittleEndian;
    const encoding = encodingOf(syntax);
    let isCancelled = false;
    const cancelled = new Promise<void>((resolve) => {
      this.#running.set(`${association.id}:${String(command.messageId)}`, () => {
        isCancelled = true;
        resolve();
      });
    });
    return {
      peer: this,
      association,
      contextId,
      request: command,
      dataset,
      identifier: command.commandField === 0x0001 ? new Map() : decodeAttributes(dataset, encoding),
      cancelled,
      get isCancelled() {
        return isCancelled;
      },
      counted: { completed: 0, failed: 0, warning: 0 },
      failedUids: [],
      outbound: [],
      outstanding: [],
      async respond(fields, body) {
        const bytes = body === undefined || Buffer.isBuffer(body) ? body : encodeAttributes(body, encoding);
        await association.send(
          contextId,
          {
            commandField: command.commandField | RESPONSE,
            messageIdRespondedTo: command.messageId,
            affectedSopClassUid: command.affectedSopClassUid,
            ...(command.commandField === 0x0001
              ? { affectedSopInstanceUid: command.affectedSopInstanceUid }
              : {}),
            status: 0,
            ...fields,
          },
          bytes,
        );
      },
    };
  }

  async #guard(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      this.stepErrors.push(error);
    }
  }
}
