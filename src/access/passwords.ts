import { createHmac, randomBytes, scrypt, timingSafeEqual, type ScryptOptions } from 'node:crypto';
import { GatewayError, Semaphore } from '../core/index.js';

/** How a hash was made: `scrypt:N:r:p:salt:key`, the last two in base64url. @see RFC 7914 */
interface PasswordHash {
  readonly cost: number;
  readonly blockSize: number;
  readonly parallelization: number;
  readonly salt: Buffer;
  readonly key: Buffer;
}

/** 16 MiB and some tenths of a second: as much as OWASP's table asks for, in the least memory. */
const MADE_WITH = { cost: 2 ** 14, blockSize: 8, parallelization: 5 } as const;
const KEY_BYTES = 32;
const SALT_BYTES = 16;
const MOST_PASSWORD_BYTES = 1024;
/** A hash must not be able to ask for more memory than this. */
const MOST_MEMORY = 128 * 2 ** 20;

/** Passwords that are checked at once: each takes its memory, and a thread that files are read by too. */
const AT_ONCE = 2;
/** Requests that wait for that. */
const MOST_WAITING = 50;
/** How long a password that was right is known to be so, and how many are. */
const REMEMBERED_MS = 60_000;
const MOST_REMEMBERED = 1000;

const derive = (password: string, hash: Omit<PasswordHash, 'key'>, length: number): Promise<Buffer> => {
  const { cost, blockSize, parallelization, salt } = hash;
  const options: ScryptOptions = { cost, blockSize, parallelization, maxmem: 2 * MOST_MEMORY };
  return new Promise((resolve, reject) => {
    scrypt(password.normalize('NFC'), salt, length, options, (error, key) => {
      if (error) reject(error);
      else resolve(key);
    });
  });
};

/** The hash of a password, for the configuration. @throws GatewayError `bad-request` for one that is empty or too long */
export async function hashPassword(password: string): Promise<string> {
  if (password === '' || Buffer.byteLength(password) > MOST_PASSWORD_BYTES)
    throw new GatewayError('bad-request', `A password has 1 to ${MOST_PASSWORD_BYTES} bytes.`);
  const salt = randomBytes(SALT_BYTES);
  const key = await derive(password, { ...MADE_WITH, salt }, KEY_BYTES);
  const { cost, blockSize, parallelization } = MADE_WITH;
  return [
    'scrypt',
    cost,
    blockSize,
    parallelization,
    salt.toString('base64url'),
    key.toString('base64url'),
  ].join(':');
}

const FORM = /^scrypt:(\d{1,7}):(\d{1,2}):(\d{1,2}):([A-Za-z0-9_-]{22,86}):([A-Za-z0-9_-]{43,86})$/;

/** What `text` says; undefined when it is no hash, or one that asks for too much. */
export function parsePasswordHash(text: string): PasswordHash | undefined {
  const [, n, r, p, salt = '', key = ''] = FORM.exec(text) ?? [];
  const [cost, blockSize, parallelization] = [Number(n), Number(r), Number(p)];
  const isPower = Number.isInteger(Math.log2(cost)) && cost >= 2 ** 12;
  const isBounded = 128 * cost * blockSize <= MOST_MEMORY && parallelization <= 16;
  if (!isPower || !isBounded || blockSize < 1 || parallelization < 1) return undefined;
  return {
    cost,
    blockSize,
    parallelization,
    salt: Buffer.from(salt, 'base64url'),
    key: Buffer.from(key, 'base64url'),
  };
}

/**
 * Whether a password is the one that was hashed; undefined for one that nobody has, which takes as long.
 *
 * @throws what scrypt says of costs that it does not take
 */
export async function isPassword(password: string, hashed: string | undefined): Promise<boolean> {
  const hash = hashed === undefined ? undefined : parsePasswordHash(hashed);
  if (Buffer.byteLength(password) > MOST_PASSWORD_BYTES) return false;
  const compared = hash ?? nobodys();
  const key = await derive(password, compared, compared.key.length);
  return timingSafeEqual(key, compared.key) && hash !== undefined;
}

/** Takes as long as that of a user, for a name that nobody has. */
const nobodys = (): PasswordHash => ({
  ...MADE_WITH,
  salt: randomBytes(SALT_BYTES),
  key: randomBytes(KEY_BYTES),
});

/** Checks passwords, a few at once; one that was right is remembered for a minute, as a keyed hash of it. */
export class Passwords {
  readonly #hashes = new Map<string, PasswordHash>();
  readonly #now: () => number;
  readonly #places = new Semaphore(AT_ONCE);
  readonly #secret = randomBytes(32);
  /** Until when, by what was right. */
  readonly #remembered = new Map<string, number>();
  readonly #nobody = nobodys();

  /** @throws GatewayError `bad-request` for what is no hash */
  constructor(users: readonly { readonly name: string; readonly password: string }[], now: () => number) {
    this.#now = now;
    for (const { name, password } of users) {
      const hash = parsePasswordHash(password);
      if (hash === undefined)
        throw new GatewayError(
          'bad-request',
          `The password of ${name} is no hash as hash-password makes it.`,
        );
      this.#hashes.set(name, hash);
    }
  }

  /** Whether it is the password of the user. @throws GatewayError `overloaded`, or the reason of `signal` */
  async isRight(user: string, password: string, signal: AbortSignal): Promise<boolean> {
    if (Buffer.byteLength(password) > MOST_PASSWORD_BYTES) return false;
    const mark = createHmac('sha256', this.#secret)
      .update(JSON.stringify([user, password]))
      .digest('base64');
    const until = this.#remembered.get(mark);
    if (until !== undefined && this.#now() < until) return true;
    if (this.#places.waiting >= MOST_WAITING)
      throw new GatewayError('overloaded', 'Too many passwords are being checked.', { retryAfterSeconds: 5 });
    const release = await this.#places.acquire(signal);
    try {
      const hash = this.#hashes.get(user) ?? this.#nobody;
      const key = await derive(password, hash, hash.key.length);
      const isRight = timingSafeEqual(key, hash.key) && this.#hashes.has(user);
      if (isRight) this.#remember(mark);
      return isRight;
    } finally {
      release();
    }
  }

  #remember(mark: string): void {
    this.#remembered.delete(mark);
    this.#remembered.set(mark, this.#now() + REMEMBERED_MS);
    const [oldest] = this.#remembered.keys();
    if (this.#remembered.size > MOST_REMEMBERED && oldest !== undefined) this.#remembered.delete(oldest);
  }
}
