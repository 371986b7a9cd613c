import { expect, test } from '@jest/globals';
import { CommandFields, formatCommandSet } from '../../../src/dimse/command-set.js';
import { MessageReader, type IncomingMessage } from '../../../src/dimse/message-reader.js';

const echo = formatCommandSet({ commandField: CommandFields.cEchoRequest, messageId: 7 }, false);

function reader(): {
  readonly messages: IncomingMessage[];
  readonly push: (bytes: Buffer, isLast?: boolean) => void;
} {
  const messages: IncomingMessage[] = [];
  const made = new MessageReader(new Set([1]), (message) => {
    messages.push(message);
    return undefined;
  });
  return {
    messages,
    push: (bytes, isLast = false) => {
      void made.fragment({ contextId: 1, isCommand: true, isLast }, bytes, true);
    },
  };
}

test('a command set in fragments of one byte, some of them empty, is read whole', () => {
  const { messages, push } = reader();
  for (let at = 0; at < echo.length; at += 1) {
    push(Buffer.alloc(0));
    push(echo.subarray(at, at + 1));
  }
  push(Buffer.alloc(0), true);
  push(echo, true);
  expect(messages.map(({ command }) => command.messageId)).toEqual([7, 7]);
});

test('R-03: a command set that never ends takes no memory, however many empty fragments it has', () => {
  const { messages, push } = reader();
  globalThis.gc?.();
  const before = process.memoryUsage();
  for (let count = 0; count < 2_000_000; count += 1) push(Buffer.alloc(0));
  const after = process.memoryUsage();
  expect(after.heapUsed - before.heapUsed).toBeLessThan(30 * 2 ** 20);
  push(echo, true);
  expect(messages).toHaveLength(1);
  expect(() => {
    for (let length = 0; length <= 16 * 1024; length += 1024) push(Buffer.alloc(1024));
  }).toThrow('too long');
});
