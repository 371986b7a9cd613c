import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from '@jest/globals';
import { all, parseAuditMessage } from '../helpers/audit-schema.js';
import { projectPath } from '../helpers/markdown.js';
import { startSyslogReceiver, type SyslogMessage, type SyslogReceiver } from '../helpers/syslog-receiver.js';

const directory = mkdtempSync(join(tmpdir(), 'audit-kill-'));
let child: ChildProcess | undefined;
let receiver: SyslogReceiver | undefined;
afterEach(async () => {
  child?.kill('SIGKILL');
  await receiver?.close();
  rmSync(directory, { recursive: true, force: true });
});

/** A process that records events without end. */
function writer(port: number): ChildProcess {
  const program = projectPath('test/helpers/audit-writer.ts');
  return (child = spawn(process.execPath, ['--import', 'tsx', program, directory, String(port)], {
    cwd: projectPath('.'),
    stdio: ['ignore', 'ignore', 'inherit'],
  }));
}

/** What the disk has, by the count of the event and the process that recorded it. */
function spooled(): readonly string[] {
  return readdirSync(directory)
    .filter((name) => name.endsWith('.jsonl'))
    .sort()
    .flatMap((name) => readFileSync(join(directory, name), 'utf8').split('\n'))
    .flatMap((line) => {
      const [, count, pid] = /"requestId":"(\d+)","request":"GET \/(\d+)"\}$/.exec(line) ?? [];
      return count === undefined ? [] : [`${pid ?? ''}-${count}`];
    });
}

function nameOf({ text }: SyslogMessage): string {
  const root = parseAuditMessage(text);
  const [query] = all(root, 'ParticipantObjectQuery');
  const detail = all(root, 'ParticipantObjectDetail').find(
    ({ attributes }) => attributes['type'] === 'RequestID',
  );
  const plain = (base64 = ''): string => Buffer.from(base64, 'base64').toString();
  return `${plain(query?.text).replace('GET /', '')}-${plain(detail?.attributes['value'])}`;
}

test('R-04: processes that are killed lose no event that the disk has: all come, in order, and at most a batch comes twice', async () => {
  receiver = await startSyslogReceiver();
  const onDisk = new Set<string>();
  for (let round = 1; round <= 3; round += 1) {
    const process = writer(receiver.port);
    const before = receiver.messages.length;
    await receiver.until((messages) => messages.length > before + 300);
    process.kill('SIGKILL');
    await once(process, 'exit');
    for (const name of spooled()) onDisk.add(name);
  }
  writer(receiver.port);
  const messages = await receiver.until((got) => {
    const names = new Set(got.map(nameOf));
    return [...onDisk].every((name) => names.has(name));
  });
  const numbers = messages.map(({ sequence }) => sequence);
  const unique = [...new Set(numbers)].sort((a, b) => a - b);
  expect(unique).toEqual(unique.map((_, index) => index + 1));
  // In order, but for what begins again with the batch that was under way when a process died.
  const steps = numbers.slice(1).map((number, index) => number - (numbers[index] ?? 0));
  const backwards = steps.filter((step) => step !== 1);
  expect(backwards.length).toBeLessThanOrEqual(3);
  expect(backwards.every((step) => step <= 0 && step > -400)).toBe(true);
  // One number is one event.
  const names = new Map(messages.map((message) => [message.sequence, nameOf(message)]));
  expect(messages.every((message) => names.get(message.sequence) === nameOf(message))).toBe(true);
});
