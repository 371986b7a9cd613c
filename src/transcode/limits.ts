/** What images the encoders take, as data: the same lines decide, tell a client why not, and stand in the documents. */
import { GatewayError } from '../core/index.js';
import { transferSyntax, type FrameShape } from '../dicom/index.js';

/** One thing that an encoder asks of images. */
export interface Limit {
  /** Continues "images with". */
  readonly needs: string;
  readonly allows: (shape: FrameShape) => boolean;
  /** What an image has in its place; says nothing of a patient. */
  readonly found: (shape: FrameShape) => string;
}

export const oneOrThreeSamples: Limit = {
  needs: 'one sample in a pixel, or three',
  allows: ({ samplesPerPixel }) => samplesPerPixel === 1 || samplesPerPixel === 3,
  found: ({ samplesPerPixel }) => String(samplesPerPixel),
};

/** @see PS3.5 8.2: no code stream here has chrominance for every other pixel, so that it is written for each. */
export const ownChrominance: Limit = {
  needs:
    'chrominance for each pixel, or (YBR_FULL_422) for pairs of them in 8 bits and an even number of columns',
  allows: ({ photometricInterpretation: name, bitsAllocated, columns }) =>
    !/_42[02]$/.test(name) || (name === 'YBR_FULL_422' && bitsAllocated === 8 && columns % 2 === 0),
  found: () => 'chrominance that pixels share in another way',
};

/** @see PS3.5 8.2.2, A.4.15: single bits are for deflation */
export const wholeBytes: Limit = {
  needs: 'at least 8 bits allocated to a sample',
  allows: ({ bitsAllocated }) => bitsAllocated >= 8,
  found: ({ bitsAllocated }) => String(bitsAllocated),
};

/** What JPEG and JPEG-LS can hold at all, and of JPEG 2000 what its encoders here do. @see PS3.5 8.2.1, 8.2.3, 8.2.4 */
export const atMost16: Limit = {
  needs: 'at most 16 bits allocated to a sample',
  allows: ({ bitsAllocated }) => bitsAllocated <= 16,
  found: ({ bitsAllocated }) => String(bitsAllocated),
};

export const atLeast2: Limit = {
  needs: 'at least 2 bits stored of a sample',
  allows: ({ bitsStored }) => bitsStored >= 2,
  found: ({ bitsStored }) => String(bitsStored),
};

/** Samples of 8 bits in 16 make streams of 8 bits, which other decoders read as they like. */
export const noBytesInWords: Limit = {
  needs: 'more than 8 bits stored where 16 are allocated',
  allows: ({ bitsAllocated, bitsStored }) => bitsAllocated !== 16 || bitsStored > 8,
  found: ({ bitsStored }) => String(bitsStored),
};

/** The encoders of wavelets get signed bytes wrong. */
export const noSignedBytes: Limit = {
  needs: 'more than 8 bits stored where samples are signed',
  allows: ({ signed, bitsStored }) => !signed || bitsStored > 8,
  found: ({ bitsStored }) => String(bitsStored),
};

/** Most rows and columns of which HTJ2K has one precinct. @see ISO/IEC 15444-1 A.6.1 */
const PRECINCT = 2 ** 15;

export const onePrecinct: Limit = {
  needs: `at most ${PRECINCT} rows and columns where they have three samples in a pixel`,
  allows: ({ samplesPerPixel, rows, columns }) =>
    samplesPerPixel === 1 || Math.max(rows, columns) <= PRECINCT,
  found: ({ rows, columns }) => `${rows} and ${columns}`,
};

/** Numbers of a palette's entries have no neighbours that would do as well. */
export const picture: Limit = {
  needs: 'samples that are grey or RGB',
  allows: ({ samplesPerPixel, photometricInterpretation }) =>
    samplesPerPixel === 3
      ? photometricInterpretation === 'RGB'
      : samplesPerPixel === 1 && photometricInterpretation.startsWith('MONOCHROME'),
  found: () => 'others',
};

export const allStored: Limit = {
  needs: '8 bits stored of 8, or more than 8 of 16',
  allows: ({ bitsAllocated, bitsStored }) =>
    bitsAllocated === 8 ? bitsStored === 8 : bitsAllocated === 16 && bitsStored > 8,
  found: ({ bitsAllocated, bitsStored }) => `${bitsStored} of ${bitsAllocated}`,
};

export const unsignedBytes: Limit = {
  needs: 'unsigned samples of 8 bits',
  allows: ({ bitsAllocated, signed }) => bitsAllocated === 8 && !signed,
  found: ({ bitsAllocated, signed }) => `${signed ? 'signed' : 'unsigned'} ones of ${bitsAllocated}`,
};

/** @see `encodesAtOnce`: joined components are lossless alone */
export const narrowColours: Limit = {
  needs: 'at most 8 bits stored of a sample where they have three in a pixel',
  allows: ({ samplesPerPixel, bitsStored }) => samplesPerPixel === 1 || bitsStored <= 8,
  found: ({ bitsStored }) => String(bitsStored),
};

/** What has limits, by transfer syntax. */
type Limited<E> = ReadonlyMap<string, E & { readonly limits: readonly Limit[] }>;

/** Why images of `shape` cannot be had in a transfer syntax, in words; undefined when they can. */
export function whyNot(
  encoders: Limited<object>,
  transferSyntaxUid: string,
  shape: FrameShape,
): string | undefined {
  const name = transferSyntax(transferSyntaxUid)?.name ?? 'What was asked for';
  const encoder = encoders.get(transferSyntaxUid);
  if (!encoder) return `${name} is not made here.`;
  const limit = encoder.limits.find(({ allows }) => !allows(shape));
  return limit && `${name} is made here of images with ${limit.needs}; this one has ${limit.found(shape)}.`;
}

/** The encoder of a transfer syntax that takes `shape`. @throws GatewayError `not-acceptable` that says why there is none */
export function encoderFor<E>(encoders: Limited<E>, transferSyntaxUid: string, shape: FrameShape): E {
  const encoder = encoders.get(transferSyntaxUid);
  const reason = whyNot(encoders, transferSyntaxUid, shape);
  if (encoder && reason === undefined) return encoder;
  throw new GatewayError('not-acceptable', reason ?? '');
}
