/** Frames of files as DCMTK or GDCM decode them. */
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { FrameShape } from '../../src/dicom/frame-shape.js';
import { readElements, readFrames, textOf, type ReadElement } from './independent-reader.js';

const run = promisify(execFile);

/** A Part 10 file, opened by the tests' own reader. */
export interface OpenedFile {
  readonly transferSyntaxUid: string;
  readonly shape: FrameShape;
  readonly frames: readonly Buffer[];
}

const numberOf = (elements: readonly ReadElement[], path: string, fallback: number): number => {
  const value = elements.find((element) => element.path === path)?.value;
  return value === undefined || value.length < 2 ? fallback : value.readUInt16LE();
};

/** Opens a file; undefined when it has no pixels. */
export function openFile(path: string): OpenedFile | undefined {
  const bytes = readFileSync(path);
  if (bytes.toString('latin1', 128, 132) !== 'DICM') return undefined;
  const metaEnd = 144 + bytes.readUInt32LE(140);
  const meta = readElements(bytes.subarray(132, metaEnd), '1.2.840.10008.1.2.1');
  const transferSyntaxUid = textOf(meta, '00020010') ?? '';
  const dataset = bytes.subarray(metaEnd);
  const elements = readElements(dataset, transferSyntaxUid);
  const bitsAllocated = numberOf(elements, '00280100', 0);
  if (bitsAllocated === 0) return undefined;
  const shape: FrameShape = {
    rows: numberOf(elements, '00280010', 0),
    columns: numberOf(elements, '00280011', 0),
    samplesPerPixel: numberOf(elements, '00280002', 1),
    bitsAllocated,
    bitsStored: numberOf(elements, '00280101', bitsAllocated),
    signed: numberOf(elements, '00280103', 0) === 1,
    photometricInterpretation: textOf(elements, '00280004') ?? 'MONOCHROME2',
    planar: numberOf(elements, '00280006', 0) === 1,
  };
  return { transferSyntaxUid, shape, frames: readFrames(dataset, transferSyntaxUid) };
}

/** The file decoded by a native tool; undefined when the tool cannot. */
export async function decodedBy(tool: string, path: string): Promise<OpenedFile | undefined> {
  const directory = mkdtempSync(join(tmpdir(), 'oracle-'));
  const target = join(directory, 'native.dcm');
  const args = tool === 'gdcmconv' ? ['--raw', '-i', path, '-o', target] : [path, target];
  try {
    await run(tool, args, { timeout: 60_000 });
    return openFile(target);
  } catch {
    return undefined;
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}
