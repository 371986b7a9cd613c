import { afterEach, describe, expect, test } from '@jest/globals';
import { attributeByTag } from '../../src/dicom/index.js';
import { startArchives, type Archives, type ArchivesOptions } from '../helpers/archives.js';
import { modificationsOf, othersIn } from '../helpers/coercion.js';
import {
  ctSlice,
  encapsulatedImage,
  names,
  privateElements,
  syntaxes,
  type Fixture,
} from '../helpers/fixtures.js';
import { element, sequence } from '../helpers/fixtures-element.js';
import { readElements, textOf, type ReadElement } from '../helpers/independent-reader.js';
import { final } from '../helpers/rogue-peer.js';
import { answerOf, postFiles } from '../helpers/store-answer.js';
import { request, type RawResponse } from '../helpers/test-gateway.js';

let scene: Archives | undefined;
afterEach(async () => {
  await scene?.close();
  scene = undefined;
});

const ACCESSION = '00080050';
const INSTITUTION = '00080080';
const DESCRIPTION = '00081030';
const ISSUER = '00100021';

/** A gateway with rules, in front of one archive; `options` for more of them. */
async function start(
  rules: readonly string[],
  options: ArchivesOptions = {},
  archives = 1,
): Promise<Archives> {
  const yaml = `store:\n  coercions:\n${rules.map((rule) => `    ${rule}`).join('\n')}\n${options.yaml ?? ''}`;
  const group = options.group ?? 'store: a';
  scene = await startArchives(
    Array.from({ length: archives }, () => []),
    { ...options, group, yaml },
  );
  return scene;
}

const post = ({ gateway }: Archives, ...fixtures: readonly Fixture[]): Promise<RawResponse> =>
  postFiles(
    `${gateway.service}/studies`,
    fixtures.map(({ file }) => file),
  );
const datasetsAt = ({ peers }: Archives, at = 0): readonly Buffer[] =>
  peers[at]?.messages('C-STORE-RQ').map(({ dataset }) => dataset) ?? [];
const vrOf = (path: string): string | undefined => attributeByTag(Number.parseInt(path.slice(-8), 16))?.vr;
const read = (
  dataset: Buffer = Buffer.alloc(0),
  uid: string = syntaxes.explicitLittle,
): readonly ReadElement[] => readElements(dataset, uid, uid === syntaxes.implicitLittle ? vrOf : undefined);
const rawOf = (elements: readonly ReadElement[], path: string): string | undefined =>
  elements.find((one) => one.path === path)?.value.toString('latin1');

describe('S-15: attributes that a rule changes', () => {
  const rule =
    'north: { set: { IssuerOfPatientID: NORTH, InstitutionName: "" }, prefix: { AccessionNumber: N- }, remove: [StudyDescription] }';
  const changed = [ACCESSION, INSTITUTION, DESCRIPTION, ISSUER];

  test.each<readonly [string, Fixture]>([
    ['explicit', ctSlice({ extra: [privateElements] })],
    ['implicit', ctSlice({ transferSyntaxUid: syntaxes.implicitLittle })],
    ['big endian', ctSlice({ transferSyntaxUid: syntaxes.explicitBig })],
    ['deflated', ctSlice({ transferSyntaxUid: syntaxes.deflated })],
    ['encapsulated', encapsulatedImage({ frames: 3, fragmentsPerFrame: 2 })],
  ])(
    '%s: they are as the rule says, the instance tells what they were, and nothing else is another',
    async (_what, fixture) => {
      const archives = await start([rule]);
      const response = await post(archives, fixture);
      expect(response.status).toBe(202);
      expect(answerOf(response)).toMatchObject({
        failed: {},
        warnings: { [fixture.sopInstanceUid]: 0xb000 },
      });
      const [dataset] = datasetsAt(archives);
      const { transferSyntaxUid: uid } = fixture;
      const elements = read(dataset, uid);
      expect(changed.map((path) => textOf(elements, path))).toEqual(['N-ACC1', '', undefined, 'NORTH']);
      expect(modificationsOf(elements)).toEqual([
        {
          [ACCESSION]: 'ACC1',
          [INSTITUTION]: '',
          [DESCRIPTION]: 'Study 1',
          [ISSUER]: '',
          '04000562': expect.stringMatching(/^\d{14}\.\d{3}\+0000$/),
          '04000563': 'GATEWAY',
          '04000564': '',
          '04000565': 'COERCE',
        },
      ]);
      const implicit = uid === syntaxes.implicitLittle ? vrOf : undefined;
      const others = (bytes: Buffer = Buffer.alloc(0)): readonly ReadElement[] =>
        othersIn(bytes, uid, changed, implicit);
      expect(others(dataset)).toEqual(others(fixture.dataset));
      await archives.gateway.logged('rule north of store.coercions changed instances that were stored: 1');
    },
  );

  test('Law 2: what is so already goes out byte for byte, without a warning', async () => {
    const fixture = ctSlice({ accessionNumber: 'N-7', extra: [privateElements] });
    const archives = await start([
      'north: { set: { Modality: CT }, prefix: { AccessionNumber: N- }, remove: [IssuerOfPatientID] }',
    ]);
    const response = await post(archives, fixture);
    expect([response.status, answerOf(response).warnings]).toEqual([200, {}]);
    expect(datasetsAt(archives)[0]?.equals(fixture.dataset)).toBe(true);
  });

  test('what an instance told of earlier changes stays before what it tells of this one', async () => {
    const earlier = sequence(0x04000561, [sequence(0x04000550, [element(0x00100020, 'LO', 'OLD')])]);
    const archives = await start(['north: { set: { IssuerOfPatientID: NORTH } }']);
    await post(archives, ctSlice({ trailing: [earlier] }));
    const told = modificationsOf(read(datasetsAt(archives)[0]));
    expect(told.map((item) => [item['00100020'], item[ISSUER]])).toEqual([
      ['OLD', undefined],
      [undefined, ''],
    ]);
  });

  test('an instance that came as metadata is changed too', async () => {
    const archives = await start([rule]);
    const { studyInstanceUid, seriesInstanceUid, sopInstanceUid, sopClassUid } = ctSlice();
    const ui = (uid: string): unknown => ({ vr: 'UI', Value: [uid] });
    const metadata = {
      '00080016': ui(sopClassUid),
      '00080018': ui(sopInstanceUid),
      [ACCESSION]: { vr: 'SH', Value: ['ACC1'] },
      '0020000D': ui(studyInstanceUid),
      '0020000E': ui(seriesInstanceUid),
    };
    const part = `--b\r\nContent-Type: application/dicom+json\r\n\r\n${JSON.stringify([metadata])}\r\n--b--\r\n`;
    const headers = { 'content-type': 'multipart/related; type="application/dicom+json"; boundary=b' };
    const url = `${archives.gateway.service}/studies`;
    const response = await request(url, { method: 'POST', headers, body: part });
    expect(response.status).toBe(202);
    expect(textOf(read(datasetsAt(archives)[0]), ACCESSION)).toBe('N-ACC1');
  });

  test("the PACS's own warning and its refusals come before that of the change", async () => {
    const archives = await start([rule], { onStore: [[final(0xb007)]] });
    const { sopInstanceUid } = ctSlice();
    expect(answerOf(await post(archives, ctSlice())).warnings).toEqual({ [sopInstanceUid]: 0xb007 });
    await archives.close();
    const refusing = await start([rule], { onStore: [[final(0xa900)]] });
    expect(answerOf(await post(refusing, ctSlice())).failed).toEqual({ [sopInstanceUid]: 0xa900 });
  });

  test('every member of a group gets the same', async () => {
    const archives = await start([rule], { group: 'store: [a, b]' }, 2);
    expect((await post(archives, ctSlice())).status).toBe(202);
    const [a, b] = [datasetsAt(archives, 0)[0], datasetsAt(archives, 1)[0]];
    expect(a && b?.equals(a)).toBe(true);
    expect(textOf(read(a), ACCESSION)).toBe('N-ACC1');
  });

  test('Law 1: one that the cache cannot keep whole is not begun, and what cannot be read is not', async () => {
    const archives = await start([rule], { yaml: 'cache: { memory: 1 MiB }' });
    const large = ctSlice({ instance: 9, rows: 1500, columns: 1500 });
    const strange = ctSlice({ instance: 8, extra: [sequence(0x00100021, [element(0x00100020, 'LO', 'X')])] });
    const response = await post(archives, large, strange, ctSlice());
    expect(answerOf(response).failed).toEqual({
      [large.sopInstanceUid]: 0xa700,
      [strange.sopInstanceUid]: 0xc000,
    });
    expect(datasetsAt(archives)).toHaveLength(1);
  });
});

describe('which instances a rule changes', () => {
  const issuerOf = async (archives: Archives, fixture: Fixture): Promise<string | undefined> => {
    await post(archives, fixture);
    return textOf(read(datasetsAt(archives).at(-1)), ISSUER);
  };

  test('those whose attributes have such values; of two rules the first one counts', async () => {
    const archives = await start([
      'first: { when: { PatientID: "N*", Modality: CT }, set: { IssuerOfPatientID: NORTH } }',
      'second: { when: { IssuerOfPatientID: "" }, set: { IssuerOfPatientID: OTHER } }',
    ]);
    expect(await issuerOf(archives, ctSlice({ patientId: 'N12' }))).toBe('NORTH');
    expect(await issuerOf(archives, ctSlice({ patientId: 'S12' }))).toBe('OTHER');
    expect(await issuerOf(archives, ctSlice({ patientId: 'N12', modality: 'MR' }))).toBe('OTHER');
    const own = element(0x00100021, 'LO', 'OWN');
    expect(await issuerOf(archives, ctSlice({ patientId: 'S12', extra: [own] }))).toBe('OWN');
  });

  test('those that come by the URL of one of its peers or groups', async () => {
    const archives = await start(['direct: { peers: [a], set: { IssuerOfPatientID: DIRECT } }']);
    expect((await post(archives, ctSlice())).status).toBe(200);
    const url = `${archives.gateway.origin}/peers/a/dicomweb/studies`;
    expect((await postFiles(url, [ctSlice().file])).status).toBe(202);
    expect(textOf(read(datasetsAt(archives)[1]), ISSUER)).toBe('DIRECT');
  });
});

describe('PS3.3 C.12.1.1.2: the text of a rule in the character set of the instance', () => {
  const rule = 'named: { set: { InstitutionName: "Köln" } }';
  const named = (characterSet: string | undefined): Fixture => {
    const name = names.find((one) => one.characterSet === characterSet);
    if (!name) throw new Error('no such name');
    return ctSlice({ patientName: name.bytes, ...(characterSet !== undefined && { characterSet }) });
  };

  test.each([
    ['ISO_IR 100', 'K\xf6ln'],
    ['ISO_IR 192', 'K\xc3\xb6ln '],
  ])('%s', async (characterSet, expected) => {
    const archives = await start([rule]);
    const fixture = named(characterSet);
    expect((await post(archives, fixture)).status).toBe(202);
    const elements = read(datasetsAt(archives)[0]);
    expect(rawOf(elements, INSTITUTION)?.trimEnd()).toBe(expected.trimEnd());
    expect(rawOf(elements, '00100010')).toBe(rawOf(read(fixture.dataset), '00100010'));
  });

  test('an instance of ASCII that names none is given one, and says so', async () => {
    const archives = await start([rule]);
    await post(archives, named(undefined));
    const elements = read(datasetsAt(archives)[0]);
    expect([textOf(elements, '00080005'), textOf(elements, INSTITUTION)]).toEqual(['ISO_IR 100', 'K\xf6ln']);
    expect(modificationsOf(elements)[0]).toMatchObject({ '00080005': '', [INSTITUTION]: '' });
  });

  test('where it cannot be written the instance fails, is not begun, and the log says why', async () => {
    const archives = await start([rule]);
    const cyrillic = named('ISO_IR 144');
    const unnamed = ctSlice({ instance: 2, patientName: Buffer.from('M\xfcller', 'latin1') });
    const response = await post(archives, cyrillic, unnamed);
    expect(response.status).toBe(409);
    expect(answerOf(response).failed).toEqual({
      [cyrillic.sopInstanceUid]: 0x0110,
      [unnamed.sopInstanceUid]: 0x0110,
    });
    expect(datasetsAt(archives)).toEqual([]);
    await archives.gateway.logged('InstitutionName cannot be written in the character set of the instance');
  });

  test('a value that would be too long with its prefix fails the same', async () => {
    const archives = await start(['north: { prefix: { AccessionNumber: NORTHERN- } }']);
    const [good, long] = [ctSlice({ instance: 1 }), ctSlice({ instance: 2, accessionNumber: '1234567890' })];
    const response = await post(archives, good, long);
    expect(answerOf(response).failed).toEqual({ [long.sopInstanceUid]: 0x0110 });
    await archives.gateway.logged('AccessionNumber longer than SH can be');
  });
});
