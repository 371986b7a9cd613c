import { afterEach, describe, expect, test } from '@jest/globals';
import { openStorageScp } from '../../src/compose-storage-scp.js';
import { openPeer } from '../../src/compose-peer.js';
import { loadConfig } from '../../src/config/index.js';
import { createDemoPacs } from '../../src/demo/index.js';
import { checkSteps, type CheckReport, type CheckSubject } from '../../src/gateway/index.js';
import type { Observation, OperationContext } from '../../src/core/index.js';
import { freePort } from '../helpers/free-port.js';
import { listing, selected } from '../helpers/listing.js';
import {
  accept,
  final,
  makeInstance,
  refusingPort,
  reject,
  returning,
  silence,
  startRoguePeer,
  store,
  Uids,
  unlessExtended,
  until,
  type RoguePeerOptions,
  type Script,
} from '../helpers/rogue-peer.js';

const closers: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function check(address: string, listen?: number, firstResponse = '20s'): Promise<CheckReport> {
  const steps = checkSteps(await subjectFor(address, listen, firstResponse), checkContext());
  let next = await steps.next();
  while (!next.done) next = await steps.next();
  return next.value;
}

const checkContext = (): OperationContext => ({ requestId: 'check', signal: AbortSignal.timeout(10_000) });

async function subjectFor(address: string, listen?: number, firstResponse = '20s'): Promise<CheckSubject> {
  const config = loadConfig({
    file: [
      `peers: { main: { address: "${address}", timeouts: { connect: 20s, association: 20s, firstResponse: ${firstResponse} } } }`,
      ...(listen === undefined ? [] : [`dimse: { listen: "127.0.0.1:${listen}" }`]),
    ].join('\n'),
    env: {},
  });
  const refusals: string[] = [];
  const observe = (observation: Observation): void => {
    if (observation.kind === 'inbound-refused') refusals.push(observation.reason);
  };
  const storageScp = await openStorageScp(config, observe);
  if (storageScp) closers.push(() => storageScp.close(100));
  const settings = config.peers['main'];
  if (settings === undefined) throw new Error('no peer');
  return {
    name: 'main',
    associations: settings.associations,
    untried: storageScp ? {} : { move: { reason: 'there is no listener', mayWork: false } },
    open: (way, known) => {
      const retrieve = way === 'configured' ? 'auto' : way;
      return openPeer(config, 'main', { ...settings, retrieve }, { observe, storageScp, known });
    },
    moveHint: `Tell the PACS where to send to: ${storageScp?.advertised ?? ''}.`,
    listener: { aeTitle: 'GATEWAY', ...(storageScp && { address: storageScp.listening }), isTls: false },
    refusals: () => refusals,
  };
}

const stepsOf = ({ steps }: CheckReport): Readonly<Record<string, string>> =>
  Object.fromEntries(steps.map(({ step, result }) => [step, result]));

describe('check', () => {
  test('a peer that does everything is usable, and every way of retrieving is tried', async () => {
    const port = await freePort();
    const pacs = await createDemoPacs({ movePort: port });
    closers.push(() => pacs.close());
    const report = await check(`${pacs.address.aeTitle}@127.0.0.1:${pacs.address.port}`, port);
    expect(report.usable).toBe(true);
    expect(stepsOf(report)).toEqual({ 'C-ECHO': 'ok', 'C-FIND': 'ok', 'C-GET': 'ok', 'C-MOVE': 'ok' });
  });

  test('a peer that does not know the gateway as a destination is told what to enter', async () => {
    const port = await freePort();
    const pacs = await createDemoPacs();
    closers.push(() => pacs.close());
    const report = await check(`${pacs.address.aeTitle}@127.0.0.1:${pacs.address.port}`, port);
    expect(stepsOf(report)['C-MOVE']).toBe('failed');
    expect(report.steps.find(({ step }) => step === 'C-MOVE')?.detail).toContain(`GATEWAY@127.0.0.1:${port}`);
    expect(report.usable).toBe(true);
  });

  test('without a listener C-MOVE is skipped, and says why', async () => {
    const pacs = await createDemoPacs();
    closers.push(() => pacs.close());
    const report = await check(`${pacs.address.aeTitle}@127.0.0.1:${pacs.address.port}`);
    expect(report.steps.at(-1)).toMatchObject({
      step: 'C-MOVE',
      result: 'skipped',
      detail: 'there is no listener',
    });
  });

  test('nobody there: not usable, and the advice is about host and port', async () => {
    const report = await check(`GONE@127.0.0.1:${await refusingPort()}`);
    expect(report.usable).toBe(false);
    expect(report.steps).toHaveLength(1);
    expect(report.steps[0]?.detail).toMatch(/host and port/);
  });

  test('rejected: not usable, and the advice is about AE titles', async () => {
    const peer = await startRoguePeer({ associate: reject('permanent') });
    closers.push(() => peer.close());
    const report = await check(`ROGUE@127.0.0.1:${peer.address.port}`);
    expect(report.usable).toBe(false);
    expect(report.steps[0]?.detail).toMatch(/AE titles/);
  });

  test.each([
    ['fails', [final(0xc000)]],
    ['is not answered', [silence()]],
  ])('a search that %s: not usable', async (_what, onFind) => {
    const peer = await startRoguePeer({ onFind });
    closers.push(() => peer.close());
    const report = await check(`ROGUE@127.0.0.1:${peer.address.port}`, undefined, '1s');
    expect([report.usable, stepsOf(report)['C-FIND']]).toEqual([false, 'failed']);
  });
});

describe('what check tells', () => {
  test('what was negotiated, with the reason of each refusal, and what the services are', async () => {
    const associate = accept({ refused: [Uids.studyRootGet], maxPduLength: 32_768 });
    const peer = await startRoguePeer({ associate });
    closers.push(() => peer.close());
    const { version, negotiated } = await check(`ROGUE@127.0.0.1:${peer.address.port}`);
    expect(version).toBe(1);
    expect(negotiated).toMatchObject({
      implementationVersionName: 'ROGUE',
      maxPduLength: 32_768,
      informationModel: 'study-root',
      userIdentity: 'none',
      localAddress: '127.0.0.1',
      services: { echo: true, find: true, store: true },
    });
    expect(negotiated?.tls).toBeUndefined();
    const refused = negotiated?.contexts.filter(({ accepted }) => !accepted);
    expect(refused).toMatchObject([
      { abstractSyntax: Uids.studyRootGet, reason: 'the SOP class is not supported' },
    ]);
  });

  test('what the PACS must be told, in the words of Orthanc, DCMTK and dcm4chee', async () => {
    const peer = await startRoguePeer();
    closers.push(() => peer.close());
    const port = await freePort();
    const { tell } = await check(`ROGUE@127.0.0.1:${peer.address.port}`, port);
    expect(tell).toMatchObject({ aeTitle: 'GATEWAY', host: '127.0.0.1', port, listens: true, tls: false });
    expect(tell?.snippets.dcmqrscp).toBe(`gateway = (GATEWAY, 127.0.0.1, ${port})`);
    const orthanc: unknown = JSON.parse(`{${tell?.snippets.orthanc ?? ''}}`);
    expect(orthanc).toEqual({ gateway: { AET: 'GATEWAY', Host: '127.0.0.1', Port: port, AllowGet: true } });
    const device: unknown = JSON.parse(tell?.snippets.dcm4chee ?? '');
    expect(device).toMatchObject({
      dicomNetworkConnection: [{ dicomHostname: '127.0.0.1', dicomPort: port }],
      dicomNetworkAE: [{ dicomAETitle: 'GATEWAY' }],
    });
  });

  test('without a listener it is told that nothing listens', async () => {
    const peer = await startRoguePeer();
    closers.push(() => peer.close());
    const { tell } = await check(`ROGUE@127.0.0.1:${peer.address.port}`);
    expect(tell).toMatchObject({ host: '127.0.0.1', listens: false });
  });

  test('each step as it ends, and nothing more to who leaves', async () => {
    let open: () => void = () => undefined;
    const gate = new Promise<void>((resolve) => {
      open = resolve;
    });
    const peer = await startRoguePeer({ onFind: [until(gate), final()] });
    closers.push(() => peer.close());
    const steps = checkSteps(await subjectFor(`ROGUE@127.0.0.1:${peer.address.port}`), checkContext());
    // The search is held up: the first step is told all the same.
    expect((await steps.next()).value).toMatchObject({ step: 'C-ECHO', result: 'ok' });
    await peer.waitFor('C-FIND-RQ');
    open();
    expect((await steps.next()).value).toMatchObject({ step: 'C-FIND', result: 'ok' });
    const returned = steps.return({} as CheckReport);
    await returned;
    await peer.allClosed();
  });
});

describe('what check learns', () => {
  const instances = [makeInstance(), makeInstance()];
  const { studyRootFind, studyRootGet, studyRootMove, verification, ctImageStorage } = Uids;
  const onGet: Script = (_request, identifier) => [
    ...selected(instances, identifier).map((one) => store(one)),
    final(),
  ];
  const onLists =
    (answer: Script): Script =>
    (request, identifier) => {
      const script = selected(instances, identifier).length > 1 ? answer : onGet;
      return typeof script === 'function' ? script(request, identifier) : script;
    };

  async function learnt(options: RoguePeerOptions, listen?: number): Promise<CheckReport> {
    const peer = await startRoguePeer({ onFind: listing(instances), onGet, ...options });
    closers.push(() => peer.close());
    if (listen !== undefined) peer.moveDestinations.set('GATEWAY', { host: '127.0.0.1', port: listen });
    return check(`ROGUE@127.0.0.1:${peer.address.port}`, listen);
  }

  test('of a peer that takes everything', async () => {
    const report = await learnt({});
    expect(report.learnt).toEqual([
      'takes 4 associations at once, as many as are configured',
      'delivers lists of UIDs',
      'retrieves go by C-GET',
      'accepts no options of searches (believed for 10 minutes)',
    ]);
    expect(report.facts).toMatchObject({ relational: { value: false, expires: expect.any(String) } });
  });

  test('of a peer that accepts some options of searches', async () => {
    const { learnt: lines } = await learnt({ associate: accept({ extended: returning(1, 1) }) });
    expect(lines).toContain(
      'accepts relational searches, combined dates and times, relational retrieves (believed for 10 minutes)',
    );
  });

  test('of a peer that bears no extended negotiation: it is usable without', async () => {
    const { usable, learnt: lines } = await learnt({
      associate: unlessExtended(reject('permanent', 1, 1)),
    });
    expect(usable).toBe(true);
    expect(lines).toContain(
      'takes no association with extended negotiation: options of searches are not proposed (believed for 10 minutes)',
    );
  });

  test('of a peer that takes two associations', async () => {
    const {
      usable,
      learnt: lines,
      facts,
    } = await learnt({
      associate: (association, request, rogue) => {
        const held = rogue.open.filter(({ accepted }) => accepted.size > 0).length;
        return (held < 2 ? accept() : reject('transient'))(association, request, rogue);
      },
    });
    expect(usable).toBe(true);
    expect(lines[0]).toMatch(/^takes 2 associations at once, 4 are configured/);
    expect(facts.associations?.value).toBe(2);
  });

  test.each<[string, Script, RegExp]>([
    ['refuses lists', [final(0xa900)], /^refuses lists of UIDs/],
    [
      'delivers one of a list',
      (_request, identifier) => [
        ...selected(instances, identifier)
          .slice(0, 1)
          .map((one) => store(one)),
        final(),
      ],
      /^heeds one UID of a list/,
    ],
  ])('of a peer that %s', async (_, answer, line) => {
    const { usable, learnt: lines } = await learnt({ onGet: onLists(answer) });
    expect(usable).toBe(true);
    expect(lines).toContainEqual(expect.stringMatching(line));
  });

  test('of a peer that refuses C-GET', async () => {
    const report = await learnt(
      {
        associate: accept({ sopClasses: [studyRootFind, studyRootMove, verification] }),
        onMove: onGet,
      },
      await freePort(),
    );
    expect(stepsOf(report)).toMatchObject({ 'C-GET': 'failed', 'C-MOVE': 'ok' });
    expect(report.learnt).toContain('C-GET is refused: retrieves go by C-MOVE (believed for 10 minutes)');
    expect(report.facts.getRefused?.value).toBe(true);
  });

  test('of a peer that takes uncompressed instances alone', async () => {
    const { learnt: lines } = await learnt({
      associate: accept({
        sopClasses: [studyRootFind, studyRootGet, verification, ctImageStorage],
        transferSyntaxes: [Uids.explicitLittleEndian, Uids.implicitLittleEndian],
      }),
    });
    expect(lines).toContainEqual(
      expect.stringMatching(/^C-GET refuses transfer syntaxes: .*JPEG.* and \d+ more \(believed/),
    );
  });
});
