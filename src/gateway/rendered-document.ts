import { createHash } from 'node:crypto';
import { GatewayError } from '../core/index.js';
import { locateDocument } from '../dicom/index.js';
import { negotiateTypes, retrieveUrl, type MediaRange } from '../dicomweb/index.js';
import { reportStyle, reportTypes, writeReport, type ReportType } from '../report/index.js';
import type { BodyPart, PartsAnswer, Shown } from './answer.js';
import { encapsulatedPart } from './encapsulated-part.js';
import { each } from './frames-answer.js';
import type { OpenInstance } from './open-instance.js';
import type { RetrieveSettings } from './ports.js';
import { etagOf } from './validator.js';

/** An instance that is no picture, as people can read it. */
interface RenderableDocument {
  /** What it can be had as, the default first. @see PS3.18 8.7.4 (W-50) */
  readonly mediaTypes: readonly string[];
  /** In one of these types. */
  readonly part: (mediaType: string, serviceUrl: string) => BodyPart;
}

export interface DocumentRequest {
  readonly accept: readonly MediaRange[];
  readonly serviceUrl: string;
}

/** What is read of the peer's settings. */
type ReportSettings = Pick<RetrieveSettings, 'fallbackCharacterSet' | 'limits'>;

/** Structured reports and key object selections. @see PS3.4 B.5 */
const isReport = (sopClassUid: string): boolean => sopClassUid.startsWith('1.2.840.10008.5.1.4.1.1.88.');

/** PDF, CDA, STL, OBJ, MTL. @see PS3.4 B.5 */
const isEncapsulated = (sopClassUid: string): boolean =>
  sopClassUid.startsWith('1.2.840.10008.5.1.4.1.1.104.');

/** Whether instances of a SOP class are rendered as documents. */
export const isDocumentClass = (sopClassUid: string): boolean =>
  isReport(sopClassUid) || isEncapsulated(sopClassUid);

const isReportType = (mediaType: string): mediaType is ReportType =>
  reportTypes.some((one) => one === mediaType);

/** Nothing but the report's own stylesheet, which is known by its digest. @see rule R-08 */
const reportPolicy = `default-src 'none'; style-src 'sha256-${createHash('sha256').update(reportStyle).digest('base64')}'; sandbox`;

const extensions: Readonly<Record<ReportType, string>> = {
  'text/html': 'html',
  'text/plain': 'txt',
  'text/xml': 'xml',
};

function reportPart(
  { instance, stored, record }: OpenInstance,
  type: ReportType,
  serviceUrl: string,
  { fallbackCharacterSet, limits }: ReportSettings,
): BodyPart {
  const shown: Shown = {
    fileName: `${instance.key.sopInstanceUid}.${extensions[type]}`,
    disposition: 'inline',
    policy: reportPolicy,
  };
  return {
    contentType: `${type}; charset=utf-8`,
    peer: instance.key.peer,
    contentLocation: retrieveUrl(serviceUrl, instance.key),
    shown,
    etag: etagOf(record, 'report', type, fallbackCharacterSet ?? ''),
    bytes: writeReport(type, instance.source, stored, { fallbackCharacterSet, limits }),
  };
}

/**
 * The document that an instance is or carries: a report as HTML, plain text or XHTML, an encapsulated document as it is.
 *
 * @throws GatewayError `not-acceptable` for an instance that is neither, `malformed-dataset`
 * @see PS3.18 8.7.4, 10.4.1.1.3
 */
async function renderableDocument(
  opened: OpenInstance,
  settings: ReportSettings,
): Promise<RenderableDocument> {
  const { sopClassUid } = opened.instance.info;
  if (isReport(sopClassUid)) {
    const part = (mediaType: string, serviceUrl: string): BodyPart =>
      reportPart(opened, isReportType(mediaType) ? mediaType : reportTypes[0], serviceUrl, settings);
    return { mediaTypes: reportTypes, part };
  }
  const document = isEncapsulated(sopClassUid)
    ? await locateDocument(opened.instance.source, opened.stored)
    : undefined;
  if (document === undefined)
    throw new GatewayError('not-acceptable', 'The instance is no document that can be rendered.');
  const part = (_mediaType: string, serviceUrl: string): BodyPart =>
    encapsulatedPart(opened, document, retrieveUrl(serviceUrl, opened.instance.key));
  return { mediaTypes: [document.mediaType], part };
}

/**
 * Renders an instance that is a document, in the type that the client likes best.
 *
 * @throws GatewayError as `renderableDocument`; `not-acceptable` when the client takes none of its types
 */
export async function renderedDocument(
  opened: OpenInstance,
  { accept, serviceUrl }: DocumentRequest,
  settings: ReportSettings,
): Promise<PartsAnswer> {
  const { mediaTypes, part } = await renderableDocument(opened, settings);
  const { mediaType, multipart } = negotiateTypes(mediaTypes, accept);
  const { stalled, close } = opened;
  const parts = each([part(mediaType, serviceUrl)]);
  // What is encapsulated has whatever character set it has.
  const isText = isReport(opened.instance.info.sopClassUid);
  return { kind: 'parts', refused: 0, multipart, partType: mediaType, isText, parts, stalled, close };
}
