import { setTimeout as after } from 'node:timers/promises';
import { answerOf } from '../helpers/store-answer.js';
import { storeBody } from '../helpers/test-gateway.js';
import { rowsAre } from './checks.js';
import { studyPath, type Client } from './context.js';
import type { Answer } from './ask.js';
import type { Sent } from './inbox.js';

/** What an answer that is whole says of each instance, entered into the books; what is wrong with it. */
function takeDown(sent: readonly Sent[], answer: Answer): string | undefined {
  const { stored, failed } = answerOf(answer);
  const named = [...stored, ...Object.keys(failed)].sort();
  const uids = sent.map(({ sopUid }) => sopUid).sort();
  if (named.join() !== uids.join()) return 'the answer does not name what was sent';
  // what was stored once and is sent again stays stored, whatever becomes of it
  for (const one of sent)
    if (one.state !== 'stored') one.state = stored.includes(one.sopUid) ? 'stored' : 'failed';
  const status = stored.length === 0 ? 409 : stored.length === uids.length ? 200 : 202;
  return answer.status === status ? undefined : `status ${answer.status} where ${stored.length} are stored`;
}

/** Stores new instances, and looks for those that the gateway says are stored. */
export async function store(client: Client): Promise<void> {
  const { inbox } = client.shared;
  const sent = Array.from({ length: 1 + client.below(4) }, () => inbox.next(client.peer));
  const { contentType, body } = storeBody(sent.map(({ file }) => file));
  const headers = { 'content-type': contentType, accept: 'application/dicom+json' };
  const check = (answer: Answer): string | undefined => takeDown(sent, answer);
  await client.ask('store', '/studies', check, { method: 'POST', headers, body });
  for (const { studyUid, sopUid, state } of sent) {
    if (state !== 'stored') continue;
    const path = `/studies/${studyUid}/instances?SOPInstanceUID=${sopUid}`;
    await client.ask('search: what was stored', path, rowsAre('00080018', [sopUid]));
  }
}

interface PreloadState {
  readonly state?: string;
  readonly complete?: number;
}

const stateOf = ({ body }: Answer): PreloadState => JSON.parse(body.toString()) as PreloadState;
const UNDER_WAY = new Set(['waiting', 'running']);

/** Has a study brought into the cache, and follows it to its end or gives it up. */
export async function preload(client: Client): Promise<void> {
  const study = client.study();
  const path = `${studyPath(study)}/preload`;
  const check = (answer: Answer): string | undefined => {
    const { state, complete } = stateOf(answer);
    if (state === undefined) return 'a preload without a state';
    if (state !== 'complete' || complete === study.instances.length) return undefined;
    return `complete with ${complete ?? 'no'} of ${study.instances.length} instances`;
  };
  let answer = await client.ask('preload', path, check, { method: 'POST' });
  for (let round = 0; round < 20; round += 1) {
    if (answer.status >= 300 || !answer.complete || !UNDER_WAY.has(stateOf(answer).state ?? '')) return;
    await after(500);
    answer = await client.ask('preload: progress', path, check);
  }
  await client.ask('preload: cancelled', path, check, { method: 'DELETE' });
}
