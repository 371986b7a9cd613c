import { once } from 'node:events';
import net from 'node:net';

import { afterEach, describe, expect, test } from '@jest/globals';

import { GatewayError, type Observation } from '../../src/core/index.js';
import type { InstanceReceiver } from '../../src/dimse/contract.js';
import { createStorageScp, type StorageScp, type StorageScpOptions } from '../../src/dimse/storage-scp.js';
import type { KnownCaller } from '../../src/dimse/storage-scp-callers.js';
import type { ExpectedMove, MoveExpectation } from '../../src/dimse/storage-scp-expectations.js';
import {
  associateRequest,
  connectRogue,
  encodeAbort,
  encodeAssociateRq,
  encodeElement,
  makeInstance,
  openRogueAssociation,
  pdu,
  pdv,
  storeOn,
  Uids,
  type RogueAssociation,
  type RogueInstance,
} from '../helpers/rogue-peer.js';

const STUDY = '2.25.77.1';
const NOT_AUTHORIZED = 0x0124;
const OUT_OF_RESOURCES = 0xa700;

const open: StorageScp[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((scp) => scp.close(0)));
});

async function startScp(
  options: Partial<StorageScpOptions> = {},
): Promise<{ scp: StorageScp; observed: Observation[] }> {
  const observed: Observation[] = [];
  const scp = await createStorageScp(
    { aeTitle: 'GATEWAY', listen: { host: '127.0.0.1', port: 0 }, ...options },
    { observe: (observation) => observed.push(observation) },
  );
  open.push(scp);
  return { scp, observed };
}

function knownCaller(changes: Partial<KnownCaller>): KnownCaller {
  return { peer: 'main', aeTitles: ['ROGUE'], networks: [], certificates: [], ...changes };
}

/** Keeps what comes, by SOP Instance UID; a second copy of an instance is put after the first. */
class Taker {
  readonly taken = new Map<string, Buffer>();
  readonly failures: GatewayError[] = [];
  readonly copies: string[] = [];
  readonly receiver: InstanceReceiver = ({ sopInstanceUid }) => {
    const chunks: Buffer[] = [];
    return {
      write: (chunk) => {
        chunks.push(Buffer.from(chunk));
      },
      end: () => {
        this.taken.set(sopInstanceUid, Buffer.concat(chunks));
        this.copies.push(sopInstanceUid);
        return 0;
      },
      fail: (error) => {
        this.failures.push(error);
      },
    };
  };
}

function expectMove(scp: StorageScp, changes: Partial<MoveExpectation> = {}): ExpectedMove {
  return scp.expect({
    peer: 'main',
    peerAeTitle: 'ROGUE',
    originatorAeTitle: 'GATEWAY',
    messageId: 1,
    studyInstanceUids: [STUDY],
    seriesInstanceUids: [],
    sopInstanceUids: [],
    receiver: new Taker().receiver,
    onActivity: () => undefined,
    onHold: () => () => undefined,
    ...changes,
  });
}

const originator = { moveOriginatorAeTitle: 'GATEWAY', moveOriginatorMessageId: 1 };

async function sender(scp: StorageScp, ...instances: RogueInstance[]): Promise<RogueAssociation> {
  return await openRogueAssociation({
    ...scp.listening,
    contexts: [
      ...instances.map(
        ({ sopClassUid, transferSyntaxUid }) => [sopClassUid, transferSyntaxUid] as [string, string],
      ),
      [Uids.verification, Uids.implicitLittleEndian],
    ],
  });
}

async function echo(scp: StorageScp): Promise<number | undefined> {
  const association = await openRogueAssociation({ ...scp.listening });
  const answer = await association.request(1, {
    commandField: 0x0030,
    affectedSopClassUid: Uids.verification,
  });
  await association.release();
  return answer.command.status;
}

const over = (): GatewayError => new GatewayError('cancelled', 'over');
const refusals = (observed: Observation[]): string[] =>
  observed.flatMap((o) => (o.kind === 'inbound-refused' ? [o.reason] : []));

describe('what a pending C-MOVE expects', () => {
  test('W-43: a C-STORE that names the C-MOVE reaches its receiver byte for byte', async () => {
    const { scp } = await startScp();
    const taker = new Taker();
    const move = expectMove(scp, { receiver: taker.receiver });
    const instance = makeInstance({ pixelBytes: 300_000 });
    const association = await sender(scp, instance);
    expect(await storeOn(association, instance, originator)).toBe(0);
    expect(taker.taken.get(instance.sopInstanceUid)?.equals(instance.dataset)).toBe(true);
    expect(move.received).toBe(1);
    await association.release();
  });

  test.each([
    ['one byte a write', { writeBytes: 1 }],
    ['one byte a PDV, many PDVs a PDU', { fragmentBytes: 1, pdvsPerPdu: 50 }],
    ['the last fragment empty', { emptyLastFragment: true }],
    ['odd fragments', { fragmentBytes: 333 }],
  ])('R-12: the bytes are the same when the peer cuts them up: %s', async (_name, shape) => {
    const { scp } = await startScp();
    const taker = new Taker();
    expectMove(scp, { receiver: taker.receiver });
    const instance = makeInstance();
    const association = await sender(scp, instance);
    association.shape = shape;
    expect(await storeOn(association, instance, originator)).toBe(0);
    expect(taker.taken.get(instance.sopInstanceUid)?.equals(instance.dataset)).toBe(true);
    await association.release();
  });

  test('W-43: without Move Originator the listed SOP Instance UID decides', async () => {
    const { scp } = await startScp();
    const [a, b] = [makeInstance(), makeInstance()];
    const [takerA, takerB] = [new Taker(), new Taker()];
    expectMove(scp, { receiver: takerA.receiver, sopInstanceUids: [a.sopInstanceUid] });
    expectMove(scp, { receiver: takerB.receiver, sopInstanceUids: [b.sopInstanceUid], messageId: 2 });
    const association = await sender(scp, a);
    expect(await storeOn(association, b)).toBe(0);
    expect(await storeOn(association, a)).toBe(0);
    expect([...takerA.taken.keys(), ...takerB.taken.keys()]).toEqual([a.sopInstanceUid, b.sopInstanceUid]);
    await association.release();
  });

  test('W-43: without Move Originator the series in the dataset decides, wherever the bytes are cut', async () => {
    const { scp } = await startScp();
    const a = makeInstance({ seriesInstanceUid: '1.2.1', extra: { '00091001:OB': Buffer.alloc(40_000) } });
    const b = makeInstance({ seriesInstanceUid: '1.2.2', transferSyntaxUid: Uids.implicitLittleEndian });
    const [takerA, takerB] = [new Taker(), new Taker()];
    expectMove(scp, { receiver: takerA.receiver, seriesInstanceUids: ['1.2.1'] });
    expectMove(scp, { receiver: takerB.receiver, seriesInstanceUids: ['1.2.2'] });
    const association = await sender(scp, a, b);
    for (const fragmentBytes of [7, 16_000]) {
      association.shape = { fragmentBytes };
      expect(await storeOn(association, a)).toBe(0);
      expect(await storeOn(association, b)).toBe(0);
    }
    expect(takerA.taken.get(a.sopInstanceUid)?.equals(a.dataset)).toBe(true);
    expect(takerB.taken.get(b.sopInstanceUid)?.equals(b.dataset)).toBe(true);
    expect([takerA.copies.length, takerB.copies.length]).toEqual([2, 2]);
    await association.release();
  });

  test('W-43: two requests for one instance are both served by one C-STORE', async () => {
    const { scp } = await startScp();
    const instance = makeInstance();
    const takers = [new Taker(), new Taker()];
    const moves = takers.map(({ receiver }, index) => expectMove(scp, { receiver, messageId: index + 1 }));
    const association = await sender(scp, instance);
    expect(await storeOn(association, instance)).toBe(0);
    expect(takers.map(({ taken }) => taken.get(instance.sopInstanceUid)?.equals(instance.dataset))).toEqual([
      true,
      true,
    ]);
    expect(moves.map(({ received }) => received)).toEqual([1, 1]);
    await association.release();
  });

  test('a late instance of another series does not slip into the next C-MOVE with the same Message ID', async () => {
    const { scp } = await startScp();
    const taker = new Taker();
    const move = expectMove(scp, { receiver: taker.receiver, seriesInstanceUids: ['1.2.2'] });
    const late = makeInstance({ seriesInstanceUid: '1.2.1' });
    const association = await sender(scp, late);
    expect(await storeOn(association, late, originator)).toBe(NOT_AUTHORIZED);
    expect(move.received).toBe(0);
    expect(taker.taken.size).toBe(0);
    await association.release();
  });

  test('W-42: the stored compression is kept where it is offered beside plain syntaxes', async () => {
    const { scp } = await startScp();
    expectMove(scp);
    const association = await openRogueAssociation({
      ...scp.listening,
      contexts: [
        [Uids.ctImageStorage, Uids.implicitLittleEndian, Uids.jpeg2000Lossless, Uids.explicitLittleEndian],
        [Uids.mrImageStorage, Uids.implicitLittleEndian, Uids.explicitLittleEndian],
        ['1.2.840.10008.5.1.4.1.2.2.1', Uids.implicitLittleEndian],
        ['1.3.6.1.4.1.5962.301.9', Uids.explicitLittleEndian, '1.2.3.4'],
        [Uids.mrImageStorage, '1.2.3.4'],
      ],
    });
    const [answer] = association.record.of('associate-ac');
    expect(
      answer?.type === 'associate-ac' && answer.answer.contexts.map((c) => [c.result, c.transferSyntax]),
    ).toEqual([
      [0, Uids.jpeg2000Lossless],
      [0, Uids.explicitLittleEndian],
      [3, Uids.implicitLittleEndian],
      [0, Uids.explicitLittleEndian],
      [4, '1.2.3.4'],
    ]);
    await association.release();
  });
});

describe('what nobody expects', () => {
  test('R-02: without a pending C-MOVE only C-ECHO is served, and an association for instances is rejected', async () => {
    const { scp, observed } = await startScp();
    expect(await echo(scp)).toBe(0);
    const association = await openRogueAssociation({
      ...scp.listening,
      contexts: [[Uids.ctImageStorage, Uids.implicitLittleEndian]],
    });
    expect(association.record.of('associate-rj')).toMatchObject([{ body: Buffer.of(0, 2, 1, 1) }]);
    expect(refusals(observed)).toEqual(['no C-MOVE is pending']);
  });

  test('R-02: an unsolicited C-STORE is refused and its dataset dropped, and the association lives on', async () => {
    const { scp, observed } = await startScp();
    const taker = new Taker();
    expectMove(scp, { receiver: taker.receiver });
    const foreign = makeInstance({ studyInstanceUid: '1.2.99', pixelBytes: 3_000_000 });
    const wanted = makeInstance();
    const association = await sender(scp, foreign);
    expect(await storeOn(association, foreign)).toBe(NOT_AUTHORIZED);
    expect(await storeOn(association, wanted)).toBe(0);
    expect([...taker.taken.keys()]).toEqual([wanted.sopInstanceUid]);
    expect(refusals(observed)).toEqual(['no pending C-MOVE expects the instance']);
    await association.release();
  });

  test('an association opened for one C-MOVE may be kept for the next, but brings nothing between them', async () => {
    const { scp } = await startScp();
    const instance = makeInstance();
    const first = expectMove(scp);
    const association = await sender(scp, instance);
    expect(await storeOn(association, instance, originator)).toBe(0);
    first.end(over());
    expect(await storeOn(association, instance, originator)).toBe(NOT_AUTHORIZED);
    expectMove(scp, { messageId: 2 });
    expect(await storeOn(association, instance, { ...originator, moveOriginatorMessageId: 2 })).toBe(0);
    await association.release();
  });

  test('W-45: when nobody wants it any more the rest of a dataset is dropped and answered A700', async () => {
    const { scp } = await startScp();
    const taker = new Taker();
    const instance = makeInstance({ pixelBytes: 100_000 });
    let began: () => void = () => undefined;
    const begun = new Promise<void>((resolve) => {
      began = resolve;
    });
    const move = expectMove(scp, {
      receiver: (incoming) => {
        began();
        return taker.receiver(incoming);
      },
    });
    const association = await sender(scp, instance);
    association.shape = { fragmentBytes: 500, dripMs: 1 };
    const stored = storeOn(association, instance, originator);
    await begun;
    move.end(over());
    expect(taker.failures.map(({ code }) => code)).toEqual(['cancelled']);
    association.shape = {};
    expect(await stored).toBe(OUT_OF_RESOURCES);
    await association.release();
  });

  test.each<[string, Parameters<typeof associateRequest>[0], number[]]>([
    ['another called AE title', { calledAeTitle: 'SOMEBODY' }, [0, 1, 1, 7]],
    ['a calling AE title that is not allowed', { callingAeTitle: 'STRANGER' }, [0, 1, 1, 3]],
  ])('an association request with %s is rejected', async (_name, names, body) => {
    const { scp } = await startScp({ callers: [knownCaller({})], admits: 'known' });
    expectMove(scp);
    const association = await openRogueAssociation({ ...scp.listening, ...names });
    expect(association.record.of('associate-rj')).toMatchObject([{ body: Buffer.from(body) }]);
  });
});

describe('hostile and broken peers', () => {
  test.each<[string, (association: RogueAssociation) => unknown]>([
    [
      'closes at once',
      (a) => {
        a.drop();
      },
    ],
    ['sends an HTTP request', (a) => a.write(Buffer.from('GET / HTTP/1.1\r\nHost: x\r\n\r\n'))],
    ['sends a TLS hello', (a) => a.write(Buffer.from('16030100c8010000c40303', 'hex'))],
    ['declares an association request of 2 GiB', (a) => a.write(Buffer.from('010080000000', 'hex'))],
    ['sends data before an association', (a) => a.write(pdu(4, pdv(1, 3, Buffer.alloc(10))))],
    ['sends an association request of zeros', (a) => a.write(pdu(1, Buffer.alloc(68)))],
    ['sends a short association request', (a) => a.write(pdu(1, Buffer.alloc(20)))],
    ['aborts before an association', (a) => a.write(encodeAbort())],
    [
      'sends an association request whose items do not fit',
      (a) => {
        const request = encodeAssociateRq(associateRequest({}));
        request.writeUInt16BE(60_000, 6 + 68 + 2);
        return a.write(request);
      },
    ],
  ])('the listener survives a peer that %s', async (_name, act) => {
    const { scp } = await startScp();
    const association = await connectRogue(scp.listening);
    await act(association);
    await association.record.waitFor('closed');
    expect(await echo(scp)).toBe(0);
  });

  test('a TCP probe that connects and closes leaves no trace', async () => {
    const { scp, observed } = await startScp();
    const socket = net.connect(scp.listening);
    await once(socket, 'connect');
    socket.end();
    await once(socket, 'close');
    expect(await echo(scp)).toBe(0);
    expect(refusals(observed)).toEqual([]);
  });

  test('a connection that says nothing, or drips, is closed when the ARTIM time is over', async () => {
    const { scp } = await startScp({ associationMs: 500 });
    const silent = await connectRogue(scp.listening);
    const dripping = await connectRogue(scp.listening);
    dripping.shape = { writeBytes: 1, dripMs: 5 };
    void dripping.write(encodeAssociateRq(associateRequest({})));
    await silent.record.waitFor('closed');
    await dripping.record.waitFor('closed');
    expect(dripping.accepted.size).toBe(0);
    expect(await echo(scp)).toBe(0);
  });

  test('connections without an association do not keep out who asks for one', async () => {
    const { scp } = await startScp({ maxUndecided: 2 });
    const idle = [];
    for (let count = 0; count < 5; count += 1) idle.push(await connectRogue(scp.listening));
    expect(await echo(scp)).toBe(0);
    await idle[0]?.record.waitFor('closed');
    for (const association of idle) association.drop();
  });

  test('more associations than allowed are rejected as a transient matter', async () => {
    const { scp } = await startScp({ maxAssociations: 1 });
    const first = await openRogueAssociation({ ...scp.listening });
    const second = await openRogueAssociation({ ...scp.listening });
    expect(second.record.of('associate-rj')).toMatchObject([{ body: Buffer.of(0, 2, 3, 2) }]);
    await first.release();
    await expect(echo(scp)).resolves.toBe(0);
  });

  test.each<[string, (association: RogueAssociation) => Promise<void>]>([
    ['uses a context that was not accepted', (a) => a.send(99, { commandField: 0x0030, messageId: 1 })],
    ['sends a dataset without a command', (a) => a.write(pdu(4, pdv(1, 2, Buffer.alloc(10))))],
    ['declares a PDV larger than its PDU', (a) => a.write(pdu(4, Buffer.from('7fffffff0102', 'hex')))],
    ['declares a PDU of 4 GiB', (a) => a.write(Buffer.from('0400ffffffff', 'hex'))],
    ['sends a response', (a) => a.send(1, { commandField: 0x8001, messageIdRespondedTo: 1, status: 0 })],
    ['asks for a second association', (a) => a.write(encodeAssociateRq(associateRequest({})))],
    [
      'sends a command set of nonsense',
      (a) => a.write(pdu(4, pdv(1, 3, Buffer.from('00000000ffffffff', 'hex')))),
    ],
  ])('an association whose peer %s is aborted, and the C-MOVE goes on', async (_name, act) => {
    const { scp } = await startScp();
    const move = expectMove(scp);
    const instance = makeInstance();
    const bad = await sender(scp, instance);
    await act(bad);
    await bad.record.waitFor('abort');
    await bad.record.waitFor('closed');
    const good = await sender(scp, instance);
    expect(await storeOn(good, instance, originator)).toBe(0);
    expect(move.received).toBe(1);
    await good.release();
  });

  test('a dataset that breaks off fails its receiver and counts for nothing', async () => {
    const { scp } = await startScp();
    const taker = new Taker();
    const move = expectMove(scp, { receiver: taker.receiver });
    const instance = makeInstance({ pixelBytes: 50_000 });
    const association = await sender(scp, instance);
    association.cutAfter(20_000);
    await expect(storeOn(association, instance, originator)).rejects.toThrow();
    while (taker.failures.length === 0) await move.changed();
    expect(taker.failures.map(({ code }) => code)).toEqual(['peer-aborted']);
    expect([move.received, move.running, taker.taken.size]).toEqual([0, 0, 0]);
  });

  test('a dataset that stops flowing is given up', async () => {
    const { scp } = await startScp({ stallMs: 40 });
    const taker = new Taker();
    expectMove(scp, { receiver: taker.receiver });
    const instance = makeInstance({ pixelBytes: 50_000 });
    const association = await sender(scp, instance);
    const half = instance.dataset.subarray(0, 1000);
    await association.send(1, {
      commandField: 0x0001,
      messageId: 7,
      affectedSopClassUid: instance.sopClassUid,
      affectedSopInstanceUid: instance.sopInstanceUid,
      dataSetType: 1,
      ...originator,
    });
    await association.write(pdu(4, pdv(1, 0, half)));
    await association.record.waitFor('abort');
    expect(taker.failures.map(({ code }) => code)).toEqual(['peer-timeout']);
  });

  test('an element that declares 4 GiB before the UIDs costs no memory; the sender decides', async () => {
    const { scp } = await startScp();
    const taker = new Taker();
    expectMove(scp, { receiver: taker.receiver });
    const lying = Buffer.concat([
      encodeElement('00091001:OB', Buffer.alloc(100_000), 'explicit', 0xfffffff0),
      encodeElement('StudyInstanceUID', STUDY, 'explicit'),
    ]);
    const instance = { ...makeInstance(), dataset: lying };
    const association = await sender(scp, instance);
    expect(await storeOn(association, instance)).toBe(0);
    expect(taker.taken.get(instance.sopInstanceUid)?.equals(lying)).toBe(true);
    await association.release();
  });

  test('a C-STORE without a SOP Instance UID, or without a dataset, is answered with a failure', async () => {
    const { scp } = await startScp();
    expectMove(scp);
    const instance = makeInstance();
    const association = await sender(scp, instance);
    const without = { commandField: 0x0001, affectedSopClassUid: instance.sopClassUid };
    expect((await association.request(1, without, instance.dataset)).command.status).toBe(0xc000);
    const named = { ...without, affectedSopInstanceUid: instance.sopInstanceUid };
    expect((await association.request(1, named)).command.status).toBe(0xc000);
    expect((await association.request(1, { commandField: 0x0020 }, Buffer.alloc(8))).command.status).toBe(
      0x0211,
    );
    await association.release();
  });

  test('a peer that sends requests and never reads the answers is cut off', async () => {
    const { scp } = await startScp();
    const association = await openRogueAssociation({ ...scp.listening });
    association.socket.pause();
    const echoes = Buffer.concat(Array.from({ length: 2000 }, () => pdu(4, pdv(1, 3, echoCommand()))));
    for (let count = 0; count < 200 && !association.closed; count += 1) await association.write(echoes);
    association.socket.resume();
    await association.record.waitFor('closed');
    expect(await echo(scp)).toBe(0);
  });

  test('a receiver that refuses, throws or fails gives a failure status and no count', async () => {
    const { scp } = await startScp();
    const instance = makeInstance();
    const bad: InstanceReceiver[] = [
      () => {
        throw new GatewayError('overloaded', 'full');
      },
      () => ({
        write: () => Promise.reject(new GatewayError('overloaded', 'full')),
        end: () => 0,
        fail: () => undefined,
      }),
      () => ({ write: () => undefined, end: () => 0xa700, fail: () => undefined }),
      () => ({ write: () => undefined, end: () => Promise.reject(new Error('disk')), fail: () => undefined }),
    ];
    const association = await (async () => {
      const move = expectMove(scp);
      const opened = await sender(scp, instance);
      move.end(over());
      return opened;
    })();
    for (const receiver of bad) {
      const move = expectMove(scp, { receiver });
      expect(await storeOn(association, instance, originator)).toBe(OUT_OF_RESOURCES);
      expect(move.received).toBe(0);
      move.end(over());
    }
    await association.release();
  });
});

const echoCommand = (): Buffer =>
  Buffer.from(
    '000000000400000038000000' +
      '00000200120000' +
      '00' +
      Buffer.from('1.2.840.10008.1.1\0').toString('hex') +
      '0000000102000000' +
      '3000' +
      '0000100102000000' +
      '0100' +
      '0000000802000000' +
      '0101',
    'hex',
  );

describe('back-pressure and memory', () => {
  test('W-45: the peer is not answered, and its bytes wait in its own socket, until the receiver took them', async () => {
    const { scp } = await startScp();
    let release: () => void = () => undefined;
    const gate = new Promise<void>((resolve) => {
      release = resolve;
    });
    let written = 0;
    let holds = 0;
    const move = expectMove(scp, {
      receiver: () => ({
        write: async (chunk) => {
          written += chunk.length;
          await gate;
        },
        end: () => 0,
        fail: () => undefined,
      }),
      onHold: () => {
        holds += 1;
        return () => {
          holds -= 1;
        };
      },
    });
    const piece = Buffer.alloc(1 << 20, 1);
    const instance = {
      ...makeInstance(),
      *dataset(): Generator<Buffer> {
        yield makeInstance().dataset;
        for (let count = 0; count < 64; count += 1) yield piece;
      },
    };
    const association = await sender(scp, { ...instance, dataset: Buffer.alloc(0) });
    const stored = storeOn(association, { ...instance, dataset: instance.dataset() }, originator);
    while (association.socket.writableLength === 0 || holds === 0) {
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(written).toBeLessThan(1 << 20);
    expect([holds, move.running]).toEqual([1, 1]);
    release();
    expect(await stored).toBe(0);
    expect(written).toBeGreaterThan(64 << 20);
    expect(holds).toBe(0);
    await association.release();
  });

  test('of two receivers the one that stalls is given up, and the other gets the instance', async () => {
    const { scp } = await startScp({ stallMs: 30 });
    const taker = new Taker();
    const failures: string[] = [];
    expectMove(scp, { receiver: taker.receiver });
    expectMove(scp, {
      receiver: () => ({
        write: () => new Promise<void>(() => undefined),
        end: () => 0,
        fail: ({ code }) => {
          failures.push(code);
        },
      }),
    });
    const instance = makeInstance();
    const association = await sender(scp, instance);
    expect(await storeOn(association, instance)).toBe(0);
    expect(failures).toEqual(['reader-stalled']);
    expect([...taker.taken.keys()]).toEqual([instance.sopInstanceUid]);
    await association.release();
  });
});

describe('life', () => {
  test('it may advertise another address than it listens on, and listens on IPv6', async () => {
    const { scp } = await startScp({
      listen: { host: '::1', port: 0 },
      advertise: { host: 'gw.example', port: 11112 },
    });
    expect(scp.advertised).toBe('GATEWAY@gw.example:11112');
    expect(scp.listening).toMatchObject({ host: '::1' });
    expect(await echo(scp)).toBe(0);
    const plain = await startScp();
    expect(plain.scp.advertised).toBe(`GATEWAY@127.0.0.1:${plain.scp.listening.port}`);
  });

  test('a port that is taken is an error that names it', async () => {
    const { scp } = await startScp();
    await expect(startScp({ listen: scp.listening })).rejects.toThrow(String(scp.listening.port));
  });

  test('close lets an instance on its way in finish, then aborts who is still there', async () => {
    const { scp } = await startScp();
    const taker = new Taker();
    const move = expectMove(scp, { receiver: taker.receiver });
    const instance = makeInstance({ pixelBytes: 50_000 });
    const association = await sender(scp, instance);
    association.shape = { fragmentBytes: 5000, dripMs: 1 };
    const stored = storeOn(association, instance, originator);
    while (move.running === 0) await new Promise((resolve) => setImmediate(resolve));
    const closed = scp.close(5000);
    expect(await stored).toBe(0);
    move.end(over());
    await closed;
    await association.record.waitFor('closed');
    expect(association.record.of('abort')).toHaveLength(1);
    expect(() => expectMove(scp)).toThrow(GatewayError);
    await expect(connectRogue(scp.listening)).rejects.toThrow();
  });

  test('close does not wait beyond its grace time', async () => {
    const { scp } = await startScp();
    const taker = new Taker();
    const move = expectMove(scp, { receiver: taker.receiver });
    const association = await sender(scp, makeInstance());
    await scp.close(20);
    expect(move.isOver).toBe(true);
    await association.record.waitFor('closed');
  });

  test('an association that stays idle after the last C-MOVE is closed', async () => {
    const { scp, observed } = await startScp({ idleMs: 30 });
    const association = await openRogueAssociation({ ...scp.listening });
    await association.record.waitFor('abort');
    await association.record.waitFor('closed');
    expect(observed.flatMap((o) => (o.kind === 'association' ? [o.event] : []))).toEqual([
      'opened',
      'aborted',
    ]);
  });
});
