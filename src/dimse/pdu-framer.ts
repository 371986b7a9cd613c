import { GatewayError } from '../core/index.js';
import { PduTypes } from './pdu.js';

/** What stands before the bytes of a presentation data value. @see PS3.8 9.3.5 and annex E */
export interface PdvHeader {
  readonly contextId: number;
  readonly isCommand: boolean;
  /** The last fragment of the command or dataset. */
  readonly isLast: boolean;
}

export interface PduHandler {
  /** A whole PDU other than P-DATA-TF: its body, in memory of its own. */
  pdu(type: number, body: Buffer): void;
  /**
   * Bytes of a PDV as they come, valid during the call or until the returned promise resolves: nothing more is
   * handed on before. The last call of a PDV says `ended`; a PDV without bytes makes one call.
   */
  fragment(header: PdvHeader, bytes: Buffer, ended: boolean): void | Promise<void>;
}

export interface FramerLimits {
  /** Longest P-DATA-TF taken. It is never held, so this only refuses nonsense. */
  readonly maxDataPduLength: number;
  readonly maxAssociationPduLength: number;
}

/** Room for 128 presentation contexts with many transfer syntaxes each; DCMTK's limit is alike. */
export const MAX_ASSOCIATION_PDU_LENGTH = 64 * 1024;

/** PDU headers and PDV headers are both six bytes. */
const HEADER_LENGTH = 6;
const EMPTY: Buffer = Buffer.alloc(0);

/** Alert and handshake. @see RFC 8446 5.1 */
const TLS_RECORDS: readonly number[] = [0x15, 0x16];

/** The cause of an error where the other side speaks TLS and this one does not. */
export class SpeaksTls extends Error {}

/** Types of TLS records are no types of PDUs, and their versions begin with 3. */
function isTlsRecord(header: Buffer): boolean {
  return TLS_RECORDS.includes(header.readUInt8(0)) && header.readUInt8(1) === 3;
}

/**
 * Cuts a stream of bytes, in chunks of any size, into PDUs and PDVs. Association PDUs are collected up to their
 * bound; the data of PDVs is handed on as slices of the chunks that came.
 */
export class PduFramer {
  readonly #handler: PduHandler;
  readonly #limits: FramerLimits;
  #state: 'pdu-header' | 'pdu-body' | 'pdv-header' | 'pdv-data' = 'pdu-header';
  readonly #header = Buffer.alloc(HEADER_LENGTH);
  #headerLength = 0;
  #pduType = 0;
  /** Bytes of the current PDU that have not been seen. */
  #pduRemaining = 0;
  /** Grows with what came, never by what was announced. */
  #body = EMPTY;
  #bodyLength = 0;
  #pdv: PdvHeader = { contextId: 0, isCommand: false, isLast: false };
  #pdvRemaining = 0;
  #waiting: Promise<void> | undefined;

  constructor(handler: PduHandler, limits: FramerLimits) {
    this.#handler = handler;
    this.#limits = limits;
  }

  /** Whether the stream could end here without cutting a PDU. */
  get betweenPdus(): boolean {
    return this.#state === 'pdu-header' && this.#headerLength === 0;
  }

  /**
   * Takes the next bytes. A returned promise means that the handler waits: `chunk` must stay as it is, and nothing
   * else may be pushed, until it resolves.
   * @throws GatewayError `peer-protocol` when the bytes are no PDUs within the limits, `peer-unreachable` when they are TLS
   */
  push(chunk: Buffer, from = 0): void | Promise<void> {
    let offset = from;
    while (offset < chunk.length) {
      offset = this.#take(chunk, offset);
      const waiting = this.#waiting;
      if (waiting) {
        this.#waiting = undefined;
        return waiting.then(() => this.push(chunk, offset));
      }
    }
  }

  #take(chunk: Buffer, offset: number): number {
    if (this.#state === 'pdv-data') return this.#takeData(chunk, offset);
    if (this.#state === 'pdu-body') return this.#takeBody(chunk, offset);
    return this.#takeHeader(chunk, offset);
  }

  #takeHeader(chunk: Buffer, offset: number): number {
    const end = Math.min(chunk.length, offset + HEADER_LENGTH - this.#headerLength);
    chunk.copy(this.#header, this.#headerLength, offset, end);
    this.#headerLength += end - offset;
    if (this.#headerLength === HEADER_LENGTH) {
      this.#headerLength = 0;
      if (this.#state === 'pdu-header') this.#beginPdu();
      else this.#beginPdv();
    }
    return end;
  }

  #beginPdu(): void {
    this.#pduType = this.#header.readUInt8(0);
    this.#pduRemaining = this.#header.readUInt32BE(2);
    const isData = this.#pduType === PduTypes.data;
    if (isTlsRecord(this.#header)) {
      throw new GatewayError('peer-unreachable', 'TLS is spoken at the other end, and not here.', {
        cause: new SpeaksTls('a TLS record in place of a PDU'),
      });
    }
    if (this.#pduType < PduTypes.associateRequest || this.#pduType > PduTypes.abort) {
      throw new GatewayError('peer-protocol', `The peer sent a PDU of unknown type ${this.#pduType}.`);
    }
    const limit = isData ? this.#limits.maxDataPduLength : this.#limits.maxAssociationPduLength;
    if (this.#pduRemaining > limit) {
      throw new GatewayError(
        'peer-protocol',
        `The peer sent a PDU of ${this.#pduRemaining} bytes where ${limit} are the most.`,
      );
    }
    if (isData) this.#expectPdv();
    else if (this.#pduRemaining > 0) this.#state = 'pdu-body';
    else this.#endPdu();
  }

  #expectPdv(): void {
    if (this.#pduRemaining < HEADER_LENGTH) {
      throw new GatewayError('peer-protocol', 'The peer sent a P-DATA-TF PDU that no PDV fits into.');
    }
    this.#state = 'pdv-header';
  }

  #takeBody(chunk: Buffer, offset: number): number {
    const end = Math.min(chunk.length, offset + this.#pduRemaining);
    const length = this.#bodyLength + end - offset;
    if (length > this.#body.length) {
      const grown = Buffer.allocUnsafe(Math.max(2 * this.#body.length, length));
      this.#body.copy(grown, 0, 0, this.#bodyLength);
      this.#body = grown;
    }
    chunk.copy(this.#body, this.#bodyLength, offset, end);
    this.#bodyLength = length;
    this.#pduRemaining -= end - offset;
    if (this.#pduRemaining === 0) this.#endPdu();
    return end;
  }

  #endPdu(): void {
    const body = this.#body.subarray(0, this.#bodyLength);
    this.#body = EMPTY;
    this.#bodyLength = 0;
    this.#state = 'pdu-header';
    this.#handler.pdu(this.#pduType, body);
  }

  #beginPdv(): void {
    const length = this.#header.readUInt32BE(0);
    if (length < 2 || length + 4 > this.#pduRemaining) {
      throw new GatewayError(
        'peer-protocol',
        `The peer sent a PDV of ${length} bytes, which does not fit its PDU.`,
      );
    }
    const control = this.#header.readUInt8(5);
    this.#pdv = {
      contextId: this.#header.readUInt8(4),
      isCommand: (control & 1) !== 0,
      isLast: (control & 2) !== 0,
    };
    this.#pduRemaining -= length + 4;
    this.#pdvRemaining = length - 2;
    this.#state = 'pdv-data';
    if (this.#pdvRemaining === 0) this.#deliver(EMPTY);
  }

  #takeData(chunk: Buffer, offset: number): number {
    const end = Math.min(chunk.length, offset + this.#pdvRemaining);
    this.#pdvRemaining -= end - offset;
    this.#deliver(offset === 0 && end === chunk.length ? chunk : chunk.subarray(offset, end));
    return end;
  }

  #deliver(bytes: Buffer): void {
    const ended = this.#pdvRemaining === 0;
    if (ended && this.#pduRemaining > 0) this.#expectPdv();
    else if (ended) this.#state = 'pdu-header';
    this.#waiting = this.#handler.fragment(this.#pdv, bytes, ended) ?? undefined;
  }
}
