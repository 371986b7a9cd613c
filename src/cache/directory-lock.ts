import { randomBytes } from 'node:crypto';
import { mkdir, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { GatewayError, type Clock } from '../core/index.js';

/** Of the files in the directory; a gateway that knows another one leaves them alone. */
const FORMAT = 1;
const NAME = 'lock';
/** The lock is touched this often, for those who cannot see the process itself: another container or machine. */
const TOUCH_MS = 15_000;
const ABANDONED_MS = 60_000;

interface Owner {
  readonly format: number;
  readonly pid: number;
  readonly host: string;
  /** When the process started, by the kernel: process ids are used again, in containers most of all. */
  readonly started: string;
}

/** What a directory is in errors, and their code. */
export interface LockedKind {
  readonly name: string;
  readonly code: 'cache-failed' | 'internal';
}

const CACHE: LockedKind = { name: 'cache directory', code: 'cache-failed' };

/**
 * Makes `directory` (mode 0700) and locks it for this process; resolves to the function that unlocks it.
 * @throws GatewayError of the code of its `kind` when it cannot be used or a live process has it
 */
export async function lockDirectory(
  directory: string,
  clock: Clock,
  kind: LockedKind = CACHE,
): Promise<() => Promise<void>> {
  const path = join(directory, NAME);
  const owner: Owner = {
    format: FORMAT,
    pid: process.pid,
    host: hostname(),
    started: (await startOf(process.pid)) ?? '',
  };
  const text = JSON.stringify(owner);
  try {
    await mkdir(directory, { recursive: true, mode: 0o700 });
    if (!(await create(path, text))) {
      await takeFromTheDead(path, kind);
      if (!(await create(path, text))) throw inUse(kind);
    }
  } catch (cause) {
    if (cause instanceof GatewayError) throw cause;
    throw new GatewayError(kind.code, `The ${kind.name} cannot be made or written to.`, { cause });
  }
  const stop = keepTouching(path, clock);
  return async () => {
    stop();
    if ((await readFile(path, 'utf8').catch(() => '')) === text) await rm(path, { force: true });
  };
}

const inUse = ({ name, code }: LockedKind): GatewayError =>
  new GatewayError(code, `The ${name} is in use by another gateway process.`);

async function create(path: string, text: string): Promise<boolean> {
  try {
    await writeFile(path, text, { flag: 'wx', mode: 0o600 });
    return true;
  } catch (error) {
    if (isCode(error, 'EEXIST')) return false;
    throw error;
  }
}

/** Removes the lock of a process that has died. @throws GatewayError when its owner may be alive */
async function takeFromTheDead(path: string, kind: LockedKind): Promise<void> {
  const text = await readFile(path, 'utf8');
  const owner = parseOwner(text);
  if (owner && owner.format !== FORMAT) {
    const message = `The ${kind.name} was made by another version of the gateway: empty it or name another one.`;
    throw new GatewayError(kind.code, message);
  }
  if (await isAlive(path, owner)) throw inUse(kind);
  // Moving is atomic: of two that find the same dead owner, one moves the dead lock, the other perhaps a new one,
  // which it notices and puts back.
  const aside = `${path}.${randomBytes(8).toString('hex')}`;
  await rename(path, aside);
  if ((await readFile(aside, 'utf8')) !== text) {
    await rename(aside, path);
    throw inUse(kind);
  }
  await rm(aside, { force: true });
}

async function isAlive(path: string, owner: Owner | undefined): Promise<boolean> {
  if (owner?.host !== hostname()) {
    const { mtimeMs } = await stat(path);
    return Date.now() - mtimeMs < ABANDONED_MS;
  }
  try {
    process.kill(owner.pid, 0);
  } catch (error) {
    if (isCode(error, 'ESRCH')) return false;
  }
  const status = await statusOf(owner.pid);
  // Of one that has ended, and whose parent has not heard of that yet, nothing is left but its number.
  if (ENDED.has(status[0] ?? '')) return false;
  const started = await startOf(owner.pid);
  return started === undefined || owner.started === '' || started === owner.started;
}

/** Zombie and dead, by proc(5). */
const ENDED: ReadonlySet<string> = new Set(['Z', 'X', 'x']);

/** Another one after each start of the machine; undefined where the system does not tell. */
export async function bootId(): Promise<string | undefined> {
  const id = await readFile('/proc/sys/kernel/random/boot_id', 'utf8').catch(() => '');
  return id.trim() || undefined;
}

/** When a process started, in ticks since this boot of the machine; undefined where the system does not tell. */
async function startOf(pid: number): Promise<string | undefined> {
  const [status, boot] = await Promise.all([statusOf(pid), bootId()]);
  const ticks = status[19];
  return ticks === undefined || boot === undefined ? undefined : `${boot}/${ticks}`;
}

/** Fields 3 (state) to 22 (starttime) and more of proc(5); none where the system does not tell. */
async function statusOf(pid: number): Promise<readonly string[]> {
  const line = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined);
  // The name of the program, in parentheses, may hold spaces: count from behind it.
  return line?.slice(line.lastIndexOf(')') + 2).split(' ') ?? [];
}

function parseOwner(text: string): Owner | undefined {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== 'object' || value === null) return undefined;
    const { format, pid, host, started } = value as Partial<Record<keyof Owner, unknown>>;
    if (typeof format !== 'number' || typeof pid !== 'number') return undefined;
    if (typeof host !== 'string' || typeof started !== 'string') return undefined;
    return { format, pid, host, started };
  } catch {
    return undefined;
  }
}

function keepTouching(path: string, clock: Clock): () => void {
  let cancel = clock.after(TOUCH_MS, touch);
  function touch(): void {
    const now = new Date();
    utimes(path, now, now).catch(() => undefined);
    cancel = clock.after(TOUCH_MS, touch);
  }
  return () => {
    cancel();
  };
}

const isCode = (error: unknown, code: string): boolean =>
  typeof error === 'object' && error !== null && 'code' in error && error.code === code;
