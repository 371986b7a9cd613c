import { afterAll, beforeAll, describe, expect } from '@jest/globals';
import fc from 'fast-check';
import { formatDicomJson, formatNativeXml, type DicomJsonObject } from '../../src/dicom/index.js';
import { fuzz } from '../helpers/fuzz.js';
import { readElements } from '../helpers/independent-reader.js';
import { mp4, mpeg2, png } from '../helpers/media.js';
import { startRoguePeer, type RoguePeer } from '../helpers/rogue-peer.js';
import { one } from '../helpers/store-parts.js';
import { peerYaml, request, startTestGateway, type TestGateway } from '../helpers/test-gateway.js';

let peer: RoguePeer;
let gateway: TestGateway;

beforeAll(async () => {
  peer = await startRoguePeer();
  const address = `${peer.address.aeTitle}@127.0.0.1:${peer.address.port}`;
  gateway = await startTestGateway(peerYaml(address, 'store: { missingAttributes: store }'));
});
afterAll(async () => {
  await gateway.close();
  await peer.close();
});

const REPORT = '1.2.840.10008.5.1.4.1.1.88.11';
const identity: DicomJsonObject = {
  '00080016': one('UI', REPORT),
  '00080018': one('UI', '1.2.3.1'),
  '0020000D': one('UI', '1.2.3'),
  '0020000E': one('UI', '1.2.3.0'),
};
const withBulk: DicomJsonObject = {
  ...identity,
  '00420011': { vr: 'OB', BulkDataURI: 'bulk' },
  '7FE00010': { vr: 'OB', BulkDataURI: 'pixels' },
};

const hostile = fc.constantFrom(
  '<!DOCTYPE a [<!ENTITY b "c">]>',
  '&b;',
  '<DicomAttribute tag="00100010" vr="PN"/>',
  '<Value number="1">',
  '"Value":[null]',
  '{"00100010":{"vr":"ZZ"}}',
  '[',
  '\0',
  '\r\n--b\r\n',
  '\r\n\r\n',
  '--b--',
  '\ud800',
);
const junk = fc.oneof(
  hostile.map((text) => Buffer.from(text)),
  fc.uint8Array({ maxLength: 24 }).map((bytes) => Buffer.from(bytes)),
);

interface Cut {
  readonly at: number;
  readonly drop: number;
  readonly put: Buffer;
}
const cuts = fc.array(
  fc.record({ at: fc.double({ min: 0, max: 1, noNaN: true }), drop: fc.nat({ max: 40 }), put: junk }),
  { maxLength: 3 },
);

/** `bytes` with pieces taken out and others put in. */
const spoilt = (bytes: Buffer, changes: readonly Cut[]): Buffer =>
  changes.reduce((before, { at, drop, put }) => {
    const from = Math.floor(at * before.length);
    return Buffer.concat([before.subarray(0, from), put, before.subarray(from + drop)]);
  }, bytes);

const bulk = fc.constantFrom<readonly [string, Buffer]>(
  ['application/octet-stream', Buffer.alloc(7)],
  ['application/pdf', Buffer.from('%PDF')],
  ['video/mp4', mp4({ width: 32, height: 24, frames: 3, indexLast: true })],
  ['video/mpeg', mpeg2({ width: 32, height: 24, frames: 3 })],
  ['image/png', png({ width: 4, height: 3, depth: 8, colourType: 0, rows: Buffer.alloc(12) })],
  ['image/jpeg', Buffer.from('ffd8ffc0000b080010001801011100ffda0008010100003f0000ffd9', 'hex')],
);

type Form = 'json' | 'xml';
const text = { json: (object: DicomJsonObject) => `[${formatDicomJson(object)}]`, xml: formatNativeXml };

const body = fc
  .record({
    form: fc.constantFrom<Form>('json', 'xml'),
    metadataCuts: cuts,
    bulks: fc.array(fc.tuple(bulk, fc.constantFrom('bulk', 'pixels', 'nothing'), cuts), { maxLength: 3 }),
    bodyCuts: cuts,
    object: fc.constantFrom(identity, withBulk),
  })
  .map(({ form, metadataCuts, bulks, bodyCuts, object }) => {
    const head = (type: string, location?: string): string =>
      `\r\n--b\r\nContent-Type: ${type}\r\n${location === undefined ? '' : `Content-Location: ${location}\r\n`}\r\n`;
    const parts = [
      head(`application/dicom+${form}`),
      spoilt(Buffer.from(text[form](object)), metadataCuts),
      ...bulks.flatMap(([[type, bytes], location, changes]) => [
        head(type, location),
        spoilt(bytes, changes),
      ]),
      '\r\n--b--',
    ];
    return { form, bytes: spoilt(Buffer.concat(parts.map((part) => Buffer.from(part))), bodyCuts) };
  });

describe('S-03, S-04: whatever is in the body of a store', () => {
  fuzz(
    'is the client’s error or a failure told by name, and nothing but whole instances reaches the peer',
    body,
    async ({ form, bytes }) => {
      const before = peer.messages('C-STORE-RQ').length;
      const response = await request(`${gateway.service}/studies`, {
        method: 'POST',
        headers: { 'content-type': `multipart/related; type="application/dicom+${form}"; boundary=b` },
        body: bytes,
      });
      expect([200, 202, 400, 409, 413, 415]).toContain(response.status);
      const sent = peer.messages('C-STORE-RQ').slice(before);
      const answer = JSON.parse(response.body.toString()) as Record<string, { Value?: unknown[] }>;
      const stored = response.status < 300 ? (answer['00081199']?.Value?.length ?? 0) : 0;
      expect(sent.length).toBe(stored);
      // A reader that stands by itself comes to the end of each.
      for (const { dataset, contextId } of sent) {
        const proposed = peer.events.flatMap((event) =>
          event.type === 'associate-rq' ? event.request.contexts : [],
        );
        const syntax = proposed.findLast(({ id }) => id === contextId)?.transferSyntaxes[0] ?? '';
        expect(readElements(dataset, syntax).length).toBeGreaterThan(0);
      }
    },
  );
});
