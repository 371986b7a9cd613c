import { createHash } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import { TransferSyntaxes } from '../../../src/dicom/index.js';
import { parseAccept } from '../../../src/dicomweb/index.js';
import type { OpenInstance } from '../../../src/gateway/open-instance.js';
import { isDocumentClass, renderedDocument } from '../../../src/gateway/rendered-document.js';
import { element, join, numbers, type Write } from '../../helpers/fixtures-element.js';
import { report, textItem } from '../../helpers/report-items.js';
import { encoded, sourceOf } from '../report/reports.js';

const SR = '1.2.840.10008.5.1.4.1.1.88.33';
const PDF = '1.2.840.10008.5.1.4.1.1.104.1';
const CT = '1.2.840.10008.5.1.4.1.1.2';
const stored = TransferSyntaxes.ExplicitVrLittleEndian;

function opened(sopClassUid: string, write: Write): OpenInstance {
  const bytes = encoded(write, stored);
  const source = sourceOf(bytes);
  const key = { peer: 'main', studyInstanceUid: '1.2', seriesInstanceUid: '1.3', sopInstanceUid: '1.4' };
  const index = { length: bytes.length, transferSyntaxUid: stored.uid };
  const record: OpenInstance['record'] = {
    digest: 'd-1',
    index,
    problem: undefined,
    seenAs: undefined,
    seriesAs: undefined,
  };
  const info = { sopClassUid, transferSyntaxUid: stored.uid };
  const keep = () => (): void => undefined;
  const unlessTooLong = <T>(waited: Promise<T>): Promise<T> => waited;
  const complete = Promise.resolve(record);
  const instance = { key, info, source, lent: source, keep, complete, unlessTooLong };
  const { signal: stalled } = new AbortController();
  return { instance, record, index, stored, stalled, close: () => Promise.resolve() };
}

async function rendered(of: OpenInstance, accept?: string): Promise<Record<string, unknown>> {
  const request = { accept: parseAccept(accept), serviceUrl: 'http://h/dicomweb' };
  const answer = await renderedDocument(of, request, { limits: {}, fallbackCharacterSet: undefined });
  const { value: part } = await answer.parts.next();
  if (!part) throw new Error('no part');
  const chunks: Buffer[] = [];
  for await (const chunk of part.bytes) chunks.push(chunk);
  return { ...part, multipart: answer.multipart, bytes: Buffer.concat(chunks).toString('utf8') };
}

const document = (type: string, value: string): Write =>
  join(
    element(0x00420011, 'OB', value),
    element(0x00420012, 'LO', type),
    numbers(0x00420015, 'UL', value.length),
  );

describe('W-50: a report is rendered', () => {
  const one = opened(SR, report([textItem('Finding', 'none')]));

  test.each([
    [undefined, 'text/html', 'html'],
    ['text/*', 'text/html', 'html'],
    ['text/html, */*;q=0.1', 'text/html', 'html'],
    ['text/plain', 'text/plain', 'txt'],
    ['text/html;q=0.5, text/plain', 'text/plain', 'txt'],
    ['image/jpeg, text/xml', 'text/xml', 'xml'],
  ])('for Accept %s as %s', async (accept, type, extension) => {
    expect(await rendered(one, accept)).toMatchObject({
      contentType: `${type}; charset=utf-8`,
      contentLocation: 'http://h/dicomweb/studies/1.2/series/1.3/instances/1.4',
      multipart: false,
      shown: { fileName: `1.4.${extension}`, disposition: 'inline' },
      bytes: expect.stringContaining('none'),
    });
  });

  test('in a part where only that is taken, and as nothing else', async () => {
    const accept = 'multipart/related; type="text/html"';
    expect(await rendered(one, accept)).toMatchObject({
      multipart: true,
      contentType: 'text/html; charset=utf-8',
    });
    for (const other of ['image/jpeg', 'application/pdf', 'text/html; transfer-syntax=*'])
      await expect(rendered(one, other)).rejects.toMatchObject({ code: 'not-acceptable' });
  });

  test('R-08: under a policy that lets nothing but its own style in, and each type has its own validator', async () => {
    const html = await rendered(one);
    const [, style = ''] = /<style>(.*)<\/style>/s.exec(String(html['bytes'])) ?? [];
    const digest = createHash('sha256').update(style).digest('base64');
    expect(html['shown']).toMatchObject({
      policy: `default-src 'none'; style-src 'sha256-${digest}'; sandbox`,
    });
    const tags = [html, await rendered(one, 'text/plain'), await rendered(one, 'text/xml')].map(
      ({ etag }) => etag,
    );
    expect(new Set(tags).size).toBe(3);
  });
});

describe('an encapsulated document is rendered as it is', () => {
  test.each([
    [undefined, 'application/pdf'],
    ['application/pdf', 'application/pdf'],
    ['text/html, application/pdf;q=0.1', 'application/pdf'],
  ])('for Accept %s', async (accept, type) => {
    expect(await rendered(opened(PDF, document('application/pdf', '%PDF-1')), accept)).toMatchObject({
      contentType: type,
      contentLength: 6,
      shown: { fileName: '1.4.pdf', disposition: 'inline' },
      bytes: '%PDF-1',
    });
  });

  test('R-08: what a browser could run is an attachment', async () => {
    const one = opened('1.2.840.10008.5.1.4.1.1.104.2', document('text/XML', '<ClinicalDocument/>.'));
    expect(await rendered(one)).toMatchObject({
      contentType: 'text/xml',
      shown: { fileName: '1.4.xml', disposition: 'attachment', policy: "default-src 'none'; sandbox" },
    });
  });

  test('or not at all', async () => {
    const one = opened(PDF, document('application/pdf', '%PDF-1'));
    await expect(rendered(one, 'text/html')).rejects.toMatchObject({ code: 'not-acceptable' });
    await expect(rendered(opened(PDF, report([])))).rejects.toMatchObject({ code: 'not-acceptable' });
    await expect(rendered(opened(CT, report([])))).rejects.toMatchObject({ code: 'not-acceptable' });
  });
});

test('documents are told by their SOP classes', () => {
  expect(
    [SR, PDF, CT, '1.2.840.10008.5.1.4.1.1.88.59', '1.2.840.10008.5.1.4.1.1.8'].map(isDocumentClass),
  ).toEqual([true, true, false, true, false]);
});
