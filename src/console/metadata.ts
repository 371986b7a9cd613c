import { askJson } from './api.js';
import type { Row } from './dicom.js';
import { onLogOut } from './session.js';

const MOST = 60;
const kept = new Map<string, Promise<Row>>();

async function load(path: string): Promise<Row> {
  const [row = {}] = await askJson<readonly Row[]>(`${path}/metadata`, { accept: 'application/dicom+json' });
  return row;
}

/** The attributes of an instance, asked for once while it is looked at. @throws Refused */
export function metadataOf(path: string): Promise<Row> {
  const known = kept.get(path);
  if (known) return known;
  const row = load(path);
  kept.set(path, row);
  row.catch(() => {
    // It may have been asked for anew.
    if (kept.get(path) === row) kept.delete(path);
  });
  const [oldest] = kept.keys();
  if (kept.size > MOST && oldest !== undefined) kept.delete(oldest);
  return row;
}

/** Forgets everything. */
export function forgetMetadata(): void {
  kept.clear();
}
onLogOut(forgetMetadata);
