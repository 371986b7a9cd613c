import { GatewayError } from '../core/index.js';
import {
  decodeUserInformation,
  encodeUserInformation,
  item,
  readItems,
  readText,
  type UserInformation,
} from './pdu-items.js';

/** The PDU types of PS3.8 9.3.1. */
export const PduTypes = {
  associateRequest: 0x01,
  associateAccept: 0x02,
  associateReject: 0x03,
  data: 0x04,
  releaseRequest: 0x05,
  releaseResponse: 0x06,
  abort: 0x07,
} as const;

/** Results of one presentation context in an A-ASSOCIATE-AC, PS3.8 table 9-18. */
export const ContextResults = {
  accepted: 0,
  userRejected: 1,
  noReason: 2,
  abstractSyntaxRejected: 3,
  transferSyntaxesRejected: 4,
} as const;

export interface ContextProposal {
  /** Odd, 1 to 255. */
  readonly id: number;
  readonly abstractSyntax: string;
  readonly transferSyntaxes: readonly string[];
}

export interface ContextResult {
  readonly id: number;
  /** See `ContextResults`. */
  readonly result: number;
  /** Says nothing unless the context was accepted. */
  readonly transferSyntax: string;
}

interface AssociateNames {
  readonly calledAeTitle: string;
  readonly callingAeTitle: string;
  readonly user: UserInformation;
}

export interface AssociateRequest extends AssociateNames {
  readonly kind: 'associate-request';
  /** Bit 0 stands for version 1, the only one there is. */
  readonly protocolVersion?: number;
  readonly applicationContext?: string;
  readonly contexts: readonly ContextProposal[];
}

export interface AssociateAccept extends AssociateNames {
  readonly kind: 'associate-accept';
  readonly contexts: readonly ContextResult[];
}

export interface AssociateReject {
  readonly kind: 'associate-reject';
  /** 1 permanent, 2 transient. */
  readonly result: number;
  /** 1 service user, 2 ACSE provider, 3 presentation provider. */
  readonly source: number;
  readonly reason: number;
}

export interface Abort {
  readonly kind: 'abort';
  /** 0 service user, 2 service provider. */
  readonly source: number;
  readonly reason: number;
}

/** Every PDU except P-DATA-TF, which is never held as a whole. */
export type AssociationPdu =
  | AssociateRequest
  | AssociateAccept
  | AssociateReject
  | { readonly kind: 'release-request' }
  | { readonly kind: 'release-response' }
  | Abort;

/** The one application context there is, PS3.7 A.2.1. */
export const APPLICATION_CONTEXT = '1.2.840.10008.3.1.1.1';
const AE_TITLE_LENGTH = 16;
/** Version, two reserved bytes, two AE titles, 32 reserved bytes. */
const ASSOCIATE_FIXED_LENGTH = 68;
const ItemTypes = {
  applicationContext: 0x10,
  contextProposal: 0x20,
  contextResult: 0x21,
  abstractSyntax: 0x30,
  transferSyntax: 0x40,
  userInformation: 0x50,
} as const;

/** The bytes of one association PDU with its header. */
export function encodePdu(pdu: AssociationPdu): Buffer {
  switch (pdu.kind) {
    case 'associate-request':
      return frame(PduTypes.associateRequest, encodeAssociate(pdu, pdu.contexts.map(encodeProposal)));
    case 'associate-accept':
      return frame(PduTypes.associateAccept, encodeAssociate(pdu, pdu.contexts.map(encodeResult)));
    case 'associate-reject':
      return frame(PduTypes.associateReject, Buffer.of(0, pdu.result, pdu.source, pdu.reason));
    case 'release-request':
      return frame(PduTypes.releaseRequest, Buffer.alloc(4));
    case 'release-response':
      return frame(PduTypes.releaseResponse, Buffer.alloc(4));
    case 'abort':
      return frame(PduTypes.abort, Buffer.of(0, 0, pdu.source, pdu.reason));
  }
}

/**
 * Reads the body (without the six bytes of header) of an association PDU.
 * @throws GatewayError `peer-protocol` when it is none
 */
export function decodePdu(type: number, body: Buffer): AssociationPdu {
  switch (type) {
    case PduTypes.associateRequest:
      return decodeRequest(body);
    case PduTypes.associateAccept:
      return decodeAccept(body);
    case PduTypes.associateReject: {
      const [, result = 0, source = 0, reason = 0] = fixed(body, 4);
      return { kind: 'associate-reject', result, source, reason };
    }
    case PduTypes.releaseRequest:
      return { kind: 'release-request' };
    case PduTypes.releaseResponse:
      return { kind: 'release-response' };
    case PduTypes.abort: {
      const [, , source = 0, reason = 0] = fixed(body, 4);
      return { kind: 'abort', source, reason };
    }
    default:
      throw new GatewayError('peer-protocol', `The peer sent a PDU of unknown type ${type}.`);
  }
}

function frame(type: number, body: Buffer): Buffer {
  const header = Buffer.alloc(6);
  header[0] = type;
  header.writeUInt32BE(body.length, 2);
  return Buffer.concat([header, body]);
}

function encodeAssociate(names: AssociateNames, contexts: readonly Buffer[]): Buffer {
  const head = Buffer.alloc(ASSOCIATE_FIXED_LENGTH);
  head.writeUInt16BE(1, 0);
  head.write(names.calledAeTitle.padEnd(AE_TITLE_LENGTH), 4, AE_TITLE_LENGTH, 'latin1');
  head.write(names.callingAeTitle.padEnd(AE_TITLE_LENGTH), 20, AE_TITLE_LENGTH, 'latin1');
  const application = item(ItemTypes.applicationContext, Buffer.from(APPLICATION_CONTEXT, 'latin1'));
  const user = item(ItemTypes.userInformation, encodeUserInformation(names.user));
  return Buffer.concat([head, application, ...contexts, user]);
}

function encodeProposal(context: ContextProposal): Buffer {
  return item(
    ItemTypes.contextProposal,
    Buffer.concat([
      Buffer.of(context.id, 0, 0, 0),
      item(ItemTypes.abstractSyntax, Buffer.from(context.abstractSyntax, 'latin1')),
      ...context.transferSyntaxes.map((uid) => item(ItemTypes.transferSyntax, Buffer.from(uid, 'latin1'))),
    ]),
  );
}

function encodeResult(context: ContextResult): Buffer {
  const syntax = item(ItemTypes.transferSyntax, Buffer.from(context.transferSyntax, 'latin1'));
  return item(ItemTypes.contextResult, Buffer.concat([Buffer.of(context.id, 0, context.result, 0), syntax]));
}

function fixed(body: Buffer, length: number): Buffer {
  if (body.length < length) throw new GatewayError('peer-protocol', 'The peer sent a PDU that is too short.');
  return body.subarray(0, length);
}

interface AssociateParts {
  readonly head: { readonly calledAeTitle: string; readonly callingAeTitle: string };
  readonly protocolVersion: number;
  readonly items: readonly (readonly [type: number, value: Buffer])[];
  readonly user: UserInformation;
}

function decodeAssociate(body: Buffer): AssociateParts {
  const head = fixed(body, ASSOCIATE_FIXED_LENGTH);
  const items = [...readItems(body.subarray(ASSOCIATE_FIXED_LENGTH))];
  const user = items.find(([type]) => type === ItemTypes.userInformation)?.[1];
  return {
    protocolVersion: head.readUInt16BE(0),
    head: {
      calledAeTitle: readText(head.subarray(4, 20)),
      callingAeTitle: readText(head.subarray(20, 36)),
    },
    items,
    user: decodeUserInformation(user ?? Buffer.alloc(0)),
  };
}

function decodeRequest(body: Buffer): AssociateRequest {
  const { head, protocolVersion, items, user } = decodeAssociate(body);
  const application = items.find(([type]) => type === ItemTypes.applicationContext)?.[1];
  const contexts = items
    .filter(([type]) => type === ItemTypes.contextProposal)
    .map(([, value]) => decodeProposal(value));
  return {
    kind: 'associate-request',
    ...head,
    protocolVersion,
    ...(application && { applicationContext: readText(application) }),
    contexts,
    user,
  };
}

function decodeProposal(value: Buffer): ContextProposal {
  const [id = 0] = fixed(value, 4);
  let abstractSyntax = '';
  const transferSyntaxes: string[] = [];
  for (const [type, text] of readItems(value.subarray(4))) {
    if (type === ItemTypes.abstractSyntax) abstractSyntax = readText(text);
    if (type === ItemTypes.transferSyntax) transferSyntaxes.push(readText(text));
  }
  return { id, abstractSyntax, transferSyntaxes };
}

function decodeAccept(body: Buffer): AssociateAccept {
  const { head, items, user } = decodeAssociate(body);
  const contexts = items
    .filter(([type]) => type === ItemTypes.contextResult)
    .map(([, value]) => decodeResult(value));
  return { kind: 'associate-accept', ...head, contexts, user };
}

/** A rejected context's transfer syntax "shall not be significant": it is missing or odd in practice, so not judged. */
function decodeResult(value: Buffer): ContextResult {
  const [id = 0, , result = 0] = fixed(value, 4);
  if (result !== ContextResults.accepted) return { id, result, transferSyntax: '' };
  const syntax = [...readItems(value.subarray(4))].find(([type]) => type === ItemTypes.transferSyntax)?.[1];
  return { id, result, transferSyntax: readText(syntax ?? Buffer.alloc(0)) };
}
