/** A larger one is not kept for the next frame. */
const MOST_KEPT_BYTES = 8 * 1024 * 1024;

/**
 * Memory that frames are read into and that threads see without its being moved to them: allocating it anew for each
 * frame, and giving it back, costs more than making a picture of a small one.
 *
 * One room has one frame at a time, which is as long as the room: nothing is left of the one before it.
 */
export class FrameRooms {
  readonly #most: number;
  readonly #free: SharedArrayBuffer[] = [];

  /** At most `most` are kept. */
  constructor(most: number) {
    this.#most = most;
  }

  /** All of its bytes are to be written. */
  take(bytes: number): SharedArrayBuffer {
    const at = this.#free.findIndex((room) => room.byteLength === bytes);
    const [room] = at < 0 ? [] : this.#free.splice(at, 1);
    return room ?? new SharedArrayBuffer(bytes);
  }

  /** Of one that no thread reads any more. */
  giveBack(room: SharedArrayBuffer): void {
    if (room.byteLength > MOST_KEPT_BYTES) return;
    this.#free.unshift(room);
    this.#free.length = Math.min(this.#free.length, this.#most);
  }
}
