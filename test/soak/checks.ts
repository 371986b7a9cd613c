/** What an answer must be, held against what the PACS was given. */
import { writeFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { decodedBy } from '../helpers/frame-oracle.js';
import { datasetOf, partsOf, sha256, transferSyntaxOf } from '../helpers/test-gateway.js';
import { unzip } from '../helpers/zip-reader.js';
import type { Check } from './judge.js';
import type { KnownInstance } from './world.js';

/** Compares two bags of text; in a partial one something may be missing, never be too much. */
function compare(
  what: string,
  found: readonly string[],
  expected: readonly string[],
  partial: boolean,
): string | undefined {
  const left = new Set(expected);
  const strange = found.filter((one) => !left.delete(one));
  if (strange.length > 0) return `${strange.length} of ${found.length} ${what} are not what was put in`;
  if (left.size > 0 && !partial) return `${left.size} of ${expected.length} ${what} are missing`;
  return undefined;
}

const digests = (instances: readonly KnownInstance[]): readonly string[] =>
  instances.map(({ digest }) => digest);

/** Files as they are stored, as multipart. */
export const filesAre =
  (instances: readonly KnownInstance[]): Check =>
  (answer, partial) => {
    const found = partsOf(answer).map(({ body }) => sha256(datasetOf(body)));
    return compare('instances', found, digests(instances), partial);
  };

/** One file that is the whole body. */
export const fileIs =
  (instance: KnownInstance): Check =>
  ({ body }) =>
    compare('instances', [sha256(datasetOf(body))], [instance.digest], false);

/** Files as they are stored, in an archive. */
export const archiveIs =
  (instances: readonly KnownInstance[]): Check =>
  ({ body }, partial) => {
    const found = unzip(body).map((file) => sha256(datasetOf(file.body)));
    return compare('files', found, digests(instances), partial);
  };

/** Bytes of each part: frames, or bulk data. */
export const partsAre =
  (expected: readonly string[]): Check =>
  (answer, partial) =>
    compare(
      'parts',
      partsOf(answer).map(({ body }) => sha256(body)),
      expected,
      partial,
    );

/** Files in another transfer syntax without loss, one of which is decoded by DCMTK. */
export const transcodedAre =
  (instances: readonly KnownInstance[], transferSyntaxUid: string): Check =>
  async (answer, partial) => {
    const files = partsOf(answer).map(({ body }) => body);
    const other = files.filter((file) => transferSyntaxOf(file) !== transferSyntaxUid);
    if (other.length > 0) return `${other.length} files are in another transfer syntax`;
    if (files.length !== instances.length && !partial) return `${files.length} of ${instances.length} files`;
    const frames = files[0] ? await jpegLsFrames(files[0]) : [];
    if (frames.some((one) => !instances.some((known) => known.frames.includes(one))))
      return 'decoded pixels are not what was put in';
    return undefined;
  };

async function jpegLsFrames(file: Buffer): Promise<readonly string[]> {
  const directory = mkdtempSync(join(tmpdir(), 'soak-jpeg-ls-'));
  const path = join(directory, 'file.dcm');
  try {
    writeFileSync(path, file);
    return ((await decodedBy('dcmdjpls', path))?.frames ?? [Buffer.alloc(0)]).map(sha256);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** A picture that can be decoded and is as large as it should be. */
export const pictureIs =
  ({ rows, columns }: KnownInstance, most = Infinity): Check =>
  async ({ body }) => {
    const { info } = await sharp(body).raw().toBuffer({ resolveWithObject: true });
    const scale = Math.min(1, most / Math.max(rows, columns));
    const [width, height] = [Math.round(columns * scale), Math.round(rows * scale)];
    if (info.width === width && info.height === height) return undefined;
    return `the picture is ${info.width} by ${info.height}, not ${width} by ${height}`;
  };

type Dataset = Readonly<Record<string, { readonly Value?: readonly unknown[] } | undefined>>;

/** The first value of an attribute in the DICOM JSON model, as text. */
const valueOf = (dataset: Dataset, tag: string): string => {
  const [value] = dataset[tag]?.Value ?? [];
  return typeof value === 'string' || typeof value === 'number' ? `${value}` : '';
};

const rowsOf = ({ body }: { readonly body: Buffer }): readonly Dataset[] =>
  JSON.parse(body.toString()) as readonly Dataset[];

/** What metadata say of an instance that is known of it. */
const described = (instance: KnownInstance): string =>
  [
    instance.studyUid,
    instance.seriesUid,
    instance.sopUid,
    instance.patientId,
    instance.number,
    instance.rows,
    instance.columns,
  ].join(' ');

const DESCRIBED = ['0020000D', '0020000E', '00080018', '00100020', '00200013', '00280010', '00280011'];

export const metadataAre =
  (instances: readonly KnownInstance[]): Check =>
  (answer, partial) =>
    compare(
      'datasets',
      rowsOf(answer).map((row) => DESCRIBED.map((tag) => valueOf(row, tag)).join(' ')),
      instances.map(described),
      partial,
    );

/** Rows of a search: exactly these values of one attribute, and of others only what `alsoMayBe` allows. */
export const rowsAre =
  (tag: string, expected: readonly string[], alsoMayBe: (value: string) => boolean = () => false): Check =>
  (answer, partial) => {
    const found = rowsOf(answer).map((row) => valueOf(row, tag));
    return compare(
      'rows',
      found.filter((one) => expected.includes(one) || !alsoMayBe(one)),
      expected,
      partial,
    );
  };
