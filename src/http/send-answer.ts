import { randomUUID } from 'node:crypto';
import type { Response } from 'express';
import {
  formatWarning,
  MultipartWriter,
  newBoundary,
  matchNames,
  noneMatchNames,
  parseRange,
  rangeApplies,
  type ByteSpan,
} from '../dicomweb/index.js';
import type { BodyPart, DocumentAnswer, PartsAnswer, Shown } from '../gateway/index.js';
import { BodyWriter } from './body-writer.js';
import { firstBegun } from './first-begun.js';
import { gzipped, takesGzip } from './gzipped.js';
import { sendArchive, setArchiveHead } from './send-archive.js';
import { sendDocument } from './send-document.js';

/** Who speaks in Warning headers. */
const AGENT = 'dicomweb-gateway';

/** Adds one Warning header per text. @see rule H-15 */
export function setWarnings(response: Response, texts: readonly string[]): void {
  if (texts.length > 0)
    response.setHeader(
      'Warning',
      texts.map((text) => formatWarning(AGENT, text)),
    );
}

type Common = Pick<DocumentAnswer, 'refused' | 'isPartial'> & Pick<PartsAnswer, 'warnings'>;

/** Whether everything that was asked for is in it. */
const isWhole = ({ refused, isPartial = false }: Common): boolean => refused === 0 && !isPartial;

function setCommon(response: Response, answer: Common): void {
  const { refused, warnings = [] } = answer;
  const partial = refused === 1 ? '1 instance' : `${refused} instances`;
  const all =
    refused > 0 ? [...warnings, `The PACS did not deliver ${partial}; the rest follows.`] : warnings;
  response.status(isWhole(answer) ? 200 : 206);
  response.setHeader('Cache-Control', 'private, no-cache');
  response.vary('Accept, Accept-Charset, Accept-Encoding, Authorization');
  setWarnings(response, all);
}

/** Hears of each part that the connection has taken, with its bytes. */
export type PartSent = (bytes: number, part: BodyPart) => void;

/** Answers with instances, frames or bulk data as they come. @see rules H-11, W-09, W-25, W-62 */
export async function sendParts(response: Response, answer: PartsAnswer, sent: PartSent): Promise<void> {
  try {
    setCommon(response, answer);
    if (answer.archiveName !== undefined) {
      setArchiveHead(response, answer.archiveName);
      if (!isHead(response)) await sendArchive(response, answer, sent);
    } else if (answer.multipart) await sendMultipart(response, answer, sent);
    else await sendSinglePart(response, answer, sent);
  } finally {
    await answer.close();
  }
}

async function sendMultipart(response: Response, answer: PartsAnswer, sent: PartSent): Promise<void> {
  const multipart = new MultipartWriter(answer.partType, newBoundary(randomUUID));
  const tag = isWhole(answer) ? answer.etag : undefined;
  if (isRefused(response, tag) || isNotModified(response, tag)) return;
  response.setHeader('Content-Type', multipart.contentType);
  if (isHead(response)) return;
  const writer = new BodyWriter(response, { stalled: answer.stalled });
  for await (const part of firstBegun(answer.parts)) {
    await writer.write(multipart.part(part));
    const bytes = await writeAll(writer, part.bytes);
    // A whole instance is of use to the client at once, however small it is.
    await writer.flush();
    sent(bytes, part);
  }
  await writer.write(multipart.end());
  await writer.end();
}

async function sendSinglePart(response: Response, answer: PartsAnswer, sent: PartSent): Promise<void> {
  const next = await answer.parts.next();
  if (next.done) throw new Error('A single-part answer has no part.');
  const part: BodyPart = next.value;
  if (part.contentLocation !== undefined) response.setHeader('Content-Location', part.contentLocation);
  if (part.shown) setShown(response, part.shown);
  const tag = isWhole(answer) ? part.etag : undefined;
  if (isRefused(response, tag) || isNotModified(response, tag)) return;
  const span = isWhole(answer) ? spanOf(response, part) : undefined;
  if (span === 'unsatisfiable') {
    response.removeHeader('ETag');
    response.status(416).setHeader('Content-Range', `bytes */${part.contentLength ?? '*'}`);
    response.setHeader('Content-Length', 0);
    response.end();
    return;
  }
  response.setHeader('Content-Type', part.contentType);
  if (part.contentLength !== undefined) response.setHeader('Content-Length', part.contentLength);
  if (isHead(response)) return;
  const writer = new BodyWriter(response, { stalled: answer.stalled });
  const bytes = await writeAll(writer, setSpan(response, part, span));
  await writer.flush();
  sent(bytes, part);
  response.end();
}

/** @see rules */
function setShown(response: Response, { fileName, disposition, policy }: Shown): void {
  response.setHeader(
    'Content-Disposition',
    `${disposition}; filename="${fileName.replace(/[^\w.-]/g, '_')}"`,
  );
  // That of pages would keep the PDF viewers of some browsers from showing anything.
  if (policy === undefined) response.removeHeader('Content-Security-Policy');
  else response.setHeader('Content-Security-Policy', policy);
}

/** Writes every chunk; resolves with the number of bytes. */
async function writeAll(writer: BodyWriter, chunks: AsyncIterable<Buffer>): Promise<number> {
  let bytes = 0;
  for await (const chunk of chunks) {
    bytes += chunk.length; // it is lent: afterwards it may be another
    await writer.write(chunk);
  }
  return bytes;
}

/**
 * Answers 412 when the client wants to go on with another representation: what follows would be put behind the bytes of
 * that. So is one that has no validator yet.
 *
 * @see RFC 9110 13.2.2, 15.5.13
 */
function isRefused(response: Response, etag: string | undefined): boolean {
  if (matchNames(response.req.get('if-match'), etag)) return false;
  if (etag !== undefined) response.setHeader('ETag', etag);
  response.status(412).setHeader('Content-Length', 0);
  response.end();
  return true;
}

/** Sets the validator; answers 304 when the client has this representation. @see RFC 9110 13.2.2, 15.4.5 */
function isNotModified(response: Response, etag: string | undefined): boolean {
  if (etag === undefined) return false;
  response.setHeader('ETag', etag);
  if (!noneMatchNames(response.req.get('if-none-match'), etag)) return false;
  response.status(304).end();
  return true;
}

/** The range to send in place of the whole body; only GET has any. @see RFC 9110 14.2 */
function spanOf(response: Response, part: BodyPart): ReturnType<typeof parseRange> {
  if (part.range === undefined || part.contentLength === undefined) return undefined;
  response.setHeader('Accept-Ranges', 'bytes');
  const { req: request } = response;
  if (request.method !== 'GET' || !rangeApplies(request.get('if-range'), part.etag)) return undefined;
  return parseRange(request.get('range'), part.contentLength);
}

/** The bytes to send, and the head that says which. Content-Range tells this 206 from a partial retrieve's (W-09). */
function setSpan(response: Response, part: BodyPart, span: ByteSpan | undefined): AsyncIterable<Buffer> {
  if (span === undefined || part.range === undefined) return part.bytes;
  const { start, end } = span;
  response.status(206);
  response.setHeader('Content-Range', `bytes ${start}-${end - 1}/${part.contentLength ?? '*'}`);
  response.setHeader('Content-Length', end - start);
  return part.range(span);
}

export interface ListOptions {
  /** How long the client may take nothing, for answers behind which an association is held; 0 = any time. */
  readonly stallMs: number;
  /** It is compressed for those who take that; only of what has no validator, which would be another one then. */
  readonly compress?: boolean;
}

/** Answers with datasets as text as they come. */
export async function sendList(
  response: Response,
  answer: DocumentAnswer,
  options: ListOptions,
): Promise<void> {
  try {
    if (answer.whole) {
      setCommon(response, answer);
      response.setHeader('Content-Type', answer.contentType);
      await sendDocument(response, answer.whole);
      return;
    }
    if (answer.etag !== undefined && noneMatchNames(response.req.get('if-none-match'), answer.etag)) {
      setCommon(response, answer);
      isNotModified(response, answer.etag);
      return;
    }
    // The first piece before the status line: most failures happen here, and are told truthfully.
    const first = await answer.body.next();
    setCommon(response, answer);
    if (answer.etag !== undefined) response.setHeader('ETag', answer.etag);
    response.setHeader('Content-Type', answer.contentType);
    const isCoded = options.compress === true && takesGzip(response.req.get('accept-encoding'));
    if (isCoded) response.setHeader('Content-Encoding', 'gzip');
    if (isHead(response)) return;
    const writer = new BodyWriter(response, { stallMs: options.stallMs, stalled: answer.stalled });
    const pieces = first.done ? answer.body : withFirst(first.value, answer.body);
    for await (const chunk of isCoded ? gzipped(pieces) : pieces) await writer.write(chunk);
    await writer.flush();
    response.end();
  } finally {
    await answer.close();
  }
}

async function* withFirst<T>(first: T, others: AsyncIterable<T>): AsyncGenerator<T, void, undefined> {
  yield first;
  yield* others;
}

/** HEAD has the headers of GET and no body; nothing is read for it. @see rule H-14 */
function isHead(response: Response): boolean {
  if (response.req.method !== 'HEAD') return false;
  response.end();
  return true;
}
