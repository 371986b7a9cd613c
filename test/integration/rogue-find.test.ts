import { afterEach, describe, expect, test } from '@jest/globals';

import { GatewayError } from '../../src/core/index.js';
import { Dataset, Tags } from '../../src/dicom/index.js';
import type { FindCompletion } from '../../src/dimse/index.js';
import { connectPeer, operation } from '../helpers/rogue-peer-client.js';
import {
  abort,
  accept,
  answerWith,
  cutAfter,
  drop,
  encodeElement,
  final,
  pdu,
  pdv,
  pending,
  pendingUntilCancelled,
  raw,
  refusingPort,
  reject,
  shaped,
  silence,
  startRoguePeer,
  Uids,
  until,
  type RoguePeer,
  type RoguePeerOptions,
  type Shape,
  type Step,
} from '../helpers/rogue-peer.js';

const cleanups: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

const quick = { connectMs: 500, associationMs: 1000, firstResponseMs: 60, betweenResponsesMs: 60 };

async function setUp(
  options: RoguePeerOptions,
  changes: Parameters<typeof connectPeer>[1] = {},
): Promise<ReturnType<typeof connectPeer> & { rogue: RoguePeer }> {
  const rogue = await startRoguePeer(options);
  const client = connectPeer(rogue.address, changes);
  cleanups.push(
    () => rogue.close(),
    () => client.peer.close(0),
  );
  return { rogue, ...client };
}

const row = (uid: string): Record<string, string> => ({
  QueryRetrieveLevel: 'STUDY',
  StudyInstanceUID: uid,
  PatientID: 'P',
});
const keys = (): Dataset => new Dataset().setEmpty(Tags.StudyInstanceUID).setEmpty(Tags.PatientID);

interface Outcome {
  readonly uids: string[];
  readonly completion: FindCompletion | undefined;
  readonly error: GatewayError | undefined;
}

async function find(
  { peer }: Pick<ReturnType<typeof connectPeer>, 'peer'>,
  signal?: AbortSignal,
): Promise<Outcome> {
  const uids: string[] = [];
  const rows = peer.find('STUDY', keys(), operation(signal));
  try {
    for (;;) {
      const next = await rows.next();
      if (next.done === true) return { uids, completion: next.value, error: undefined };
      uids.push(next.value.string(Tags.StudyInstanceUID) ?? '');
    }
  } catch (error) {
    expect(error).toBeInstanceOf(GatewayError);
    return { uids, completion: undefined, error: error as GatewayError };
  }
}

describe('answers', () => {
  test.each<[string, Shape]>([
    ['in one PDU a message', {}],
    ['byte by byte', { writeBytes: 1 }],
    ['in PDVs of one byte', { fragmentBytes: 1 }],
    ['in PDVs of one byte, many a PDU', { fragmentBytes: 1, pdvsPerPdu: 1000 }],
    ['in odd PDVs, three a PDU', { fragmentBytes: 13, pdvsPerPdu: 3 }],
    ['with empty last fragments', { emptyLastFragment: true }],
  ])('R-12: the rows are the same %s', async (_name, shape) => {
    const client = await setUp({ onFind: [pending(row('1.2.1')), pending(row('1.2.2')), final(0)], shape });
    expect(await find(client)).toEqual({
      uids: ['1.2.1', '1.2.2'],
      completion: { status: 0, truncated: false },
      error: undefined,
    });
  });

  test('R-12: FF01, rows of another level, unasked attributes, odd lengths and repeated rows are handed on', async () => {
    const odd = Buffer.concat([
      encodeElement('StudyInstanceUID', Buffer.from('1.2.3'), 'explicit'),
      encodeElement('00191001:LO', 'unasked', 'explicit'),
    ]);
    const client = await setUp({
      associate: accept({ transferSyntaxes: [Uids.explicitLittleEndian] }),
      onFind: [
        pending(row('1.2.1'), 0xff01),
        pending({ ...row('1.2.2'), QueryRetrieveLevel: 'IMAGE' }),
        pending(row('1.2.2')),
        pending(odd),
        final(0),
      ],
    });
    const { uids, completion } = await find(client);
    expect(uids).toEqual(['1.2.1', '1.2.2', '1.2.2', '1.2.3']);
    expect(completion).toEqual({ status: 0, truncated: false });
  });

  test('no match is an empty answer, and only a success makes it one', async () => {
    const client = await setUp({ onFind: [final(0)] });
    expect(await find(client)).toMatchObject({ uids: [], completion: { status: 0 } });
  });

  test('FE00 that nobody asked for says that the answer is not whole', async () => {
    const client = await setUp({ onFind: [pending(row('1.2.1')), final(0xfe00)] });
    expect(await find(client)).toMatchObject({ uids: ['1.2.1'], completion: { truncated: true } });
  });

  test('R-12: what follows the last response does not disturb the next search', async () => {
    let asked = 0;
    const client = await setUp(
      {
        onFind: () => {
          asked += 1;
          return asked === 1
            ? [pending(row('1.2.1')), final(0), pending(row('6.6.6'))]
            : [pending(row('1.2.2')), final(0)];
        },
      },
      { idleMs: 1000 },
    );
    expect(await find(client)).toMatchObject({ uids: ['1.2.1'], completion: { status: 0 } });
    expect((await find(client)).uids).toEqual(['1.2.2']);
  });

  test('both sides may send a command set without group length, or without Affected SOP Class UID', async () => {
    const client = await setUp({
      onFind: [
        (op) =>
          op.respond(
            { status: 0xff00, withoutGroupLength: true, affectedSopClassUid: undefined },
            row('1.2.1'),
          ),
        final(0),
      ],
    });
    expect((await find(client)).uids).toEqual(['1.2.1']);
  });
});

describe('law 1: a search that breaks is never a short answer', () => {
  const first = pending(row('1.2.1'));
  test.each<[string, Step[], string]>([
    ['aborts', [first, abort()], 'peer-aborted'],
    ['drops the connection', [first, drop()], 'peer-aborted'],
    ['cuts a row in two', [first, cutAfter(30), pending(row('1.2.2'))], 'peer-aborted'],
    ['falls silent', [first, silence()], 'peer-timeout'],
    ['never answers', [silence()], 'peer-timeout'],
    ['ends in A700', [first, final(0xa700)], 'peer-out-of-resources'],
    ['ends in A900', [first, final(0xa900)], 'peer-failed'],
    ['ends in C001', [first, final(0xc001)], 'peer-failed'],
    ['ends in 0122', [final(0x0122)], 'peer-unsupported'],
    ['ends in 0124', [final(0x0124)], 'peer-not-authorized'],
    ['releases in the middle', [first, raw(Buffer.from('05000000000400000000', 'hex'))], 'peer-aborted'],
    [
      'uses a wrong context',
      [first, (op) => op.association.send(77, { commandField: 0x8020 })],
      'peer-protocol',
    ],
    ['answers another message', [(op) => op.respond({ messageIdRespondedTo: 999 })], 'peer-protocol'],
    ['declares a PDU of 4 GiB', [first, raw(Buffer.from('0400ffffffff', 'hex'))], 'peer-protocol'],
    [
      'declares a PDV beyond its PDU',
      [first, raw(Buffer.from('04000000000affffffff0102', 'hex'))],
      'peer-protocol',
    ],
    ['sends a PDU of no known type', [first, raw(pdu(0x42, Buffer.alloc(4)))], 'peer-protocol'],
    [
      'sends a command set of nonsense',
      [first, raw(pdu(4, pdv(1, 3, Buffer.alloc(7, 0xff))))],
      'peer-protocol',
    ],
    [
      'declares an element beyond the row',
      [pending(encodeElement('PatientID', 'P', 'implicit', 0xffff00))],
      'peer-protocol',
    ],
    [
      'sends a request',
      [(op) => op.association.send(1, { commandField: 0x0001, messageId: 1 })],
      'peer-protocol',
    ],
  ])('a peer that %s', async (_name, script, code) => {
    const client = await setUp(
      { onFind: script, associate: accept({ transferSyntaxes: [Uids.implicitLittleEndian] }) },
      { timeouts: { firstResponseMs: 80, betweenResponsesMs: 80 } },
    );
    const { error, completion } = await find(client);
    expect(completion).toBeUndefined();
    expect(error).toMatchObject({ code });
    await client.rogue.allClosed();
  });
});

describe('associations that do not come about', () => {
  test('nobody listens', async () => {
    const client = connectPeer({ aeTitle: 'X', host: '127.0.0.1', port: await refusingPort() });
    expect((await find(client)).error).toMatchObject({ code: 'peer-unreachable' });
    await client.peer.close(0);
  });

  test.each<[string, RoguePeerOptions['associate'], string]>([
    ['rejects for good', reject('permanent'), 'peer-rejected'],
    ['is congested', reject('transient'), 'peer-busy'],
    ['says nothing', silence(), 'peer-unreachable'],
    [
      'closes',
      (association) => {
        association.drop();
      },
      'peer-aborted',
    ],
    [
      'aborts',
      (association) => {
        association.abort();
      },
      'peer-aborted',
    ],
    ['answers with HTTP', answerWith(Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n')), 'peer-protocol'],
    ['declares an answer of 2 GiB', answerWith(Buffer.from('020080000000', 'hex')), 'peer-protocol'],
    ['accepts nothing', accept({ sopClasses: [] }), 'peer-unsupported'],
    [
      'accepts a context that was not proposed',
      accept({ tamper: (contexts) => contexts.map((context) => ({ ...context, id: 99 })) }),
      'peer-protocol',
    ],
    [
      'accepts a transfer syntax that was not proposed',
      accept({ tamper: (contexts) => contexts.map((context) => ({ ...context, transferSyntax: '1.2.3' })) }),
      'peer-protocol',
    ],
    ['takes PDUs of one byte', accept({ maxPduLength: 1 }), 'peer-protocol'],
  ])('a peer that %s', async (_name, associate, code) => {
    const client = await setUp({ ...(associate && { associate }) }, { timeouts: quick });
    const { error } = await find(client);
    expect(error).toMatchObject({ code });
    await client.rogue.allClosed();
    expect(client.peer.stats.associations).toEqual({ opening: 0, busy: 0, idle: 0, closing: 0 });
  });
});

describe('cancelling and leaving', () => {
  test('H-18: ending early sends C-CANCEL and takes the association back', async () => {
    const client = await setUp(
      { onFind: [pendingUntilCancelled((index) => row(`1.2.${index + 1}`))] },
      { idleMs: 1000 },
    );
    const rows = client.peer.find('STUDY', keys(), operation());
    await rows.next();
    await rows.return({ status: 0, truncated: false });
    await client.rogue.waitFor('C-CANCEL-RQ');
    while (client.peer.stats.associations.busy > 0) await new Promise((resolve) => setImmediate(resolve));
    expect(client.peer.stats.associations).toMatchObject({ idle: 1 });
    expect(client.rogue.stepErrors).toEqual([]);
  });

  test('H-18: an aborted signal is an error for the reader and a C-CANCEL for the peer', async () => {
    const controller = new AbortController();
    const client = await setUp({
      onFind: [
        pending(row('1.2.1')),
        until(() => {
          controller.abort(new GatewayError('cancelled', 'gone'));
        }),
        silence(),
      ],
    });
    expect((await find(client, controller.signal)).error).toMatchObject({ code: 'cancelled' });
    await client.rogue.waitFor('C-CANCEL-RQ');
  });

  test('a peer that does not stop for a C-CANCEL is cut off', async () => {
    const client = await setUp({
      onFind: [...Array.from({ length: 3 }, () => pending(row('1.2.1'))), silence()],
    });
    const rows = client.peer.find('STUDY', keys(), operation());
    await rows.next();
    await rows.return({ status: 0, truncated: false });
    await client.rogue.waitFor('C-CANCEL-RQ');
    await client.peer.close(0);
    await client.rogue.allClosed(8000);
  });

  test.each<['silence' | 'drop' | 'collide']>([['silence'], ['drop'], ['collide']])(
    'no association stays open when the peer meets a release with: %s',
    async (release) => {
      const client = await setUp({ onFind: [final(0)], release }, { timeouts: { associationMs: 1000 } });
      await find(client);
      await client.rogue.waitFor('release-rq');
      await client.rogue.allClosed();
    },
  );

  test('slow drips count as life', async () => {
    const client = await setUp(
      { onFind: [shaped({ writeBytes: 20, dripMs: 10 }), pending(row('1.2.1')), final(0)] },
      { timeouts: { betweenResponsesMs: 100 } },
    );
    expect((await find(client)).uids).toEqual(['1.2.1']);
  });
});
