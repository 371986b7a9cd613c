import { PduTypes } from './pdu.js';

/** PDU header and PDV header. */
const HEADERS_LENGTH = 12;
/** PDV length field, context id and control byte count towards the PDU's length. */
const PDV_OVERHEAD = 6;
/** Longest P-DATA-TF written, whatever the peer would take: more gains nothing and delays what must be heard. */
const MAX_WRITTEN_PDU_LENGTH = 256 * 1024;
/** Chunks of a dataset below this are gathered: a PDU of its own for each would cost more than the copy. */
const GATHER_LENGTH = 16 * 1024;

const CONTROL_COMMAND = 1;
const CONTROL_LAST = 2;

/** Data bytes in one PDV for a peer that announced `peerMaxPduLength`: even, as fragments must be. @see PS3.8 E.2 */
export function maxFragmentLength(peerMaxPduLength: number): number {
  const limit =
    peerMaxPduLength === 0 ? MAX_WRITTEN_PDU_LENGTH : Math.min(peerMaxPduLength, MAX_WRITTEN_PDU_LENGTH);
  return (limit - PDV_OVERHEAD) & ~1;
}

/** A whole small message in one buffer: its command, and its dataset if it has one. */
export function packMessage(
  contextId: number,
  command: Buffer,
  dataset: Buffer | undefined,
  fragmentLength: number,
): Buffer {
  const parts = [
    ...packCommand(contextId, command, fragmentLength),
    ...(dataset ? packFragments(contextId, [dataset], fragmentLength, CONTROL_LAST) : []),
  ];
  return Buffer.concat(parts);
}

/** The PDUs of a command as buffers to be written one after the other. */
export function packCommand(contextId: number, command: Buffer, fragmentLength: number): Buffer[] {
  return packFragments(contextId, [command], fragmentLength, CONTROL_COMMAND | CONTROL_LAST);
}

/** Cuts `parts`, taken as one run of bytes, into PDUs; the last one gets `lastControl`, the others it without "last". */
function packFragments(
  contextId: number,
  parts: readonly Buffer[],
  fragmentLength: number,
  lastControl: number,
): Buffer[] {
  let remaining = parts.reduce((sum, part) => sum + part.length, 0);
  const packed: Buffer[] = [];
  let [part, ...others] = parts;
  do {
    const length = Math.min(remaining, fragmentLength);
    remaining -= length;
    const control = remaining === 0 ? lastControl : lastControl & CONTROL_COMMAND;
    packed.push(fragmentHeader(contextId, control, length));
    for (let needed = length; needed > 0 && part;) {
      const taken = part.subarray(0, needed);
      if (taken.length > 0) packed.push(taken);
      needed -= taken.length;
      part = part.subarray(taken.length);
      if (part.length === 0) [part, ...others] = others;
    }
  } while (remaining > 0);
  return packed;
}

function fragmentHeader(contextId: number, control: number, length: number): Buffer {
  const header = Buffer.allocUnsafe(HEADERS_LENGTH);
  header[0] = PduTypes.data;
  header[1] = 0;
  header.writeUInt32BE(length + PDV_OVERHEAD, 2);
  header.writeUInt32BE(length + 2, 6);
  header[10] = contextId;
  header[11] = control;
  return header;
}

/**
 * Makes PDUs of a dataset that comes in chunks of any size. Large chunks are not copied: the buffers that `add`
 * returns must be written before its chunk may change and before it is called again.
 */
export class DatasetPacker {
  readonly #contextId: number;
  readonly #fragmentLength: number;
  /** Starts with the bytes held back; at the end it is the last fragment. */
  readonly #gathered = Buffer.allocUnsafe(GATHER_LENGTH);
  #length = 0;

  constructor(contextId: number, fragmentLength: number) {
    this.#contextId = contextId;
    this.#fragmentLength = fragmentLength;
  }

  /** Buffers to write now, perhaps none. */
  add(chunk: Buffer): Buffer[] {
    const total = this.#length + chunk.length;
    if (total <= GATHER_LENGTH) {
      chunk.copy(this.#gathered, this.#length);
      this.#length = total;
      return [];
    }
    // One or two bytes wait: the fragments stay even, and the last one is never empty, which some peers do not take.
    const held = total % 2 === 0 ? 2 : 1;
    const front = Buffer.from(this.#gathered.subarray(0, this.#length));
    const packed = packFragments(
      this.#contextId,
      [front, chunk.subarray(0, chunk.length - held)],
      this.#fragmentLength,
      0,
    );
    this.#length = chunk.copy(this.#gathered, 0, chunk.length - held);
    return packed;
  }

  /** The last fragments. */
  end(): Buffer[] {
    return packFragments(
      this.#contextId,
      [this.#gathered.subarray(0, this.#length)],
      this.#fragmentLength,
      CONTROL_LAST,
    );
  }
}
