import { once } from 'node:events';
import net from 'node:net';
import { setTimeout as after } from 'node:timers/promises';

/** How a line misbehaves; connections that are open feel it as new ones do. */
export interface Trouble {
  /** Each chunk comes so much later. */
  readonly delayMs?: number;
  /** Chunks come in pieces of so many bytes, a millisecond apart. */
  readonly sliceBytes?: number;
  /** Nothing passes, connections stay. */
  readonly stalled?: boolean;
  /** Each connection is reset when so many bytes have passed, in the middle of what they were of. */
  readonly cutAfterBytes?: number;
  /** Open connections are reset, new ones refused. */
  readonly refused?: boolean;
}

interface Wire {
  readonly near: net.Socket;
  readonly far: net.Socket;
  /** Bytes that passed since the trouble began. */
  passed: number;
}

/** A TCP line to a port of the loopback that misbehaves on demand. */
export class FaultyLine {
  readonly #wires = new Set<Wire>();
  readonly #to: number;
  readonly #server: net.Server;
  #trouble: Trouble = {};
  #mended: Promise<void> = Promise.resolve();
  #letPass: () => void = () => undefined;
  port = 0;

  private constructor(to: number) {
    this.#to = to;
    this.#server = net.createServer({ allowHalfOpen: true, noDelay: true }, (near) => {
      this.#connect(near);
    });
  }

  /** Lays a line to `to`, whole at first; `port` is its near end, any free one when 0. */
  static async lay(to: number, port = 0): Promise<FaultyLine> {
    const line = new FaultyLine(to);
    await line.#listen(port);
    line.port = (line.#server.address() as net.AddressInfo).port;
    return line;
  }

  get connections(): number {
    return this.#wires.size;
  }

  begin(trouble: Trouble): void {
    this.#trouble = trouble;
    for (const wire of this.#wires) wire.passed = 0;
    if (trouble.stalled)
      this.#mended = new Promise((resolve) => {
        this.#letPass = resolve;
      });
    if (trouble.refused) {
      this.#server.close();
      this.reset();
    }
  }

  async mend(): Promise<void> {
    const { refused } = this.#trouble;
    this.#trouble = {};
    this.#letPass();
    if (refused) await this.#listen(this.port);
  }

  /** Resets every connection. */
  reset(): void {
    for (const { near, far } of this.#wires) {
      near.resetAndDestroy();
      far.resetAndDestroy();
    }
  }

  async close(): Promise<void> {
    this.#letPass();
    this.reset();
    if (!this.#server.listening) return;
    const closed = once(this.#server, 'close');
    this.#server.close();
    await closed;
  }

  async #listen(port: number): Promise<void> {
    this.#server.listen(port, '127.0.0.1');
    await once(this.#server, 'listening');
  }

  #connect(near: net.Socket): void {
    const far = net.connect({ host: '127.0.0.1', port: this.#to, allowHalfOpen: true, noDelay: true });
    const wire: Wire = { near, far, passed: 0 };
    this.#wires.add(wire);
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      one.on('error', () => other.resetAndDestroy());
      one.on('close', () => {
        this.#wires.delete(wire);
        other.destroy();
      });
    }
    this.#pump(wire, near, far);
    this.#pump(wire, far, near);
  }

  /** Passes on what comes, one chunk at a time; an iterator would destroy the socket that may still have to answer. */
  #pump(wire: Wire, from: net.Socket, to: net.Socket): void {
    let before = Promise.resolve();
    from.on('data', (chunk: Buffer) => {
      from.pause();
      before = this.#carry(wire, to, chunk).then(() => {
        from.resume();
      });
    });
    from.on('end', () => {
      void before.then(() => this.#mended).then(() => to.end());
    });
  }

  async #carry(wire: Wire, to: net.Socket, chunk: Buffer): Promise<void> {
    await this.#mended;
    const { delayMs, sliceBytes = chunk.length } = this.#trouble;
    if (delayMs !== undefined) await after(delayMs);
    for (let at = 0; at < chunk.length; at += sliceBytes) {
      if (at > 0) await after(1);
      await this.#pass(wire, to, chunk.subarray(at, at + sliceBytes));
    }
  }

  async #pass(wire: Wire, to: net.Socket, bytes: Buffer): Promise<void> {
    const { cutAfterBytes = Infinity } = this.#trouble;
    const left = cutAfterBytes - wire.passed;
    wire.passed += bytes.length;
    if (bytes.length >= left) {
      to.write(bytes.subarray(0, Math.max(0, left)));
      await after(1);
      wire.near.resetAndDestroy();
      wire.far.resetAndDestroy();
      return;
    }
    if (to.destroyed || to.write(bytes)) return;
    await new Promise<void>((resolve) => {
      const done = (): void => {
        to.off('drain', done).off('close', done);
        resolve();
      };
      to.on('drain', done).on('close', done);
    });
  }
}
