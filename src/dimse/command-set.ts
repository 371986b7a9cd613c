import { GatewayError } from '../core/index.js';

/** Command Field (0000,0100) values. A response is its request with the highest bit set. @see PS3.7 E.1-1 */
export const CommandFields = {
  cStoreRequest: 0x0001,
  cStoreResponse: 0x8001,
  cGetRequest: 0x0010,
  cGetResponse: 0x8010,
  cFindRequest: 0x0020,
  cFindResponse: 0x8020,
  cMoveRequest: 0x0021,
  cMoveResponse: 0x8021,
  cEchoRequest: 0x0030,
  cEchoResponse: 0x8030,
  nEventReportRequest: 0x0100,
  nEventReportResponse: 0x8100,
  nActionRequest: 0x0130,
  nActionResponse: 0x8130,
  cCancelRequest: 0x0fff,
} as const;

/** The bit that makes a response of a command field. */
export const RESPONSE = 0x8000;

/** A command set as its fields; those that a message does not have are left out. */
export interface CommandSet {
  readonly affectedSopClassUid?: string;
  readonly requestedSopClassUid?: string;
  readonly commandField: number;
  readonly messageId?: number;
  readonly messageIdBeingRespondedTo?: number;
  readonly moveDestination?: string;
  readonly priority?: number;
  readonly status?: number;
  /** Peers write patient data into it: never shown or logged. */
  readonly errorComment?: string;
  readonly errorId?: number;
  readonly affectedSopInstanceUid?: string;
  readonly requestedSopInstanceUid?: string;
  readonly eventTypeId?: number;
  readonly actionTypeId?: number;
  readonly remainingSubOperations?: number;
  readonly completedSubOperations?: number;
  readonly failedSubOperations?: number;
  readonly warningSubOperations?: number;
  readonly moveOriginatorAeTitle?: string;
  readonly moveOriginatorMessageId?: number;
  /**
   * What follows the command group in the bytes of the command, although it belongs into a dataset: Orthanc 1.10 sends
   * (0008,0058) so. Implicit VR little endian. Never written.
   */
  readonly misplacedDataset?: Buffer;
}

type KeysOf<T> = {
  [K in keyof Required<CommandSet>]: Required<CommandSet>[K] extends T ? K : never;
}[keyof CommandSet];
type NumberKey = KeysOf<number>;
type TextKey = KeysOf<string>;
type Field =
  | { readonly element: number; readonly kind: 'number'; readonly key: NumberKey }
  | { readonly element: number; readonly kind: 'uid' | 'text'; readonly key: TextKey };

/** The response to a request: what names the request, and its status. @see PS3.7 9.3, 10.3 */
export function responseTo(request: CommandSet, status: number): CommandSet {
  const { affectedSopClassUid, affectedSopInstanceUid, eventTypeId, messageId } = request;
  return {
    ...(affectedSopClassUid !== undefined && { affectedSopClassUid }),
    commandField: request.commandField | RESPONSE,
    ...(messageId !== undefined && { messageIdBeingRespondedTo: messageId }),
    status,
    ...(affectedSopInstanceUid !== undefined && { affectedSopInstanceUid }),
    ...(eventTypeId !== undefined && { eventTypeId }),
  };
}

const COMMAND_GROUP_LENGTH = 0x0000;
const COMMAND_DATA_SET_TYPE = 0x0800;
/** Command Data Set Type of a message without a dataset; any other value means that there is one. */
const NO_DATA_SET = 0x0101;
const DATA_SET = 0x0001;

/** In the order of the wire. @see PS3.7 E.1 */
const fields: readonly Field[] = [
  { element: 0x0002, kind: 'uid', key: 'affectedSopClassUid' },
  { element: 0x0003, kind: 'uid', key: 'requestedSopClassUid' },
  { element: 0x0100, kind: 'number', key: 'commandField' },
  { element: 0x0110, kind: 'number', key: 'messageId' },
  { element: 0x0120, kind: 'number', key: 'messageIdBeingRespondedTo' },
  { element: 0x0600, kind: 'text', key: 'moveDestination' },
  { element: 0x0700, kind: 'number', key: 'priority' },
  { element: 0x0900, kind: 'number', key: 'status' },
  { element: 0x0902, kind: 'text', key: 'errorComment' },
  { element: 0x0903, kind: 'number', key: 'errorId' },
  { element: 0x1000, kind: 'uid', key: 'affectedSopInstanceUid' },
  { element: 0x1001, kind: 'uid', key: 'requestedSopInstanceUid' },
  { element: 0x1002, kind: 'number', key: 'eventTypeId' },
  { element: 0x1008, kind: 'number', key: 'actionTypeId' },
  { element: 0x1020, kind: 'number', key: 'remainingSubOperations' },
  { element: 0x1021, kind: 'number', key: 'completedSubOperations' },
  { element: 0x1022, kind: 'number', key: 'failedSubOperations' },
  { element: 0x1023, kind: 'number', key: 'warningSubOperations' },
  { element: 0x1030, kind: 'text', key: 'moveOriginatorAeTitle' },
  { element: 0x1031, kind: 'number', key: 'moveOriginatorMessageId' },
];
const fieldsByElement = new Map(fields.map((field) => [field.element, field]));

type MutableCommandSet = { -readonly [K in keyof CommandSet]?: CommandSet[K] };

/**
 * Reads a command set: group 0000, implicit VR little endian.
 * @throws GatewayError `peer-protocol` when it is none
 */
export function parseCommandSet(bytes: Buffer): {
  readonly command: CommandSet;
  readonly hasDataset: boolean;
} {
  const values: MutableCommandSet = {};
  let hasDataset = false;
  let offset = 0;
  while (offset < bytes.length) {
    const start = offset + 8;
    if (start > bytes.length) throw badCommand();
    if (bytes.readUInt16LE(offset) !== 0) {
      values.misplacedDataset = Buffer.from(bytes.subarray(offset));
      break;
    }
    const element = bytes.readUInt16LE(offset + 2);
    const end = start + bytes.readUInt32LE(offset + 4);
    if (end > bytes.length) throw badCommand();
    if (element === COMMAND_DATA_SET_TYPE)
      hasDataset = readNumber(bytes.subarray(start, end)) !== NO_DATA_SET;
    const field = fieldsByElement.get(element);
    if (field && end > start) readField(values, field, bytes.subarray(start, end));
    offset = end;
  }
  const { commandField } = values;
  if (commandField === undefined) throw badCommand();
  return { command: { ...values, commandField }, hasDataset };
}

/** The bytes of a command set, with its group length and Command Data Set Type. */
export function formatCommandSet(command: CommandSet, hasDataset: boolean): Buffer {
  let length = 12 + 10;
  for (const field of fields) {
    const value = command[field.key];
    if (value !== undefined)
      length += 8 + (typeof value === 'number' ? 2 : value.length + (value.length & 1));
  }
  const bytes = Buffer.allocUnsafe(length);
  let offset = writeHeader(bytes, 0, COMMAND_GROUP_LENGTH, 4);
  offset = bytes.writeUInt32LE(length - 12, offset);
  let dataSetTypeWritten = false;
  for (const field of fields) {
    if (!dataSetTypeWritten && field.element > COMMAND_DATA_SET_TYPE) {
      offset = writeHeader(bytes, offset, COMMAND_DATA_SET_TYPE, 2);
      offset = bytes.writeUInt16LE(hasDataset ? DATA_SET : NO_DATA_SET, offset);
      dataSetTypeWritten = true;
    }
    const value = command[field.key];
    if (value !== undefined) offset = writeField(bytes, offset, field, value);
  }
  return bytes;
}

function writeField(bytes: Buffer, start: number, field: Field, value: number | string): number {
  if (typeof value === 'number') {
    return bytes.writeUInt16LE(value, writeHeader(bytes, start, field.element, 2));
  }
  const length = value.length + (value.length & 1);
  const offset = writeHeader(bytes, start, field.element, length);
  bytes.write(value, offset, 'latin1');
  if (length > value.length) bytes[offset + value.length] = field.kind === 'uid' ? 0 : 0x20;
  return offset + length;
}

function writeHeader(bytes: Buffer, offset: number, element: number, length: number): number {
  bytes.writeUInt16LE(0, offset);
  bytes.writeUInt16LE(element, offset + 2);
  return bytes.writeUInt32LE(length, offset + 4);
}

/** An empty element counts as left out. */
function readField(values: MutableCommandSet, field: Field, value: Buffer): void {
  if (field.kind === 'number') values[field.key] = readNumber(value);
  else values[field.key] = readText(value);
}

function readNumber(value: Buffer): number {
  if (value.length < 2) throw badCommand();
  return value.readUInt16LE(0);
}

function readText(value: Buffer): string {
  let end = value.length;
  while (end > 0 && (value[end - 1] === 0 || value[end - 1] === 0x20)) end -= 1;
  return value.toString('latin1', 0, end);
}

function badCommand(): GatewayError {
  return new GatewayError('peer-protocol', 'The peer sent a command set that cannot be read.');
}
