import {
  formatDicomJson,
  formatNativeXml,
  type DicomJsonElement,
  type DicomJsonObject,
} from '../../src/dicom/index.js';
import { request, type RawResponse } from './test-gateway.js';

/** A part of a store request. */
export interface StorePart {
  readonly type?: string;
  readonly location?: string;
  /** Of the part, beside those. */
  readonly headers?: string;
  readonly body: Buffer | string;
}

/** A multipart body of the parts; without a last boundary when it is `broken`. */
function multipart(parts: readonly StorePart[], broken = false): Buffer {
  const chunks = parts.flatMap(({ type, location, headers = '', body }) => [
    `\r\n--b\r\n${type === undefined ? '' : `Content-Type: ${type}\r\n`}`,
    `${location === undefined ? '' : `Content-Location: ${location}\r\n`}${headers}\r\n`,
    body,
  ]);
  return Buffer.concat([...chunks, broken ? '' : '\r\n--b--'].map((chunk) => Buffer.from(chunk)));
}

/** What metadata are written in. */
export type Form = 'json' | 'xml';

/** The parts that metadata take: an array in JSON, one document for each instance in XML. */
export const metadata = (form: Form, objects: readonly DicomJsonObject[]): readonly StorePart[] =>
  form === 'json'
    ? [
        {
          type: 'application/dicom+json',
          body: `[${objects.map((object) => formatDicomJson(object)).join(',')}]`,
        },
      ]
    : objects.map((object) => ({ type: 'application/dicom+xml', body: formatNativeXml(object) }));

/** Stores the parts. */
export const post = (
  url: string,
  form: Form,
  parts: readonly StorePart[],
  broken = false,
): Promise<RawResponse> =>
  request(url, {
    method: 'POST',
    headers: { 'content-type': `multipart/related; type="application/dicom+${form}"; boundary=b` },
    body: multipart(parts, broken),
  });

/** UIDs of what was stored and what failed, and the reasons of what is no instance. */
export interface Answer {
  readonly stored: readonly unknown[];
  readonly failed: readonly unknown[];
  readonly other: readonly unknown[];
}

type Item = Record<string, { Value?: (string | number)[] }>;

/** What the answer to a store says. */
export function answerOf({ body }: RawResponse): Answer {
  const dataset = JSON.parse(body.toString()) as Record<string, { Value?: Item[] }>;
  const values = (tag: string, of: string): readonly unknown[] =>
    (dataset[tag]?.Value ?? []).map((item) => item[of]?.Value?.[0]);
  return {
    stored: values('00081199', '00081155'),
    failed: values('00081198', '00081155'),
    other: values('0008119A', '00081197'),
  };
}

/** An attribute of the DICOM JSON model. */
export const one = (vr: string, ...Value: (string | number)[]): DicomJsonElement => ({ vr, Value });
