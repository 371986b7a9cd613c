import { constants } from 'node:fs';
import { lchown, mkdir, open, rename, rm, stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import type { Clock, Observe } from './core/index.js';
import { readPeerFacts, type Peer, type PeerFacts } from './dimse/index.js';

/** Of the file; another one is of another release. */
const VERSION = 1;
/** Some hundred times what is mostly in it. */
const MOST_BYTES = 64 * 1024;
/** Changes are written together. */
const WRITE_MS = 2_000;
/** How often the file is looked at for what another process, mostly `check`, found out. */
const LOOK_MS = 30_000;

export interface PeerFileOptions {
  readonly path: string;
  readonly peer: string;
  /** What of the configuration decides whether what was learnt is still true. */
  readonly configured: Readonly<Record<string, unknown>>;
  readonly observe: Observe;
  readonly clock: Clock;
}

/** Where what was learnt of one peer is kept from one process to the next. It holds no patient data. */
export class PeerFile {
  readonly #options: PeerFileOptions;
  #knowledge: Peer['knowledge'] | undefined;
  /** Of the file as it was read or written last. */
  #seen = 0;
  #cancelWrite: (() => void) | undefined;
  #cancelLook: () => void = () => undefined;
  #writing: Promise<void> = Promise.resolve();
  #isWarned = false;

  constructor(options: PeerFileOptions) {
    this.#options = options;
  }

  /** What is written down. Nothing, with a warning, of a file that is broken, too large or of another peer; never rejects. */
  async read(): Promise<PeerFacts> {
    try {
      const text = await this.#text();
      return text === undefined ? {} : this.#factsIn(text);
    } catch (error) {
      this.#warn('What was learnt of the peer cannot be read; it is found out again.', error);
      return {};
    }
  }

  /** From now on writes down what `knowledge` learns, a little later, and takes over what others write. */
  keep(knowledge: Peer['knowledge']): void {
    this.#knowledge = knowledge;
    knowledge.onChange(() => {
      this.#cancelWrite ??= this.#options.clock.after(WRITE_MS, () => {
        void this.#flush();
      });
    });
    this.#lookLater();
  }

  /**
   * Writes facts down for the gateway, whether it has run yet or not. Who does so as root leaves them to whom the directory
   * belongs, or the one above it: the gateway may be another user. Without facts nothing is done. Never rejects.
   */
  async update(facts: PeerFacts): Promise<void> {
    if (Object.keys(facts).length === 0) return;
    await this.#write(facts, process.getuid?.() === 0);
  }

  /** In place of what is written down. Never rejects: what is not written is learnt again. */
  async #write(facts: PeerFacts, isForOwner = false): Promise<void> {
    const { path, peer, configured } = this.#options;
    const written = `${path}.${process.pid}.tmp`;
    try {
      const owner = isForOwner ? await ownerOf(dirname(path)) : undefined;
      const made = await mkdir(dirname(path), { recursive: true, mode: 0o700 });
      if (made !== undefined && owner) await give(made, dirname(path), owner);
      const text = JSON.stringify({ version: VERSION, peer, configured, facts }, null, 2);
      await rm(written, { force: true });
      const file = await open(written, 'wx', 0o600);
      try {
        await file.writeFile(`${text}\n`);
        if (owner) await file.chown(owner.uid, owner.gid);
      } finally {
        await file.close();
      }
      await rename(written, path);
      this.#seen = (await stat(path)).mtimeMs;
      this.#isWarned = false;
    } catch (error) {
      await rm(written, { force: true }).catch(() => undefined);
      if (!this.#isWarned) this.#warn('What was learnt of the peer cannot be written down.', error);
      this.#isWarned = true;
    }
  }

  /** Writes what is not written yet, and no more after it. */
  async close(): Promise<void> {
    this.#cancelLook();
    await this.#writing;
    // More may be learnt while it is written.
    while (this.#cancelWrite) await this.#flush();
    this.#knowledge?.onChange(() => undefined);
  }

  #flush(): Promise<void> {
    this.#cancelWrite?.();
    this.#cancelWrite = undefined;
    this.#writing = this.#writing.then(async () => {
      await this.#look();
      if (this.#knowledge) await this.#write(this.#knowledge.facts);
    });
    return this.#writing;
  }

  #lookLater(): void {
    this.#cancelLook = this.#options.clock.after(LOOK_MS, () => {
      void this.#look();
      this.#lookLater();
    });
  }

  /** Believes what another process has written since. */
  async #look(): Promise<void> {
    const changed = await stat(this.#options.path).catch(() => undefined);
    if (!changed || changed.mtimeMs === this.#seen) return;
    this.#knowledge?.believe(await this.read());
  }

  /** Undefined when there is no file. @throws Error */
  async #text(): Promise<string | undefined> {
    const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = constants;
    const file = await open(this.#options.path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK).catch(
      (error: unknown) => {
        if (isMissing(error)) return undefined;
        throw error;
      },
    );
    if (!file) return undefined;
    try {
      const info = await file.stat();
      this.#seen = info.mtimeMs;
      if (!info.isFile()) throw new TypeError('it is no file');
      if (info.size > MOST_BYTES) throw new RangeError(`it is longer than ${MOST_BYTES} bytes`);
      return await file.readFile('utf8');
    } finally {
      await file.close();
    }
  }

  /** @throws Error */
  #factsIn(text: string): PeerFacts {
    const content: unknown = JSON.parse(text);
    if (typeof content !== 'object' || content === null) throw new TypeError('it is not of this program');
    const { version, peer, configured, facts } = content as Readonly<Record<string, unknown>>;
    if (version !== VERSION) throw new TypeError('it is of another release');
    if (peer !== this.#options.peer) throw new TypeError('it is of another peer');
    if (JSON.stringify(configured) !== JSON.stringify(this.#options.configured))
      throw new TypeError('the peer is configured otherwise now');
    const known = readPeerFacts(facts);
    if (!known) throw new TypeError('something in it is not what it should be');
    const isBelieved = ({ expires }: { readonly expires: string }): boolean =>
      Date.parse(expires) > Date.now();
    return Object.fromEntries(Object.entries(known).filter(([, fact]) => isBelieved(fact)));
  }

  #warn(message: string, error: unknown): void {
    const { observe, peer } = this.#options;
    observe({ kind: 'log', level: 'warn', message, peer, error });
  }
}

type Owner = Readonly<Record<'uid' | 'gid', number>>;

/** Whose `directory` is, or the first one above it that is there. @throws Error */
async function ownerOf(directory: string): Promise<Owner> {
  try {
    return await stat(directory);
  } catch (error) {
    if (!isMissing(error) || dirname(directory) === directory) throw error;
    return ownerOf(dirname(directory));
  }
}

/** Gives `last`, and what is above it down from `first`, to `owner`. @throws Error */
async function give(first: string, last: string, { uid, gid }: Owner): Promise<void> {
  await lchown(last, uid, gid);
  if (resolve(last) !== resolve(first)) await give(first, dirname(last), { uid, gid });
}

function isMissing(error: unknown): boolean {
  return typeof error === 'object' && error !== null && 'code' in error && error.code === 'ENOENT';
}
