import { open } from 'node:fs/promises';
import { isPassword } from './access/index.js';
import type { Config, PeerConfig } from './config/index.js';
import { GatewayError, Semaphore } from './core/index.js';
import { UserIdentityTypes, type IdentityJudge, type UserIdentity } from './dimse/index.js';

/** The user information item of an association request holds 64 KiB in all. */
const MAX_BYTES = 48 * 1024;

/** Hashing takes a core for some 50 ms: who floods the port must not take them all. */
const HASHES_AT_ONCE = 1;

type PeerIdentity = NonNullable<PeerConfig['userIdentity']>;

/** Who associations to a peer are opened for; undefined where nobody is named. */
export function identityFor(
  name: string,
  { userIdentity }: PeerConfig,
): ((signal: AbortSignal) => Promise<UserIdentity>) | undefined {
  if (!userIdentity) return undefined;
  const { type, confirm } = userIdentity;
  return async (signal) => {
    const [primary, secondary] = await fieldsOf(userIdentity, name, signal);
    return { type: UserIdentityTypes[type], responseRequested: confirm, primary, secondary };
  };
}

async function fieldsOf(
  { type, user = '', passcode, passcodeFile, file = '' }: PeerIdentity,
  peer: string,
  signal: AbortSignal,
): Promise<readonly [primary: Buffer, secondary: Buffer]> {
  const none = Buffer.alloc(0);
  if (type === 'username') return [Buffer.from(user), none];
  if (type !== 'passcode') {
    const bytes = await read(file, peer, signal);
    return [type === 'jwt' ? withoutLineEnds(bytes) : bytes, none];
  }
  const secret =
    passcodeFile === undefined
      ? Buffer.from(passcode ?? '')
      : withoutLineEnds(await read(passcodeFile, peer, signal));
  return [Buffer.from(user), secret];
}

async function read(path: string, peer: string, signal: AbortSignal): Promise<Buffer> {
  try {
    signal.throwIfAborted();
    const handle = await open(path, 'r');
    try {
      const buffer = Buffer.alloc(MAX_BYTES + 1);
      const { bytesRead } = await handle.read(buffer, 0, buffer.length);
      if (bytesRead === 0) throw new RangeError('The file is empty.');
      if (bytesRead > MAX_BYTES) throw new RangeError('The file is larger than 48 KiB.');
      return buffer.subarray(0, bytesRead);
    } finally {
      await handle.close();
    }
  } catch (cause) {
    throw new GatewayError('internal', 'The user identity for the peer cannot be read.', { peer, cause });
  }
}

function withoutLineEnds(bytes: Buffer): Buffer {
  let end = bytes.length;
  while (end > 0 && (bytes[end - 1] === 0x0a || bytes[end - 1] === 0x0d)) end -= 1;
  return bytes.subarray(0, end);
}

/** How the identities of those are judged who open associations; undefined where nobody is asked. */
export function identityJudge({ dimse: { userIdentity } }: Config): IdentityJudge | undefined {
  if (!userIdentity) return undefined;
  const hashing = new Semaphore(HASHES_AT_ONCE);
  return {
    isRequired: userIdentity.required,
    // Tickets, assertions and tokens of others cannot be checked here, and a name alone proves nothing.
    accepts: async ({ type, primary, secondary }, signal) => {
      if (type !== UserIdentityTypes.passcode) return false;
      const hashed = userIdentity.users[primary.toString()];
      try {
        // Who has left waits no more: there are never more in the line than connections.
        const release = await hashing.acquire(signal);
        return await isPassword(secondary.toString(), hashed).finally(release);
      } catch {
        // Nobody waits for it, or its costs are beyond what scrypt may take: nobody's passcode.
        return false;
      }
    },
  };
}
