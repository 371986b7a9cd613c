import type { Answer } from './ask.js';
import { problemOf, type Judged } from './ledger.js';

/**
 * What is wrong with a body, in words; undefined when nothing is. A `partial` answer may leave things out, but have nothing
 * in it that is not so.
 */
export type Check = (answer: Answer, partial: boolean) => string | undefined | Promise<string | undefined>;

/** Statuses by which the gateway says that the PACS, or its own room, is why there is no answer. */
const FAILURES = new Set([429, 502, 503, 504]);

/** A failure that says what it is: problem details with a code, and when to come back. */
function judgeFailure(answer: Answer): Judged {
  const { status, headers } = answer;
  const { code } = problemOf(answer);
  if (!FAILURES.has(status)) return { verdict: 'wrong', why: `status ${status} (${code ?? 'no code'})` };
  if (code === undefined) return { verdict: 'wrong', why: `status ${status} without problem details` };
  if ((status === 503 || status === 429) && headers['retry-after'] === undefined)
    return { verdict: 'wrong', why: `status ${status} without Retry-After` };
  return { verdict: 'failed' };
}

/** The answer to a store tells of each instance, also where none was taken. @see PS3.18 10.5.3 */
const tellsOfEach = ({ headers }: Answer): boolean =>
  headers['content-type']?.startsWith('application/dicom+json') ?? false;

async function judgeSuccess(answer: Answer, check: Check): Promise<Judged> {
  const partial = answer.status === 206;
  if (partial && answer.headers.warning === undefined)
    return { verdict: 'wrong', why: 'status 206 without a Warning' };
  let why: string | undefined;
  try {
    why = await check(answer, partial);
  } catch (error) {
    why = `it cannot be read: ${String(error)}`;
  }
  if (why !== undefined) return { verdict: 'wrong', why };
  if (answer.status === 409) return { verdict: 'failed', why: 'none was stored' };
  if (answer.status === 202 && tellsOfEach(answer)) return { verdict: 'partial', why: 'not all were stored' };
  return partial ? { verdict: 'partial', why: answer.headers.warning ?? '' } : { verdict: 'right' };
}

/** Judges an answer to a request for something that is there. */
export async function judge(answer: Answer, check: Check): Promise<Judged> {
  if (answer.hung) return { verdict: 'wrong', why: 'it did not end' };
  if (answer.left) return { verdict: 'left' };
  if (answer.status === 0) return { verdict: 'failed', why: `no answer: ${answer.error ?? 'closed'}` };
  if (!answer.complete) return { verdict: 'failed', why: `broken off (status ${answer.status})` };
  const isTold = answer.status < 400 || (answer.status === 409 && tellsOfEach(answer));
  return isTold ? judgeSuccess(answer, check) : judgeFailure(answer);
}
