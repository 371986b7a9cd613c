/** Pictures of frames as DCMTK makes them. */
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Samples of a picture; `channels` of them for each pixel. */
export interface Samples {
  readonly width: number;
  readonly height: number;
  readonly channels: number;
  readonly data: Uint8Array;
}

/** What has to be decoded by another tool before: dcmj2pnm reads neither JPEG-LS nor JPEG 2000. */
const decoders: readonly {
  readonly syntaxes: RegExp;
  readonly tool: string;
  readonly args: readonly string[];
}[] = [
  { syntaxes: /\.4\.8[01]$/, tool: 'dcmdjpls', args: ['IN', 'OUT'] },
  { syntaxes: /\.4\.9[0-3]$/, tool: 'gdcmconv', args: ['--raw', '-i', 'IN', '-o', 'OUT'] },
];

/** The picture of a frame, from 1; undefined when the tools cannot make it. */
export async function pictureBy(
  path: string,
  transferSyntaxUid: string,
  frame: number,
  windowing: readonly string[],
): Promise<Samples | undefined> {
  const directory = mkdtempSync(join(tmpdir(), 'picture-'));
  const native = join(directory, 'native.dcm');
  const target = join(directory, 'picture.pnm');
  const decoder = decoders.find(({ syntaxes }) => syntaxes.test(transferSyntaxUid));
  try {
    const place = (name: string): string => (name === 'IN' ? path : name === 'OUT' ? native : name);
    if (decoder) await run(decoder.tool, decoder.args.map(place), { timeout: 60_000 });
    const input = decoder ? native : path;
    await run('dcmj2pnm', ['+op', '+F', String(frame), ...windowing, input, target], { timeout: 60_000 });
    return parsePnm(readFileSync(target));
  } catch {
    return undefined;
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** The picture of an image under a presentation state, both as datasets in Explicit VR Little Endian. */
export async function pictureUnderState(image: Buffer, state: Buffer): Promise<Samples> {
  const directory = mkdtempSync(join(tmpdir(), 'picture-'));
  const [imagePath, statePath, target] = ['image.dcm', 'state.dcm', 'picture.pgm'].map((name) =>
    join(directory, name),
  ) as [string, string, string];
  try {
    writeFileSync(imagePath, image);
    writeFileSync(statePath, state);
    await run('dcmp2pgm', ['-p', statePath, imagePath, target], { timeout: 60_000 });
    return parsePnm(readFileSync(target));
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

function parsePnm(file: Buffer): Samples {
  const header = /^P([56])\s(?:#[^\n]*\n)*(\d+)\s+(\d+)\s+255\s/.exec(file.toString('latin1', 0, 500));
  if (!header) throw new RangeError('no PGM or PPM');
  const [all, kind, width, height] = header;
  return {
    width: Number(width),
    height: Number(height),
    channels: kind === '5' ? 1 : 3,
    data: file.subarray(all.length),
  };
}

/** How far two pictures of one size are apart: the mean of all pixels and colours, in levels. */
export function meanDifference(one: Samples, other: Samples): number {
  let sum = 0;
  const pixels = one.width * one.height;
  const at = ({ channels, data }: Samples, pixel: number, color: number): number =>
    data[pixel * channels + (channels === 1 ? 0 : color)] ?? 0;
  for (let pixel = 0; pixel < pixels; pixel++)
    for (let color = 0; color < 3; color++) sum += Math.abs(at(one, pixel, color) - at(other, pixel, color));
  return sum / pixels / 3;
}
