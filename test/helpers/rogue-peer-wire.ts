/**
 * The bytes of the DICOM upper layer and of DIMSE, written a second time for the tests.
 *
 * Shares nothing with `src/`: a mistake in one codec must not be hidden by the same mistake in the other.
 */

export const Uids = {
  verification: '1.2.840.10008.1.1',
  patientRootFind: '1.2.840.10008.5.1.4.1.2.1.1',
  patientRootMove: '1.2.840.10008.5.1.4.1.2.1.2',
  patientRootGet: '1.2.840.10008.5.1.4.1.2.1.3',
  studyRootFind: '1.2.840.10008.5.1.4.1.2.2.1',
  studyRootMove: '1.2.840.10008.5.1.4.1.2.2.2',
  studyRootGet: '1.2.840.10008.5.1.4.1.2.2.3',
  storageCommitment: '1.2.840.10008.1.20.1',
  storageCommitmentInstance: '1.2.840.10008.1.20.1.1',
  ctImageStorage: '1.2.840.10008.5.1.4.1.1.2',
  mrImageStorage: '1.2.840.10008.5.1.4.1.1.4',
  implicitLittleEndian: '1.2.840.10008.1.2',
  explicitLittleEndian: '1.2.840.10008.1.2.1',
  explicitBigEndian: '1.2.840.10008.1.2.2',
  jpegBaseline: '1.2.840.10008.1.2.4.50',
  jpeg2000Lossless: '1.2.840.10008.1.2.4.90',
} as const;

/** Names of (0000,0100). */
const CommandNames: Readonly<Record<number, string>> = {
  0x0001: 'C-STORE-RQ',
  0x8001: 'C-STORE-RSP',
  0x0010: 'C-GET-RQ',
  0x8010: 'C-GET-RSP',
  0x0020: 'C-FIND-RQ',
  0x8020: 'C-FIND-RSP',
  0x0021: 'C-MOVE-RQ',
  0x8021: 'C-MOVE-RSP',
  0x0030: 'C-ECHO-RQ',
  0x8030: 'C-ECHO-RSP',
  0x0100: 'N-EVENT-REPORT-RQ',
  0x8100: 'N-EVENT-REPORT-RSP',
  0x0130: 'N-ACTION-RQ',
  0x8130: 'N-ACTION-RSP',
  0x0fff: 'C-CANCEL-RQ',
};

// ---------------------------------------------------------------------------------------------------------------
// Data elements

const KEYWORDS: Readonly<Record<string, readonly [number, string]>> = {
  SpecificCharacterSet: [0x00080005, 'CS'],
  SOPClassUID: [0x00080016, 'UI'],
  SOPInstanceUID: [0x00080018, 'UI'],
  StudyDate: [0x00080020, 'DA'],
  StudyTime: [0x00080030, 'TM'],
  AccessionNumber: [0x00080050, 'SH'],
  QueryRetrieveLevel: [0x00080052, 'CS'],
  RetrieveAETitle: [0x00080054, 'AE'],
  InstanceAvailability: [0x00080056, 'CS'],
  FailedSOPInstanceUIDList: [0x00080058, 'UI'],
  Modality: [0x00080060, 'CS'],
  ModalitiesInStudy: [0x00080061, 'CS'],
  SOPClassesInStudy: [0x00080062, 'UI'],
  ReferringPhysicianName: [0x00080090, 'PN'],
  TimezoneOffsetFromUTC: [0x00080201, 'SH'],
  StudyDescription: [0x00081030, 'LO'],
  SeriesDescription: [0x0008103e, 'LO'],
  ReferencedSOPClassUID: [0x00081150, 'UI'],
  ReferencedSOPInstanceUID: [0x00081155, 'UI'],
  TransactionUID: [0x00081195, 'UI'],
  FailureReason: [0x00081197, 'US'],
  FailedSOPSequence: [0x00081198, 'SQ'],
  ReferencedSOPSequence: [0x00081199, 'SQ'],
  AvailableTransferSyntaxUID: [0x00083002, 'UI'],
  PatientName: [0x00100010, 'PN'],
  PatientID: [0x00100020, 'LO'],
  PatientBirthDate: [0x00100030, 'DA'],
  PatientSex: [0x00100040, 'CS'],
  StudyInstanceUID: [0x0020000d, 'UI'],
  SeriesInstanceUID: [0x0020000e, 'UI'],
  StudyID: [0x00200010, 'SH'],
  SeriesNumber: [0x00200011, 'IS'],
  InstanceNumber: [0x00200013, 'IS'],
  NumberOfStudyRelatedSeries: [0x00201206, 'IS'],
  NumberOfStudyRelatedInstances: [0x00201208, 'IS'],
  NumberOfSeriesRelatedInstances: [0x00201209, 'IS'],
  SamplesPerPixel: [0x00280002, 'US'],
  PhotometricInterpretation: [0x00280004, 'CS'],
  NumberOfFrames: [0x00280008, 'IS'],
  Rows: [0x00280010, 'US'],
  Columns: [0x00280011, 'US'],
  BitsAllocated: [0x00280100, 'US'],
  BitsStored: [0x00280101, 'US'],
  HighBit: [0x00280102, 'US'],
  PixelRepresentation: [0x00280103, 'US'],
};

export type ValueEncoding = 'implicit' | 'explicit' | 'big';
/** Text (Latin-1), a number for US, bytes as they are, or sequence items. */
export type ElementValue = string | number | Buffer | readonly Attributes[];
/** By keyword (`StudyDate`), tag (`00080020`), or tag and VR (`00091001:LO`). */
// eslint-disable-next-line @typescript-eslint/consistent-indexed-object-style -- an alias could not name itself
export interface Attributes {
  readonly [nameOrTag: string]: ElementValue;
}

const LONG_VRS = new Set(['OB', 'OD', 'OF', 'OL', 'OV', 'OW', 'SQ', 'UC', 'UN', 'UR', 'UT', 'SV', 'UV']);

function resolveName(name: string): readonly [number, string] {
  const known = KEYWORDS[name];
  if (known) return known;
  const [hex = '', vr = 'UN'] = name.split(':');
  if (!/^[0-9A-Fa-f]{8}$/.test(hex)) throw new Error(`rogue peer: unknown attribute ${name}`);
  const tag = parseInt(hex, 16);
  const byTag = Object.values(KEYWORDS).find(([known]) => known === tag);
  return name.includes(':') ? [tag, vr] : (byTag ?? [tag, vr]);
}

function encodeItems(items: readonly Attributes[], encoding: ValueEncoding): Buffer {
  const parts = items.flatMap((item) => {
    const body = encodeAttributes(item, encoding);
    return [tagAndLength(0xfffee000, body.length, encoding), body];
  });
  return Buffer.concat(parts);
}

function tagAndLength(tag: number, length: number, encoding: ValueEncoding): Buffer {
  const header = Buffer.alloc(8);
  if (encoding === 'big') {
    header.writeUInt32BE(tag >>> 0, 0);
    header.writeUInt32BE(length, 4);
  } else {
    header.writeUInt16LE(tag >>> 16, 0);
    header.writeUInt16LE(tag & 0xffff, 2);
    header.writeUInt32LE(length, 4);
  }
  return header;
}

function encodeValue(value: ElementValue, vr: string, encoding: ValueEncoding): Buffer {
  if (Buffer.isBuffer(value)) return value;
  if (typeof value === 'number') {
    const bytes = Buffer.alloc(2);
    if (encoding === 'big') bytes.writeUInt16BE(value);
    else bytes.writeUInt16LE(value);
    return bytes;
  }
  if (typeof value !== 'string') return encodeItems(value, encoding);
  const bytes = Buffer.from(value, 'latin1');
  return bytes.length % 2 === 0 ? bytes : Buffer.concat([bytes, Buffer.from(vr === 'UI' ? '\0' : ' ')]);
}

/** One data element; `length` lies about the length of the value. */
export function encodeElement(
  name: string,
  value: ElementValue,
  encoding: ValueEncoding,
  length?: number,
): Buffer {
  const [tag, vr] = resolveName(name);
  const bytes = encodeValue(value, vr, encoding);
  const declared = length ?? bytes.length;
  if (encoding === 'implicit') return Buffer.concat([tagAndLength(tag, declared, encoding), bytes]);
  const header = Buffer.alloc(LONG_VRS.has(vr) ? 12 : 8);
  tagAndLength(tag, 0, encoding).copy(header);
  header.write(vr, 4, 'latin1');
  if (header.length === 12) header.writeUInt32LE(declared, 8);
  else header.writeUInt16LE(declared, 6);
  if (encoding === 'big') {
    if (header.length === 12) header.writeUInt32BE(declared, 8);
    else header.writeUInt16BE(declared, 6);
  }
  return Buffer.concat([header, bytes]);
}

/** A dataset in ascending tag order. */
export function encodeAttributes(attributes: Attributes, encoding: ValueEncoding): Buffer {
  const entries = Object.entries(attributes).map(([name, value]) => ({
    tag: resolveName(name)[0],
    bytes: encodeElement(name, value, encoding),
  }));
  entries.sort((a, b) => a.tag - b.tag);
  return Buffer.concat(entries.map(({ bytes }) => bytes));
}

/** The top-level elements of a small dataset without undefined lengths, by tag; text trimmed. */
export function decodeAttributes(bytes: Buffer, encoding: ValueEncoding): ReadonlyMap<number, string> {
  const found = new Map<number, string>();
  let offset = 0;
  while (offset + 8 <= bytes.length) {
    const tag = bytes.readUInt16LE(offset) * 0x10000 + bytes.readUInt16LE(offset + 2);
    let length = bytes.readUInt32LE(offset + 4);
    let start = offset + 8;
    if (encoding === 'explicit') {
      const long = LONG_VRS.has(bytes.toString('latin1', offset + 4, offset + 6));
      length = long ? bytes.readUInt32LE(offset + 8) : bytes.readUInt16LE(offset + 6);
      start = offset + (long ? 12 : 8);
    }
    found.set(tag, bytes.toString('latin1', start, start + length).replace(/[\0 ]+$/, ''));
    offset = start + length;
  }
  return found;
}

export function encodingOf(transferSyntaxUid: string): ValueEncoding {
  if (transferSyntaxUid === Uids.implicitLittleEndian) return 'implicit';
  return transferSyntaxUid === Uids.explicitBigEndian ? 'big' : 'explicit';
}

// ---------------------------------------------------------------------------------------------------------------
// Command sets

/** What a command set may hold; `undefined` leaves an element out, although it may be required. */
export interface CommandFields {
  readonly commandField: number;
  readonly messageId?: number | undefined;
  readonly messageIdRespondedTo?: number | undefined;
  readonly affectedSopClassUid?: string | undefined;
  readonly requestedSopClassUid?: string | undefined;
  readonly requestedSopInstanceUid?: string | undefined;
  readonly eventTypeId?: number | undefined;
  readonly actionTypeId?: number | undefined;
  readonly affectedSopInstanceUid?: string | undefined;
  readonly priority?: number | undefined;
  readonly status?: number | undefined;
  readonly errorComment?: string | undefined;
  readonly moveDestination?: string | undefined;
  readonly moveOriginatorAeTitle?: string | undefined;
  readonly moveOriginatorMessageId?: number | undefined;
  readonly remaining?: number | undefined;
  readonly completed?: number | undefined;
  readonly failed?: number | undefined;
  readonly warning?: number | undefined;
  /** (0000,0800); by default from whether a dataset follows. */
  readonly dataSetType?: number | undefined;
  /** Leaves the group length (0000,0000) out. */
  readonly withoutGroupLength?: boolean | undefined;
}

const COMMAND_ELEMENTS = [
  ['affectedSopClassUid', 0x0002, 'uid'],
  ['requestedSopClassUid', 0x0003, 'uid'],
  ['commandField', 0x0100, 'number'],
  ['messageId', 0x0110, 'number'],
  ['messageIdRespondedTo', 0x0120, 'number'],
  ['moveDestination', 0x0600, 'text'],
  ['priority', 0x0700, 'number'],
  ['dataSetType', 0x0800, 'number'],
  ['status', 0x0900, 'number'],
  ['errorComment', 0x0902, 'text'],
  ['affectedSopInstanceUid', 0x1000, 'uid'],
  ['requestedSopInstanceUid', 0x1001, 'uid'],
  ['eventTypeId', 0x1002, 'number'],
  ['actionTypeId', 0x1008, 'number'],
  ['remaining', 0x1020, 'number'],
  ['completed', 0x1021, 'number'],
  ['failed', 0x1022, 'number'],
  ['warning', 0x1023, 'number'],
  ['moveOriginatorAeTitle', 0x1030, 'text'],
  ['moveOriginatorMessageId', 0x1031, 'number'],
] as const;

export function encodeCommand(fields: CommandFields): Buffer {
  const body = Buffer.concat(
    COMMAND_ELEMENTS.flatMap(([name, element, kind]) => {
      const value = fields[name];
      if (value === undefined) return [];
      const bytes = encodeValue(value, kind === 'uid' ? 'UI' : 'LO', 'implicit');
      return [tagAndLength(element, bytes.length, 'implicit'), bytes];
    }),
  );
  if (fields.withoutGroupLength === true) return body;
  const groupLength = Buffer.alloc(12);
  groupLength.writeUInt32LE(4, 4);
  groupLength.writeUInt32LE(body.length, 8);
  return Buffer.concat([groupLength, body]);
}

/** A received command set. */
export interface ReceivedCommand extends CommandFields {
  readonly name: string;
  readonly hasDataset: boolean;
}

export function decodeCommand(bytes: Buffer): ReceivedCommand {
  const fields: Record<string, string | number> = {};
  for (const [tag, text] of decodeAttributes(bytes, 'implicit')) {
    const known = COMMAND_ELEMENTS.find(([, element]) => element === tag);
    if (known?.[2] === 'uid' || known?.[2] === 'text') fields[known[0]] = text.trim();
  }
  for (let offset = 0; offset + 8 <= bytes.length; offset += 8 + bytes.readUInt32LE(offset + 4)) {
    const known = COMMAND_ELEMENTS.find(([, element]) => element === bytes.readUInt16LE(offset + 2));
    if (known?.[2] === 'number' && offset + 10 <= bytes.length)
      fields[known[0]] = bytes.readUInt16LE(offset + 8);
  }
  const commandField = Number(fields['commandField']);
  return {
    ...fields,
    commandField,
    name: CommandNames[commandField] ?? `command ${commandField.toString(16)}`,
    hasDataset: fields['dataSetType'] !== 0x0101,
  };
}

// ---------------------------------------------------------------------------------------------------------------
// PDUs

export interface ProposedContext {
  readonly id: number;
  readonly abstractSyntax: string;
  readonly transferSyntaxes: readonly string[];
}
export interface ContextResult {
  readonly id: number;
  /** 0 accepted, 1 user rejection, 2 no reason, 3 abstract syntax, 4 transfer syntaxes. */
  readonly result: number;
  readonly transferSyntax: string;
}
export interface Role {
  readonly sopClassUid: string;
  readonly scu: boolean;
  readonly scp: boolean;
}
/** SOP Class Extended Negotiation, item type 56H. */
export interface Extended {
  readonly sopClassUid: string;
  readonly information: Buffer;
}
/** User Identity Negotiation, item type 58H. */
export interface RogueIdentity {
  readonly type: number;
  readonly responseRequested: boolean;
  readonly primary: Buffer;
  readonly secondary: Buffer;
}
interface AssociateCommon {
  readonly calledAeTitle: string;
  readonly callingAeTitle: string;
  readonly maxPduLength: number;
  readonly roles: readonly Role[];
  readonly extended?: readonly Extended[];
  /** Asynchronous operations window: what is invoked at most, and what is performed. */
  readonly asyncWindow?: readonly [invoked: number, performed: number];
  readonly userIdentity?: RogueIdentity | undefined;
  /** The response of item type 59H. */
  readonly identityResponse?: Buffer | undefined;
}
export interface AssociateRq extends AssociateCommon {
  readonly contexts: readonly ProposedContext[];
}
export interface AssociateAc extends AssociateCommon {
  readonly contexts: readonly ContextResult[];
}

export function pdu(type: number, body: Buffer, declaredLength = body.length): Buffer {
  const header = Buffer.alloc(6);
  header.writeUInt8(type, 0);
  header.writeUInt32BE(declaredLength, 2);
  return Buffer.concat([header, body]);
}

function item(type: number, body: Buffer): Buffer {
  const header = Buffer.alloc(4);
  header.writeUInt8(type, 0);
  header.writeUInt16BE(body.length, 2);
  return Buffer.concat([header, body]);
}

const uidItem = (type: number, uid: string): Buffer => item(type, Buffer.from(uid, 'latin1'));

function withUid(type: number, sopClassUid: string, rest: Buffer): Buffer {
  const uid = Buffer.from(sopClassUid, 'latin1');
  const size = Buffer.alloc(2);
  size.writeUInt16BE(uid.length);
  return item(type, Buffer.concat([size, uid, rest]));
}

function windowItem([invoked, performed]: readonly [number, number]): Buffer {
  const window = Buffer.alloc(4);
  window.writeUInt16BE(invoked, 0);
  window.writeUInt16BE(performed, 2);
  return item(0x53, window);
}

const counted = (bytes: Buffer): Buffer => {
  const size = Buffer.alloc(2);
  size.writeUInt16BE(bytes.length);
  return Buffer.concat([size, bytes]);
};

function identityItems({ userIdentity, identityResponse }: AssociateCommon): Buffer[] {
  const items: Buffer[] = [];
  if (userIdentity) {
    const { type, responseRequested, primary, secondary } = userIdentity;
    const head = Buffer.of(type, Number(responseRequested));
    items.push(item(0x58, Buffer.concat([head, counted(primary), counted(secondary)])));
  }
  if (identityResponse) items.push(item(0x59, counted(identityResponse)));
  return items;
}

function decodeIdentity(body: Buffer): RogueIdentity {
  const end = 4 + body.readUInt16BE(2);
  return {
    type: body.readUInt8(0),
    responseRequested: body[1] === 1,
    primary: Buffer.from(body.subarray(4, end)),
    secondary: Buffer.from(body.subarray(end + 2, end + 2 + body.readUInt16BE(end))),
  };
}

function userInformation(message: AssociateCommon): Buffer {
  const { maxPduLength, roles, extended = [], asyncWindow } = message;
  const length = Buffer.alloc(4);
  length.writeUInt32BE(maxPduLength);
  const roleItems = roles.map(({ sopClassUid, scu, scp }) =>
    withUid(0x54, sopClassUid, Buffer.from([scu ? 1 : 0, scp ? 1 : 0])),
  );
  const extendedItems = extended.map(({ sopClassUid, information }) =>
    withUid(0x56, sopClassUid, information),
  );
  const parts = [
    item(0x51, length),
    uidItem(0x52, '2.25.1'),
    ...(asyncWindow ? [windowItem(asyncWindow)] : []),
    ...roleItems,
    uidItem(0x55, 'ROGUE'),
    ...extendedItems,
    ...identityItems(message),
  ];
  return item(0x50, Buffer.concat(parts));
}

function associatePdu(type: 1 | 2, message: AssociateCommon, contexts: readonly Buffer[]): Buffer {
  const head = Buffer.alloc(68);
  head.writeUInt16BE(1, 0);
  head.write(message.calledAeTitle.padEnd(16), 4, 16, 'latin1');
  head.write(message.callingAeTitle.padEnd(16), 20, 16, 'latin1');
  const application = uidItem(0x10, '1.2.840.10008.3.1.1.1');
  return pdu(type, Buffer.concat([head, application, ...contexts, userInformation(message)]));
}

export function encodeAssociateRq(request: AssociateRq): Buffer {
  const contexts = request.contexts.map(({ id, abstractSyntax, transferSyntaxes }) =>
    item(
      0x20,
      Buffer.concat([
        Buffer.from([id, 0, 0, 0]),
        uidItem(0x30, abstractSyntax),
        ...transferSyntaxes.map((uid) => uidItem(0x40, uid)),
      ]),
    ),
  );
  return associatePdu(1, request, contexts);
}

export function encodeAssociateAc(answer: AssociateAc): Buffer {
  const contexts = answer.contexts.map(({ id, result, transferSyntax }) =>
    item(0x21, Buffer.concat([Buffer.from([id, 0, result, 0]), uidItem(0x40, transferSyntax)])),
  );
  return associatePdu(2, answer, contexts);
}

export const encodeAssociateRj = (result: number, source: number, reason: number): Buffer =>
  pdu(3, Buffer.from([0, result, source, reason]));
export const encodeReleaseRq = (): Buffer => pdu(5, Buffer.alloc(4));
export const encodeReleaseRp = (): Buffer => pdu(6, Buffer.alloc(4));
export const encodeAbort = (source = 0, reason = 0): Buffer => pdu(7, Buffer.from([0, 0, source, reason]));

/** One PDV: control bit 1 = command, bit 2 = last fragment. */
export function pdv(contextId: number, control: number, fragment: Buffer): Buffer {
  const header = Buffer.alloc(6);
  header.writeUInt32BE(fragment.length + 2, 0);
  header.writeUInt8(contextId, 4);
  header.writeUInt8(control, 5);
  return Buffer.concat([header, fragment]);
}

function* items(bytes: Buffer): Generator<{ type: number; body: Buffer }> {
  let offset = 0;
  while (offset + 4 <= bytes.length) {
    const length = bytes.readUInt16BE(offset + 2);
    yield { type: bytes.readUInt8(offset), body: bytes.subarray(offset + 4, offset + 4 + length) };
    offset += 4 + length;
  }
}

const text = (bytes: Buffer): string => bytes.toString('latin1').replace(/[\0 ]+$/, '');

function decodeRole(body: Buffer): Role {
  const end = 2 + body.readUInt16BE(0);
  return { sopClassUid: text(body.subarray(2, end)), scu: body[end] === 1, scp: body[end + 1] === 1 };
}

function decodeExtended(body: Buffer): Extended {
  const end = 2 + body.readUInt16BE(0);
  return { sopClassUid: text(body.subarray(2, end)), information: Buffer.from(body.subarray(end)) };
}

function decodeCommon(body: Buffer): AssociateCommon {
  let maxPduLength = 0;
  const roles: Role[] = [];
  const extended: Extended[] = [];
  let asyncWindow: AssociateCommon['asyncWindow'];
  let userIdentity: RogueIdentity | undefined;
  let identityResponse: Buffer | undefined;
  for (const { type, body: information } of items(body.subarray(68))) {
    if (type !== 0x50) continue;
    for (const sub of items(information)) {
      if (sub.type === 0x51) maxPduLength = sub.body.readUInt32BE(0);
      if (sub.type === 0x53) asyncWindow = [sub.body.readUInt16BE(0), sub.body.readUInt16BE(2)];
      if (sub.type === 0x54) roles.push(decodeRole(sub.body));
      if (sub.type === 0x56) extended.push(decodeExtended(sub.body));
      if (sub.type === 0x58) userIdentity = decodeIdentity(sub.body);
      if (sub.type === 0x59) identityResponse = Buffer.from(sub.body.subarray(2));
    }
  }
  return {
    calledAeTitle: text(body.subarray(4, 20)),
    callingAeTitle: text(body.subarray(20, 36)),
    maxPduLength,
    roles,
    extended,
    ...(asyncWindow && { asyncWindow }),
    ...(userIdentity && { userIdentity }),
    ...(identityResponse && { identityResponse }),
  };
}

/** @param body the PDU without its six bytes of header */
export function decodeAssociateRq(body: Buffer): AssociateRq {
  const contexts: ProposedContext[] = [];
  for (const { type, body: context } of items(body.subarray(68))) {
    if (type !== 0x20) continue;
    const syntaxes = [...items(context.subarray(4))];
    contexts.push({
      id: context.readUInt8(0),
      abstractSyntax: syntaxes.filter((s) => s.type === 0x30).map((s) => text(s.body))[0] ?? '',
      transferSyntaxes: syntaxes.filter((s) => s.type === 0x40).map((s) => text(s.body)),
    });
  }
  return { ...decodeCommon(body), contexts };
}

/** @param body the PDU without its six bytes of header */
export function decodeAssociateAc(body: Buffer): AssociateAc {
  const contexts: ContextResult[] = [];
  for (const { type, body: context } of items(body.subarray(68))) {
    if (type !== 0x21) continue;
    const [syntax] = [...items(context.subarray(4))].map((s) => text(s.body));
    contexts.push({
      id: context.readUInt8(0),
      result: context.readUInt8(2),
      transferSyntax: syntax ?? '',
    });
  }
  return { ...decodeCommon(body), contexts };
}

/** How bytes are cut up on their way out. Every message is cut by the shape in force when it is sent. */
export interface Shape {
  /** Most bytes of one PDV's fragment. */
  readonly fragmentBytes?: number;
  /** How many PDVs share one PDU. */
  readonly pdvsPerPdu?: number;
  /** Most bytes of one write to the socket; 1 sends byte by byte. */
  readonly writeBytes?: number;
  /** Pause between two writes. */
  readonly dripMs?: number;
  /** After so many bytes of what this association sends, waits before the next ones. */
  readonly pauseAt?: { readonly bytes: number; readonly until: Promise<unknown> };
  /** The last-fragment bit comes in an empty PDV of its own, as some peers do. */
  readonly emptyLastFragment?: boolean;
}

/** The fragments of one command set or dataset, last bit set on the last. */
export function* pdvs(
  contextId: number,
  kind: 'command' | 'dataset',
  chunks: Iterable<Buffer>,
  shape: Shape,
): Generator<Buffer> {
  const command = kind === 'command' ? 1 : 0;
  const size = shape.fragmentBytes ?? 16_000;
  let held: Buffer | undefined;
  for (const chunk of chunks) {
    for (let offset = 0; offset < chunk.length; offset += size) {
      if (held) yield pdv(contextId, command, held);
      held = chunk.subarray(offset, offset + size);
    }
  }
  if (shape.emptyLastFragment === true && held) {
    yield pdv(contextId, command, held);
    held = undefined;
  }
  yield pdv(contextId, command | 2, held ?? Buffer.alloc(0));
}
