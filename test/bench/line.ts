/** A line of some length between two programs on loopback: bytes arrive later, as many of them as before. */
import net, { type AddressInfo, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { end, start } from './process.js';

/** Most bytes under way in one direction of a connection; ten times what 1 GB/s needs. */
const MOST_HELD_BYTES = 128 * 2 ** 20;

/** A line that runs. */
export interface Line {
  /** Where its near end listens. */
  readonly port: number;
  stop(): Promise<void>;
}

/** Starts a line to a port of loopback, in a process of its own, that delays both directions by `delayMs`. */
export async function startLine(port: number, delayMs: number): Promise<Line> {
  const args = ['--import', 'tsx', import.meta.filename, `${port}`, `${delayMs}`];
  const child = start(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  if (!child.stdout) throw new Error('the line did not start');
  for await (const near of createInterface({ input: child.stdout })) {
    return { port: Number(near), stop: () => end(child) };
  }
  throw new Error('the line ended before it was ready');
}

function pass(from: Socket, to: Socket, delayMs: number): void {
  let held = 0;
  from.on('data', (chunk: Buffer) => {
    held += chunk.length;
    if (held > MOST_HELD_BYTES) from.pause();
    // timers of one duration fire in the order in which they were set
    setTimeout(() => {
      to.write(chunk, () => {
        held -= chunk.length;
        from.resume();
      });
    }, delayMs);
  });
  from.once('end', () => setTimeout(() => to.end(), delayMs));
  from
    .once('error', () => to.destroy())
    .once('close', () =>
      setTimeout(() => {
        to.destroySoon();
      }, delayMs),
    );
}

function serve(port: number, delayMs: number): void {
  const server = net.createServer({ allowHalfOpen: true, noDelay: true }, (near) => {
    const far = net.connect({ port, host: '127.0.0.1', allowHalfOpen: true, noDelay: true });
    pass(near, far, delayMs);
    pass(far, near, delayMs);
  });
  server.listen(0, '127.0.0.1', () => {
    console.log((server.address() as AddressInfo).port);
  });
}

if (process.argv[1] === import.meta.filename) serve(Number(process.argv[2]), Number(process.argv[3]));
