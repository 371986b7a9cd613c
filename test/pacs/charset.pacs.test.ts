import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { Dataset, encodeDataset, Tags, TransferSyntaxes } from '../../src/dicom/index.js';
import { ctSlice, names } from '../helpers/fixtures.js';
import { dcmqrscp, gatewayBefore, loadFixtures, orthanc, type PacsWithPort } from '../helpers/pacs-suite.js';
import { describeWithPacs } from '../helpers/real-pacs.js';
import { request, type TestGateway } from '../helpers/test-gateway.js';

const run = promisify(execFile);

/** A text for each set that DCMTK 3.6.7 with glibc converts, which are all but ISO_IR 203 and JIS X 0208 and 0212. */
const written: readonly (readonly [characterSet: string, text: string])[] = [
  ['ISO_IR 100', 'Äneas^Jörg'],
  ['ISO_IR 101', 'Dvořák'],
  ['ISO_IR 109', 'Ħal'],
  ['ISO_IR 110', 'Rīga'],
  ['ISO_IR 126', 'Διονυσιος'],
  ['ISO_IR 127', 'قباني^لنزار'],
  ['ISO_IR 138', 'שרון^דבורה'],
  ['ISO_IR 144', 'Люкceмбypг'],
  ['ISO_IR 148', 'Işık'],
  ['ISO_IR 166', 'สมชาย'],
  ['ISO_IR 13', 'ﾔﾏﾀﾞ^ﾀﾛｳ'],
  ['ISO_IR 192', '王^小东 é山😀'],
  ['GB18030', 'Wang^XiaoDong=王^小东'],
  ['GBK', 'Wang^XiaoDong=王^小东'],
  ['\\ISO 2022 IR 149', 'Hong^Gildong=洪^吉洞=홍^길동'],
  ['\\ISO 2022 IR 58', 'Zhang^XiaoDong=张^小东'],
  ['ISO 2022 IR 100\\ISO 2022 IR 144', 'Müller^Люк'],
];

describeWithPacs(
  'Q-51: what is written, DCMTK reads',
  () => {
    let directory = '';
    beforeAll(() => {
      directory = mkdtempSync(join(tmpdir(), 'charset-'));
    });
    afterAll(() => {
      rmSync(directory, { recursive: true });
    });

    test.each(written)('%s', async (characterSet, text) => {
      const dataset = new Dataset({ encodingCharacterSets: [characterSet] }).setString(
        Tags.PatientName,
        text,
        'PN',
      );
      const file = join(directory, 'identifier');
      writeFileSync(file, encodeDataset(dataset, TransferSyntaxes.ExplicitVrLittleEndian));
      const { stdout } = await run('dcmdump', ['-f', '-te', '+U8', '+L', '+P', '0010,0010', file]);
      expect(/\[(.*)\]/.exec(stdout)?.[1]).toBe(text);
    });
  },
  ['dcmdump'],
);

/** A study for each name, in the bytes and the character set of its fixture. */
const studies = names.map(({ characterSet, bytes, text }, index) => ({
  text,
  characterSet,
  fixture: ctSlice({
    study: index + 1,
    patientId: `P${index}`,
    patientName: bytes,
    ...(characterSet === undefined ? {} : { characterSet }),
  }),
}));

type Row = Readonly<Record<string, { readonly Value?: readonly unknown[] }>>;

const nameOf = (row: Row): string => {
  const groups = (row['00100010']?.Value?.[0] ?? {}) as Record<string, string>;
  return ['Alphabetic', 'Ideographic', 'Phonetic']
    .map((group) => groups[group] ?? '')
    .join('=')
    .replace(/=+$/, '');
};

describeWithPacs('names in ten character sets', () => {
  for (const kind of [orthanc, dcmqrscp]) {
    let pacs: PacsWithPort;
    let gateway: TestGateway | undefined;

    beforeAll(async () => {
      // Stock Orthanc answers in Latin-1 and leaves out what that lacks.
      pacs = await kind.start(kind === orthanc ? { configuration: { DefaultEncoding: 'Utf8' } } : {});
      await loadFixtures(
        pacs.pacs,
        studies.map(({ fixture }) => fixture),
      );
    }, 60_000);
    afterAll(async () => {
      await gateway?.close();
      await pacs.pacs.stop();
    });

    const search = async (query: string, peer = ''): Promise<readonly Row[]> => {
      await gateway?.close();
      gateway = await gatewayBefore(pacs, 'get', { peer });
      const response = await request(`${gateway.service}/studies?${query}`);
      expect(response.status).toBe(200);
      return JSON.parse(response.body.toString()) as Row[];
    };

    test(`Q-35: ${kind.name}: every name is read`, async () => {
      const rows = await search('');
      expect(rows.map(nameOf).sort()).toEqual(studies.map(({ text }) => text).sort());
    });

    test(`Q-51: ${kind.name}: once they were seen, all names are found without a configuration`, async () => {
      await search('');
      for (const { text } of studies) {
        const response = await request(
          `${gateway?.service ?? ''}/studies?PatientName=${encodeURIComponent(text)}`,
        );
        const rows = JSON.parse(response.body.toString()) as Row[];
        expect([text, rows.map(nameOf)]).toEqual([text, expect.arrayContaining([text])]);
      }
    });

    test(`Q-51: ${kind.name}: a name is found that the configured set has in a form that nobody uses`, async () => {
      const rows = await search(
        `PatientName=${encodeURIComponent('Люк*')}`,
        'characterSets: [ISO 2022 IR 87]',
      );
      expect(rows.map(nameOf)).toEqual(['Люксембург']);
    });

    test.each(studies)(`Q-51: ${kind.name}: $text is found`, async ({ text, characterSet }) => {
      const own = `characterSets: [ISO_IR 100, ${characterSet ?? 'ISO_IR 192'}]`;
      // This build of DCMTK converts no JIS X 0208, so that its peer compares bytes.
      const isConverted = kind === orthanc || characterSet !== '\\ISO 2022 IR 87';
      for (const sets of [own, 'characterSets: [ISO_IR 100]', ...(isConverted ? [''] : [])]) {
        const rows = await search(`PatientName=${encodeURIComponent(text)}`, sets);
        expect([sets, rows.map(nameOf)]).toEqual([sets, expect.arrayContaining([text])]);
      }
    });
  }
});
