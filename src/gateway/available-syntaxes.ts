import {
  fitsNative,
  formatTag,
  Tags,
  transferSyntax,
  TransferSyntaxes,
  type DicomJsonObject,
  type Tag,
} from '../dicom/index.js';
import type { FramePool, FrameShape } from '../transcode/index.js';

const AVAILABLE = formatTag(Tags.AvailableTransferSyntaxUID);
const EXPLICIT = TransferSyntaxes.ExplicitVrLittleEndian.uid;

/** As large as a frame can be of which no more is known than its rows and columns. */
const MOST = { samplesPerPixel: 3, bitsAllocated: 32 } as const;

/** What is asked of the frames that would have to be decoded. */
export type FrameChecks = Pick<FramePool, 'decodes' | 'takes'>;

/**
 * The result with Explicit VR Little Endian behind the transfer syntaxes that the PACS names, where the gateway can turn
 * the first one, which is the stored one, into it without loss. What the PACS does not name is not made up.
 *
 * @see rule Q-47, PS3.4 C.6.1.1.5.2
 */
export function withAvailable(row: DicomJsonObject, frames: FrameChecks): DicomJsonObject {
  const named = row[AVAILABLE]?.Value ?? [];
  const [stored] = named;
  if (typeof stored !== 'string' || named.includes(EXPLICIT) || !isAssured(row, stored, frames)) return row;
  return { ...row, [AVAILABLE]: { vr: 'UI', Value: [...named, EXPLICIT] } };
}

function isAssured(row: DicomJsonObject, uid: string, frames: FrameChecks): boolean {
  const stored = transferSyntax(uid);
  if (stored === undefined || stored.lossy) return false;
  if (!stored.encapsulated) return true;
  return frames.decodes(uid) && isSmallEnough(row, frames);
}

/** Frames of which the PACS does not tell the size may be too large to be decoded. */
function isSmallEnough(row: DicomJsonObject, frames: FrameChecks): boolean {
  const rows = numberIn(row, Tags.Rows);
  const columns = numberIn(row, Tags.Columns);
  if (rows === undefined || columns === undefined) return false;
  const shape: FrameShape = {
    ...MOST,
    rows,
    columns,
    bitsAllocated: numberIn(row, Tags.BitsAllocated) ?? MOST.bitsAllocated,
    bitsStored: 1,
    signed: false,
    photometricInterpretation: '',
    planar: false,
  };
  const bytes = (rows * columns * shape.samplesPerPixel * Math.max(8, shape.bitsAllocated)) / 8;
  return frames.takes(shape, 0) && fitsNative(bytes * (numberIn(row, Tags.NumberOfFrames) ?? 1));
}

function numberIn(row: DicomJsonObject, tag: Tag): number | undefined {
  const value = Number(row[formatTag(tag)]?.Value?.[0] ?? Number.NaN);
  return Number.isSafeInteger(value) && value > 0 ? value : undefined;
}
