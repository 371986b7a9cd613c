import { lstat, mkdir, stat } from 'node:fs/promises';
import { GatewayError } from '../core/index.js';

/** Who is asking: nobody has ids where the system has none. */
interface User {
  readonly uid: number | undefined;
}

/** Group and others: read, write, search. */
const OTHERS = 0o077;
const OTHERS_WRITE = 0o022;
const ROOT = 0;

/**
 * Makes `directory` (mode 0700) where it is missing, and says in words how others get at what is in it; nothing where
 * nobody does. Its files are the owner's alone whatever the directory is, but who may write to it can put others in
 * their place.
 *
 * @throws GatewayError `cache-failed` when it cannot be made, is no directory, or is a link that somebody else has set
 */
export async function directoryExposure(
  directory: string,
  { uid }: User = { uid: process.getuid?.() },
): Promise<readonly string[]> {
  const found = await lookAt(directory);
  const isOwn = (owner: number): boolean => uid === undefined || owner === uid || owner === ROOT;
  if (!isOwn(found.linkOwner ?? found.owner) && found.linkOwner !== undefined)
    throw new GatewayError(
      'cache-failed',
      `The cache directory is a symbolic link that user ${found.linkOwner} has set: name the directory itself.`,
    );
  if (!found.isDirectory) throw new GatewayError('cache-failed', 'The cache directory is no directory.');
  return [
    ...(isOwn(found.owner) ? [] : [`it belongs to user ${found.owner}`]),
    ...(found.mode & OTHERS_WRITE ? ['others may write to it, and replace what is cached'] : []),
    ...(found.mode & OTHERS & ~OTHERS_WRITE ? ['others may see which files are in it'] : []),
  ];
}

interface Found {
  readonly isDirectory: boolean;
  readonly owner: number;
  readonly mode: number;
  /** Of one that is reached by a symbolic link. */
  readonly linkOwner: number | undefined;
}

async function lookAt(directory: string): Promise<Found> {
  try {
    const link = await lstat(directory).catch(() => undefined);
    if (link === undefined) await mkdir(directory, { recursive: true, mode: 0o700 });
    const found = await stat(directory);
    return {
      isDirectory: found.isDirectory(),
      owner: found.uid,
      mode: found.mode,
      linkOwner: link?.isSymbolicLink() ? link.uid : undefined,
    };
  } catch (cause) {
    throw new GatewayError('cache-failed', 'The cache directory cannot be made or looked at.', { cause });
  }
}
