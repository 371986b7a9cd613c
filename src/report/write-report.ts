import type { ByteSource } from '../core/index.js';
import { readContentTree, type ContentOptions, type TransferSyntax } from '../dicom/index.js';
import { HtmlReport } from './html-report.js';
import { wantedTags } from './report-tags.js';
import { TextReport } from './text-report.js';

/** The media types that a report can be written as, the default first; XML is XHTML. @see PS3.18 8.7.4 (W-50) */
export const reportTypes = ['text/html', 'text/plain', 'text/xml'] as const;

export type ReportType = (typeof reportTypes)[number];

/** What goes out at once. */
const chunkLength = 64 * 1024;

const xmlDeclaration = '<?xml version="1.0" encoding="UTF-8"?>\n';

/**
 * A structured report or key object selection as text for people, UTF-8 in chunks of about 64 KiB, in memory that does not grow
 * with it.
 *
 * @throws GatewayError `malformed-dataset`, or what the source throws; what came before is then no whole report
 * @see PS3.3 A.35, C.17
 */
export async function* writeReport(
  type: ReportType,
  source: ByteSource,
  syntax: TransferSyntax,
  options: Omit<ContentOptions, 'wanted'>,
): AsyncGenerator<Buffer, void, undefined> {
  const writer = type === 'text/plain' ? new TextReport() : new HtmlReport();
  let before = type === 'text/xml' ? xmlDeclaration : '';
  const take = (): Buffer => {
    const text = before + writer.take();
    before = '';
    return Buffer.from(text, 'utf8');
  };
  for await (const written of readContentTree(source, syntax, writer, { ...options, wanted: wantedTags })) {
    if (written.length >= chunkLength) yield take();
  }
  yield take();
}
