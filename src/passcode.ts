import { randomBytes, scrypt, timingSafeEqual, type ScryptOptions } from 'node:crypto';
import { promisify } from 'node:util';

const derive = promisify<string, Buffer, number, ScryptOptions, Buffer>(scrypt);

/** What a passcode is written down as: the costs of scrypt, salt and hash. */
const HASH =
  /^scrypt\$(?<n>\d{4,7})\$(?<r>\d{1,2})\$(?<p>\d{1,2})\$(?<salt>[A-Za-z0-9+/]{16,88}={0,2})\$(?<hash>[A-Za-z0-9+/]{40,88}={0,2})$/;

const COSTS = { N: 16_384, r: 8, p: 1 };
/** What a hash from a configuration may cost at most; RFC 7914 has no more for interactive use. */
const MAX_MEMORY = 128 * 1024 * 1024;

/** A passcode as it may stand in a configuration, with a salt of its own. */
export async function hashPasscode(passcode: string): Promise<string> {
  const salt = randomBytes(16);
  const hash = await derive(passcode, salt, 32, COSTS);
  return ['scrypt', COSTS.N, COSTS.r, COSTS.p, salt.toString('base64'), hash.toString('base64')].join('$');
}

/** Whether a passcode is the one that was hashed; what is no hash is nobody's. */
export async function isPasscode(passcode: string, hashed: string): Promise<boolean> {
  const fields = HASH.exec(hashed)?.groups;
  if (!fields) return false;
  const { n, r, p, salt = '', hash = '' } = fields;
  const wanted = Buffer.from(hash, 'base64');
  const costs = { N: Number(n), r: Number(r), p: Number(p), maxmem: MAX_MEMORY };
  const found = await derive(passcode, Buffer.from(salt, 'base64'), wanted.length, costs);
  return timingSafeEqual(found, wanted);
}
