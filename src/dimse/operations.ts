import { GatewayError } from '../core/index.js';
import { CommandFields } from './command-set.js';
import type { Operation } from './exchange.js';

const MAX_MESSAGE_ID = 0xffff;

/** What is under way on one association: one operation, or as many C-STOREs as were negotiated. @see PS3.7 D.3.3.3 */
export class Operations {
  readonly #byId = new Map<number, Operation>();
  #lastId = 0;

  get size(): number {
    return this.#byId.size;
  }

  /** The one that is under way alone. */
  get only(): Operation | undefined {
    const [first] = this.#byId.values();
    return this.#byId.size === 1 ? first : undefined;
  }

  /** Whether a message will follow as soon as a response has come that is on its way. */
  get hurries(): boolean {
    return [...this.#byId.values()].some(({ handler }) => handler.hurries?.() === true);
  }

  /** Whether a message id has been used. */
  wasUsed(messageId: number): boolean {
    return messageId >= 1 && messageId <= this.#lastId;
  }

  find(messageId: number): Operation | undefined {
    return this.#byId.get(messageId);
  }

  /**
   * An id for another operation beside those that are under way, of which there may be `most` if all are C-STOREs.
   * @throws GatewayError `internal` when it has to wait
   */
  nextId(commandField: number, most: number): number {
    const isStore = (field: number): boolean => field === CommandFields.cStoreRequest;
    const all = [commandField, ...[...this.#byId.values()].map((operation) => operation.commandField)];
    if (this.size > 0 && (this.size >= most || !all.every(isStore)))
      throw new GatewayError('internal', 'The association is in use.');
    do this.#lastId = (this.#lastId % MAX_MESSAGE_ID) + 1;
    while (this.#byId.has(this.#lastId));
    return this.#lastId;
  }

  add(operation: Operation): void {
    this.#byId.set(operation.messageId, operation);
  }

  /** Whether it was under way. */
  remove(operation: Operation): boolean {
    return this.#byId.get(operation.messageId) === operation && this.#byId.delete(operation.messageId);
  }

  /** All of them, which are under way no more. */
  takeAll(): readonly Operation[] {
    const all = [...this.#byId.values()];
    this.#byId.clear();
    return all;
  }
}
