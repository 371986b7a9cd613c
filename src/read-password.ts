import { createInterface } from 'node:readline';
import { Writable } from 'node:stream';
import type { ReadStream } from 'node:tty';

/** The first line of `input`; at a terminal it is asked for, and not shown. */
export async function readPassword(input: ReadStream | NodeJS.ReadableStream): Promise<string> {
  const isTerminal = 'isTTY' in input && input.isTTY;
  if (isTerminal) process.stderr.write('Password: ');
  // What is typed goes into the interface's output, which shows it to nobody.
  const nowhere = new Writable({
    write: (_chunk, _encoding, done) => {
      done();
    },
  });
  const lines = createInterface({ input, output: nowhere, terminal: isTerminal });
  try {
    for await (const line of lines) return line;
    return '';
  } finally {
    lines.close();
    if (isTerminal) process.stderr.write('\n');
  }
}
