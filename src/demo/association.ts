import type { Socket } from 'node:net';
import type { association as associationTypes } from 'dcmjs-dimse';
import { association as negotiation, EncodedDataset, requests, Scp } from './dcmjs-dimse.js';
import type { DemoInstance } from './studies.js';

/** Statuses of PS3.7 annex C and PS3.4 annexes B and C that the demo PACS gives. */
export const Status = {
  success: 0x0000,
  sopClassNotSupported: 0x0122,
  outOfResources: 0xa700,
  subOperationsFailed: 0xa702,
  moveDestinationUnknown: 0xa801,
  identifierDoesNotMatch: 0xa900,
  someFailed: 0xb000,
  notUnderstood: 0xc000,
  cancelled: 0xfe00,
  pending: 0xff00,
} as const;

/** Presentation context accepted, or refused because of its abstract or transfer syntax. @see PS3.8 Table 9-18 */
export const ContextResult = { accepted: 0, abstractSyntax: 3, transferSyntax: 4 } as const;

/** The C-MOVE that a store belongs to. */
export interface MoveOriginator {
  readonly aeTitle: string;
  readonly messageId: number;
}

/** An hour: the peer decides when it has been idle long enough. */
const PDU_TIMEOUT_MS = 3_600_000;

type Association = associationTypes.Association;

/** One association, whichever side asked for it: sends instances one at a time, and settles whatever the peer does. */
export class DemoAssociation extends Scp {
  readonly #socket: Socket;
  readonly #unanswered = new Set<(status: number) => void>();
  #closed = false;
  negotiated: Association | undefined;

  constructor(socket: Socket) {
    super(socket, { pduTimeout: PDU_TIMEOUT_MS });
    this.#socket = socket;
    socket.setNoDelay(true);
    this.on('networkError', () => {
      socket.destroy();
    });
    this.on('close', () => {
      this.#closed = true;
      for (const settle of this.#unanswered) settle(Status.subOperationsFailed);
      this.#unanswered.clear();
    });
  }

  isClosed(): boolean {
    return this.#closed;
  }

  /** The status of a C-STORE; 0122H when no context takes the instance as it is. */
  async sendInstance(instance: DemoInstance, originator?: MoveOriginator): Promise<number> {
    if (this.#closed || !this.#takes(instance)) return Status.sopClassNotSupported;
    const { dataset, transferSyntaxUid, sopClassUid, sopInstanceUid } = instance;
    const request = new requests.CStoreRequest(
      new EncodedDataset(dataset, transferSyntaxUid, {
        SOPClassUID: sopClassUid,
        SOPInstanceUID: sopInstanceUid,
      }),
    );
    if (originator) {
      const command: { getElements(): Record<string, unknown> } = request.getCommandDataset();
      command.getElements()['MoveOriginatorApplicationEntityTitle'] = originator.aeTitle;
      command.getElements()['MoveOriginatorMessageID'] = originator.messageId;
    }
    return new Promise((resolve) => {
      this.#unanswered.add(resolve);
      request.on('response', (response: { getStatus(): number }) => {
        this.#unanswered.delete(resolve);
        resolve(response.getStatus());
      });
      this.sendRequests(request);
    });
  }

  // The library answers a missing context with silence, and another syntax with an encoder of its own.
  #takes({ sopClassUid, transferSyntaxUid }: DemoInstance): boolean {
    return (this.negotiated?.getPresentationContexts() ?? []).some(
      ({ context }) =>
        context.getResult() === ContextResult.accepted &&
        context.getAbstractSyntaxUid() === sopClassUid &&
        context.getAcceptedTransferSyntaxUid() === transferSyntaxUid,
    );
  }

  /** Runs what answers a request; a failure ends this association, where the library's emitter would end the process. */
  protected answer(run: () => void | Promise<void>): void {
    const attempt = async (): Promise<void> => {
      await run();
    };
    attempt().catch(() => {
      this.#socket.destroy();
    });
  }

  override associationReleaseRequested(): void {
    this.sendAssociationReleaseResponse();
    this.#socket.end();
  }

  override abort(): void {
    this.#socket.destroy();
  }
}

/** Opens an association that proposes each SOP class of `instances` in its transfer syntax; rejects when it cannot be had. */
export function requestAssociation(
  socket: Socket,
  { calling, called, instances }: { calling: string; called: string; instances: readonly DemoInstance[] },
): Promise<DemoAssociation> {
  const proposal = new negotiation.Association(calling, called);
  const proposed = new Set<string>();
  for (const { sopClassUid, transferSyntaxUid } of instances) {
    const pair = `${sopClassUid} ${transferSyntaxUid}`;
    if (proposed.has(pair)) continue;
    proposed.add(pair);
    proposal.addTransferSyntaxToPresentationContext(
      proposal.addPresentationContext(sopClassUid),
      transferSyntaxUid,
    );
  }
  const outgoing = new DemoAssociation(socket);
  return new Promise((resolve, reject) => {
    outgoing.on('connect', () => {
      outgoing.sendAssociationRequest(proposal);
    });
    outgoing.on('associationAccepted', (accepted: Association) => {
      outgoing.negotiated = accepted;
      resolve(outgoing);
    });
    outgoing.on('associationRejected', () => {
      socket.destroy();
    });
    outgoing.on('associationReleaseResponse', () => {
      socket.end();
    });
    outgoing.on('close', () => {
      reject(new Error('The move destination did not accept an association.'));
    });
  });
}
