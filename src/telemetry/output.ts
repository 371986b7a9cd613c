import { fstatSync } from 'node:fs';
import type { Writable } from 'node:stream';
import { pino } from 'pino';

/** Lines that wait for an output that nobody reads, some 10,000; more are dropped, for the gateway must not wait. */
const MAX_WAITING_BYTES = 4 * 2 ** 20;
/** Lines are written together, once there are so many bytes of them or so much time has passed: each write wakes a thread. */
const GATHER_BYTES = 8 * 2 ** 10;
const GATHER_MS = 20;

/** Where log lines go: one text, ending in a line feed, at a time. */
export interface LogDestination {
  readonly write: (line: string) => void;
  /** Calls back once everything written has left. */
  readonly flush?: (callback: () => void) => void;
  /** Whether a write that does not end holds up the end of the process. */
  readonly holdsUpExit?: boolean;
}

/** Standard output, which never makes the event loop wait. `onDrop` hears of lines that it did not take. */
export function standardOutput(onDrop: () => void): LogDestination {
  const info = fstatSync(1);
  return info.isFIFO() || info.isSocket() ? pipeOutput(process.stdout, onDrop) : fileOutput(onDrop, 1);
}

/**
 * A pipe or socket, written to when it takes something: a thread in a write that does not end would keep even
 * `process.exit` from ending. What waits at exit is written as far as there is room.
 *
 * `onDrop` hears of each line for which there is no room, or that came to a reader who has gone.
 */
export function pipeOutput(stream: Writable, onDrop: () => void): LogDestination {
  let gathered: string[] = [];
  let gatheredBytes = 0;
  let timer: NodeJS.Timeout | undefined;
  const send = (): void => {
    clearTimeout(timer);
    timer = undefined;
    const lines = gathered;
    if (lines.length === 0) return;
    gathered = [];
    gatheredBytes = 0;
    stream.write(Buffer.from(lines.join('')), (error) => {
      if (error) lines.forEach(onDrop);
    });
  };
  // Each write tells of its own failure.
  stream.on('error', () => undefined);
  process.on('exit', send);
  return {
    write: (line) => {
      const bytes = Buffer.byteLength(line);
      if (stream.writableLength + gatheredBytes + bytes > MAX_WAITING_BYTES) {
        onDrop();
        return;
      }
      gathered.push(line);
      gatheredBytes += bytes;
      if (gatheredBytes >= GATHER_BYTES) send();
      else timer ??= setTimeout(send, GATHER_MS);
    },
    flush: (callback) => {
      send();
      stream.write('', () => {
        callback();
      });
    },
  };
}

/**
 * A file or a terminal, written to by a thread; what it still holds is written at exit.
 *
 * `onDrop` hears of each line for which there is no room, and of each write that failed: its lines wait for the next.
 */
export function fileOutput(onDrop: () => void, descriptor: number): LogDestination {
  const stream = pino.destination({
    dest: descriptor,
    sync: false,
    minLength: GATHER_BYTES,
    maxLength: MAX_WAITING_BYTES,
  });
  let waitingBytes = 0;
  let failed = false;
  let flushing: NodeJS.Timeout | undefined;
  const flushSoon = (): void => {
    flushing ??= setTimeout(() => {
      flushing = undefined;
      stream.flush();
    }, GATHER_MS);
  };
  stream.on('drop', (line: string) => {
    waitingBytes -= Buffer.byteLength(line);
    onDrop();
  });
  stream.on('write', (bytes: number) => {
    waitingBytes -= bytes;
    failed = false;
  });
  // To flush does nothing while a write is under way.
  stream.on('drain', () => {
    if (waitingBytes > 0) flushSoon();
  });
  // Pino's own listener tells of the first error twice, and says no more of a pipe that nobody reads.
  stream.removeAllListeners('error');
  stream.on('error', () => {
    failed = true;
    onDrop();
  });
  // At exit it would try for ever.
  const flushSync = stream.flushSync.bind(stream);
  stream.flushSync = () => {
    if (!failed) flushSync();
  };
  return {
    holdsUpExit: true,
    write: (line) => {
      waitingBytes += Buffer.byteLength(line);
      stream.write(line);
      flushSoon();
    },
    flush: (callback) => {
      // The first may have been called back by a write that was under way.
      stream.flush(() => {
        if (waitingBytes > 0 && !failed) stream.flush(callback);
        else callback();
      });
    },
  };
}
