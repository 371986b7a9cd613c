import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { TransferSyntaxes as S } from '../../src/dicom/index.js';
import { encodeFrame } from '../../src/transcode/encode-frame.js';
import { encapsulatedPicture, gray } from '../helpers/pixel-instances.js';
import type { RogueInstance } from '../helpers/rogue-peer.js';
import { startScene, type Scene } from '../helpers/scene.js';
import { request } from '../helpers/test-gateway.js';

jest.setTimeout(60_000);

/** Two frames in JPEG-LS: what is stored, what it decodes to, and what it can be turned into are all different. */
let instance: RogueInstance;
let scene: Scene;
beforeAll(async () => {
  const samples = new Uint8Array(gray.rows * gray.columns * 2).map((_, at) => (at % 2 ? at % 16 : at * 7));
  const { stream } = await encodeFrame({ samples, shape: gray }, S.JpegLsLossless.uid);
  const frame = Buffer.from(stream);
  instance = encapsulatedPicture(gray, [frame, frame], S.JpegLsLossless.uid);
  scene = await startScene({ instances: [instance], yaml: 'transcode: { workers: 1 }\n' });
});
afterAll(() => scene.close());

const RESOURCES = [
  'search',
  'metadata',
  'study',
  'instance',
  'frame',
  'frames',
  'pixeldata',
  'bulkdata',
] as const;
type Resource = (typeof RESOURCES)[number];

function pathOf(resource: Resource): string {
  const { studyInstanceUid, seriesInstanceUid, sopInstanceUid } = instance;
  const study = `/studies/${studyInstanceUid}`;
  const one = `${study}/series/${seriesInstanceUid}/instances/${sopInstanceUid}`;
  const paths: Readonly<Record<Resource, string>> = {
    search: '/studies?limit=101&offset=0&fuzzymatching=true&includefield=00081030%2C00080060',
    metadata: `${study}/series/${seriesInstanceUid}/metadata`,
    study,
    instance: one,
    frame: `${one}/frames/1`,
    frames: `${one}/frames/1,2`,
    pixeldata: `${one}/pixeldata`,
    bulkdata: `${one}/bulkdata/00100020`,
  };
  return paths[resource];
}

const LONG = /^application\//;
const SYNTAXES: Readonly<Record<string, string>> = {
  [S.ExplicitVrLittleEndian.uid]: 'native',
  [S.JpegLsLossless.uid]: 'stored',
};

/** What came: the status, or how it is packed, its type and its transfer syntax. */
async function got(resource: Resource, headers: object, parameter = ''): Promise<string> {
  const path = pathOf(resource);
  const query = parameter === '' ? '' : `${path.includes('?') ? '&' : '?'}accept=${parameter}`;
  const answer = await request(scene.url(path + query), { headers: { ...headers } });
  expect(answer.complete).toBe(true);
  if (answer.status !== 200) return String(answer.status);
  const type = String(answer.headers['content-type']);
  const inner = type.startsWith('multipart/')
    ? (/^content-type: (.*)\r$/im.exec(answer.body.toString('latin1', 0, 2000))?.[1] ?? '')
    : type;
  const [media = ''] = inner.split(';');
  const uid = /transfer-syntax=([\d.]+)/.exec(inner)?.[1];
  const packing = type.startsWith('multipart/') ? 'multipart ' : '';
  return `${packing}${media.replace(LONG, '')}${uid === undefined ? '' : ` ${SYNTAXES[uid] ?? uid}`}`;
}

const JSON_ONLY = ['dicom+json', 'dicom+json', ...Array<string>(6).fill('406')];
const XML_ONLY = ['multipart dicom+xml', 'multipart dicom+xml', ...Array<string>(6).fill('406')];
const ANYTHING = [
  ...['dicom+json', 'dicom+json', 'multipart dicom stored', 'multipart dicom stored'],
  ...[
    'multipart image/jls stored',
    'multipart image/jls stored',
    'multipart image/jls stored',
    'octet-stream',
  ],
];
const anyMultipart = [
  'multipart dicom+xml',
  'multipart dicom+xml',
  ...ANYTHING.slice(2, 7),
  'multipart octet-stream',
];
const NOTHING = Array<string>(8).fill('406');
const files = (study: string, one = study): string[] => ['406', '406', study, one, ...NOTHING.slice(4)];
const pixels = (frame: string, frames = frame, all = frames, bulk = 'multipart octet-stream'): string[] => [
  ...NOTHING.slice(4),
  ...[frame, frames, all, bulk],
];
/** Of who names application/octet-stream in parts: that of instances is their bulk data (W-01). */
const octetParts = (all: string): string[] => [...files(all).slice(0, 4), ...pixels(all).slice(4)];
const STORED = 'multipart image/jls stored';
const NATIVE = 'multipart octet-stream native';
const RPCL = `multipart image/jphc ${S.HtJ2kLosslessRpcl.uid}`;
const octets = 'multipart/related; type="application/octet-stream"';
const slim = [S.JpegLsLossless, S.JpegLsNearLossless, S.Jpeg2000Lossless, S.Jpeg2000, S.Jpeg2000Part2]
  .map(({ frameMediaType, uid }) => `multipart/related; type="${frameMediaType}"; transfer-syntax=${uid}`)
  .concat(
    `${octets}; transfer-syntax=*`,
    'multipart/related; type="image/jpeg"; transfer-syntax=1.2.840.10008.1.2.4.50',
  )
  .join(', ');

interface Row {
  /** Who sends it, and the rule that it stands for. */
  readonly what: string;
  /** Undefined: no such header. */
  readonly accept: string | undefined;
  /** In the order of `RESOURCES`. */
  readonly expected: readonly string[];
}

const MATRIX: readonly Row[] = [
  { what: 'H-04 nothing at all', accept: undefined, expected: ANYTHING },
  { what: 'H-04 an empty header', accept: '', expected: ANYTHING },
  { what: 'H-08, W-21 curl', accept: '*/*', expected: ANYTHING },
  { what: 'Q-30 OHIF', accept: 'application/dicom+json', expected: JSON_ONLY },
  { what: 'Q-30 Slicer', accept: 'application/dicom+json, application/json', expected: JSON_ONLY },
  { what: 'Q-30, W-02', accept: 'multipart/related; type="application/dicom+xml"', expected: XML_ONLY },
  {
    what: 'H-09 OHIF of old',
    accept: 'application/dicom+json, multipart/related; type=application/octet-stream; transfer-syntax=*',
    expected: [...JSON_ONLY.slice(0, 2), ...octetParts(STORED).slice(2)],
  },
  {
    what: 'W-20 dicomweb-client',
    accept: 'multipart/related; type="application/dicom"',
    expected: files('multipart dicom native'),
  },
  {
    what: 'W-21 Weasis',
    accept: 'multipart/related;type="application/dicom";transfer-syntax=*',
    expected: files('multipart dicom stored'),
  },
  {
    what: 'H-10 unquoted and quoted',
    accept: 'multipart/related; type=application/dicom; transfer-syntax="*"',
    expected: files('multipart dicom stored'),
  },
  {
    what: 'W-12 a single part',
    accept: 'application/dicom; transfer-syntax=*',
    expected: files('406', 'dicom stored'),
  },
  {
    what: 'W-21, H-10 cornerstone, unquoted',
    accept: 'multipart/related; type=application/octet-stream; transfer-syntax=*',
    expected: octetParts(STORED),
  },
  { what: 'W-21 OHIF, quoted', accept: `${octets}; transfer-syntax="*"`, expected: octetParts(STORED) },
  { what: 'W-01, W-03, W-20 dicomweb-client', accept: octets, expected: octetParts(NATIVE) },
  { what: 'W-21 any type', accept: 'multipart/related; type="*/*"', expected: anyMultipart },
  {
    what: 'W-21 any type and transfer syntax',
    accept: 'multipart/related; type="*/*"; transfer-syntax=*',
    expected: anyMultipart,
  },
  {
    what: 'H-09 OHIF for documents',
    accept: `multipart/related; type="application/pdf", ${octets}`,
    expected: octetParts(NATIVE),
  },
  { what: 'W-22 slim', accept: slim, expected: octetParts(STORED) },
  {
    what: 'W-29 a thin link, OHIF with acceptHeader',
    accept: 'image/jls, image/jphc;q=0.5',
    expected: pixels('image/jls stored', '406', '406', '406'),
  },
  {
    what: 'W-29 a compressed type that is not stored',
    accept: 'image/jpeg',
    expected: pixels(`image/jpeg ${S.JpegLosslessSv1.uid}`, '406', '406', '406'),
  },
  {
    what: 'W-22, H-07 a transfer syntax by its name',
    accept: `multipart/related; type="image/jphc"; transfer-syntax=${S.HtJ2kLosslessRpcl.uid}, ${octets};q=0.5`,
    expected: octetParts(RPCL),
  },
  {
    what: 'H-08 a browser',
    accept: 'text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8',
    expected: ANYTHING,
  },
  {
    what: 'H-07 axios',
    accept: 'application/json, text/plain, */*',
    expected: ANYTHING,
  },
  {
    what: 'H-07 Java',
    accept: 'text/html, image/*;q=0.2, *; q=.2, */*; q=.2',
    expected: [...ANYTHING.slice(0, 4), 'image/jls stored', STORED, STORED, 'octet-stream'],
  },
  {
    what: 'H-07 any transfer syntax but the stored one',
    accept: `application/dicom; transfer-syntax=*, application/dicom; transfer-syntax=${S.JpegLsLossless.uid};q=0`,
    expected: files('406', 'dicom native'),
  },
  {
    what: 'H-07 any transfer syntax but those of the stored type',
    accept: `${octets}; transfer-syntax=*, multipart/related; type="image/jls";q=0`,
    expected: octetParts(NATIVE),
  },
  { what: 'H-07 nothing may come', accept: '*/*;q=0', expected: NOTHING },
  { what: 'H-09 no media type', accept: 'nonsense', expected: NOTHING },
];

describe.each(MATRIX)('AS-5: $what: Accept $accept', ({ accept, expected }) => {
  test.each(RESOURCES.map((resource, at) => [resource, expected[at] ?? ''] as const))(
    '%s: %s',
    async (resource, wanted) => {
      expect(await got(resource, accept === undefined ? {} : { accept })).toBe(wanted);
    },
  );
});

describe('AS-5: the accept parameter', () => {
  test.each<[Resource, string, string | undefined, string]>([
    ['frame', 'image/jls', '*/*', 'image/jls stored'],
    // As browsers ask for what they show, and a header that does not name what the parameter does: OHIF sends such.
    ['frame', 'image/jls', 'text/html,application/xhtml+xml,*/*;q=0.8', 'image/jls stored'],
    ['frame', 'image/jls', 'image/jp2', 'image/jls stored'],
    ['frame', 'image/jp2', undefined, `image/jp2 ${S.Jpeg2000Lossless.uid}`],
    [
      'frames',
      'multipart/related%3Btype%3D%22image/jp2%22',
      '*/*',
      `multipart image/jp2 ${S.Jpeg2000Lossless.uid}`,
    ],
    [
      'instance',
      'application/dicom',
      'multipart/related; type="application/dicom"; transfer-syntax=*',
      'dicom native',
    ],
    ['instance', `application/dicom;transfer-syntax=*`, '*/*', 'dicom stored'],
    ['metadata', 'application/json', 'application/dicom+json', 'dicom+json'],
    ['metadata', 'application/dicom+json', '*/*', 'dicom+json'],
    ['metadata', 'application/dicom%2Bjson', '*/*', 'dicom+json'],
    ['search', 'application/dicom+json', undefined, 'dicom+json'],
    ['frame', '*/*', 'image/jls', 'image/jls stored'],
    ['frame', 'text/html', 'image/jls', 'image/jls stored'],
    ['frame', 'text/html', 'text/html', '406'],
  ])('H-05, H-07: of %s is %s beside Accept %s: %s', async (resource, parameter, accept, wanted) => {
    expect(await got(resource, accept === undefined ? {} : { accept }, parameter)).toBe(wanted);
  });
});

test.each(RESOURCES.map((resource, at) => [resource, ANYTHING[at] ?? ''] as const))(
  'AS-5: an Expect header that is empty, of %s, is none',
  async (resource, wanted) => {
    expect(await got(resource, { accept: '*/*', expect: '' })).toBe(wanted);
  },
);
