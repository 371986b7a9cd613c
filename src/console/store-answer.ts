import { itemsOf, numberOf, tags, textOf, type Row } from './dicom.js';
import { texts } from './texts.js';

/** What came of an upload: 0 when no answer came. */
export interface Uploaded {
  readonly status: number;
  readonly text: string;
}

/** What became of one file, in words. */
export interface StoreResult {
  readonly state: 'stored' | 'warned' | 'failed';
  readonly words: string;
  /** Study Instance UID of what was stored. */
  readonly study?: string | undefined;
}

const t = texts.store;

/** A failure or warning reason in words: the whole code, else what its first digits say. @see PS3.4 B.2.3, PS3.18 I.2 */
function reasonText(code: number): string {
  const hex = code.toString(16).toUpperCase().padStart(4, '0');
  const known = [hex, hex.slice(0, 2), hex.slice(0, 1)]
    .map((key) => texts.reasons[key])
    .find((words) => words);
  return `${known ?? texts.reasons['other'] ?? ''} (${t.code(hex)})`;
}

function studyOf(url: string): string | undefined {
  return /\/studies\/([0-9.]+)/.exec(url)?.[1];
}

function fromResponse(row: Row): StoreResult {
  const [failed] = [...itemsOf(row, tags.failedSops), ...itemsOf(row, tags.otherFailures)];
  if (failed)
    return { state: 'failed', words: t.refused(reasonText(numberOf(failed, tags.failureReason) ?? 0)) };
  const [stored] = itemsOf(row, tags.referencedSops);
  if (!stored) return { state: 'failed', words: t.unclear };
  const study = studyOf(textOf(stored, tags.retrieveUrl));
  const warning = numberOf(stored, tags.warningReason);
  if (warning === undefined) return { state: 'stored', words: t.stored, study };
  return { state: 'warned', words: t.warned(reasonText(warning)), study };
}

/** What the answer to a store of one file says. An answer that says nothing clear is no success. */
export function storeResult({ status, text }: Uploaded): StoreResult {
  if (status === 0) return { state: 'failed', words: t.noAnswer };
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    return { state: 'failed', words: t.refused(t.http(status)) };
  }
  const given = typeof body === 'object' && body !== null ? body : {};
  if (status === 200 || status === 202 || status === 409) {
    if ('detail' in given && typeof given.detail === 'string')
      return { state: 'failed', words: t.refused(given.detail) };
    return fromResponse(given as Row);
  }
  const words = 'detail' in given && typeof given.detail === 'string' ? given.detail : t.http(status);
  return { state: 'failed', words: t.refused(words) };
}
