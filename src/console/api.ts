import { signal } from '@preact/signals';
import { texts } from './texts.js';
import { refresh } from './login.js';
import { credentials, refusal } from './session.js';
import { JsonArrayReader } from './json-stream.js';
import { EventReader, type ServerEvent } from './sse.js';
import type { Uploaded } from './store-answer.js';
import { warningTexts } from './warnings.js';
import { basePath } from './settings.js';

/** Whether the gateway answers at all. */
export const connection = signal<'up' | 'down'>('up');
/** Grows when it answers again after it did not, or somebody has logged in: what is shown is asked for anew. */
export const epoch = signal(0);

/** An answer that is none, in words. */
export class Refused extends Error {
  readonly status: number;
  readonly code: string;

  constructor(message: string, status = 0, code = '') {
    super(message);
    this.status = status;
    this.code = code;
  }
}

const PROBE_MS = 2000;
let probing = false;

/** Asks until the gateway answers. */
function probe(): void {
  if (probing) return;
  probing = true;
  const ask = (): void => {
    fetch(basePath('healthz'), { cache: 'no-store' }).then(
      ({ ok }) => {
        if (!ok) {
          setTimeout(ask, PROBE_MS);
          return;
        }
        probing = false;
        connection.value = 'up';
        epoch.value += 1;
      },
      () => setTimeout(ask, PROBE_MS),
    );
  };
  setTimeout(ask, PROBE_MS);
}

/** A request got no answer. */
function lost(): Refused {
  connection.value = 'down';
  probe();
  return new Refused(texts.connection.lost);
}

/** Whether it is a proxy's word that nothing stands behind it: what the gateway refuses it explains in JSON. */
const isProxys = (status: number, type: string | null): boolean =>
  [502, 503, 504].includes(status) && !/[/+]json\b/.test(type ?? '');

const isAbort = (thrown: unknown): boolean => thrown instanceof DOMException && thrown.name === 'AbortError';

/** Asks who is there, unless somebody has logged in since what was refused was sent. */
function unauthenticated(sent: string | undefined): void {
  const header = credentials.value?.header;
  if (header === sent) refusal.value = header === undefined ? 'unauthenticated' : 'wrong';
}

async function refused(response: Response, { sent, isAside = false }: Sent): Promise<Refused> {
  const body: unknown = await response.json().catch(() => undefined);
  const { detail, code } = (typeof body === 'object' && body !== null ? body : {}) as Readonly<
    Partial<Record<string, unknown>>
  >;
  if (response.status === 401) {
    if (!isAside) unauthenticated(sent);
    return new Refused(texts.login.needed, 401, 'unauthenticated');
  }
  const words = typeof detail === 'string' ? detail : `${response.status} ${response.statusText}`;
  return new Refused(words, response.status, typeof code === 'string' ? code : '');
}

export interface Asking extends RequestInit {
  readonly accept?: string;
  /** Whether the view does without the answer: nobody has to log in for it. */
  readonly isAside?: boolean;
}

interface Sent {
  /** The Authorization header. */
  readonly sent: string | undefined;
  readonly isAside?: boolean | undefined;
}

/** Without it the browser would ask for a password itself. */
const OWN_LOGIN = ['X-Requested-With', 'XMLHttpRequest'] as const;

/** The headers of a request as whoever has logged in. */
async function headersOf({ accept, headers }: Asking): Promise<Headers> {
  const all = new Headers(headers);
  if (accept !== undefined) all.set('Accept', accept);
  all.set(...OWN_LOGIN);
  const header = await authorization();
  if (header !== undefined) all.set('Authorization', header);
  return all;
}

/** What an Authorization header says now. */
async function authorization(): Promise<string | undefined> {
  await refresh();
  return credentials.value?.header;
}

/**
 * Asks the gateway; `path` is relative to where the page is. All of the page's requests go through here.
 *
 * @throws Refused for whatever is no success, or the AbortError of the signal
 */
export async function ask(path: string, asking: Asking = {}): Promise<Response> {
  const { accept: _accept, isAside, ...init } = asking;
  const headers = await headersOf(asking);
  let response: Response;
  try {
    response = await fetch(basePath(path), { ...init, headers });
  } catch (thrown) {
    throw isAbort(thrown) ? thrown : lost();
  }
  if (isProxys(response.status, response.headers.get('Content-Type'))) throw lost();
  if (!response.ok)
    throw await refused(response, { sent: headers.get('Authorization') ?? undefined, isAside });
  return response;
}

/** Reads what is left of a body; one that breaks is told. @throws Refused */
async function whole<T>(read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (thrown) {
    throw isAbort(thrown) || thrown instanceof Refused ? thrown : new Refused(texts.connection.reset);
  }
}

/** The JSON of an answer. @throws Refused */
export async function askJson<T>(path: string, asking: Asking = {}): Promise<T> {
  const response = await ask(path, { accept: 'application/json', ...asking });
  return whole(async () => (await response.json()) as T);
}

/** The text of an answer. @throws Refused */
export async function askText(path: string, asking: Asking = {}): Promise<string> {
  const response = await ask(path, asking);
  return whole(() => response.text());
}

/** The bytes of what is being answered. @throws Refused */
export const bodyOf = (response: Response): Promise<Blob> => whole(() => response.blob());

/** The bytes of an answer. @throws Refused */
export const askBlob = async (path: string, asking: Asking = {}): Promise<Blob> =>
  bodyOf(await ask(path, asking));

async function* piecesOf(response: Response): AsyncGenerator<string, void, undefined> {
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  if (!reader) return;
  try {
    for (;;) {
      const { done, value } = await whole(() => reader.read());
      if (done) return;
      yield value;
    }
  } finally {
    await reader.cancel().catch(() => undefined);
  }
}

/** What a list begins with: its Warning headers are there before the first row. */
export interface List<T> {
  readonly warnings: readonly string[];
  readonly rows: AsyncGenerator<readonly T[], void, undefined>;
}

/** Rows of a DICOM JSON array as they come; a list that breaks throws, and never ends early. @throws Refused */
export async function askList<T>(path: string, asking: Asking = {}): Promise<List<T>> {
  const response = await ask(path, { accept: 'application/dicom+json', ...asking });
  const warnings = warningTexts(response.headers.get('warning'));
  return { warnings, rows: rowsOf(response) };
}

async function* rowsOf<T>(response: Response): AsyncGenerator<readonly T[], void, undefined> {
  if (response.status === 204) return;
  const reader = new JsonArrayReader();
  for await (const text of piecesOf(response)) {
    const rows = reader.push(text);
    if (rows.length > 0) yield rows as readonly T[];
  }
  await whole(() => {
    reader.end();
    return Promise.resolve();
  });
}

/** Lines of JSON as they come; a last one that is cut is told. @throws Refused */
export async function* askLines<T>(path: string, asking: Asking): AsyncGenerator<T, void, undefined> {
  let rest = '';
  for await (const text of piecesOf(await ask(path, asking))) {
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) yield JSON.parse(line) as T;
  }
  if (rest !== '') throw new Refused(texts.connection.reset);
}

/** Events of a stream until it ends. @throws Refused */
export async function* askEvents(path: string, asking: Asking): AsyncGenerator<ServerEvent, void, undefined> {
  const reader = new EventReader();
  const response = await ask(path, { accept: 'text/event-stream', ...asking });
  for await (const text of piecesOf(response)) yield* reader.push(text);
}

/** A POST of JSON, which no page of another origin can send. */
export const posting = (body: object = {}): Asking => ({
  method: 'POST',
  headers: { 'Content-Type': 'application/json' },
  body: JSON.stringify(body),
});

export interface Upload {
  readonly body: Blob;
  readonly type: string;
  readonly onProgress: (share: number) => void;
  readonly signal: AbortSignal;
}

/** Sends a body and tells how far it is, which `fetch` cannot. */
export async function upload(path: string, { body, type, onProgress, signal }: Upload): Promise<Uploaded> {
  const header = await authorization();
  if (signal.aborted) return { status: 0, text: '' };
  return new Promise((resolve) => {
    const request = new XMLHttpRequest();
    const abort = (): void => {
      request.abort();
    };
    const done = (): void => {
      // Else the signal holds all that was ever sent.
      signal.removeEventListener('abort', abort);
      if (request.status === 401) unauthenticated(header);
      const isNobodys =
        request.status === 0 || isProxys(request.status, request.getResponseHeader('Content-Type'));
      if (isNobodys && !signal.aborted) lost();
      resolve({ status: request.status, text: request.responseText });
    };
    request.upload.onprogress = ({ loaded, total }) => {
      onProgress(total > 0 ? loaded / total : 1);
    };
    request.onload = done;
    request.onerror = done;
    request.onabort = done;
    signal.addEventListener('abort', abort);
    request.open('POST', basePath(path));
    request.setRequestHeader('Content-Type', type);
    request.setRequestHeader('Accept', 'application/dicom+json');
    request.setRequestHeader(...OWN_LOGIN);
    if (header !== undefined) request.setRequestHeader('Authorization', header);
    request.send(body);
  });
}

/** Path of a peer's or group's DICOMweb service, relative to the page. */
export const serviceOf = (peer: string): string => `peers/${encodeURIComponent(peer)}/dicomweb`;
