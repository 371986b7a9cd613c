import type { Response } from 'express';
import { noneMatchNames } from '../dicomweb/index.js';
import type { DocumentAnswer } from '../gateway/index.js';
import { takesGzip } from './gzipped.js';

type Whole = NonNullable<DocumentAnswer['whole']>;

/** Below this a compressed body saves no packet. */
const LEAST_COMPRESSED = 1024;

/**
 * Sends a document that is there as a whole, compressed for those who take it; 304 to who has it.
 *
 * The status and everything but what follows from the bytes has been set. @see rule W-60
 */
export async function sendDocument(response: Response, whole: Whole): Promise<void> {
  const { req: request } = response;
  const compressed = whole.bytes.length >= LEAST_COMPRESSED && takesGzip(request.get('accept-encoding'));
  const tag = `"${whole.tag}${compressed ? '-gzip' : ''}"`;
  response.setHeader('ETag', tag);
  if (noneMatchNames(request.get('if-none-match'), tag)) {
    response.removeHeader('Content-Type');
    response.status(304).end();
    return;
  }
  const bytes = compressed ? await whole.gzipped() : whole.bytes;
  if (compressed) response.setHeader('Content-Encoding', 'gzip');
  response.setHeader('Content-Length', bytes.length);
  response.end(request.method === 'HEAD' ? undefined : bytes);
}
