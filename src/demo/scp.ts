import { connect, type Socket } from 'node:net';
import { Writable } from 'node:stream';
import type {
  association as associationTypes,
  requests as requestTypes,
  responses as responseTypes,
} from 'dcmjs-dimse';
import { Dataset, encodeDataset, Tags, transferSyntax } from '../dicom/index.js';
import type { DemoArchive, Level } from './archive.js';
import {
  ContextResult,
  DemoAssociation,
  requestAssociation,
  Status,
  type MoveOriginator,
} from './association.js';
import { EncodedDataset, responses } from './dcmjs-dimse.js';
import { DemoNegotiator, noOptions, type DemoNegotiation } from './extended-negotiation.js';
import { readIdentifier, type Identifier } from './identifier.js';
import type { DemoInstance } from './studies.js';

/** What an association of the demo PACS works on. */
export interface DemoScpContext {
  readonly archive: DemoArchive;
  readonly aeTitle: string;
  /** `ignore` if left out. */
  readonly negotiation?: DemoNegotiation;
  /** Where instances go that are moved; undefined when the PACS knows no such destination. */
  readonly moveDestination: (aeTitle: string) => { readonly host: string; readonly port: number } | undefined;
}

type Context = associationTypes.PresentationContext;
type Retrieve = requestTypes.CGetRequest | requestTypes.CMoveRequest;
type Progress = responseTypes.CGetResponse | responseTypes.CMoveResponse;

const services = new Set([
  '1.2.840.10008.1.1',
  '1.2.840.10008.5.1.4.1.2.2.1',
  '1.2.840.10008.5.1.4.1.2.2.2',
  '1.2.840.10008.5.1.4.1.2.2.3',
]);
const STORAGE = '1.2.840.10008.5.1.4.1.1.';
/** What a context of several transfer syntaxes is accepted in, if it may be. */
const PREFERRED = '1.2.840.10008.1.2.1';

/** Whether the archive can read instances of this syntax. */
function isUnderstood(uid: string): boolean {
  return transferSyntax(uid)?.byteOrder === 'little';
}

function answerContext(context: Context): void {
  const abstract = context.getAbstractSyntaxUid();
  if (!services.has(abstract) && !abstract.startsWith(STORAGE)) {
    context.setResult(ContextResult.abstractSyntax);
    return;
  }
  const offered = context.getTransferSyntaxUids().filter(isUnderstood);
  const chosen = offered.includes(PREFERRED) ? PREFERRED : offered[0];
  if (chosen === undefined) context.setResult(ContextResult.transferSyntax);
  else context.setResult(ContextResult.accepted, chosen);
}

/** Gathers the dataset of one C-STORE, up to a limit: what is beyond is counted and dropped. */
class DatasetSink extends Writable {
  readonly chunks: Buffer[] = [];
  readonly #room: number;
  size = 0;

  constructor(room: number) {
    // The library waits for a `drain` at the first PDU alone; it must never be needed.
    super({ highWaterMark: Number.MAX_SAFE_INTEGER });
    this.#room = room;
  }

  get overflowed(): boolean {
    return this.size > this.#room;
  }

  override _write(chunk: Buffer, _encoding: string, callback: () => void): void {
    this.size += chunk.length;
    if (this.overflowed) this.chunks.length = 0;
    else this.chunks.push(chunk);
    callback();
  }
}

function levelOf(identifier: Identifier): Level | undefined {
  const level = identifier.get('QueryRetrieveLevel')?.values[0];
  return level === 'STUDY' || level === 'SERIES' || level === 'IMAGE' ? level : undefined;
}

function identifierOf(request: requestTypes.Request): Identifier {
  return readIdentifier(request.getDataset()?.getElements() ?? {});
}

/** The accepting side of one association: the services of a small PACS. */
export class DemoScp extends DemoAssociation {
  readonly #context: DemoScpContext;
  readonly #negotiator: DemoNegotiator;
  readonly #cancelled = new Set<number>();
  #options = noOptions;
  #running = 0;

  constructor(socket: Socket, context: DemoScpContext) {
    super(socket);
    this.#context = context;
    this.#negotiator = new DemoNegotiator(socket, context.negotiation ?? 'ignore');
  }

  override associationRequested(association: associationTypes.Association): void {
    this.answer(() => {
      const { refusal } = this.#negotiator;
      // Rejected for good, by the service user, without a reason.
      if (refusal === 'reject') this.sendAssociationReject(1, 1, 1);
      if (refusal === 'abort') this.sendAbort();
      if (refusal === 'close') this.abort();
      if (refusal) return;
      for (const { context } of association.getPresentationContexts()) answerContext(context);
      this.negotiated = association;
      this.#options = this.#negotiator.accept(() => {
        this.sendAssociationAccept();
      });
    });
  }

  override cEchoRequest(
    request: requestTypes.CEchoRequest,
    callback: (response: responseTypes.CEchoResponse) => void,
  ): void {
    const response = responses.CEchoResponse.fromRequest(request);
    response.setStatus(Status.success);
    callback(response);
  }

  override cFindRequest(
    request: requestTypes.CFindRequest,
    callback: (responses: responseTypes.CFindResponse[]) => void,
  ): void {
    const syntaxUid = request.getDataset()?.getTransferSyntaxUid() ?? '';
    const respond = (status: number, row?: Dataset): responseTypes.CFindResponse => {
      const response = responses.CFindResponse.fromRequest(request);
      const syntax = transferSyntax(syntaxUid);
      if (row && syntax) response.setDataset(new EncodedDataset(encodeDataset(row, syntax), syntaxUid));
      response.setStatus(status);
      return response;
    };
    this.answer(() => {
      const identifier = identifierOf(request);
      const level = levelOf(identifier);
      const rows = level && this.#context.archive.find(level, identifier, this.#options);
      if (!rows) callback([respond(Status.identifierDoesNotMatch)]);
      else callback([...rows.map((row) => respond(Status.pending, row)), respond(Status.success)]);
    });
  }

  override cGetRequest(
    request: requestTypes.CGetRequest,
    callback: (responses: responseTypes.CGetResponse[]) => void,
  ): void {
    const respond = (): responseTypes.CGetResponse => responses.CGetResponse.fromRequest(request);
    this.answer(() => this.#retrieve(request, respond, callback, (instance) => this.sendInstance(instance)));
  }

  override cMoveRequest(
    request: requestTypes.CMoveRequest,
    callback: (responses: responseTypes.CMoveResponse[]) => void,
  ): void {
    this.answer(() => this.#move(request, callback));
  }

  override cCancelRequest(request: requestTypes.CCancelRequest): void {
    // Only what runs can be cancelled: a late cancel must not stay behind.
    if (this.#running > 0) this.#cancelled.add(request.getMessageIdBeingRespondedTo());
  }

  override createStoreWritableStream(): Writable {
    return new DatasetSink(this.#context.archive.room);
  }

  override createDatasetFromStoreWritableStream(
    sink: Writable,
    context: Context,
    callback: (dataset: EncodedDataset) => void,
  ): void {
    const whole =
      sink instanceof DatasetSink && !sink.overflowed ? Buffer.concat(sink.chunks) : Buffer.alloc(0);
    callback(new EncodedDataset(whole, context.getAcceptedTransferSyntaxUid() ?? ''));
  }

  override cStoreRequest(
    request: requestTypes.CStoreRequest,
    callback: (response: responseTypes.CStoreResponse) => void,
  ): void {
    this.answer(async () => {
      const response = responses.CStoreResponse.fromRequest(request);
      response.setStatus(await this.#store(request));
      callback(response);
    });
  }

  async #store(request: requestTypes.CStoreRequest): Promise<number> {
    const dataset = request.getDataset();
    if (!(dataset instanceof EncodedDataset) || dataset.bytes.length === 0) return Status.outOfResources;
    try {
      const result = await this.#context.archive.add({
        sopClassUid: request.getAffectedSopClassUid(),
        sopInstanceUid: request.getAffectedSopInstanceUid(),
        transferSyntaxUid: dataset.getTransferSyntaxUid(),
        dataset: dataset.bytes,
      });
      return { stored: Status.success, full: Status.outOfResources, 'not-understood': Status.notUnderstood }[
        result
      ];
    } catch {
      return Status.notUnderstood;
    }
  }

  async #move(
    request: requestTypes.CMoveRequest,
    callback: (responses: responseTypes.CMoveResponse[]) => void,
  ): Promise<void> {
    const respond = (): responseTypes.CMoveResponse => responses.CMoveResponse.fromRequest(request);
    const called = (request.getCommandDataset().getElement('MoveDestination') ?? '').trim();
    const destination = this.#context.moveDestination(called);
    if (!destination) {
      const response = respond();
      response.setStatus(Status.moveDestinationUnknown);
      callback([response]);
      return;
    }
    const originator: MoveOriginator = {
      aeTitle: this.negotiated?.getCallingAeTitle().trim() ?? '',
      messageId: request.getMessageId(),
    };
    const instances = this.#selected(request) ?? [];
    const outgoing = await requestAssociation(connect(destination), {
      calling: this.#context.aeTitle,
      called,
      instances,
    }).catch(() => undefined);
    await this.#retrieve(request, respond, callback, (instance) =>
      outgoing ? outgoing.sendInstance(instance, originator) : Promise.resolve(Status.subOperationsFailed),
    );
    if (outgoing && !outgoing.isClosed()) outgoing.sendAssociationReleaseRequest();
  }

  #selected(request: Retrieve): readonly DemoInstance[] | undefined {
    const identifier = identifierOf(request);
    const level = levelOf(identifier);
    return level && this.#context.archive.select(level, identifier);
  }

  /** One sub-operation after the other, each with its pending response. @see PS3.4 C.4.2, C.4.3 */
  async #retrieve<R extends Progress>(
    request: Retrieve,
    respond: () => R,
    callback: (responses: R[]) => void,
    send: (instance: DemoInstance) => Promise<number>,
  ): Promise<void> {
    const instances = this.#selected(request);
    const failed: string[] = [];
    let completed = 0;
    const progress = (status: number): R => {
      const response = respond();
      response.setStatus(status);
      response.setCompleted(completed);
      response.setFailures(failed.length);
      response.setWarnings(0);
      if (status === Status.pending || status === Status.cancelled) {
        response.setRemaining((instances?.length ?? 0) - completed - failed.length);
      }
      if (status !== Status.pending && failed.length > 0) response.setDataset(failedList(request, failed));
      return response;
    };
    if (!instances) {
      callback([progress(Status.identifierDoesNotMatch)]);
      return;
    }
    this.#running += 1;
    const isCancelled = (): boolean => this.#cancelled.delete(request.getMessageId());
    for (const instance of instances) {
      if (this.isClosed() || isCancelled()) break;
      if ((await send(instance)) === Status.success) completed += 1;
      else failed.push(instance.sopInstanceUid);
      // The callback is for the last response: it may be called once.
      const more = completed + failed.length < instances.length;
      if (more && !this.isClosed()) this.sendResponse(request, progress(Status.pending));
    }
    this.#running -= 1;
    this.#cancelled.delete(request.getMessageId());
    if (!this.isClosed()) callback([progress(finalStatus(instances.length, completed, failed.length))]);
  }
}

function finalStatus(all: number, completed: number, failed: number): number {
  if (completed + failed < all) return Status.cancelled;
  if (failed === 0) return Status.success;
  return completed > 0 ? Status.someFailed : Status.subOperationsFailed;
}

function failedList(request: Retrieve, uids: readonly string[]): EncodedDataset {
  const syntaxUid = request.getDataset()?.getTransferSyntaxUid() ?? '';
  const syntax = transferSyntax(syntaxUid);
  const list = new Dataset().setString(Tags.FailedSOPInstanceUIDList, uids);
  return new EncodedDataset(syntax ? encodeDataset(list, syntax) : Buffer.alloc(0), syntaxUid);
}
