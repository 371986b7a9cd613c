import type { Response } from 'express';
import { GatewayError } from '../core/index.js';
import { ZipWriter } from '../dicomweb/index.js';
import type { BodyPart, PartsAnswer } from '../gateway/index.js';
import { BodyWriter } from './body-writer.js';
import { firstBegun } from './first-begun.js';

/** The head of an archive. @throws GatewayError `internal` for a name that could not stand in a header */
export function setArchiveHead(response: Response, name: string): void {
  if (!/^[\w.-]{1,80}$/.test(name))
    throw new GatewayError('internal', 'The name of an archive cannot be written.');
  response.setHeader('Content-Type', 'application/zip');
  response.setHeader('Content-Disposition', `attachment; filename="${name}"`);
}

/** Sends the parts as files of one ZIP archive, as they come and as fast as the client takes them. */
export async function sendArchive(
  response: Response,
  answer: PartsAnswer,
  sent: (bytes: number, part: BodyPart) => void,
): Promise<void> {
  const zip = new ZipWriter();
  const writer = new BodyWriter(response, { stalled: answer.stalled });
  for await (const part of firstBegun(answer.parts)) {
    const { contentLength, crc32, fileName = '' } = part;
    const known =
      contentLength === undefined || crc32 === undefined ? undefined : { bytes: contentLength, crc32 };
    await writer.write(zip.begin({ name: fileName, known }));
    let bytes = 0;
    for await (const chunk of part.bytes) {
      bytes += chunk.length; // it is lent: afterwards it may be another
      zip.count(chunk);
      await writer.write(chunk);
    }
    await writer.write(zip.endFile());
    await writer.flush();
    sent(bytes, part);
  }
  for (const piece of zip.end()) await writer.write(piece);
  await writer.end();
}
