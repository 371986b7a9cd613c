import type { Request, Response } from 'express';
import type { Need } from '../access/index.js';
import { abortReason, wait } from '../core/index.js';
import { BodyWriter } from './body-writer.js';
import type { Exchange } from './exchange.js';
import { preloadReport } from './preload-report.js';
import type { HttpDependencies } from './route.js';

/** What one has to be allowed to hear of pulls. */
export const PULLS = { permission: 'admin' } as const satisfies Need;

/** Between two events: nobody reads faster. */
const TURN_MS = 500;
/** Proxies close what is silent for a minute. */
const HEARTBEAT_TURNS = 30;
/** So often it is asked whether whoever listens still may: a token ends while its stream goes on. */
const ADMIT_TURNS = 10;
const JSON_TYPE = 'application/json';
const EVENTS_TYPE = 'text/event-stream';

export interface PullsAsked {
  readonly deps: HttpDependencies;
  readonly exchange: Exchange;
  /** How long the client may take nothing. */
  readonly stallMs: number;
}

/**
 * What is on its way from all peers, once or as events until the client leaves, may not hear of it any more, or the gateway
 * stops. A client that reads slowly gets the latest state only, never a backlog.
 *
 * @see HTML Living Standard 9.2
 */
export async function sendPulls(request: Request, response: Response, asked: PullsAsked): Promise<void> {
  if (request.accepts([JSON_TYPE, EVENTS_TYPE]) !== EVENTS_TYPE) {
    response.json(pullsOf(asked.deps));
    return;
  }
  response.setHeader('Content-Type', EVENTS_TYPE);
  // nginx would keep events until its buffer is full.
  response.setHeader('X-Accel-Buffering', 'no');
  // What is sent to HEAD is never on its way: its end alone lets the headers go.
  if (request.method === 'HEAD') response.end();
  else await follow(request, response, asked);
}

async function follow(
  request: Request,
  response: Response,
  { deps, exchange, stallMs }: PullsAsked,
): Promise<void> {
  const { signal } = exchange.context;
  exchange.followed();
  const writer = new BodyWriter(response, { stallMs });
  const mayStill = (turn: number): Promise<boolean> =>
    turn % ADMIT_TURNS === 0 ? deps.door.wouldAdmit(request, PULLS, exchange.context) : Promise.resolve(true);
  let told = '';
  let silent = 0;
  for (let turn = 1; deps.refuse() === undefined; turn += 1) {
    const pulls = JSON.stringify(pullsOf(deps));
    if (pulls !== told || silent >= HEARTBEAT_TURNS) {
      silent = 0;
      await writer.write(pulls === told ? ': still here\n\n' : `event: pulls\ndata: ${pulls}\n\n`);
      await writer.flush();
    }
    told = pulls;
    silent += 1;
    await wait(deps.clock, TURN_MS, signal);
    if (signal.aborted) throw abortReason(signal);
    if (!(await mayStill(turn))) break;
  }
  await writer.end();
}

const tenths = (ms: number): number => Math.round(ms / 100) / 10;

function pullsOf({ gateway }: HttpDependencies): object {
  const each = gateway.peerNames.map((peer) => ({ peer, ...gateway.pulls(peer) }));
  return {
    studies: each.flatMap(({ peer, studies }) =>
      studies.map(({ elapsedMs, ...study }) => ({ peer, ...study, elapsedSeconds: tenths(elapsedMs) })),
    ),
    preloads: each.flatMap(({ peer, preloads }) =>
      preloads.map((status) => ({ peer, ...preloadReport(status) })),
    ),
  };
}
