import { readFileSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import {
  transferSyntax,
  writeDicomJson,
  writeNativeXml,
  type MetadataOptions,
} from '../../src/dicom/index.js';
import { dcm2xml } from '../helpers/dcm2xml.js';
import { parseTree, schemaProblems, xmlLeaves, type XmlLeaf } from '../helpers/native-xml-tree.js';
import { readNativeXml } from '../helpers/native-xml.js';
import { everyKind, groupBy, sampleFiles, writeFixtures, type FileSet } from '../helpers/pacs-suite.js';
import { describeWithPacs } from '../helpers/real-pacs.js';
import { datasetOf, transferSyntaxOf } from '../helpers/test-gateway.js';

const options: MetadataOptions = { bulkDataUri: (path) => `bulk/${path}`, inlineLimitBytes: 1024 };

/** What one of the writers makes of a file. */
async function written(path: string, write: typeof writeNativeXml): Promise<Buffer> {
  const file = readFileSync(path);
  const bytes = datasetOf(file);
  const syntax = transferSyntax(transferSyntaxOf(file));
  if (syntax === undefined) throw new Error(`${path} is in an unknown transfer syntax`);
  const source = {
    size: bytes.length,
    async *read(from = 0, to = bytes.length) {
      yield await Promise.resolve(bytes.subarray(from, to));
    },
  };
  const chunks: Buffer[] = [];
  for await (const chunk of write(source, syntax, options)) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** Whether it is a whole Part 10 file; some samples are examples of just what is wrong in others. */
function isPart10(path: string): boolean {
  const file = readFileSync(path);
  const head = file.subarray(128, 140).toString('latin1');
  return head.startsWith('DICM\x02\0\0\0UL') && transferSyntax(transferSyntaxOf(file)) !== undefined;
}

/**
 * What XML says otherwise than DICOM JSON: numbers as they are spelled, names without carets at their end, and U+FFFD in
 * place of characters that XML does not have.
 */
function asInXml(value: unknown, vr = ''): unknown {
  if (typeof value === 'string') {
    const number = vr === 'DS' || vr === 'IS' ? Number(value) : NaN;
    if (vr === 'PN') return asInXml(value.replace(/\^+$/, ''));
    return Number.isFinite(number) ? number : value.replace(/(?![\t\n\r\x7F-\x9F])\p{Cc}/gu, '\uFFFD');
  }
  if (Array.isArray(value)) return value.map((one) => asInXml(one, vr));
  if (typeof value !== 'object' || value === null) return value;
  const fields = Object.entries(value).map(([name, field]): [string, unknown] => [
    name,
    asInXml(field, name === 'Value' && 'vr' in value ? String(value.vr) : vr),
  ]);
  return Object.fromEntries(fields);
}

const BYTES = new Set(['BulkData', 'InlineBinary']);

/** Texts as they are, floats in digits that both print. */
function canonical({ vr, values }: XmlLeaf): string {
  if (vr === 'FL' || vr === 'FD')
    return values
      .map((value) => Number(value.replace('INF', 'Infinity')).toPrecision(vr === 'FL' ? 6 : 14))
      .join();
  return JSON.stringify(values.every((value) => value === '') ? [] : values);
}

const isPrivate = (path: string): boolean => /^[0-9A-F]{3}[13579BDF]/.test(path.split('/').at(-1) ?? '');

interface Pair {
  readonly path: string;
  readonly mine: XmlLeaf;
  readonly theirs: XmlLeaf;
  /** Whether DCMTK has a converter for the character set. */
  readonly decoded: boolean;
}

/** What may differ, and why it is no fault of ours. */
const justified: Readonly<Record<string, (pair: Pair) => boolean>> = {
  'the answer is in UTF-8 and says so, whatever the file is in (J-20)': ({ path }) =>
    path.endsWith('00080005'),
  'DCMTK has no keywords of retired attributes; PS3.6 has': ({ mine, theirs }) =>
    mine.vr === theirs.vr && theirs.keyword === undefined && canonical(mine) === canonical(theirs),
  'DCMTK has a dictionary of private elements; who has none calls them UN': ({ path, mine }) =>
    isPrivate(path) && mine.vr === 'UN',
  'UN of a standard attribute is resolved by the dictionary (J-17)': ({ path, theirs }) =>
    !isPrivate(path) && theirs.vr === 'UN',
  'native pixel data of more than 8 bits is OW (J-12)': ({ path, mine }) =>
    path === '7FE00010' && mine.vr === 'OW',
  'DCMTK names bytes by UUIDs that lead nowhere': ({ mine, theirs }) =>
    BYTES.has(mine.kind ?? '') && BYTES.has(theirs.kind ?? ''),
  'long numbers are bulk data (J-10)': ({ mine, theirs }) =>
    mine.kind === 'BulkData' && theirs.kind === 'Value',
  'DCMTK leaves the bytes of character sets that it has no converter for': ({ decoded, mine, theirs }) =>
    !decoded && mine.vr === theirs.vr && mine.values.length === theirs.values.length,
  'DCMTK repeats the ideographic group in place of an empty phonetic one': ({ mine, theirs }) =>
    mine.vr === 'PN' && theirs.values[0] === `${mine.values[0] ?? ''}; ${repeated(mine.values[0] ?? '')}`,
};

const repeated = (name: string): string =>
  name
    .split('; ')
    .filter((part) => part.startsWith('Ideographic'))
    .map((part) => part.replace('Ideographic', 'Phonetic'))
    .join('; ');

/** DCMTK takes the block also from private tags without a creator, of which then nobody knows where they were. */
const withoutBlock = (path: string): string =>
  path.replace(/\b([0-9A-F]{3}[13579BDF])[1-9A-F][0-9A-F]([0-9A-F]{2})(?![(0-9A-F])/g, '$100$2');

/** How the leaves of ours differ from those of DCMTK. */
function differences(
  ours: ReadonlyMap<string, XmlLeaf>,
  theirs: ReadonlyMap<string, XmlLeaf>,
  decoded: boolean,
): readonly string[] {
  const mineByPath = new Map([...ours].map(([path, leaf]) => [withoutBlock(path), leaf]));
  const problems: string[] = [];
  for (const path of new Set([...mineByPath.keys(), ...theirs.keys()])) {
    const [mine, other] = [mineByPath.get(path), theirs.get(path)];
    if (mine === undefined || other === undefined) {
      if (path !== '00080005') problems.push(`${path} is ${mine ? 'not in the file' : 'missing'}`);
      continue;
    }
    const same =
      mine.vr === other.vr &&
      mine.keyword === other.keyword &&
      mine.kind === other.kind &&
      canonical(mine) === canonical(other);
    const pair = { path, mine, theirs: other, decoded };
    if (!same && !Object.values(justified).some((reason) => reason(pair)))
      problems.push(`${path} is ${JSON.stringify(mine)}, not ${JSON.stringify(other)}`.slice(0, 500));
  }
  return problems;
}

/** Of the files of a long series so many. */
const OF_A_SERIES = 5;

/** Files whose dataset does not end where it should; the other suites see what becomes of those. */
const isWhole = (path: string): boolean => !basename(path).includes('truncated');

describeWithPacs(
  'Native DICOM Model of files',
  () => {
    let fixtures: FileSet;
    let paths: readonly string[];
    beforeAll(() => {
      fixtures = writeFixtures(everyKind());
      const samples = [...groupBy(sampleFiles(), dirname).values()].flatMap((files) =>
        files.length > 100 ? files.slice(0, OF_A_SERIES) : files,
      );
      paths = [...fixtures.paths, ...samples.filter(isPart10).filter(isWhole)];
    });
    afterAll(() => {
      fixtures.remove();
    });

    test('X-01, X-06: keeps to the schema, and reads back as what DICOM JSON says', async () => {
      for (const path of paths) {
        const xml = await written(path, writeNativeXml);
        expect([path, schemaProblems(parseTree(xml.toString()))]).toEqual([path, []]);
        const json = JSON.parse((await written(path, writeDicomJson)).toString()) as object;
        expect([path, asInXml(readNativeXml(xml))]).toEqual([path, asInXml(json)]);
      }
    }, 120_000);

    test('X-01: says what dcm2xml says', async () => {
      const refused: string[] = [];
      const problems: string[] = [];
      for (const path of paths) {
        const reference = await dcm2xml(path);
        if ('refused' in reference) {
          refused.push(`${basename(path)}: ${reference.refused}`);
          continue;
        }
        const ours = xmlLeaves(parseTree((await written(path, writeNativeXml)).toString()));
        const theirs = xmlLeaves(parseTree(reference.xml));
        problems.push(
          ...differences(ours, theirs, reference.decoded).map((one) => `${basename(path)}: ${one}`),
        );
      }
      expect(problems).toEqual([]);
      if (refused.length > 0)
        process.stderr.write(`not compared, for dcm2xml refuses them: ${refused.join('; ')}\n`);
      expect(refused.length).toBeLessThan(paths.length / 10);
    }, 120_000);
  },
  ['dcm2xml'],
);
