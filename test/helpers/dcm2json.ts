import { execFile } from 'node:child_process';
import { copyFile, rm } from 'node:fs/promises';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** An element of the DICOM JSON model. */
export interface JsonElement {
  readonly vr?: string;
  readonly Value?: readonly unknown[];
  readonly InlineBinary?: string;
  readonly BulkDataURI?: string;
}
export type JsonDataset = Readonly<Record<string, JsonElement>>;

/** What DCMTK makes of a file, or why it cannot read it. */
export type Reading = { readonly dataset: JsonDataset } | { readonly refused: string };

async function convert(path: string): Promise<Reading> {
  try {
    const { stdout } = await run('dcm2json', ['-fc', '-ll', 'error', '-ee', path], { maxBuffer: 2 ** 28 });
    // An extension of DCMTK: numbers that JSON does not have.
    const text = stdout.replace(/([[,])(-?(?:inf|nan))(?=[\],])/g, '$1"$2"');
    return { dataset: JSON.parse(text) as JsonDataset };
  } catch (error) {
    const said = error instanceof Error && 'stderr' in error ? String(error.stderr) : String(error);
    return { refused: said.trim().split('\n').at(-1) ?? '' };
  }
}

/** What DCMTK makes of a file; encapsulated pixel data, which it refuses to write as JSON, is taken out before. */
export async function dcm2json(path: string): Promise<Reading> {
  const whole = await convert(path);
  if ('dataset' in whole) return whole;
  const copy = `${path}.without-pixels`;
  try {
    await copyFile(path, copy);
    await run('dcmodify', ['-nb', '-ea', '(7fe0,0010)', copy]);
    return await convert(copy);
  } catch {
    return whole;
  } finally {
    await rm(copy, { force: true });
  }
}

/** Elements that are no sequences by their path: `00081140/0/00080104`. Empty sequences and items stand for themselves. */
export function leavesOf(dataset: JsonDataset, parent = ''): Map<string, JsonElement> {
  const leaves = new Map<string, JsonElement>();
  for (const [tag, element] of Object.entries(dataset)) {
    const path = parent === '' ? tag : `${parent}/${tag}`;
    const items = element.vr === 'SQ' ? (element.Value ?? []) : [];
    if (element.vr !== 'SQ' || items.length === 0) leaves.set(path, element);
    items.forEach((item, index) => {
      for (const [below, leaf] of leavesOf((item ?? {}) as JsonDataset, `${path}/${index}`))
        leaves.set(below, leaf);
    });
  }
  return leaves;
}
