/** What a dataset says of pixels that have lost something. */
import { explicitElement, explicitSequence, type ElementEdit } from './element-edit.js';
import { Tags } from './tags.js';
import { TransferSyntaxes, type TransferSyntax } from './transfer-syntax-table.js';

/** @see PS3.3 C.7.6.1.1.5.1 */
const METHODS: readonly (readonly [mediaType: string, method: string])[] = [
  ['image/jpeg', 'ISO_10918_1'],
  ['image/jls', 'ISO_14495_1'],
  ['image/jp2', 'ISO_15444_1'],
  ['image/jphc', 'ISO_15444_15'],
  ['image/jxl', 'ISO_18181_1'],
  ['video/mpeg', 'ISO_13818_2'],
  ['video/mp4', 'ISO_14496_10'],
  ['video/H265', 'ISO_23008_2'],
];
const LONGEST_DESCRIPTION = 1024;

/** A compression that has lost something. */
export interface LossyCompression {
  readonly syntax: TransferSyntax;
  /** Native bytes by compressed ones, of all frames or of one that stands for them. */
  readonly ratio: number;
}

/** What (0028,2114) calls the compression of a transfer syntax; empty for one that it has no name for. */
export const lossyMethod = ({ frameMediaType }: TransferSyntax): string =>
  METHODS.find(([mediaType]) => mediaType === frameMediaType)?.[1] ?? '';

const ratioText = (ratio: number): string => ratio.toFixed(ratio < 100 ? 2 : 0);

/** The values of an element, at least `least` of them. */
function valuesOf(stored: Buffer | undefined, least = 0): readonly string[] {
  const text = textOf(stored);
  const values = text === '' ? [] : text.split('\\');
  return [...values, ...Array.from({ length: Math.max(0, least - values.length) }, () => '')];
}

const textOf = (stored?: Buffer): string => stored?.toString('latin1').replace(/[\0 ]+$/, '') ?? '';

/**
 * Flag, ratio and method of a compression, behind those of earlier ones. `before` is what the pixels were in: it is said too
 * where it has lost something and nothing says so. An earlier ratio without a method has an empty one, and so has one of the
 * `methods` that are there already an empty ratio, for both count alike.
 *
 * @see PS3.3 C.7.6.1.1.5
 */
export function lossyEdits(
  compression: LossyCompression,
  before?: LossyCompression,
  methods = 0,
): readonly ElementEdit[] {
  const unsaid = before && alwaysLossy.has(before.syntax.uid) ? [before] : [];
  // The flag stands before the ratios, and those before the methods.
  let isSaid = false;
  let ratios = 0;
  const added = (of: (one: LossyCompression) => string): readonly string[] =>
    [...(isSaid ? [] : unsaid), compression].map(of);
  const { LossyImageCompression, LossyImageCompressionRatio, LossyImageCompressionMethod } = Tags;
  return [
    {
      tag: LossyImageCompression,
      make: (stored) => {
        isSaid = textOf(stored) === '01';
        return explicitElement(LossyImageCompression, 'CS', '01');
      },
    },
    {
      tag: LossyImageCompressionRatio,
      make: (stored) => {
        const earlier = valuesOf(stored, methods);
        ratios = earlier.length;
        const values = [...earlier, ...added(({ ratio }) => ratioText(ratio))];
        return explicitElement(LossyImageCompressionRatio, 'DS', values.join('\\'));
      },
    },
    {
      tag: LossyImageCompressionMethod,
      make: (stored) => {
        const values = [...valuesOf(stored, ratios), ...added(({ syntax }) => lossyMethod(syntax))];
        return explicitElement(LossyImageCompressionMethod, 'CS', values.join('\\'));
      },
    },
  ];
}

/** What is compressed again is an image derived from the one that was. @see PS3.3 C.7.6.1.1.2, C.12.4.1.1 */
export function derivedEdits({ syntax, ratio }: LossyCompression): readonly ElementEdit[] {
  const text = `Lossy compression, ${syntax.name}, ${ratioText(ratio)}:1`;
  return [
    {
      tag: Tags.ImageType,
      make: (stored) => {
        const [, ...others] = textOf(stored).split('\\');
        return explicitElement(
          Tags.ImageType,
          'CS',
          ['DERIVED', ...(others.length > 0 ? others : ['PRIMARY'])].join('\\'),
        );
      },
    },
    {
      tag: Tags.DerivationDescription,
      make: (stored) => {
        const before = textOf(stored);
        const whole = before === '' ? text : `${before}; ${text}`;
        return whole.length > LONGEST_DESCRIPTION
          ? undefined
          : explicitElement(Tags.DerivationDescription, 'ST', whole);
      },
    },
  ];
}

/** Another instance, and the one that it is made of. @see PS3.3 C.7.6.1.1.5, C.12.4.1.2 */
export function newInstanceEdits(
  sopInstanceUid: string,
  source: { readonly sopClassUid: string; readonly sopInstanceUid: string },
): readonly ElementEdit[] {
  return [
    {
      tag: Tags.SOPInstanceUID,
      make: () => explicitElement(Tags.SOPInstanceUID, 'UI', sopInstanceUid),
    },
    {
      tag: Tags.SourceImageSequence,
      make: () =>
        explicitSequence(
          Tags.SourceImageSequence,
          explicitElement(Tags.ReferencedSOPClassUID, 'UI', source.sopClassUid),
          explicitElement(Tags.ReferencedSOPInstanceUID, 'UI', source.sopInstanceUid),
        ),
    },
  ];
}

const { JpegBaseline, JpegExtended, JpegExtended35, JpegSpectralSelection68, JpegFullProgression1012 } =
  TransferSyntaxes;
/** JPEG but lossless JPEG; the other syntaxes that are called lossy may hold what has lost nothing. */
const alwaysLossy: ReadonlySet<string> = new Set(
  [JpegBaseline, JpegExtended, JpegExtended35, JpegSpectralSelection68, JpegFullProgression1012].map(
    ({ uid }) => uid,
  ),
);

/**
 * What an instance that is decoded, or encoded anew without loss, must go on to say of the compression that it had: all
 * of it where it does not say that anything was lost.
 *
 * @see PS3.3 C.7.6.1.1.5
 */
export function decodedEdits(compression: LossyCompression): readonly ElementEdit[] {
  if (!alwaysLossy.has(compression.syntax.uid)) return [];
  // The flag stands before the others.
  let isSaid = false;
  return lossyEdits(compression).map(({ tag, make }) => ({
    tag,
    make: (stored) => {
      if (tag === Tags.LossyImageCompression) isSaid = textOf(stored) === '01';
      return isSaid ? undefined : make(stored);
    },
  }));
}
