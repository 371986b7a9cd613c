import fs, { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { fileOutput, pipeOutput } from '../../../src/telemetry/output.js';
import { PATIENCE_MS } from '../../helpers/patience.js';

const closers: (() => void)[] = [];
afterEach(() => {
  jest.restoreAllMocks();
  jest.useRealTimers();
  for (const close of closers.splice(0).reverse()) close();
});

function open(path: string, flags: string): number {
  const descriptor = openSync(path, flags);
  closers.push(() => {
    closeSync(descriptor);
  });
  return descriptor;
}

type Write = (descriptor: number, text: string, ...rest: readonly unknown[]) => void;

describe('an output that is slow', () => {
  let path = '';
  let descriptor = 0;
  /** What waits to be written, and how it goes on. */
  const held: { readonly text: string; readonly go: () => void }[] = [];
  const turns = async (): Promise<void> => {
    for (let turn = 0; turn < 50; turn += 1) await new Promise(setImmediate);
  };
  const until = async (condition: () => boolean): Promise<void> => {
    const deadline = performance.now() + PATIENCE_MS;
    while (!condition()) {
      if (performance.now() > deadline) throw new Error('It did not come.');
      await new Promise(setImmediate);
    }
  };
  const written = (): string => readFileSync(path, 'utf8');

  beforeEach(() => {
    jest.useFakeTimers({ doNotFake: ['nextTick', 'setImmediate', 'queueMicrotask', 'performance'] });
    const directory = mkdtempSync(join(tmpdir(), 'log-'));
    closers.push(() => {
      rmSync(directory, { recursive: true });
    });
    path = join(directory, 'log');
    descriptor = open(path, 'a');
    held.length = 0;
    const write = fs.write.bind(fs) as Write;
    const hold: Write = (to, text, ...rest) => {
      held.push({
        text,
        go: () => {
          write(to, text, ...rest);
        },
      });
    };
    jest.spyOn(fs, 'write').mockImplementation(hold);
  });

  test('gets a line that came while it wrote without another coming', async () => {
    const output = fileOutput(() => undefined, descriptor);
    output.write('one\n');
    jest.advanceTimersByTime(20);
    output.write('two\n');
    jest.advanceTimersByTime(20);
    held[0]?.go();
    await until(() => written() === 'one\n' && jest.getTimerCount() > 0);
    jest.advanceTimersByTime(20);
    held[1]?.go();
    await until(() => written() === 'one\ntwo\n');
    await turns();
    expect(jest.getTimerCount()).toBe(0);
    expect(held).toHaveLength(2);
  });

  test('has all lines when a flush calls back', async () => {
    const output = fileOutput(() => undefined, descriptor);
    output.write('one\n');
    jest.advanceTimersByTime(20);
    output.write('two\n');
    let flushed = '';
    output.flush?.(() => (flushed = written()));
    held[0]?.go();
    await until(() => flushed !== '' || held.length > 1);
    held[1]?.go();
    await until(() => flushed !== '');
    expect(flushed).toBe('one\ntwo\n');
  });
});

describe('an output that is full', () => {
  test('ends nothing: what it did not take is counted once, and a flush calls back', async () => {
    let drops = 0;
    let dropped: () => void = () => undefined;
    const told = new Promise<void>((resolve) => (dropped = resolve));
    const output = fileOutput(
      () => {
        drops += 1;
        dropped();
      },
      open('/dev/full', 'w'),
    );
    output.write('one\n');
    await told;
    expect(drops).toBe(1);
    await new Promise<void>((resolve) => output.flush?.(resolve));
  });
});

describe('a pipe', () => {
  /** What was written, and how each write ends; the next one comes after it. */
  const opened = (): {
    readonly stream: Writable;
    readonly writes: { text: string; end: (error?: Error) => void }[];
  } => {
    const writes: { text: string; end: (error?: Error) => void }[] = [];
    const stream = new Writable({
      autoDestroy: false,
      write: (chunk: Buffer, _encoding, end) => void writes.push({ text: chunk.toString(), end }),
    });
    return { stream, writes };
  };

  test('gets lines together, and a flush calls back when all have left', async () => {
    const { stream, writes } = opened();
    const output = pipeOutput(stream, () => undefined);
    output.write('one\n');
    output.write('two\n');
    let isFlushed = false;
    const flushed = new Promise<void>((resolve) => output.flush?.(resolve)).then(() => (isFlushed = true));
    await new Promise(setImmediate);
    expect([writes.map(({ text }) => text), isFlushed]).toEqual([['one\ntwo\n'], false]);
    writes[0]?.end();
    await new Promise(setImmediate);
    writes[1]?.end();
    await flushed;
  });

  test('that takes nothing holds 4 MiB of lines, and each more is counted', () => {
    const { stream } = opened();
    let drops = 0;
    const output = pipeOutput(stream, () => (drops += 1));
    const line = `${'x'.repeat(2 ** 16 - 1)}\n`;
    for (let n = 0; n < 70; n += 1) output.write(line);
    expect([stream.writableLength, drops]).toEqual([4 * 2 ** 20, 6]);
  });

  test('whose reader has gone takes no line uncounted', async () => {
    const { stream, writes } = opened();
    let drops = 0;
    const output = pipeOutput(stream, () => (drops += 1));
    output.write('one\n');
    output.write('two\n');
    const flushed = new Promise<void>((resolve) => output.flush?.(resolve));
    await new Promise(setImmediate);
    writes[0]?.end(Object.assign(new Error('gone'), { code: 'EPIPE' }));
    await flushed;
    expect(drops).toBe(2);
  });
});
