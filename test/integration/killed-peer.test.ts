import { afterEach, describe, expect, test } from '@jest/globals';
import { freePort } from '../helpers/free-port.js';
import { atRest, leakCheck } from '../helpers/leaks.js';
import { startLine, type Line } from '../helpers/line.js';
import { listing, selected } from '../helpers/listing.js';
import {
  accept,
  final,
  makeInstance,
  progress,
  startRoguePeer,
  store,
  type AssociateStep,
  type RogueInstance,
  type Script,
  type Step,
} from '../helpers/rogue-peer.js';
import {
  datasetOf,
  partsOf,
  request,
  sha256,
  startTestGateway,
  type RawResponse,
  type TestGateway,
} from '../helpers/test-gateway.js';
import { unzip } from '../helpers/zip-reader.js';

const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

const GET = '1.2.840.10008.5.1.4.1.2.2.3';
const MOVE = '1.2.840.10008.5.1.4.1.2.2.2';
const STUDY = '/studies/2.25.77.1';
const SERIES = `${STUDY}/series/2.25.77.2`;
const FILES = { accept: 'multipart/related; type="application/dicom"; transfer-syntax=*' };
const PIXELS = { accept: 'application/octet-stream; transfer-syntax=*' };

/** Columns are 16 bits. */
const PIXEL_BYTES = 130_000;
const instances = Array.from({ length: 3 }, () => makeInstance({ pixelBytes: PIXEL_BYTES }));
const [first, second] = instances as [RogueInstance, RogueInstance];
const frame = `${SERIES}/instances/${first.sopInstanceUid}/frames/1`;

/** What a whole answer holds, to be compared with what it must hold. */
type Content = readonly string[];

const targets: readonly (readonly [
  name: string,
  path: string,
  headers: Record<string, string>,
  content: (response: RawResponse) => Content,
  expected: Content,
])[] = [
  [
    'files of a study',
    STUDY,
    FILES,
    (response) =>
      partsOf(response)
        .map(({ body }) => sha256(datasetOf(body)))
        .sort(),
    instances.map(({ dataset }) => sha256(dataset)).sort(),
  ],
  [
    'an archive of a study',
    STUDY,
    { accept: 'application/zip; transfer-syntax=*' },
    ({ body }) =>
      unzip(body)
        .map((file) => sha256(datasetOf(file.body)))
        .sort(),
    instances.map(({ dataset }) => sha256(dataset)).sort(),
  ],
  [
    'metadata of a series',
    `${SERIES}/metadata`,
    {},
    ({ body }) =>
      (JSON.parse(body.toString()) as { '00080018': { Value: string[] } }[])
        .map((one) => one['00080018'].Value[0] ?? '')
        .sort(),
    instances.map(({ sopInstanceUid }) => sopInstanceUid).sort(),
  ],
  [
    'a frame',
    frame,
    PIXELS,
    ({ body }) => [sha256(body)],
    [sha256(instances[0]?.dataset.subarray(-PIXEL_BYTES) ?? Buffer.alloc(0))],
  ],
];

/** How a PACS dies: `kill` resets all its connections, and nobody listens any more. */
interface Death {
  readonly associate?: (kill: () => void) => AssociateStep;
  readonly script?: (kill: Step, wanted: readonly RogueInstance[]) => readonly Step[];
}

/** `one`, whose PACS dies when half of it has been sent. */
const dyingIn = (one: RogueInstance, kill: () => unknown): RogueInstance => ({
  ...one,
  dataset: (function* () {
    const whole = one.dataset as Buffer;
    yield whole.subarray(0, whole.length >> 1);
    kill();
    yield whole.subarray(whole.length >> 1);
  })(),
});

const stages: readonly (readonly [string, Death])[] = [
  ['before the association', {}],
  [
    'when it is asked for an association',
    {
      associate: (kill) => () => {
        kill();
      },
    },
  ],
  [
    'after it has accepted the association',
    {
      associate:
        (kill) =>
        async (...args) => {
          await accept()(...args);
          kill();
        },
    },
  ],
  ['after the request', { script: (kill) => [kill] }],
  [
    'in the middle of the first instance',
    {
      script: (kill, [one = first]) => [(operation) => store(dyingIn(one, () => kill(operation)))(operation)],
    },
  ],
  ['between instances', { script: (kill, [one = first]) => [store(one), progress({ remaining: 2 }), kill] }],
  [
    'in the middle of the last instance',
    {
      script: (kill, wanted) => [
        ...wanted.slice(0, -1).map((one) => store(one)),
        (operation) => store(dyingIn(wanted.at(-1) ?? second, () => kill(operation)))(operation),
      ],
    },
  ],
  ['before the final response', { script: (kill, wanted) => [...wanted.map((one) => store(one)), kill] }],
];

interface Running {
  readonly gateway: TestGateway;
  readonly line: Line;
  readonly hasDied: () => boolean;
  /** The PACS dies once from now on, as it was told to. */
  readonly arm: () => void;
}

async function start(method: 'get' | 'move', death: Death): Promise<Running> {
  const lines: Line[] = [];
  let died = false;
  const cut = (): void => {
    died = true;
    for (const line of lines) line.cut();
  };
  let armed = false;
  const kill: Step = ({ outbound }) => {
    cut();
    for (const each of outbound) each.reset();
  };
  const script: Script = (_request, identifier) => {
    const wanted = selected(instances, identifier);
    const dying = armed && death.script;
    if (dying) armed = false;
    return dying ? dying(kill, wanted) : [...wanted.map((one) => store(one)), final()];
  };
  const movePort = await freePort();
  const peer = await startRoguePeer({
    onFind: listing(instances),
    onGet: script,
    onMove: script,
    moveDestinations: { GATEWAY: { host: '127.0.0.1', port: movePort } },
    associate: (association, rq, self) => {
      const retrieves = rq.contexts.some(({ abstractSyntax }) => [GET, MOVE].includes(abstractSyntax));
      const dying = armed && retrieves && death.associate;
      if (dying) armed = false;
      return (dying ? dying(cut) : accept())(association, rq, self);
    },
  });
  closers.push(() => peer.close());
  const line = await startLine(peer.address.port);
  lines.push(line);
  closers.push(() => line.close());
  const gateway = await startTestGateway(
    [
      `dimse: { aeTitle: GATEWAY${method === 'move' ? `, listen: "127.0.0.1:${movePort}"` : ''} }`,
      'peers:',
      '  main:',
      `    address: ${peer.address.aeTitle}@127.0.0.1:${line.port}`,
      `    retrieve: ${method}`,
      '    associations: 2', // instances come one after the other
      '    timeouts: { connect: 1s, association: 1s, firstResponse: 2s, firstSubOperation: 2s, betweenResponses: 2s }',
    ].join('\n'),
  );
  closers.push(() => gateway.close());
  return {
    gateway,
    line,
    hasDied: () => died,
    arm: () => {
      armed = true;
      if (!death.associate && !death.script) cut();
    },
  };
}

const isVisiblyBroken = ({ status, complete }: RawResponse): boolean => !complete || status >= 500;

describe.each(['get', 'move'] as const)('by C-%s, a PACS that is killed', (method) => {
  test.each(stages)(
    '%s',
    async (_stage, death) => {
      for (const [name, path, headers, content, expected] of targets) {
        const noLeaks = leakCheck();
        const { gateway, line, arm, hasDied } = await start(method, death);
        arm();
        const broken = await request(gateway.service + path, { headers });
        if (!isVisiblyBroken(broken)) {
          expect([name, broken.status, content(broken)]).toEqual([name, 200, expected]);
        }
        await atRest(gateway);
        expect(hasDied()).toBe(true);
        await line.mend();
        const whole = await request(gateway.service + path, { headers });
        expect([name, whole.status, whole.complete]).toEqual([name, 200, true]);
        expect(content(whole)).toEqual(expected);
        await atRest(gateway);
        for (const close of closers.splice(0).reverse()) await close();
        await noLeaks();
      }
    },
    30_000,
  );
});
