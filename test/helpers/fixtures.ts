/**
 * DICOM instances as bytes, the same on every run: what tests feed to the gateway and expect back from it.
 *
 * Names and identifiers are made up; images are computed.
 */
import { deflateRawSync } from 'node:zlib';
import {
  element,
  encapsulated,
  explicitBig,
  explicitLittle,
  frameOffsets,
  implicitLittle,
  join,
  numbers,
  sequence,
  type Layout,
  type Write,
} from './fixtures-element.js';

export const syntaxes = {
  implicitLittle: '1.2.840.10008.1.2',
  explicitLittle: '1.2.840.10008.1.2.1',
  deflated: '1.2.840.10008.1.2.1.99',
  explicitBig: '1.2.840.10008.1.2.2',
  jpegBaseline: '1.2.840.10008.1.2.4.50',
  jpegLosslessSv1: '1.2.840.10008.1.2.4.70',
  jpegLsLossless: '1.2.840.10008.1.2.4.80',
  jpeg2000Lossless: '1.2.840.10008.1.2.4.90',
  rle: '1.2.840.10008.1.2.5',
} as const;

const sopClasses = {
  ct: '1.2.840.10008.5.1.4.1.1.2',
  mr: '1.2.840.10008.5.1.4.1.1.4',
  usMultiFrame: '1.2.840.10008.5.1.4.1.1.3.1',
  secondaryCapture: '1.2.840.10008.5.1.4.1.1.7',
  basicTextSr: '1.2.840.10008.5.1.4.1.1.88.11',
} as const;

/** One instance: its dataset and what one must know to send or store it. */
export interface Fixture {
  readonly sopClassUid: string;
  readonly sopInstanceUid: string;
  readonly seriesInstanceUid: string;
  readonly studyInstanceUid: string;
  readonly transferSyntaxUid: string;
  /** The dataset as it is stored, deflated where the syntax says so. */
  readonly dataset: Buffer;
  /** Preamble, file meta information and dataset. */
  readonly file: Buffer;
}

/** A UID under the root of UUIDs-as-numbers, by place in the tree: `uid(1, 2, 3)`. */
function uid(...parts: readonly number[]): string {
  return ['2.25.4711', ...parts].join('.');
}

/** The dataset in the encoding that a transfer syntax asks for. */
function encode(write: Write, transferSyntaxUid: string): Buffer {
  const layouts: Readonly<Record<string, Layout>> = {
    [syntaxes.implicitLittle]: implicitLittle,
    [syntaxes.explicitBig]: explicitBig,
  };
  const bytes = write(layouts[transferSyntaxUid] ?? explicitLittle);
  if (transferSyntaxUid !== syntaxes.deflated) return bytes;
  const deflated = deflateRawSync(bytes);
  return deflated.length % 2 === 0 ? deflated : Buffer.concat([deflated, Buffer.alloc(1)]);
}

/** A Part 10 file. @see PS3.10 7.1 */
function part10(
  {
    sopClassUid,
    sopInstanceUid,
    transferSyntaxUid,
  }: Pick<Fixture, 'sopClassUid' | 'sopInstanceUid' | 'transferSyntaxUid'>,
  dataset: Buffer,
  preamble: Buffer = Buffer.alloc(128),
): Buffer {
  const meta = join(
    element(0x00020001, 'OB', Buffer.from([0, 1])),
    element(0x00020002, 'UI', sopClassUid),
    element(0x00020003, 'UI', sopInstanceUid),
    element(0x00020010, 'UI', transferSyntaxUid),
    element(0x00020012, 'UI', '2.25.4711.0'),
  )(explicitLittle);
  return Buffer.concat([
    preamble,
    Buffer.from('DICM'),
    numbers(0x00020000, 'UL', meta.length)(explicitLittle),
    meta,
    dataset,
  ]);
}

/** Where an instance stands and what is said about it. */
export interface InstanceOptions {
  readonly study?: number;
  readonly series?: number;
  readonly instance?: number;
  readonly transferSyntaxUid?: string;
  readonly modality?: string;
  readonly patientName?: string | Buffer;
  readonly patientId?: string;
  readonly characterSet?: string;
  readonly studyDate?: string;
  readonly studyTime?: string;
  readonly accessionNumber?: string;
  /** As text, such as ` 1`; the numbers of the UIDs when left out. */
  readonly seriesNumber?: string;
  readonly instanceNumber?: string;
  readonly imageType?: string;
  readonly patientWeight?: string;
  /** Elements between group 0020 and group 0028. */
  readonly extra?: readonly Write[];
  /** Elements behind everything else. */
  readonly trailing?: readonly Write[];
}

/** An instance of any class around the elements of groups 0028 to 7FE0 given. */
function instance(sopClassUid: string, options: InstanceOptions, body: readonly Write[]): Fixture {
  const {
    study = 1,
    series = 1,
    instance: number = 1,
    transferSyntaxUid = syntaxes.explicitLittle,
  } = options;
  const ids = {
    sopClassUid,
    transferSyntaxUid,
    studyInstanceUid: uid(study),
    seriesInstanceUid: uid(study, series),
    sopInstanceUid: uid(study, series, number),
  };
  const write = join(
    ...descriptionOf(study, ids, options),
    element(0x0020000d, 'UI', ids.studyInstanceUid),
    element(0x0020000e, 'UI', ids.seriesInstanceUid),
    element(0x00200010, 'SH', String(study)),
    element(0x00200011, 'IS', options.seriesNumber ?? String(series)),
    element(0x00200013, 'IS', options.instanceNumber ?? String(number)),
    ...(options.extra ?? []),
    ...body,
    ...(options.trailing ?? []),
  );
  const dataset = encode(write, transferSyntaxUid);
  return { ...ids, dataset, file: part10(ids, dataset) };
}

/** Groups 0008 and 0010. */
function descriptionOf(
  study: number,
  ids: Pick<Fixture, 'sopClassUid' | 'sopInstanceUid'>,
  options: InstanceOptions,
): Write[] {
  const {
    studyDate = '20240102',
    studyTime = '101530',
    accessionNumber = `ACC${study}`,
    modality = 'OT',
    patientName = 'FIXTURE^ONE',
    patientId = `FIX${study}`,
  } = options;
  return [
    ...(options.characterSet === undefined ? [] : [element(0x00080005, 'CS', options.characterSet)]),
    ...(options.imageType === undefined ? [] : [element(0x00080008, 'CS', options.imageType)]),
    element(0x00080016, 'UI', ids.sopClassUid),
    element(0x00080018, 'UI', ids.sopInstanceUid),
    element(0x00080020, 'DA', studyDate),
    element(0x00080030, 'TM', studyTime),
    element(0x00080050, 'SH', accessionNumber),
    element(0x00080060, 'CS', modality),
    element(0x00080090, 'PN', ''),
    element(0x00081030, 'LO', `Study ${study}`),
    element(0x00100010, 'PN', patientName),
    element(0x00100020, 'LO', patientId),
    element(0x00100030, 'DA', '19700101'),
    element(0x00100040, 'CS', 'O'),
    ...(options.patientWeight === undefined ? [] : [element(0x00101030, 'DS', options.patientWeight)]),
  ];
}

/** What the Image Pixel module says. */
export interface ImageOptions extends InstanceOptions {
  readonly rows?: number;
  readonly columns?: number;
  readonly frames?: number;
}

function pixelModule(values: {
  rows: number;
  columns: number;
  samples: number;
  bits: number;
  stored: number;
  signed: boolean;
  photometric: string;
  frames?: number;
}): Write[] {
  const { rows, columns, samples, bits, stored, signed, photometric, frames } = values;
  return [
    numbers(0x00280002, 'US', samples),
    element(0x00280004, 'CS', photometric),
    ...(samples > 1 ? [numbers(0x00280006, 'US', 0)] : []),
    ...(frames === undefined ? [] : [element(0x00280008, 'IS', String(frames))]),
    numbers(0x00280010, 'US', rows),
    numbers(0x00280011, 'US', columns),
    numbers(0x00280100, 'US', bits),
    numbers(0x00280101, 'US', stored),
    numbers(0x00280102, 'US', stored - 1),
    numbers(0x00280103, 'US', signed ? 1 : 0),
  ];
}

/** A slice of signed 16-bit values: a gradient that differs from instance to instance. */
export function ctSlice(options: ImageOptions = {}): Fixture {
  const { rows = 8, columns = 8, instance: number = 1 } = options;
  const pixels = Buffer.alloc(rows * columns * 2);
  for (let i = 0; i < rows * columns; i += 1)
    pixels.writeInt16LE(((i * 7 + number * 31) % 4096) - 1024, i * 2);
  return instance(sopClasses.ct, { modality: 'CT', ...options }, [
    ...pixelModule({
      rows,
      columns,
      samples: 1,
      bits: 16,
      stored: 16,
      signed: true,
      photometric: 'MONOCHROME2',
    }),
    element(0x00281050, 'DS', '40'),
    element(0x00281051, 'DS', '400'),
    element(0x00281052, 'DS', '-1024'),
    element(0x00281053, 'DS', '1'),
    element(0x7fe00010, 'OW', pixels),
  ]);
}

/** A series of slices. */
export function ctSeries(count: number, options: ImageOptions = {}): Fixture[] {
  return Array.from({ length: count }, (_, index) => ctSlice({ ...options, instance: index + 1 }));
}

/** A colour cine whose frame `n` (from 1) is filled with bytes that tell it from the others. */
export function usCine(options: ImageOptions = {}): Fixture {
  const { rows = 4, columns = 6, frames = 3 } = options;
  const pixels = Buffer.concat(
    Array.from({ length: frames }, (_, index) => colourFrame(rows, columns, index + 1)),
  );
  return instance(sopClasses.usMultiFrame, { modality: 'US', ...options }, [
    ...pixelModule({
      rows,
      columns,
      samples: 3,
      bits: 8,
      stored: 8,
      signed: false,
      photometric: 'RGB',
      frames,
    }),
    element(0x7fe00010, 'OB', pixels),
  ]);
}

/** The bytes of one frame of `usCine`. */
function colourFrame(rows: number, columns: number, frame: number): Buffer {
  return Buffer.from(Array.from({ length: rows * columns * 3 }, (_, i) => (frame * 16 + i) % 256));
}

/** Bytes that begin and end like a JPEG code stream; even length. */
function codeStream(length: number, seed = 1): Buffer {
  const bytes = Buffer.from(Array.from({ length }, (_, i) => (i * 13 + seed * 7) % 0xfe));
  bytes.set([0xff, 0xd8, 0xff, 0xe0], 0);
  bytes.set([0xff, 0xd9], length - 2);
  return bytes;
}

/** Encapsulated frames, each in so many fragments. */
export interface EncapsulatedOptions extends ImageOptions {
  readonly fragmentsPerFrame?: number;
  /** The Basic Offset Table: filled or empty. */
  readonly offsetTable?: boolean;
  /** The Extended Offset Table, which needs one fragment a frame. */
  readonly extendedOffsetTable?: boolean;
  readonly fragmentLength?: number;
}

/** The fragments of each frame of `encapsulatedImage`. */
function encapsulatedFrames(options: EncapsulatedOptions = {}): Buffer[][] {
  const { frames = 1, fragmentsPerFrame = 1, fragmentLength = 64 } = options;
  return Array.from({ length: frames }, (_, frame) => {
    const whole = codeStream(fragmentLength * fragmentsPerFrame, frame + 1);
    return Array.from({ length: fragmentsPerFrame }, (__, part) =>
      whole.subarray(part * fragmentLength, (part + 1) * fragmentLength),
    );
  });
}

/** A compressed image, JPEG baseline unless told otherwise. */
export function encapsulatedImage(options: EncapsulatedOptions = {}): Fixture {
  const { rows = 16, columns = 16, frames = 1, offsetTable = true, extendedOffsetTable = false } = options;
  const parts = encapsulatedFrames(options);
  const extended = uint64s(frameOffsets(parts));
  const lengths = uint64s(parts.map((fragments) => Buffer.concat(fragments).length));
  return instance(
    frames > 1 ? sopClasses.usMultiFrame : sopClasses.secondaryCapture,
    { modality: 'US', transferSyntaxUid: syntaxes.jpegBaseline, ...options },
    [
      ...pixelModule({
        rows,
        columns,
        samples: 3,
        bits: 8,
        stored: 8,
        signed: false,
        photometric: 'YBR_FULL_422',
        frames,
      }),
      ...(extendedOffsetTable
        ? [element(0x7fe00001, 'OV', extended), element(0x7fe00002, 'OV', lengths)]
        : []),
      encapsulated(parts.flat(), { offsets: offsetTable ? frameOffsets(parts) : [] }),
    ],
  );
}

function uint64s(values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(values.length * 8);
  values.forEach((value, index) => bytes.writeBigUInt64LE(BigInt(value), index * 8));
  return bytes;
}

/** A text report with nested content. */
export function basicTextSr(options: InstanceOptions = {}): Fixture {
  const code = (value: string, scheme: string, meaning: string): Write =>
    join(
      element(0x00080100, 'SH', value),
      element(0x00080102, 'SH', scheme),
      element(0x00080104, 'LO', meaning),
    );
  const textItem = (text: string): Write =>
    join(
      element(0x0040a010, 'CS', 'CONTAINS'),
      element(0x0040a040, 'CS', 'TEXT'),
      sequence(0x0040a043, [code('121071', 'DCM', 'Finding')]),
      element(0x0040a160, 'UT', text),
    );
  return instance(sopClasses.basicTextSr, { modality: 'SR', ...options }, [
    element(0x0040a040, 'CS', 'CONTAINER'),
    sequence(0x0040a043, [code('18748-4', 'LN', 'Diagnostic imaging report')]),
    element(0x0040a050, 'CS', 'SEPARATE'),
    element(0x0040a491, 'CS', 'COMPLETE'),
    element(0x0040a493, 'CS', 'UNVERIFIED'),
    sequence(0x0040a730, [textItem('No abnormality.'), textItem('Computed for a test.')]),
  ]);
}

/** Sequences in sequences, `depth` deep. */
export function nested(depth: number, lengths?: Parameters<typeof sequence>[2]): Write {
  let inner: Write = element(0x00080104, 'LO', 'innermost');
  for (let level = 0; level < depth; level += 1) inner = sequence(0x00081140, [inner], lengths);
  return inner;
}

/** A private block: creator, text, numbers, a binary value and a sequence of undefined length written as UN. */
export const privateElements: Write = join(
  element(0x00290010, 'LO', 'FIXTURE PRIVATE'),
  element(0x00291001, 'LO', 'private text'),
  numbers(0x00291002, 'SL', -7, 8),
  element(0x00291003, 'UN', Buffer.from([1, 2, 3, 4, 5, 6])),
);

/** A name as a PACS of some country sends it. */
export interface EncodedName {
  readonly characterSet: string | undefined;
  readonly bytes: Buffer;
  readonly text: string;
}

function name(characterSet: string | undefined, hex: string, text: string): EncodedName {
  return { characterSet, bytes: Buffer.from(hex.replaceAll(' ', ''), 'hex'), text };
}

/** The examples of PS3.5 annexes H, I, J and K, and of one-byte sets. */
export const names: readonly EncodedName[] = [
  name(undefined, Buffer.from('DOE^JANE').toString('hex'), 'DOE^JANE'),
  name('ISO_IR 100', Buffer.from('M\u00fcller^J\u00f6rg', 'latin1').toString('hex'), 'M\u00fcller^J\u00f6rg'),
  name('ISO_IR 144', 'bbeedae1d5dcd1e3e0d3', '\u041b\u044e\u043a\u0441\u0435\u043c\u0431\u0443\u0440\u0433'),
  name('ISO_IR 126', 'c4e9efedf5f3e9eff2', '\u0394\u03b9\u03bf\u03bd\u03c5\u03c3\u03b9\u03bf\u03c2'),
  name(
    'ISO_IR 192',
    Buffer.from('Wang^XiaoDong=\u738b^\u5c0f\u4e1c').toString('hex'),
    'Wang^XiaoDong=\u738b^\u5c0f\u4e1c',
  ),
  name('GB18030', '57616e675e5869616f446f6e673d cdf55ed0a1b6ab', 'Wang^XiaoDong=\u738b^\u5c0f\u4e1c'),
  name(
    '\\ISO 2022 IR 87',
    '59616d6164615e5461726f753d 1b24423b3345441b2842 5e 1b244242404f3a1b2842 3d 1b24422464245e24401b2842 5e 1b2442243f246d24261b2842',
    'Yamada^Tarou=\u5c71\u7530^\u592a\u90ce=\u3084\u307e\u3060^\u305f\u308d\u3046',
  ),
  name(
    '\\ISO 2022 IR 149',
    '486f6e675e47696c646f6e673d 1b242943fbf3 5e 1b242943d1ced4d7 3d 1b242943c8ab 5e 1b242943b1e6b5bf',
    'Hong^Gildong=\u6d2a^\u5409\u6d1e=\ud64d^\uae38\ub3d9',
  ),
];
