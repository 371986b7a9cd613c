import { Channel } from '../core/index.js';
import type { DicomJsonObject } from '../dicom/index.js';
import type { SearchRows } from './search-rows.js';

type Row = DicomJsonObject;

/** Rows that are looked up at the other members in one go. */
const CHUNK = 50;
/** Rows that a member may have ready before its turn. */
const AHEAD = 200;

/**
 * The rows of one member of a group, in pieces.
 *
 * A member whose turn has not come is asked all the same, and an answer of a few rows is kept. A longer one is given up
 * and asked for anew in its turn: a search that is held up keeps an association, which the look-ups of the rows before
 * it may need.
 */
export class MemberRows {
  readonly #open: () => Pick<SearchRows, 'rows'>;
  #head: Promise<readonly Row[] | undefined> | undefined;
  #failure: { readonly error: unknown } | undefined;

  constructor(open: () => Pick<SearchRows, 'rows'>) {
    this.#open = open;
  }

  /** Asks before its turn. */
  begin(): void {
    this.#head = this.#readHead();
    this.#head.catch((error: unknown) => {
      this.#failure = { error };
    });
  }

  /** How it failed before its turn, which it says in its turn. */
  get failure(): { readonly error: unknown } | undefined {
    return this.#failure;
  }

  /** @throws GatewayError of the search */
  async *chunks(): AsyncGenerator<readonly Row[], void, undefined> {
    const head = await this.#head;
    if (head === undefined) {
      yield* piecesOf(this.#open().rows);
      return;
    }
    for (let at = 0; at < head.length; at += CHUNK) yield head.slice(at, at + CHUNK);
  }

  async #readHead(): Promise<readonly Row[] | undefined> {
    const head: Row[] = [];
    for await (const row of this.#open().rows) {
      if (head.length === AHEAD) return undefined;
      head.push(row);
    }
    return head;
  }
}

/** What has come since the last piece was taken, one row at least. */
async function* piecesOf(rows: SearchRows['rows']): AsyncGenerator<readonly Row[], void, undefined> {
  const channel = new Channel<Row>(CHUNK);
  const pump = async (): Promise<void> => {
    try {
      for await (const row of rows) if (!(await channel.push(row))) return;
      channel.close();
    } catch (thrown) {
      channel.fail(thrown);
    }
  };
  void pump();
  let piece: Row[] = [];
  for await (const row of channel) {
    piece.push(row);
    if (channel.length > 0 && piece.length < CHUNK) continue;
    yield piece;
    piece = [];
  }
}
