import http, { type IncomingMessage } from 'node:http';

/** How a client behaves. */
export interface Pace {
  /** Reads no faster. */
  readonly bytesPerSecond?: number;
  /** Reads nothing for so long after the head of the answer. */
  readonly deafMs?: number;
  /** Goes away when it has read so much. */
  readonly leaveAfterBytes?: number;
  /** Goes away after so long, wherever the answer is. */
  readonly leaveAfterMs?: number;
}

export interface Question {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Buffer;
  readonly pace?: Pace;
}

/** What came of a request. */
export interface Answer {
  /** 0 when there was no status line. */
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: Buffer;
  /** Whether the client takes the body for whole. */
  readonly complete: boolean;
  /** It went away itself. */
  readonly left: boolean;
  /** It gave up after {@link LONGEST_MS}. */
  readonly hung: boolean;
  /** Why there was no status line. */
  readonly error: string | undefined;
  /** Milliseconds of `Date.now`. */
  readonly from: number;
  readonly to: number;
}

/** No answer takes longer: every time-out of the gateway that a client may wait for is far below. */
const LONGEST_MS = 90_000;

/** Connections that are kept, as a viewer's are. */
export const viewerAgent = (): http.Agent => new http.Agent({ keepAlive: true, maxSockets: 6 });

/** Reads a body as slowly as `pace` says. */
function read(response: IncomingMessage, pace: Pace, leave: () => void): Buffer[] {
  const chunks: Buffer[] = [];
  const from = performance.now() + (pace.deafMs ?? 0);
  let bytes = 0;
  const rest = (ms: number): void => {
    response.pause();
    setTimeout(() => response.resume(), ms);
  };
  response.on('data', (chunk: Buffer) => {
    chunks.push(chunk);
    bytes += chunk.length;
    if (bytes >= (pace.leaveAfterBytes ?? Infinity)) {
      leave();
      return;
    }
    const ms = from + (bytes / (pace.bytesPerSecond ?? Infinity)) * 1000 - performance.now();
    if (ms > 1) rest(ms);
  });
  if (pace.deafMs !== undefined) rest(pace.deafMs);
  return chunks;
}

/** Sends a request and resolves with what came of it, whatever that is; never rejects. */
export function ask(url: string, question: Question, agent: http.Agent | false): Promise<Answer> {
  const { method = 'GET', headers = {}, body, pace = {} } = question;
  const from = Date.now();
  return new Promise((resolve) => {
    let [left, hung] = [false, false];
    let error: string | undefined;
    let response: IncomingMessage | undefined;
    let chunks: Buffer[] = [];
    const outgoing = http.request(url, { method, headers, agent });
    // also what has come whole and was not read yet
    const giveUp = (): void => {
      outgoing.destroy();
      response?.destroy();
    };
    const leave = (): void => {
      left = true;
      giveUp();
    };
    const timers = [
      setTimeout(() => {
        hung = true;
        giveUp();
      }, LONGEST_MS),
      ...(pace.leaveAfterMs === undefined ? [] : [setTimeout(leave, pace.leaveAfterMs)]),
    ];
    const done = (): void => {
      for (const timer of timers) clearTimeout(timer);
      resolve({
        status: response?.statusCode ?? 0,
        headers: response?.headers ?? {},
        body: Buffer.concat(chunks),
        complete: response?.complete ?? false,
        left,
        hung,
        error,
        from,
        to: Date.now(),
      });
    };
    outgoing
      .on('error', (cause: NodeJS.ErrnoException) => {
        error = cause.code ?? cause.message;
      })
      .on('response', (incoming) => {
        response = incoming;
        chunks = read(incoming, pace, leave);
        // its own end and not that of the request: what a slow client has not read yet may come after that
        incoming.on('error', () => undefined).on('close', done);
      })
      .on('close', () => {
        if (!response) done();
      })
      .end(body);
  });
}
