import { afterEach, describe, expect, test } from '@jest/globals';
import { listing, selected } from '../helpers/listing.js';
import {
  abort,
  accept,
  cutAfter,
  drop,
  final,
  makeInstance,
  pending,
  progress,
  raw,
  reject,
  shaped,
  silence,
  startRoguePeer,
  store,
  type RogueInstance,
  type RoguePeer,
  type RoguePeerOptions,
  type Script,
  type Step,
} from '../helpers/rogue-peer.js';
import { eventually } from '../helpers/patience.js';
import {
  HASTY,
  datasetOf,
  partsOf,
  peerYaml,
  request,
  startTestGateway,
  type RawResponse,
  type TestGateway,
} from '../helpers/test-gateway.js';

let peer: RoguePeer | undefined;
let gateway: TestGateway | undefined;

afterEach(async () => {
  await gateway?.close();
  await peer?.close();
  gateway = peer = undefined;
});

const STUDY = '2.25.77.1';
const SERIES = '2.25.77.2';
const AS_STORED = { accept: 'multipart/related; type="application/dicom"; transfer-syntax=*' };
const seriesPath = `/studies/${STUDY}/series/${SERIES}`;

const isVisiblyBroken = ({ status, complete }: RawResponse): boolean => !complete || status >= 500;

async function start(options: RoguePeerOptions, extra = ''): Promise<TestGateway> {
  peer = await startRoguePeer(options);
  gateway = await startTestGateway(peerYaml(`${peer.address.aeTitle}@127.0.0.1:${peer.address.port}`, extra));
  return gateway;
}

/** A C-GET SCP over `instances` that does everything right. */
const deliver =
  (instances: readonly RogueInstance[]): Script =>
  (_request, identifier) => {
    const asked = selected(instances, identifier);
    return [
      ...asked.flatMap((one, index) => [store(one), progress({ remaining: asked.length - index - 1 })]),
      final(),
    ];
  };

const uidsOf = (response: RawResponse): readonly string[] =>
  partsOf(response)
    .map(({ headers }) => headers['content-location'] ?? '')
    .map((location) => location.slice(location.lastIndexOf('/') + 1))
    .sort();

const three = (): readonly (RogueInstance & { dataset: Buffer })[] => [
  makeInstance(),
  makeInstance(),
  makeInstance(),
];

describe('a retrieve from a peer that fails before the first byte is a problem document', () => {
  const instances = three();
  const cases: readonly (readonly [what: string, options: RoguePeerOptions, status: number, code: string])[] =
    [
      ['nothing listed', { onFind: [final()] }, 404, 'not-found'],
      ['A-ASSOCIATE-RJ permanent', { associate: reject('permanent') }, 502, 'peer-rejected'],
      ['the listing fails', { onFind: [final(0xc000)] }, 502, 'peer-failed'],
      ['A702', { onFind: listing(instances), onGet: [final(0xa702)] }, 503, 'peer-out-of-resources'],
      ['A900', { onFind: listing(instances), onGet: [final(0xa900)] }, 502, 'peer-failed'],
      ['A-ABORT', { onFind: listing(instances), onGet: [abort()] }, 502, 'peer-aborted'],
      ['a closed socket', { onFind: listing(instances), onGet: [drop()] }, 502, 'peer-aborted'],
      ['silence', { onFind: listing(instances), onGet: [silence()] }, 504, 'peer-timeout'],
      [
        'bytes that are no PDU',
        { onFind: listing(instances), onGet: [raw(Buffer.from('GET / HTTP'))] },
        502,
        'peer-protocol',
      ],
      ['Success with no instance', { onFind: listing(instances), onGet: [final(0)] }, 502, 'peer-incomplete'],
    ];

  test.each(cases)('T-1: %s', async (what, options, status, code) => {
    const hasty = what === 'silence' ? HASTY : '';
    const { service } = await start(options, `${hasty}\ndimse: { aeTitle: GATEWAY }`);
    for (const path of [seriesPath, `${seriesPath}/metadata`]) {
      const response = await request(service + path, { headers: path.endsWith('metadata') ? {} : AS_STORED });
      expect({ path, status: response.status }).toEqual({ path, status });
      expect(JSON.parse(response.body.toString())).toMatchObject({ code });
    }
    await gateway?.close();
    await peer?.allClosed();
  });

  test('C-GET not offered and no C-MOVE possible: 501', async () => {
    const find = '1.2.840.10008.5.1.4.1.2.2.1';
    const { service } = await start({
      onFind: listing(instances),
      associate: accept({ sopClasses: [find] }),
    });
    expect((await request(service + seriesPath, { headers: AS_STORED })).status).toBe(501);
  });
});

test('what a peer could not send, as one that cannot reach the gateway for a moment, comes soon after it can', async () => {
  const instances = three();
  let canSend = false;
  const onGet: Script = (_request, identifier) => {
    const asked = selected(instances, identifier);
    if (canSend) return [...asked.map((one) => store(one)), final()];
    const failedUids = asked.map(({ sopInstanceUid }) => sopInstanceUid);
    return [final(0xa702, { failed: failedUids.length, failedUids })];
  };
  const { service } = await start({ onFind: listing(instances), onGet });
  const ask = (): Promise<RawResponse> => request(service + seriesPath, { headers: AS_STORED });
  expect((await ask()).status).toBe(502);
  canSend = true;
  // What failed is believed to fail again, but for seconds only.
  await eventually(async () => {
    const response = await ask();
    expect([response.status, partsOf(response).length]).toEqual([200, 3]);
  });
});

describe('a retrieve that fails after the first byte breaks its body', () => {
  const big = [
    makeInstance({ pixelBytes: 400_000 }),
    makeInstance({ pixelBytes: 400_000 }),
    makeInstance(),
  ] as const;
  const [first, second] = big;
  const cases: readonly (readonly [string, readonly Step[]])[] = [
    ['the peer dies in mid dataset', [store(first), cutAfter(100_000), store(second)]],
    ['the peer aborts', [store(first), abort()]],
    ['the peer goes silent', [store(first), silence()]],
    ['the context id is wrong', [store(first), store(second, { contextId: 251 })]],
    [
      'an instance is of another study',
      [
        store(first),
        store({ ...makeInstance({ studyInstanceUid: '2.25.66' }), sopInstanceUid: second.sopInstanceUid }),
      ],
    ],
  ];

  test.each(cases)('T-1: %s', async (what, onGet) => {
    const hasty = what.endsWith('silent') ? HASTY : '';
    const yaml = `${hasty}\nretrieve: { batchInstances: 50 }`;
    const { service } = await start({ onFind: listing(big), onGet }, yaml);
    for (const path of [seriesPath, `/studies/${STUDY}`]) {
      const response = await request(service + path, { headers: AS_STORED });
      expect({ path, broken: isVisiblyBroken(response) }).toEqual({ path, broken: true });
      expect(() => partsOf(response)).toThrow();
    }
  });

  test('T-1: metadata of a series is no array either', async () => {
    const { service } = await start({ onFind: listing(big), onGet: [store(first), store(big[2]), drop()] });
    const response = await request(`${service}${seriesPath}/metadata`);
    expect(isVisiblyBroken(response)).toBe(true);
    expect(() => JSON.parse(response.body.toString()) as unknown).toThrow();
  });
});

describe('a retrieve from a peer with odd habits is whole', () => {
  const instances = three();
  const all = instances.map((one) => one.sopInstanceUid).sort();

  test.each<readonly [string, RoguePeerOptions]>([
    ['one that does everything right', { onGet: deliver(instances) }],
    [
      'no Pending responses',
      { onGet: (_r, id) => [...selected(instances, id).map((one) => store(one)), final()] },
    ],
    [
      'PDVs of one byte',
      {
        onGet: (_r, id) => [
          shaped({ fragmentBytes: 1 }),
          ...selected(instances, id).map((one) => store(one)),
          final(),
        ],
      },
    ],
    [
      'several PDVs in a PDU',
      {
        onGet: (_r, id) => [
          shaped({ fragmentBytes: 100, pdvsPerPdu: 7 }),
          ...selected(instances, id).map((one) => store(one)),
          final(),
        ],
      },
    ],
    [
      'the last fragment empty',
      {
        onGet: (_r, id) => [
          shaped({ emptyLastFragment: true }),
          ...selected(instances, id).map((one) => store(one)),
          final(),
        ],
      },
    ],
    [
      'every instance twice',
      { onGet: (_r, id) => [...selected(instances, id).flatMap((one) => [store(one), store(one)]), final()] },
    ],
    [
      'more than was asked for',
      { onGet: [...instances.map((one) => store(one)), store(makeInstance()), final()] },
    ],
    [
      'a Pending after the Success',
      { onGet: (_r, id) => [...selected(instances, id).map((one) => store(one)), final(), progress()] },
    ],
    [
      'nothing for lists of UIDs',
      {
        onGet: (_r, id) => {
          const asked = selected(instances, id);
          return (id.get(0x00080018) ?? '').includes('\\')
            ? [final(0)]
            : [...asked.map((one) => store(one)), final()];
        },
      },
    ],
    [
      'an error for lists of UIDs',
      {
        onGet: (_r, id) => {
          const asked = selected(instances, id);
          return (id.get(0x00080018) ?? '').includes('\\')
            ? [final(0xa900)]
            : [...asked.map((one) => store(one)), final()];
        },
      },
    ],
  ])('R-12: %s', async (_what, options) => {
    const { service } = await start({ onFind: listing(instances), ...options });
    const response = await request(service + seriesPath, { headers: AS_STORED });
    expect(response.status).toBe(200);
    expect(uidsOf(response)).toEqual(all);
    for (const part of partsOf(response)) {
      const stored = instances.find((one) => part.headers['content-location']?.endsWith(one.sopInstanceUid));
      expect(datasetOf(part.body).equals(stored?.dataset ?? Buffer.alloc(0))).toBe(true);
    }
  });
});

/** Fails a sub-operation for which nothing was proposed, as a PACS does. */
const ifAccepted =
  (one: RogueInstance): Step =>
  (operation) => {
    if (operation.association.contextFor(one.sopClassUid, one.transferSyntaxUid) !== undefined)
      return store(one)(operation);
    operation.counted.failed += 1;
    operation.failedUids.push(one.sopInstanceUid);
    return undefined;
  };

describe('a listing that was cut short does not cut the retrieve short', () => {
  const instances = Array.from({ length: 9 }, () => makeInstance());
  const all = instances.map((one) => one.sopInstanceUid).sort();

  test.each([
    ['ended in FE00', { counts: 'none', cap: 4, capStatus: 0xfe00 }],
    ['without a word, against the peer’s own count', { counts: 'right', cap: 4 }],
    ['without a word and without counts', { counts: 'none', cap: 4 }],
  ] as const)('%s', async (_what, options) => {
    const { service } = await start({ onFind: listing(instances, options), onGet: deliver(instances) });
    for (const path of [seriesPath, `/studies/${STUDY}`]) {
      const response = await request(service + path, { headers: AS_STORED });
      expect(response.status).toBe(200);
      expect(uidsOf(response)).toEqual(all);
    }
  });

  test('without a word and without counts, by a peer that never says what remains', async () => {
    const counting: Script = (_request, identifier) => [
      ...selected(instances, identifier).flatMap((one) => [store(one), progress({ remaining: 0 })]),
      final(),
    ];
    const { service } = await start({
      onFind: listing(instances, { counts: 'none', cap: 4 }),
      onGet: counting,
    });
    const response = await request(service + seriesPath, { headers: AS_STORED });
    expect([response.status, uidsOf(response)]).toEqual([200, all]);
  });

  test('by which no instance of one of its SOP classes was named', async () => {
    const report = makeInstance({ sopClassUid: '1.2.840.10008.5.1.4.1.1.88.11' });
    const mixed = [...instances, report];
    const { service } = await start({
      onFind: listing(mixed, { counts: 'none', cap: 4 }),
      onGet: (_request, identifier) => [...selected(mixed, identifier).map(ifAccepted), final()],
    });
    const response = await request(service + seriesPath, { headers: AS_STORED });
    expect([response.status, response.complete, uidsOf(response)]).toEqual([
      200,
      true,
      [...all, report.sopInstanceUid].sort(),
    ]);
  });

  test('a whole listing without counts is checked by the number that the peer announces, and the sweep cancelled', async () => {
    const { service } = await start({
      onFind: listing(instances, { counts: 'none' }),
      onGet: deliver(instances),
    });
    const response = await request(service + seriesPath, { headers: AS_STORED });
    expect(uidsOf(response)).toEqual(all);
    await peer?.waitFor('C-CANCEL-RQ');
  });
});

test.each(['', `/series/${SERIES}`])(
  'W-13: more instances than one answer may have, by the count of the peer, are 413 before the first of them (%s)',
  async (below) => {
    const instances = three();
    const { service } = await start(
      { onFind: listing(instances), onGet: deliver(instances) },
      'retrieve: { maxInstances: 2 }',
    );
    const response = await request(`${service}/studies/${STUDY}${below}`, { headers: AS_STORED });
    expect(response.status).toBe(413);
  },
);

test('W-13: nor does what a listing left out go beyond that: the answer is none, or breaks off', async () => {
  const instances = Array.from({ length: 12 }, () => makeInstance());
  const { service } = await start(
    { onFind: listing(instances.slice(0, 3), { counts: 'none' }), onGet: deliver(instances) },
    'retrieve: { maxInstances: 5 }',
  );
  const response = await request(service + seriesPath, { headers: AS_STORED });
  expect(isVisiblyBroken(response) || response.status === 413).toBe(true);
});

describe('instances that the peer refuses', () => {
  const instances = three();
  const [good, bad, other] = instances;
  const refusing: Script = (_request, identifier) => {
    const asked = selected(instances, identifier);
    const failed = asked.filter((one) => one === bad).map((one) => one.sopInstanceUid);
    return [
      ...asked.filter((one) => one !== bad).map((one) => store(one)),
      final(failed.length > 0 ? 0xb000 : 0, { failed: failed.length, failedUids: failed }),
    ];
  };

  test('W-09: reset the request that was streaming; the next is 206 with a Warning and the rest', async () => {
    const { service } = await start({ onFind: listing(instances), onGet: refusing });
    const first = await request(service + seriesPath, { headers: AS_STORED });
    expect(isVisiblyBroken(first) || first.status === 206).toBe(true);
    const second = await request(service + seriesPath, { headers: AS_STORED });
    expect(second.status).toBe(206);
    expect(second.headers.warning).toContain('did not deliver 1 instance');
    expect(uidsOf(second)).toEqual([good?.sopInstanceUid, other?.sopInstanceUid].sort());
  });

  test('asked for alone: an error that names the status', async () => {
    const { service } = await start({ onFind: listing(instances), onGet: refusing });
    const path = `${seriesPath}/instances/${bad?.sopInstanceUid ?? ''}`;
    const response = await request(service + path, { headers: AS_STORED });
    expect(response.status).toBe(502);
    expect(JSON.parse(response.body.toString())).toMatchObject({ code: 'peer-incomplete' });
  });
});

describe('a peer that sends fewer instances than it announces', () => {
  test('T-1, W-44: is not believed: the first answer is broken or partial, never a short 200', async () => {
    const instances = three();
    const [, kept] = instances;
    const onGet: Script = (_request, identifier) => {
      const asked = selected(instances, identifier);
      return [
        ...asked.filter((one) => one !== kept).map((one) => store(one)),
        progress({ remaining: 0, completed: asked.length }),
        final(0, { completed: asked.length }),
      ];
    };
    const { service } = await start({ onFind: listing(instances), onGet });
    for (let n = 0; n < 3; n += 1) {
      const response = await request(service + seriesPath, { headers: AS_STORED });
      expect(isVisiblyBroken(response) || response.status === 206).toBe(true);
    }
    const metadata = await request(`${service}${seriesPath}/metadata`);
    expect(metadata.status).toBe(206);
    expect(JSON.parse(metadata.body.toString())).toHaveLength(2);
  });
});

describe('sharing', () => {
  test('W-46: twenty viewers of one series cause one retrieve of each instance', async () => {
    const instances = Array.from({ length: 10 }, () => makeInstance({ pixelBytes: 50_000 }));
    const { service } = await start({ onFind: listing(instances), onGet: deliver(instances) });
    const responses = await Promise.all(
      Array.from({ length: 20 }, () => request(service + seriesPath, { headers: AS_STORED })),
    );
    for (const response of responses) expect(uidsOf(response)).toHaveLength(10);
    // The clients may have the last before the peer has its answer.
    await eventually(() => {
      expect(peer?.messages('C-STORE-RSP')).toHaveLength(10);
    });
    const again = await request(service + seriesPath, { headers: AS_STORED });
    expect(uidsOf(again)).toHaveLength(10);
    expect(peer?.messages('C-STORE-RSP')).toHaveLength(10);
  });

  test('a viewer that leaves does not disturb the other', async () => {
    const instances = [makeInstance({ pixelBytes: 2_000_000 }), makeInstance({ pixelBytes: 2_000_000 })];
    const { service } = await start({ onFind: listing(instances), onGet: deliver(instances) });
    const controller = new AbortController();
    const leaving = request(service + seriesPath, { headers: AS_STORED, signal: controller.signal }).catch(
      () => undefined,
    );
    const staying = request(service + seriesPath, { headers: AS_STORED });
    setImmediate(() => {
      controller.abort();
    });
    await leaving;
    expect(uidsOf(await staying)).toHaveLength(2);
  });

  test('H-18: when the last viewer has gone the C-GET is cancelled, and no association is left', async () => {
    const first = makeInstance();
    const instances = [first, makeInstance()];
    const onGet: Script = () => [store(first), silence()];
    const yaml = 'retrieve: { cancelDelay: 20ms }';
    const { service } = await start({ onFind: listing(instances), onGet }, yaml);
    const controller = new AbortController();
    const leaving = request(service + seriesPath, { headers: AS_STORED, signal: controller.signal }).catch(
      () => undefined,
    );
    await peer?.waitFor('C-STORE-RSP');
    controller.abort();
    await leaving;
    await peer?.waitFor('C-CANCEL-RQ');
    await gateway?.close();
    await peer?.allClosed();
  });

  test('a nearline archive: 503 with Retry-After while the pull goes on, then the images', async () => {
    const instances = three();
    let open: () => void = () => undefined;
    const tape = new Promise<void>((resolve) => (open = resolve));
    const onGet: Script = (_request, identifier) => [
      () => tape,
      ...selected(instances, identifier).map((one) => store(one)),
      final(),
    ];
    peer = await startRoguePeer({ onFind: listing(instances), onGet });
    gateway = await startTestGateway(
      `peers: { main: { address: "${peer.address.aeTitle}@127.0.0.1:${peer.address.port}", timeouts: { firstInstance: 100ms, firstSubOperation: 20s } } }`,
    );
    const early = await request(gateway.service + seriesPath, { headers: AS_STORED });
    expect(early.status).toBe(503);
    expect(Number(early.headers['retry-after'])).toBeGreaterThan(0);
    expect(JSON.parse(early.body.toString())).toMatchObject({ code: 'retrieve-pending' });
    open();
    await peer.waitFor('C-STORE-RSP', 3);
    const late = await request(gateway.service + seriesPath, { headers: AS_STORED });
    expect(uidsOf(late)).toHaveLength(3);
    expect(peer.messages('C-STORE-RSP')).toHaveLength(3);
  });
});

describe('UIDs that break PS3.5 9.1', () => {
  test('with leading zeros, as archives hold them: the instance is delivered with its series', async () => {
    const instances = [makeInstance(), makeInstance({ sopInstanceUid: '999.01.23.45' })];
    const { service } = await start({ onFind: listing(instances), onGet: deliver(instances) });
    const response = await request(service + seriesPath, { headers: AS_STORED });
    expect(response.status).toBe(200);
    expect(uidsOf(response)).toContain('999.01.23.45');
  });

  test('with leading zeros: the URL that the answer gives for the instance leads to it', async () => {
    const instances = [makeInstance({ sopInstanceUid: '999.01.23.45' })];
    const { service } = await start({ onFind: listing(instances), onGet: deliver(instances) });
    const response = await request(`${service}${seriesPath}/instances/999.01.23.45`, { headers: AS_STORED });
    expect(response.status).toBe(200);
    expect(uidsOf(response)).toEqual(['999.01.23.45']);
  });

  test('that are no UIDs at all fail the retrieve loudly', async () => {
    const instances = [makeInstance(), makeInstance({ sopInstanceUid: 'one/two' })];
    const { service } = await start({ onFind: listing(instances), onGet: deliver(instances) });
    const response = await request(service + seriesPath, { headers: AS_STORED });
    expect(isVisiblyBroken(response)).toBe(true);
  });
});

test('a row of a series without a UID fails the retrieve, and not the next one when the peer is mended', async () => {
  const held = three();
  const proper = listing(held);
  let isMended = false;
  const onFind: Script = (rq, identifier) => {
    const rows = typeof proper === 'function' ? proper(rq, identifier) : proper;
    const isSeries = identifier.get(0x00080052) === 'SERIES';
    return isSeries && !isMended
      ? [pending({ QueryRetrieveLevel: 'SERIES', StudyInstanceUID: STUDY }), ...rows]
      : rows;
  };
  const { service, running } = await start({ onFind, onGet: deliver(held) });
  const get = (): Promise<RawResponse> => request(`${service}/studies/${STUDY}`, { headers: AS_STORED });
  expect(await get()).toMatchObject({ status: 502 });
  isMended = true;
  expect(uidsOf(await get())).toEqual(held.map(({ sopInstanceUid }) => sopInstanceUid).sort());
  // Neither of them holds an association.
  while (running.peers.get('main')?.stats.associations.busy !== 0) await new Promise(setImmediate);
});
