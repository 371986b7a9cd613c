import { signal } from '@preact/signals';
import { serviceOf, upload } from './api.js';
import { onLogOut } from './session.js';
import { storeResult, type StoreResult } from './store-answer.js';
import { texts } from './texts.js';

/** One file on its way. */
export interface Item {
  readonly name: string;
  /** The archive that was chosen when the file was. */
  readonly peer: string;
  readonly file: File;
  readonly state: 'waiting' | 'sending' | StoreResult['state'];
  /** Of the file that the gateway has taken. */
  readonly share: number;
  readonly words: string;
  readonly study?: string | undefined;
}

/** Files of the list; it stays while other views are looked at. */
export const items = signal<readonly Item[]>([]);
export const isTooMany = signal(false);

/** Files that are taken at a time. */
export const MOST_FILES = 20_000;
/** Files that are sent at once: the gateway sends each to the PACS as it comes. */
const AT_ONCE = 3;

let stop = new AbortController();
let running = 0;
let next = 0;
/** Which list it is: what is still told of one that is forgotten changes nothing of the next. */
let list = {};

function change(of: object, index: number, more: Partial<Item>): void {
  if (of !== list) return;
  items.value = items.value.map((item, at) => (at === index ? { ...item, ...more } : item));
}

/** Puts files at the end of the list and begins to send them. */
export function add(peer: string, files: readonly File[]): void {
  const room = MOST_FILES - items.value.length;
  isTooMany.value = files.length > room;
  const more = files.slice(0, Math.max(0, room)).map((file): Item => ({
    name: file.webkitRelativePath === '' ? file.name : file.webkitRelativePath,
    peer,
    file,
    state: 'waiting',
    share: 0,
    words: texts.store.waiting,
  }));
  items.value = [...items.value, ...more];
  if (stop.signal.aborted) stop = new AbortController();
  beginWork();
}

function beginWork(): void {
  while (running < AT_ONCE && next < items.value.length) void work();
}

async function work(): Promise<void> {
  running += 1;
  const { signal: stopped } = stop;
  while (!stopped.aborted && next < items.value.length) {
    const index = next;
    next += 1;
    const item = items.value[index];
    if (item) await send(index, item, stopped);
  }
  running -= 1;
  // Those that came after a stop, while what was stopped was still ending.
  beginWork();
}

async function send(index: number, { peer, file }: Item, stopped: AbortSignal): Promise<void> {
  const of = list;
  const boundary = `console-${crypto.getRandomValues(new Uint32Array(4)).join('-')}`;
  const head = `--${boundary}\r\nContent-Type: application/dicom\r\n\r\n`;
  change(of, index, { state: 'sending', words: texts.store.sending(0) });
  // Told in steps: each makes the list anew.
  let told = 0;
  const onProgress = (share: number): void => {
    const percent = Math.floor(share * 100);
    if (percent < 100 && percent - told < 5) return;
    told = percent;
    change(of, index, { share, words: percent === 100 ? texts.store.atPacs : texts.store.sending(percent) });
  };
  const result = await upload(`${serviceOf(peer)}/studies`, {
    body: new Blob([head, file, `\r\n--${boundary}--\r\n`]),
    type: `multipart/related; type="application/dicom"; boundary=${boundary}`,
    onProgress,
    signal: stopped,
  });
  change(of, index, { share: 1, ...storeResult(result) });
}

/** Sends nothing more; what is on its way is broken off, and it is said that its end is not known. */
export function stopAll(): void {
  stop.abort();
  next = items.value.length;
  items.value = items.value.map((item) =>
    item.state === 'waiting' ? { ...item, state: 'failed', words: texts.store.stopped } : item,
  );
}

/** Empties the list, once nothing is on its way. */
export function clear(): void {
  if (running > 0) return;
  items.value = [];
  next = 0;
  isTooMany.value = false;
}

/** Breaks off what is on its way and forgets the list. */
function forget(): void {
  stop.abort();
  list = {};
  items.value = [];
  next = 0;
  isTooMany.value = false;
}
onLogOut(forget);
