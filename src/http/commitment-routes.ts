import { randomUUID } from 'node:crypto';
import type { Request, Response } from 'express';
import { GatewayError, type OperationContext } from '../core/index.js';
import {
  MultipartReader,
  MultipartWriter,
  newBoundary,
  parseStoreContentType,
  requireUid,
} from '../dicomweb/index.js';
import type { CommitmentAnswer, CommitmentDocument } from '../gateway/index.js';
import { bodyOf, type StoreBodyDependencies } from './read-store-body.js';
import type { HttpDependencies, On } from './route.js';

const PATH = '/commitment-requests/:transaction';

export interface CommitmentBodyLimits {
  readonly maxBodyBytes: number;
  readonly maxBodyRatio: number;
  /** How long the client may send nothing. */
  readonly bodyTimeoutMs: number;
  readonly minBodyRate: number;
}

/** Storage commitment: `POST` asks for it, `GET` tells what came of it. @see PS3.18 13, rules C-01 to C-06 */
export function commitmentRoutes(
  on: On,
  { gateway, clock }: HttpDependencies,
  limits: CommitmentBodyLimits,
): void {
  const uidOf = ({ transaction = '' }: Readonly<Record<string, string | undefined>>): string =>
    requireUid(transaction, 'Transaction UID');
  on('post', PATH, 'store', async ({ request, response, context, common, params }) => {
    const transactionUid = uidOf(params);
    const body = { limits: { ...limits, maxParts: 1 }, clock };
    const document = await readDocument(request, body, context);
    sendAnswer(response, await gateway.requestCommitment({ ...common, transactionUid, document }, context));
  });
  on('get', PATH, 'store', async ({ response, context, common, params }) => {
    const asked = { ...common, transactionUid: uidOf(params) };
    sendAnswer(response, await gateway.commitmentOf(asked, context));
  });
}

/** The one dataset of the body, bare or in a part. @throws GatewayError `unsupported-media-type`, `bad-request`, `payload-too-large` */
async function readDocument(
  request: Request,
  deps: StoreBodyDependencies,
  context: OperationContext,
): Promise<CommitmentDocument> {
  const content = parseStoreContentType(request.get('content-type'));
  const { form } = content;
  if (form === 'part10') {
    const message = 'A request for storage commitment is in DICOM JSON or XML.';
    throw new GatewayError('unsupported-media-type', message);
  }
  const body = bodyOf(request, deps, context);
  const chunks: Buffer[] = [];
  const keep = (bytes: Buffer): void => {
    // The bytes are the reader's, which uses them again.
    chunks.push(Buffer.from(bytes));
  };
  if (content.kind === 'single') for await (const chunk of body) keep(chunk);
  else {
    const handler = { beginPart: () => undefined, partData: keep, endPart: () => undefined };
    const reader = new MultipartReader(content.boundary, handler, { maxParts: deps.limits.maxParts });
    for await (const chunk of body) await reader.push(chunk);
    await reader.end();
  }
  return { form, bytes: Buffer.concat(chunks) };
}

function sendAnswer(response: Response, answer: CommitmentAnswer): void {
  response.setHeader('Cache-Control', 'no-store');
  response.vary('Accept');
  if (answer.state === 'pending') {
    response.status(202).setHeader('Retry-After', String(answer.retryAfterSeconds)).end();
    return;
  }
  const { body, mediaType, multipart } = answer;
  if (!multipart) {
    response.setHeader('Content-Type', mediaType);
    response.end(body);
    return;
  }
  const writer = new MultipartWriter(mediaType, newBoundary(randomUUID));
  response.setHeader('Content-Type', writer.contentType);
  const head = writer.part({ contentType: mediaType });
  response.end(Buffer.concat([head, Buffer.from(body), writer.end()]));
}
