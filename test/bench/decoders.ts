/** Native programs that decode a file, timed from start to exit. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);

export interface Decoder {
  readonly command: string;
  readonly args: (from: string, to: string) => readonly string[];
  /** GDCM decodes JPEG 2000 on all cores: its CPU time is that of one. */
  readonly counts: 'wall' | 'cpu';
}

const dcmtk = (command: string): Decoder => ({ command, args: (from, to) => [from, to], counts: 'wall' });

export const decoders = {
  dcmdrle: dcmtk('dcmdrle'),
  dcmdjpeg: dcmtk('dcmdjpeg'),
  dcmdjpls: dcmtk('dcmdjpls'),
  gdcmconv: {
    command: 'gdcmconv',
    args: (from, to) => ['--raw', '-i', from, '-o', to],
    counts: 'cpu',
  },
  ojph_expand: { command: 'ojph_expand', args: (from, to) => ['-i', from, '-o', to], counts: 'wall' },
} as const satisfies Readonly<Record<string, Decoder>>;

/** Whether a program is installed. */
export async function isInstalled(command: string): Promise<boolean> {
  return run('which', [command]).then(
    () => true,
    () => false,
  );
}

/** Seconds that a program takes to decode a file. @throws Error when it fails */
export async function decodeSeconds(
  { command, args, counts }: Decoder,
  from: string,
  to: string,
): Promise<number> {
  // bash tells what its children have used, which Node does not
  const script = 'TIMEFORMAT="%R %U %S"; time "$@" >/dev/null 2>&1';
  const { stderr } = await run('bash', ['-c', script, 'bash', command, ...args(from, to)]);
  const [real = Number.NaN, user = 0, system = 0] = stderr.trim().split(/\s+/).map(Number);
  return counts === 'wall' ? real : user + system;
}
