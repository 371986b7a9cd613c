import { deflateRawSync } from 'node:zlib';
import { afterEach, describe, expect, test } from '@jest/globals';
import { startArchives } from '../helpers/archives.js';
import { encapsulatedImage, syntaxes, usCine } from '../helpers/fixtures.js';
import { encapsulatedPicture, gray } from '../helpers/pixel-instances.js';
import {
  final,
  makeInstance,
  refusingPort,
  store,
  until,
  untilCancelled,
  type RogueInstance,
} from '../helpers/rogue-peer.js';
import { startScene, type Scene, type SceneOptions } from '../helpers/scene.js';
import { partsOf, request, type RawResponse } from '../helpers/test-gateway.js';

const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function start(
  instances: readonly RogueInstance[],
  more: Pick<SceneOptions, 'onGet' | 'yaml'> = {},
): Promise<Scene> {
  const scene = await startScene({ instances, yaml: 'retrieve: { inlineBytes: 64 }', ...more });
  closers.push(() => scene.close());
  return scene;
}

const OCTETS = 'multipart/related; type="application/octet-stream"';
const AS_STORED = `${OCTETS}; transfer-syntax=*`;
const get = (url: string, accept?: string): Promise<RawResponse> =>
  request(url, { headers: accept === undefined ? {} : { accept } });

const STUDY = '2.25.60';
let made = 0;
/** An instance of one study. */
function one(series: number, options: Parameters<typeof makeInstance>[0] = {}): RogueInstance {
  made += 1;
  return makeInstance({
    studyInstanceUid: STUDY,
    seriesInstanceUid: `${STUDY}.${series}`,
    sopInstanceUid: `${STUDY}.${series}.${made}`,
    ...options,
  });
}
const LEVELS = (of: RogueInstance): readonly string[] => [
  `/studies/${of.studyInstanceUid}`,
  `/studies/${of.studyInstanceUid}/series/${of.seriesInstanceUid}`,
  `/studies/${of.studyInstanceUid}/series/${of.seriesInstanceUid}/instances/${of.sopInstanceUid}`,
];

const icon = { Rows: 1, Columns: 1, '7FE00010:OW': Buffer.alloc(200, 'icon') };
const rich = (series: number, transferSyntaxUid?: string): RogueInstance =>
  one(series, {
    ...(transferSyntaxUid !== undefined && { transferSyntaxUid }),
    extra: {
      '00091001:OB': Buffer.alloc(300, 'private'),
      '00091002:OB': Buffer.alloc(10, 'short'),
      '00281201:OW': Buffer.alloc(2000, 'lut '),
      '00880200:SQ': [icon],
    },
  });
const report = (series: number): RogueInstance =>
  one(series, { sopClassUid: '1.2.840.10008.5.1.4.1.1.88.11', extra: { '7FE00010:OW': '' } });

type Json = Readonly<Record<string, { vr: string; BulkDataURI?: string; Value?: readonly Json[] }>>;
const urisIn = (json: Json): string[] =>
  Object.values(json).flatMap(({ vr, BulkDataURI, Value = [] }) => [
    ...(BulkDataURI === undefined ? [] : [BulkDataURI]),
    ...(vr === 'SQ' ? Value.flatMap(urisIn) : []),
  ]);
async function urisOf(url: string): Promise<readonly string[]> {
  const metadata = await get(`${url}/metadata`);
  expect(metadata.status).toBe(200);
  return (JSON.parse(metadata.body.toString()) as Json[]).flatMap(urisIn);
}

type Part = readonly [location: string | undefined, type: string | undefined, body: string];
const told = (response: RawResponse): Part[] => {
  expect([response.status, response.complete]).toEqual([200, true]);
  return partsOf(response).map(({ headers, body }) => {
    expect(headers['content-length']).toBe(String(body.length));
    return [headers['content-location'], headers['content-type'], body.toString('base64')] as const;
  });
};
const sorted = (parts: readonly Part[]): readonly Part[] =>
  [...parts].sort((a, b) => (String(a) < String(b) ? -1 : 1));

describe('W-05: all values of a study, a series and an instance', () => {
  const held = [
    rich(1),
    rich(1, syntaxes.implicitLittle),
    rich(1, syntaxes.explicitBig),
    report(2),
    one(2, { transferSyntaxUid: syntaxes.jpegBaseline }),
  ];

  test.each([
    ['of plain and private elements, icons and pixels', held],
    ['of frames in fragments', [encapsulatedImage({ study: 61, frames: 3 })]],
    ['of native frames', [usCine({ study: 62 })]],
    [
      'of what is deflated',
      [rich(3, syntaxes.deflated)].map((each) => ({ ...each, dataset: deflate(each) })),
    ],
  ])('bulkdata is what every BulkDataURI gives, %s', async (_what, instances) => {
    const scene = await start(instances);
    for (const path of new Set(instances.flatMap(LEVELS))) {
      const uris = await urisOf(scene.url(path));
      const expected: Part[] = [];
      for (const uri of uris) expected.push(...told(await get(uri, AS_STORED)));
      if (expected.length === 0) {
        expect((await get(scene.url(`${path}/bulkdata`), AS_STORED)).status).toBe(404);
        continue;
      }
      const all = await get(scene.url(`${path}/bulkdata`), AS_STORED);
      expect(sorted(told(all))).toEqual(sorted(expected));
      // What is one part is at the URI that the metadata hand out.
      const frames = expected.filter(([location]) => location?.includes('/frames/'));
      const locations = told(all).map(([location]) => location);
      expect(uris.every((uri) => locations.includes(uri) || frames.length > 1)).toBe(true);
      // W-01: the historical form of the same.
      expect(sorted(told(await get(scene.url(path), AS_STORED)))).toEqual(sorted(expected));
    }
  });

  test('pixeldata is top-level pixel data alone; an instance without has no part', async () => {
    const scene = await start(held);
    const isPixels = ([location = '']: Part): boolean => location.endsWith('/pixeldata');
    const [study = '', ...below] = [...new Set(held.flatMap(LEVELS))];
    const all = told(await get(scene.url(`${study}/bulkdata`), AS_STORED));
    expect(all.filter(isPixels)).toHaveLength(4);
    for (const path of [study, ...below]) {
      const expected = all.filter((part) => isPixels(part) && part[0]?.startsWith(`${scene.url(path)}/`));
      const answer = await get(scene.url(`${path}/pixeldata`), AS_STORED);
      if (expected.length > 0) expect(sorted(told(answer))).toEqual(sorted(expected));
      else expect(answer.status).toBe(404);
    }
  });

  test('W-04: a document is of its own type for who takes any, and bytes for who takes those', async () => {
    const document = one(1, {
      pixelBytes: 0,
      extra: { '00420011:OB': Buffer.alloc(100, 'pdf '), '00420012:LO': 'application/pdf' },
    });
    const scene = await start([document]);
    const url = scene.url(`/studies/${STUDY}/bulkdata`);
    const typesOf = async (accept: string): Promise<unknown> =>
      told(await get(url, accept)).map(([, type]) => type);
    expect(await typesOf('*/*')).toEqual(['application/pdf']);
    expect(await typesOf(`multipart/related; type="application/pdf", ${OCTETS};q=0.5`)).toEqual([
      'application/pdf',
    ]);
    expect(await typesOf(OCTETS)).toEqual(['application/octet-stream']);
  });

  test('W-20: frames are decoded for who takes no stored ones', async () => {
    const image = rleImage();
    const scene = await start([image]);
    const [study = ''] = LEVELS(image);
    const [part] = told(await get(scene.url(`${study}/pixeldata`), OCTETS));
    expect(part?.slice(1)).toEqual([
      `application/octet-stream; transfer-syntax=${syntaxes.explicitLittle}`,
      Buffer.alloc(8, 7).toString('base64'),
    ]);
  });

  test('HEAD has no body, and a UID that is none is 400', async () => {
    const scene = await start([rich(1)]);
    for (const values of ['bulkdata', 'pixeldata']) {
      const url = scene.url(`/studies/${STUDY}/${values}`);
      const head = await request(url, { method: 'HEAD', headers: { accept: OCTETS } });
      expect([head.status, head.body.length]).toEqual([200, 0]);
      expect(head.headers['content-type']).toContain('type="application/octet-stream"');
      expect((await get(scene.url(`/studies/x/${values}`), OCTETS)).status).toBe(400);
    }
  });

  test('W-12: one body is not acceptable for many values, nor is a type that none is in', async () => {
    const scene = await start([rich(1), rich(1)]);
    for (const values of ['bulkdata', 'pixeldata']) {
      const url = scene.url(`/studies/${STUDY}/${values}`);
      for (const accept of [
        'application/octet-stream',
        'application/dicom',
        'multipart/related; type="image/jpeg"',
      ])
        expect([accept, (await get(url, accept)).status]).toEqual([accept, 406]);
      for (const accept of [undefined, '*/*', 'multipart/related', OCTETS])
        expect([accept, (await get(url, accept)).status]).toEqual([accept, 200]);
    }
  });
});

/** Eight samples of 7 in one RLE segment: a run, and what the header must say. @see PS3.5 G */
function rleImage(): RogueInstance {
  const header = Buffer.alloc(64);
  header.writeUInt32LE(1, 0);
  header.writeUInt32LE(64, 4);
  return encapsulatedPicture(
    { ...gray, rows: 2, columns: 4, bitsAllocated: 8, bitsStored: 8 },
    [Buffer.concat([header, Buffer.from([0xf9, 7])])],
    syntaxes.rle,
  );
}

function deflate({ dataset }: RogueInstance): Buffer {
  return deflateRawSync(Buffer.isBuffer(dataset) ? dataset : Buffer.concat([...dataset]));
}

describe('W-05: what the PACS does not deliver', () => {
  test.each(['bulkdata', 'pixeldata'])(
    'W-11: nothing there is 404, and so are instances that hold no %s',
    async (values) => {
      const scene = await start([report(1), report(1)]);
      expect((await get(scene.url(`/studies/2.25.404/${values}`), OCTETS)).status).toBe(404);
      expect((await get(scene.url(`/studies/${STUDY}/${values}`), OCTETS)).status).toBe(404);
    },
  );

  test.each(['bulkdata', 'pixeldata'])('W-09: a partial answer of %s is 206 and says so', async (values) => {
    const instances = [rich(1), rich(1), rich(1)];
    const missing = instances[2]?.sopInstanceUid ?? '';
    const scene = await start(instances, {
      onGet: (wanted) => [
        ...wanted.filter(({ sopInstanceUid }) => sopInstanceUid !== missing).map((each) => store(each)),
        final(),
      ],
    });
    // What is known to be missing is told beforehand; until then the connection is reset.
    const first = await get(scene.url(`/studies/${STUDY}/${values}`), OCTETS);
    expect(first.complete && first.status === 200).toBe(false);
    const again = await get(scene.url(`/studies/${STUDY}/${values}`), OCTETS);
    expect([again.status, again.complete]).toEqual([206, true]);
    expect(again.headers.warning).toContain('did not deliver 1 instance');
    expect(new Set(partsOf(again).map(({ headers }) => headers['content-location'])).size).toBeGreaterThan(1);
  });

  test('no values in what came of a partial answer is a failure, not nothing', async () => {
    const [held, missing] = [report(1), rich(1)];
    const scene = await start([held, missing], {
      onGet: (wanted) => [...wanted.filter((each) => each === held).map((each) => store(each)), final()],
    });
    const ask = async (): Promise<number> =>
      (await get(scene.url(`/studies/${STUDY}/pixeldata`), OCTETS)).status;
    expect([await ask(), await ask()]).toEqual([502, 502]);
  });

  test('W-14: the values of what has come are sent while the rest is waited for, and no failure reads as an end', async () => {
    const instances = [rich(1), rich(1)];
    let fail = (): void => undefined;
    const gate = new Promise<void>((resolve) => {
      fail = resolve;
    });
    const scene = await start(instances, {
      onGet: (wanted) => [
        ...wanted.filter((each) => each === instances[0]).map((each) => store(each)),
        until(gate),
        final(0xa702),
      ],
    });
    const response = await fetch(scene.url(`/studies/${STUDY}/pixeldata`), { headers: { accept: OCTETS } });
    const reader = response.body?.getReader();
    const begun = await reader?.read();
    expect([response.status, begun?.done]).toEqual([200, false]);
    fail();
    const rest = async (): Promise<void> => {
      while (!(await reader?.read())?.done);
    };
    await expect(rest()).rejects.toThrow();
  });

  test('a value that is not acceptable fails the answer, before its first byte with 406', async () => {
    const compressed = one(1, { transferSyntaxUid: '1.2.840.10008.1.2.4.102' });
    const scene = await start([compressed]);
    expect((await get(scene.url(`/studies/${STUDY}/pixeldata`), OCTETS)).status).toBe(406);
    const mixed = await start([rich(1), compressed]);
    const answer = await get(mixed.url(`/studies/${STUDY}/pixeldata`), OCTETS);
    expect(answer.complete && answer.status === 200).toBe(false);
  });
});

describe('W-01: application/octet-stream of instances', () => {
  test('is their bulk data, for who names it alone', async () => {
    const instance = rich(1);
    const scene = await start([instance]);
    const DICOM = 'multipart/related; type="application/dicom"; transfer-syntax=*';
    const typeOf = async (path: string, accept?: string): Promise<unknown> => {
      const { status, headers } = await get(scene.url(path), accept);
      return status === 200 ? /type="([^"]*)"/.exec(String(headers['content-type']))?.[1] : status;
    };
    for (const path of LEVELS(instance)) {
      for (const accept of [
        undefined,
        '*/*',
        'multipart/*',
        'multipart/related',
        'multipart/related; type="application/*"',
        // What is liked alike is had as it always was.
        `${OCTETS}, */*`,
        `${OCTETS}, multipart/related`,
        `${OCTETS}, ${DICOM}`,
      ])
        expect([accept, await typeOf(path, accept)]).toEqual([accept, 'application/dicom']);
      expect(await typeOf(path, OCTETS)).toBe('application/octet-stream');
      expect(await typeOf(path, `${OCTETS};q=0.5, ${DICOM}`)).toBe('application/dicom');
      expect(await typeOf(path, `${OCTETS}, ${DICOM};q=0.5`)).toBe('application/octet-stream');
      expect(await typeOf(path, `${OCTETS};q=0, */*`)).toBe('application/dicom');
      expect(await typeOf(path, 'application/octet-stream')).toBe(406);
    }
  });

  test('is counted as bulk data, not as instances', async () => {
    const scene = await start([rich(1)]);
    expect(told(await get(scene.url(`/studies/${STUDY}`), OCTETS))).toHaveLength(4);
    const sent = (await get(`${scene.gateway.origin}/metrics`)).body.toString();
    expect(/dicomgw_parts_sent_total\{[^}]*item="bulkdata"[^}]*\} (\d+)/.exec(sent)?.[1]).toBe('4');
    expect(/dicomgw_parts_sent_total\{[^}]*item="instance"[^}]*\} (\d+)/.exec(sent)?.[1] ?? '0').toBe('0');
  });

  test('is what is left when the files cannot be had as the client likes them best', async () => {
    const scene = await start([rich(1)]);
    const JPEG = `multipart/related; type="application/dicom"; transfer-syntax=${syntaxes.jpegBaseline}`;
    const url = scene.url(`/studies/${STUDY}`);
    expect((await get(url, JPEG)).status).toBe(406);
    expect(told(await get(url, `${JPEG}, ${OCTETS};q=0.5`)).length).toBe(4);
  });
});

test('W-05: a group gives the values of all members, each instance once', async () => {
  const [first, both, second] = [rich(1), rich(1), rich(2)];
  const scene = await startArchives([[first, both], [both, second], []]);
  closers.push(() => scene.close());
  for (const [path, accept] of [
    ['/bulkdata', OCTETS],
    ['', OCTETS],
  ] as const) {
    const answer = await scene.get(`/studies/${STUDY}${path}`, { accept });
    const uris = told(answer).map(([location]) => location);
    expect(uris.filter((uri) => uri?.endsWith('/pixeldata'))).toHaveLength(3);
    expect(new Set(uris).size).toBe(uris.length);
  }
  const pixels = await scene.get(`/studies/${STUDY}/series/${STUDY}.1/pixeldata`, { accept: OCTETS });
  expect(told(pixels)).toHaveLength(2);
  const [, , instance = ''] = LEVELS(second);
  expect(told(await scene.get(`${instance}/bulkdata`, { accept: OCTETS }))).toHaveLength(1);
});

describe('W-05: a group of which a member cannot be asked', () => {
  test.each([
    ['fail', 'what is there is no answer', rich(1), 503],
    ['warn', 'a partial answer says so', rich(1), 206],
    ['warn', 'no values at the others is a failure, not nothing', report(1), 503],
  ])('onMemberFailure %s: %s', async (onMemberFailure, _what, held, status) => {
    const scene = await startArchives([[held], []], {
      group: `onMemberFailure: ${onMemberFailure}`,
      ports: [undefined, await refusingPort()],
    });
    closers.push(() => scene.close());
    for (const path of ['/bulkdata', '/pixeldata', ''])
      expect([path, (await scene.get(`/studies/${STUDY}${path}`, { accept: OCTETS })).status]).toEqual([
        path,
        status,
      ]);
  });
});

test('W-05: who leaves before the next instance comes ends the retrieve', async () => {
  const instances = [rich(1), rich(1)];
  let cancelled = (): void => undefined;
  const heard = new Promise<void>((resolve) => {
    cancelled = resolve;
  });
  const scene = await start(instances, {
    yaml: 'retrieve: { cancelDelay: 1ms }',
    onGet: (wanted) => [
      ...wanted.filter((each) => each === instances[0]).map((each) => store(each)),
      untilCancelled(),
      () => {
        cancelled();
      },
      final(0xfe00),
    ],
  });
  const leaving = new AbortController();
  const { signal } = leaving;
  const url = scene.url(`/studies/${STUDY}/bulkdata`);
  const response = await fetch(url, { headers: { accept: OCTETS }, signal });
  expect(response.status).toBe(200);
  leaving.abort();
  await heard;
});
