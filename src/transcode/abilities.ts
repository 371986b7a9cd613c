import { allTransferSyntaxes, TransferSyntaxes, type TransferSyntax } from '../dicom/index.js';
import { canDecode } from './decode-frame.js';
import { canEncode, losslessLimits } from './encode-frame.js';
import { canEncodeLossy, lossyLimits } from './lossy-frame.js';

/** What the gateway can do with instances and frames in one transfer syntax. */
export interface TransferSyntaxAbility {
  readonly syntax: TransferSyntax;
  /** How what is stored in it can be had as it is: its bytes, or, where the standard forbids those, re-encoded. */
  readonly pass: 'as-stored' | 'explicit-little-endian';
  /** Whether what is stored in it can be had in Explicit VR Little Endian. */
  readonly decode: boolean;
  /** How what is stored otherwise can be had in it. */
  readonly encode: 'lossless' | 'lossy' | undefined;
  /** What is asked of images that are encoded in it; each continues "images with". */
  readonly limits: readonly string[];
}

/** Of every transfer syntax in which instances are stored, what the gateway can do with it. @see PS3.18 8.7.3 */
export const transferSyntaxAbilities = (): readonly TransferSyntaxAbility[] =>
  allTransferSyntaxes.map((syntax) => ({
    syntax,
    pass: mayLeave(syntax) ? 'as-stored' : 'explicit-little-endian',
    decode: syntax.encapsulated ? canDecode(syntax.uid) : !syntax.lossy,
    encode: encodingOf(syntax),
    limits: [...losslessLimits(syntax.uid), ...lossyLimits(syntax.uid)].map(({ needs }) => needs),
  }));

function encodingOf(syntax: TransferSyntax): TransferSyntaxAbility['encode'] {
  if (isNative(syntax) || canEncode(syntax.uid)) return 'lossless';
  return canEncodeLossy(syntax.uid) ? 'lossy' : undefined;
}

/** Implicit VR and Big Endian never leave the gateway (W-23). */
const mayLeave = ({ vr, byteOrder }: TransferSyntax): boolean => vr === 'explicit' && byteOrder === 'little';

/** What uncompressed pixels are written in; those of JPIP stand elsewhere. */
const isNative = ({ uid }: TransferSyntax): boolean =>
  uid === TransferSyntaxes.ExplicitVrLittleEndian.uid ||
  uid === TransferSyntaxes.DeflatedExplicitVrLittleEndian.uid;
