import type { Socket } from 'node:net';

/** What the demo PACS does with an association that proposes SOP Class Extended Negotiation. */
export type DemoNegotiation = 'accept' | 'accept-relational' | 'ignore' | 'reject' | 'abort' | 'close';

/** What was agreed of C-FIND on one association. @see PS3.4 C.5.1.1 */
export interface FindOptions {
  readonly relational: boolean;
  readonly dateTime: boolean;
  readonly emptyValue: boolean;
  readonly multipleValue: boolean;
}

/** The baseline. */
export const noOptions: FindOptions = {
  relational: false,
  dateTime: false,
  emptyValue: false,
  multipleValue: false,
};

const STUDY_ROOT_FIND = '1.2.840.10008.5.1.4.1.2.2.1';
/** The bytes that it accepts: no similarity of names, no time zones. */
const accepted: Readonly<Partial<Record<DemoNegotiation, readonly number[]>>> = {
  accept: [1, 1, 0, 0, 0, 1, 1],
  // Fewer bytes: those that are missing are not accepted.
  'accept-relational': [1],
};
const HEADER = 6;
/** Version, two reserved bytes, two AE titles, 32 reserved bytes. */
const FIXED = 68;
const USER_INFORMATION = 0x50;
const EXTENDED = 0x56;

interface Item {
  readonly type: number;
  readonly start: number;
  readonly value: Buffer;
}

function* itemsOf(bytes: Buffer): Generator<Item> {
  let start = 0;
  while (start + 4 <= bytes.length) {
    const end = start + 4 + bytes.readUInt16BE(start + 2);
    yield { type: bytes.readUInt8(start), start, value: bytes.subarray(start + 4, end) };
    start = end;
  }
}

/** Whether an A-ASSOCIATE-RQ proposes anything, and what of C-FIND. */
function proposedIn(request: Buffer): { readonly any: boolean; readonly find: Buffer | undefined } {
  const user = [...itemsOf(request.subarray(HEADER + FIXED))].find(({ type }) => type === USER_INFORMATION);
  const extended = [...itemsOf(user?.value ?? Buffer.alloc(0))].filter(({ type }) => type === EXTENDED);
  const find = extended
    .map(({ value }) => ({ end: 2 + value.readUInt16BE(0), value }))
    .find(({ end, value }) => value.toString('latin1', 2, end) === STUDY_ROOT_FIND);
  return { any: extended.length > 0, find: find?.value.subarray(find.end) };
}

/** An A-ASSOCIATE-AC with one item more in its user information, which is the last of its items. */
function withItem(accept: Buffer, information: Buffer): Buffer {
  const uid = Buffer.from(STUDY_ROOT_FIND, 'latin1');
  const head = Buffer.of(EXTENDED, 0, 0, 2 + uid.length + information.length, 0, uid.length);
  const bytes = Buffer.concat([accept, head, uid, information]);
  bytes.writeUInt32BE(bytes.length - HEADER, 2);
  const user = [...itemsOf(accept.subarray(HEADER + FIXED))].find(({ type }) => type === USER_INFORMATION);
  const at = HEADER + FIXED + (user?.start ?? 0);
  bytes.writeUInt16BE(bytes.length - at - 4, at + 2);
  return bytes;
}

/** The side of the item that the library does not know: reads it from the request, adds it to the answer. */
export class DemoNegotiator {
  readonly #socket: Socket;
  readonly #mode: DemoNegotiation;
  #request = Buffer.alloc(0);

  /** Must be made before anything has come. */
  constructor(socket: Socket, mode: DemoNegotiation) {
    this.#socket = socket;
    this.#mode = mode;
    const read = (chunk: Buffer): void => {
      this.#request = Buffer.concat([this.#request, chunk]);
      const isWhole =
        this.#request.length >= HEADER && this.#request.length >= HEADER + this.#request.readUInt32BE(2);
      if (isWhole) socket.off('data', read);
    };
    socket.prependListener('data', read);
  }

  /** What is to be done with the request instead of accepting it. */
  get refusal(): 'reject' | 'abort' | 'close' | undefined {
    const mode = this.#mode;
    const refuses = mode === 'reject' || mode === 'abort' || mode === 'close';
    return refuses && proposedIn(this.#request).any ? mode : undefined;
  }

  /** Calls `accept`, which writes the A-ASSOCIATE-AC, and adds to that what is agreed. */
  accept(accept: () => void): FindOptions {
    const { find } = proposedIn(this.#request);
    const most = accepted[this.#mode];
    if (!find || !most) {
      accept();
      return noOptions;
    }
    const information = Buffer.from(most.map((byte, index) => byte & (find[index] ?? 0)));
    const socket = this.#socket;
    const write = socket.write.bind(socket);
    // The library writes the whole of it at once.
    socket.write = (bytes: Uint8Array | string) => {
      socket.write = write;
      return write(withItem(Buffer.from(bytes), information));
    };
    accept();
    const [relational, dateTime, , , , emptyValue, multipleValue] = [...information, 0, 0, 0, 0, 0, 0].map(
      (byte) => byte === 1,
    );
    return {
      relational: relational ?? false,
      dateTime: dateTime ?? false,
      emptyValue: emptyValue ?? false,
      multipleValue: multipleValue ?? false,
    };
  }
}
