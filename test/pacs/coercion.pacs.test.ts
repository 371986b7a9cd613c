import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { modificationsOf, othersIn } from '../helpers/coercion.js';
import {
  basicTextSr,
  ctSlice,
  encapsulatedImage,
  privateElements,
  syntaxes,
  type Fixture,
} from '../helpers/fixtures.js';
import { readElements, textOf, type ReadElement } from '../helpers/independent-reader.js';
import { gatewayBefore, orthanc, type PacsWithPort } from '../helpers/pacs-suite.js';
import { describeWithPacs } from '../helpers/real-pacs.js';
import { answerOf, postFiles } from '../helpers/store-answer.js';
import { storedInstances, type StoredInstance } from '../helpers/stored-instances.js';
import { request, type TestGateway } from '../helpers/test-gateway.js';

const run = promisify(execFile);

describeWithPacs(
  'S-15: instances that a rule changes, at Orthanc',
  () => {
    let peer: PacsWithPort;
    let gateway: TestGateway;
    const fixtures: readonly Fixture[] = [
      ctSlice({ instance: 1, extra: [privateElements] }),
      ctSlice({ instance: 2, transferSyntaxUid: syntaxes.implicitLittle }),
      ctSlice({ instance: 3, transferSyntaxUid: syntaxes.explicitBig }),
      basicTextSr({ series: 2 }),
      encapsulatedImage({ series: 3, frames: 3 }),
    ];
    let held: readonly StoredInstance[] = [];

    beforeAll(async () => {
      peer = await orthanc.start();
      gateway = await gatewayBefore(peer, 'get', {
        top: 'store: { coercions: { north: { set: { IssuerOfPatientID: NORTH, InstitutionName: "Köln" }, prefix: { AccessionNumber: N- } } } }',
      });
      const response = await postFiles(
        `${gateway.service}/studies`,
        fixtures.map(({ file }) => file),
      );
      expect(response.status).toBe(202);
      expect(new Set(Object.values(answerOf(response).warnings))).toEqual(new Set([0xb000]));
      held = await storedInstances(peer.pacs);
    }, 60_000);
    afterAll(async () => {
      await gateway.close();
      await peer.pacs.stop();
    });

    test('dcmdump reads them, changed attributes and original ones', async () => {
      expect(held).toHaveLength(fixtures.length);
      for (const { path } of held) {
        // As the declared character set says; dcmdump names the one that it converts to.
        const { stdout, stderr } = await run('dcmdump', ['+U8', '-Ep', path]);
        expect(stderr).toBe('');
        for (const line of [
          /^\(0008,0005\) CS \[ISO_IR 192\]/m,
          /^\(0008,0050\) SH \[N-ACC1\]/m,
          /^\(0008,0080\) LO \[Köln\]/m,
          /^\(0010,0021\) LO \[NORTH\]/m,
          /^\(0400,0561\) SQ /m,
          /^ {4}\(0400,0550\) SQ /m,
          /^ {8}\(0008,0050\) SH \[ACC1\]/m,
          /^ {8}\(0010,0021\) LO \(no value available\)/m,
          /^ {4}\(0400,0565\) CS \[COERCE\]/m,
        ])
          expect(stdout).toMatch(line);
      }
    });

    test('nothing else is another', () => {
      const changed = ['00080005', '00080050', '00080080', '00100021'];
      for (const fixture of fixtures) {
        const { transferSyntaxUid: uid } = fixture;
        // Nobody tells the independent reader the VRs of implicit elements.
        if (uid === syntaxes.implicitLittle) continue;
        const dataset = held.find((one) => one.sopInstanceUid === fixture.sopInstanceUid)?.dataset();
        // Orthanc sorts the elements of what it is sent.
        const others = (bytes: Buffer = Buffer.alloc(0)): readonly ReadElement[] =>
          [...othersIn(bytes, uid, changed)].sort((one, other) => (one.path < other.path ? -1 : 1));
        expect(others(dataset)).toEqual(others(fixture.dataset));
        const elements = readElements(dataset ?? Buffer.alloc(0), uid);
        expect([textOf(elements, '00080005'), textOf(elements, '00080050')]).toEqual([
          'ISO_IR 100',
          'N-ACC1',
        ]);
        expect(modificationsOf(elements)).toMatchObject([{ '00080050': 'ACC1', '04000563': 'GATEWAY' }]);
      }
    });

    test('the PACS finds the study by what it has become', async () => {
      const found = async (accession: string): Promise<unknown[]> => {
        const { body } = await request(`${gateway.service}/studies?AccessionNumber=${accession}`);
        return JSON.parse(body.toString()) as unknown[];
      };
      expect([(await found('N-ACC1')).length, (await found('ACC1')).length]).toEqual([1, 0]);
    });
  },
  ['Orthanc', 'dcmdump'],
);
