import { execFile } from 'node:child_process';
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

/** What DCMTK makes of a file; `undefined` with a reason where it cannot read it. */
export async function dcm2json(
  path: string,
): Promise<{ readonly dataset: JsonDataset } | { readonly refused: string }> {
  try {
    const { stdout } = await run('dcm2json', ['-fc', '-q', '-ee', path], { maxBuffer: 2 ** 28 });
    // An extension of DCMTK: numbers that JSON does not have.
    const text = stdout.replace(/([[,])(-?(?:inf|nan))(?=[\],])/g, '$1"$2"');
    return { dataset: JSON.parse(text) as JsonDataset };
  } catch (error) {
    return { refused: error instanceof Error ? (error.message.split('\n')[1] ?? error.message) : 'unknown' };
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
