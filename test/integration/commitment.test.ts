import { readdirSync } from 'node:fs';
import { afterEach, describe, expect, test } from '@jest/globals';
import { formatNativeXml, type DicomJsonObject } from '../../src/dicom/index.js';
import {
  commitmentJson,
  instanceItem,
  resultOf,
  startCommitmentScene,
  type CommitmentScene,
  type CommitmentSceneOptions,
  type Wanted,
} from '../helpers/commitment.js';
import { readElements } from '../helpers/independent-reader.js';
import {
  accept,
  final,
  openRogueAssociation,
  report,
  reportOn,
  silence,
  startRoguePeer,
  Uids,
  until,
  type RogueMessage,
  type RoguePeer,
  type Script,
} from '../helpers/rogue-peer.js';
import { HASTY, partsOf, peerYaml, request, startTestGateway } from '../helpers/test-gateway.js';

const CT = Uids.ctImageStorage;
const [one, two, three]: readonly [Wanted, Wanted, Wanted] = [
  { study: '2.25.1', series: '2.25.1.1', sopInstanceUid: '2.25.1.1.1' },
  { study: '2.25.1', series: '2.25.1.1', sopInstanceUid: '2.25.1.1.2' },
  { study: '2.25.2', series: '2.25.2.1', sopInstanceUid: '2.25.2.1.1' },
];
const kept = (...wanted: readonly Wanted[]) =>
  wanted.map(({ sopInstanceUid }) => ({ sopClassUid: CT, sopInstanceUid }));

const refusedOf = (...wanted: readonly Wanted[]) =>
  kept(...wanted).map((reference) => ({ ...reference, reason: 0x0112 }));

const scenes: CommitmentScene[] = [];
/** Further members of groups. */
const others: RoguePeer[] = [];
afterEach(async () => {
  for (const other of others.splice(0)) await other.close();
  for (const scene of scenes.splice(0)) {
    const errors = scene.peer.stepErrors.map(String);
    await scene.close();
    expect(errors.filter((text) => !text.includes('closed before the response'))).toEqual([]);
  }
});

async function start(options: CommitmentSceneOptions = {}): Promise<CommitmentScene> {
  const scene = await startCommitmentScene(options);
  scenes.push(scene);
  return scene;
}

/** The Transaction UID that the peer was asked under. */
const upstreamUid = ({ peer }: CommitmentScene, index = 0): string => {
  const message = peer.messages('N-ACTION-RQ')[index];
  const text = message?.dataset.toString('latin1') ?? '';
  return /2\.25\.\d+/.exec(text)?.[0] ?? '';
};
/** Of requests, beside the lock. */
const filesOf = ({ directory }: CommitmentScene): readonly string[] =>
  readdirSync(directory).filter((name) => name !== 'lock');
const statusOf = ({ command }: RogueMessage): number | undefined => command.status;

describe('C-03: the report on the association of the request', () => {
  test('that comes at once is the answer; the peer was asked for all instances under another UID', async () => {
    const scene = await start({
      onAction: [final(0), report({ committed: kept(one, two, three) })],
      commitment: 'answerWithin: 20s',
    });
    const response = await scene.post('1.2.3', [one, two, three]);
    expect([response.status, response.headers['content-type']]).toEqual([200, 'application/dicom+json']);
    expect(JSON.parse(response.body.toString())).toEqual(commitmentJson([one, two, three], 'flat'));
    const [action] = scene.peer.messages('N-ACTION-RQ');
    expect(action?.command).toMatchObject({
      requestedSopClassUid: Uids.storageCommitment,
      requestedSopInstanceUid: Uids.storageCommitmentInstance,
      actionTypeId: 1,
    });
    const sent = readElements(action?.dataset ?? Buffer.alloc(0), Uids.explicitLittleEndian);
    const values = sent.map(({ value }) => value.toString('latin1').replace(/\0$/, ''));
    expect(values[0]).toMatch(/^2\.25\.\d+$/);
    expect(values.slice(1)).toEqual([one, two, three].flatMap(({ sopInstanceUid }) => [CT, sopInstanceUid]));
    const [answer] = scene.peer.messages('N-EVENT-REPORT-RSP');
    expect(answer?.command).toMatchObject({
      status: 0,
      eventTypeId: 1,
      affectedSopClassUid: Uids.storageCommitment,
    });
  });

  test('that comes before the answer to the request counts too', async () => {
    const scene = await start({ onAction: [report({ committed: kept(one) }), final(0)] });
    const response = await scene.post('1.2.3', [one]);
    expect([response.status, resultOf(response, '00081199')]).toEqual([200, [[one.sopInstanceUid]]]);
  });

  test('C-01, C-02: that comes later is told when it is there; until then it is 202 without a body', async () => {
    let go = (): void => undefined;
    const gate = new Promise<void>((resolve) => {
      go = resolve;
    });
    const failed = [{ sopClassUid: CT, sopInstanceUid: two.sopInstanceUid, reason: 0x0112 }];
    const scene = await start({
      onAction: [final(0), until(gate), report({ committed: kept(one), failed })],
    });
    const posted = await scene.post('1.2.3', [one, two]);
    expect([posted.status, posted.body.length, posted.headers['retry-after']]).toEqual([
      202,
      0,
      expect.stringMatching(/^\d+$/),
    ]);
    const waiting = await scene.get('1.2.3');
    expect([waiting.status, waiting.body.length, waiting.headers['retry-after']]).toEqual([
      202,
      0,
      expect.stringMatching(/^\d+$/),
    ]);
    go();
    await scene.peer.waitFor('N-EVENT-REPORT-RSP', 1, 20_000);
    const done = await scene.get('1.2.3');
    expect(done.status).toBe(200);
    expect(resultOf(done, '00081199')).toEqual([[one.sopInstanceUid]]);
    expect(resultOf(done, '00081198')).toEqual([[two.sopInstanceUid, 0x0112]]);
    const metrics = (await scene.gateway.telemetry.metrics()).body;
    expect(metrics).toContain('dicomgw_commitments_total{peer="main",outcome="failed"} 1');
    expect(metrics).toContain('operation="N-ACTION",outcome="success"');
  });

  test('the association waits longer than others do', async () => {
    let go = (): void => undefined;
    const gate = new Promise<void>((resolve) => {
      go = resolve;
    });
    const scene = await start({
      onAction: [final(0), until(gate), report({ committed: kept(one) })],
      peerKeys: '    idleTimeout: 1ms',
    });
    expect((await scene.post('1.2.3', [one])).status).toBe(202);
    expect((await request(`${scene.gateway.service}/studies?limit=1`)).status).toBe(200);
    const { association } = await scene.peer.waitFor('release-rq', 1, 20_000);
    const [first] = scene.peer.record.of('N-ACTION-RQ');
    expect(association).not.toBe(first?.association);
    go();
    await scene.peer.waitFor('N-EVENT-REPORT-RSP', 1, 20_000);
    expect((await scene.get('1.2.3')).status).toBe(200);
  });

  test('the association makes room for others', async () => {
    const scene = await start({ peerKeys: '    associations: 1' });
    expect((await scene.post('1.2.3', [one])).status).toBe(202);
    expect((await request(`${scene.gateway.service}/studies?limit=1`)).status).toBe(200);
    const { association } = await scene.peer.waitFor('release-rq', 1, 20_000);
    const [first] = scene.peer.record.of('N-ACTION-RQ');
    expect(association).toBe(first?.association);
  });

  test('the association is let go at once where it is not to be kept', async () => {
    const scene = await start({ commitment: 'answerWithin: 0, keepAssociation: 0' });
    expect((await scene.post('1.2.3', [one])).status).toBe(202);
    await scene.peer.waitFor('release-rq', 1, 20_000);
  });
});

describe("C-03: the report on an association of the peer's own", () => {
  test.each(['hierarchical', 'by-series'] as const)(
    'C-04: opened as SCP; the answer is %s as its request',
    async (shape) => {
      const scene = await start();
      expect((await scene.post('1.2.3', [one, two, three], shape)).status).toBe(202);
      const association = await scene.report();
      const [accepted] = association.record.of('associate-ac');
      expect(accepted?.type === 'associate-ac' && accepted.answer.roles).toEqual([
        { sopClassUid: Uids.storageCommitment, scu: false, scp: true },
      ]);
      const answer = await reportOn(association, {
        transactionUid: upstreamUid(scene),
        committed: kept(one, three),
        failed: kept(two),
      });
      expect(statusOf(answer)).toBe(0);
      await association.release();
      const body = JSON.parse((await scene.get('1.2.3')).body.toString()) as Record<string, unknown>;
      expect(body['00081110']).toEqual(commitmentJson([one, three], shape)['00081110']);
      expect(JSON.stringify(body['0008119B'])).toContain('"00081197":{"vr":"US","Value":[272]}');
    },
  );

  test('of a peer that does not say that it is the SCP, and of one that says it is an SCU alone', async () => {
    const scene = await start();
    await scene.post('1.2.3', [one]);
    const { host, port } = scene.gateway.running.storageScp?.listening ?? { host: '', port: 0 };
    const contexts = [[Uids.storageCommitment, Uids.implicitLittleEndian]] as const;
    const asScu = await openRogueAssociation({
      ...{ host, port, contexts, callingAeTitle: scene.peer.address.aeTitle },
      roles: [{ sopClassUid: Uids.storageCommitment, scu: true, scp: false }],
    });
    expect(asScu.accepted.size).toBe(0);
    const plain = await openRogueAssociation({
      host,
      port,
      contexts,
      callingAeTitle: scene.peer.address.aeTitle,
    });
    const answer = await reportOn(plain, { transactionUid: upstreamUid(scene), committed: kept(one) });
    expect(statusOf(answer)).toBe(0);
    await plain.release();
    expect((await scene.get('1.2.3')).status).toBe(200);
  });

  test('C-05: after a restart of the gateway', async () => {
    const scene = await start();
    await scene.post('1.2.3', [one]);
    await scene.restart();
    expect((await scene.get('1.2.3')).status).toBe(202);
    expect((await scene.post('1.2.3', [one])).status).toBe(409);
    const association = await scene.report();
    const answer = await reportOn(association, { transactionUid: upstreamUid(scene), committed: kept(one) });
    expect(statusOf(answer)).toBe(0);
    await association.release();
    await scene.restart();
    const done = await scene.get('1.2.3');
    expect([done.status, resultOf(done, '00081199')]).toEqual([200, [[one.sopInstanceUid]]]);
    expect(filesOf(scene).every((name) => /^[0-9a-f]{64}\.json$/.test(name))).toBe(true);
  });

  test('of a transaction that nobody knows is refused', async () => {
    const scene = await start();
    await scene.post('1.2.3', [one]);
    const association = await scene.report();
    // The Transaction UID of the client means nothing at the peer.
    const stray = await reportOn(association, { transactionUid: '1.2.3', committed: kept(one) });
    expect(statusOf(stray)).toBe(0x0115);
    await association.release();
    expect((await scene.get('1.2.3')).status).toBe(202);
    await scene.gateway.logged('storage commitment stray', 20_000);
  });

  test('C-05: of another AE title is not taken, unless it is one that the peer is known by', async () => {
    const scene = await start({ peerKeys: '    commitmentAeTitles: [ARCHIVE2]' });
    await scene.post('1.2.3', [one]);
    const stranger = await scene.report('STRANGER');
    expect(stranger.record.of('associate-rj')).toHaveLength(1);
    await scene.gateway.logged('not one under which a peer reports', 20_000);
    expect((await scene.get('1.2.3')).status).toBe(202);
    const known = await scene.report('ARCHIVE2');
    const answer = await reportOn(known, { transactionUid: upstreamUid(scene), committed: kept(one) });
    expect(statusOf(answer)).toBe(0);
    await known.release();
    expect((await scene.get('1.2.3')).status).toBe(200);
  });

  test('C-05: of one peer says nothing of what another was asked for', async () => {
    const scene = await start({
      yaml: 'defaultPeer: main',
      peerKeys: '  other:\n    address: OTHER@127.0.0.1:1',
    });
    await scene.post('1.2.3', [one]);
    const other = await scene.report('OTHER');
    const answer = await reportOn(other, { transactionUid: upstreamUid(scene), committed: kept(one) });
    expect(statusOf(answer)).toBe(0x0115);
    await other.release();
    expect((await scene.get('1.2.3')).status).toBe(202);
  });

  test('that is none: an unknown event, another SOP class, no dataset that can be read', async () => {
    const scene = await start();
    await scene.post('1.2.3', [one]);
    const transactionUid = upstreamUid(scene);
    const association = await scene.report();
    const committed = kept(one);
    const answers = [
      await reportOn(association, { transactionUid, committed, eventTypeId: 3 }),
      await reportOn(association, { transactionUid, committed, affectedSopClassUid: CT }),
      await reportOn(association, { transactionUid, dataset: Buffer.from('no dataset at all') }),
      await association.request(1, {
        commandField: 0x0100,
        affectedSopClassUid: Uids.storageCommitment,
        eventTypeId: 1,
      }),
      await association.request(1, { commandField: 0x0130, requestedSopClassUid: Uids.storageCommitment }),
    ];
    expect(answers.map(statusOf)).toEqual([0x0113, 0x0118, 0x0115, 0x0115, 0x0211]);
    await association.release();
    expect((await scene.get('1.2.3')).status).toBe(202);
  });

  test('that is longer than it may be ends the association', async () => {
    const scene = await start({ commitment: 'answerWithin: 0, maxBytes: 1 KiB' });
    await scene.post('1.2.3', [one]);
    const association = await scene.report();
    const committed = Array.from({ length: 50 }, (_one, index) => ({ sopInstanceUid: `2.25.1.1.${index}` }));
    await expect(reportOn(association, { transactionUid: upstreamUid(scene), committed })).rejects.toThrow();
    expect((await scene.get('1.2.3')).status).toBe(202);
  });
});

describe('a peer that does not take the request', () => {
  test.each<[string, CommitmentSceneOptions, number, string]>([
    [
      'it does not accept the service',
      { associate: accept({ sopClasses: [Uids.verification] }) },
      501,
      'peer-unsupported',
    ],
    ['it does not support the action', { onAction: [final(0x0123)] }, 501, 'peer-unsupported'],
    ['it fails', { onAction: [final(0x0110)] }, 502, 'peer-failed'],
    ['it is silent', { onAction: [silence()] as Script, peerKeys: HASTY }, 504, 'peer-timeout'],
  ])('%s: nothing stays, and the Transaction UID is free', async (_name, options, status, code) => {
    const scene = await start(options);
    const attempts = [await scene.post('1.2.3', [one]), await scene.post('1.2.3', [one])];
    for (const response of attempts) {
      expect(response.status).toBe(status);
      expect(JSON.parse(response.body.toString())).toMatchObject({ code });
    }
    expect((await scene.get('1.2.3')).status).toBe(404);
    expect(filesOf(scene)).toEqual([]);
  });

  test('a result that does not come in time is 504, never a commitment', async () => {
    const scene = await start({ commitment: 'answerWithin: 0, resultTimeout: 1ms' });
    await scene.post('1.2.3', [one]);
    const late = await scene.get('1.2.3');
    expect([late.status, late.body.toString()]).toEqual([
      504,
      expect.stringContaining('nothing of this request'),
    ]);
  });
});

describe('C-01, C-06: requests and answers over HTTP', () => {
  const xml = (object: object): string => formatNativeXml(object as DicomJsonObject);
  const send = (
    scene: CommitmentScene,
    uid: string,
    [contentType, body]: readonly [contentType: string, body: string],
    accepts = '*/*',
  ) =>
    request(`${scene.gateway.service}/commitment-requests/${uid}`, {
      method: 'POST',
      headers: { 'content-type': contentType, accept: accepts },
      body,
    });
  const multipart = (type: string, body: string): readonly [string, string] => [
    `multipart/related; type="${type}"; boundary=b`,
    `--b\r\nContent-Type: ${type}\r\n\r\n${body}\r\n--b--\r\n`,
  ];

  test('are in DICOM JSON or XML, bare or in a part', async () => {
    const scene = await start({
      onAction: [report({ committed: kept(one) }), final(0)],
    });
    const object = commitmentJson([one], 'flat');
    const json = JSON.stringify(object);
    const forms: readonly (readonly [string, string])[] = [
      ['application/json', `[${json}]`],
      ['application/dicom+xml', xml(object)],
      multipart('application/dicom+json', json),
      multipart('application/dicom+xml', xml(object)),
    ];
    for (const [index, form] of forms.entries())
      expect((await send(scene, `1.2.${index}`, form)).status).toBe(200);
    const bare = await scene.get('1.2.0', 'application/dicom+xml');
    expect(bare.headers['content-type']).toBe('application/dicom+xml');
    expect(bare.body.toString()).toContain('keyword="ReferencedSOPSequence"');
    for (const type of ['application/dicom+xml', 'application/dicom+json']) {
      const packed = await scene.get('1.2.0', `multipart/related; type="${type}"`);
      expect(partsOf(packed).map(({ headers }) => headers['content-type'])).toEqual([type]);
    }
    expect((await scene.get('1.2.0', 'image/png')).status).toBe(406);
  });

  test('that are wrong ask nobody for anything', async () => {
    const scene = await start({ commitment: 'answerWithin: 0, maxInstances: 2, maxBytes: 2 KiB' });
    const json = 'application/dicom+json';
    const good = JSON.stringify(commitmentJson([one], 'flat'));
    const answers = [
      await send(scene, '1.2.x', [json, good]),
      await send(scene, '1.2.3', [json, '{}']),
      await send(scene, '1.2.3', [json, `[${good},${good}]`]),
      await send(scene, '1.2.3', [json, 'nothing']),
      await send(scene, '1.2.3', ['application/dicom', good]),
      await send(scene, '1.2.3', ['text/plain', good]),
      await send(scene, '1.2.3', [json, good], 'image/png'),
      await send(scene, '1.2.3', [json, JSON.stringify(commitmentJson([one, two, three], 'flat'))]),
      await send(scene, '1.2.3', [json, `${good}${' '.repeat(3000)}`]),
    ];
    expect(answers.map(({ status }) => status)).toEqual([400, 400, 400, 400, 415, 415, 406, 413, 413]);
    expect(scene.peer.events).toEqual([]);
    expect((await scene.get('1.2.3')).status).toBe(404);
    const put = await request(`${scene.gateway.service}/commitment-requests/1.2.3`, { method: 'PUT' });
    expect([put.status, put.headers.allow]).toEqual([405, 'GET, HEAD, POST']);
  });

  test('a Transaction UID that is in use is 409', async () => {
    const scene = await start();
    const both = await Promise.all([scene.post('1.2.3', [one]), scene.post('1.2.3', [one])]);
    expect(both.map(({ status }) => status).sort()).toEqual([202, 409]);
    expect(scene.peer.messages('N-ACTION-RQ')).toHaveLength(1);
  });

  test('an instance that is named twice is asked for once, and answered twice', async () => {
    const scene = await start({ onAction: [report({ committed: kept(one) }), final(0)] });
    const response = await scene.post('1.2.3', [one, one]);
    expect(JSON.parse(response.body.toString())).toEqual({
      '00081199': { vr: 'SQ', Value: [instanceItem(one.sopInstanceUid), instanceItem(one.sopInstanceUid)] },
    });
    const [action] = scene.peer.messages('N-ACTION-RQ');
    expect(action?.dataset.toString('latin1').split(one.sopInstanceUid)).toHaveLength(2);
  });

  test('C-05: are 501 where they have no place to outlast the process', async () => {
    const gateway = await startTestGateway(peerYaml('NOBODY@127.0.0.1:1'));
    const response = await request(`${gateway.service}/commitment-requests/1.2.3`);
    await gateway.close();
    expect([response.status, response.body.toString()]).toEqual([
      501,
      expect.stringContaining('commitment.directory'),
    ]);
  });
});

describe('the directory of requests', () => {
  test('C-05: belongs to one process: another one does not start, and the next one does', async () => {
    const scene = await start();
    const second = peerYaml('ORTHANC@127.0.0.1:4242', `commitment: { directory: ${scene.directory} }`);
    await expect(startTestGateway(second)).rejects.toThrow('in use by another gateway process');
    await scene.restart();
    expect((await scene.get('1.2.3')).status).toBe(404);
  });

  test('is counted in the metrics by state', async () => {
    const scene = await start({ onAction: [final(0)] });
    await scene.post('1.2.3', [one]);
    const metrics = await request(`${scene.gateway.origin}/metrics`);
    expect(metrics.body.toString()).toContain('dicomgw_commitments_kept{state="pending"} 1');
  });
});

describe('a group of peers', () => {
  test('asks the member that stores', async () => {
    const scene = await start({
      onAction: [report({ committed: kept(one) }), final(0)],
      yaml: 'groups: { all: { members: [main, other], store: main } }\ndefaultPeer: all',
      peerKeys: '  other:\n    address: OTHER@127.0.0.1:1',
    });
    expect((await scene.post('1.2.3', [one])).status).toBe(200);
    expect((await scene.get('1.2.3')).status).toBe(200);
    const ofMember = await request(`${scene.gateway.origin}/peers/main/dicomweb/commitment-requests/1.2.3`);
    expect(ofMember.status).toBe(200);
    const ofOther = await request(`${scene.gateway.origin}/peers/other/dicomweb/commitment-requests/1.2.3`);
    expect(ofOther.status).toBe(404);
  });

  describe.each(['all', 'any'] as const)(
    'that stores at two members, of which %s must have it',
    (require) => {
      async function startTwo(onAction: Script, onOther: Script): Promise<CommitmentScene> {
        const other = await startRoguePeer({ onAction: onOther });
        others.push(other);
        return start({
          onAction,
          commitment: 'answerWithin: 20s',
          yaml: `groups: { both: { members: [main, other], store: { members: [main, other], require: ${require} } } }\ndefaultPeer: both`,
          peerKeys: `  other:\n    address: ${other.address.aeTitle}@127.0.0.1:${other.address.port}`,
        });
      }

      test('C-01, C-05: commits to what that many of them have committed to', async () => {
        const scene = await startTwo(
          [final(0), report({ committed: kept(one, two), failed: refusedOf(three) })],
          [final(0), report({ committed: kept(one), failed: refusedOf(two, three) })],
        );
        for (const response of [await scene.post('1.2.3', [one, two, three]), await scene.get('1.2.3')]) {
          expect(response.status).toBe(200);
          const committed = require === 'all' ? [one] : [one, two];
          expect(resultOf(response, '00081199')).toEqual(committed.map((it) => [it.sopInstanceUid]));
          const failed = require === 'all' ? [two, three] : [three];
          expect(resultOf(response, '00081198')).toEqual(failed.map((it) => [it.sopInstanceUid, 0x0112]));
        }
      });

      test('C-03: where one of them does not take the request', async () => {
        const scene = await startTwo([final(0), report({ committed: kept(one) })], [final(0x0123)]);
        const response = await scene.post('1.2.3', [one]);
        expect(response.status).toBe(require === 'all' ? 501 : 200);
        // The UID of a request that was not taken is free.
        expect((await scene.get('1.2.3')).status).toBe(require === 'all' ? 404 : 200);
        expect((await scene.post('1.2.3', [one])).status).toBe(require === 'all' ? 501 : 409);
      });
    },
  );

  test('that stores nowhere is 501', async () => {
    const scene = await start({
      yaml: 'groups: { all: { members: [main] } }\ndefaultPeer: all',
    });
    expect((await scene.post('1.2.3', [one])).status).toBe(501);
  });
});
