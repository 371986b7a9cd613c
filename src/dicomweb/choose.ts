import { transferSyntax, TransferSyntaxes, type TransferSyntax } from '../dicom/index.js';
import { isRefused, type Representation } from './negotiate.js';

/** How to deliver one instance. */
export interface InstanceChoice {
  readonly representation: Representation;
  readonly transferSyntaxUid: string;
  /**
   * The stored dataset must be re-encoded as Explicit VR Little Endian, and deflated where that is the transfer syntax;
   * otherwise its bytes go out untouched.
   */
  readonly reencode: boolean;
}

/** How to deliver the frames of one instance. */
export interface FrameChoice {
  readonly representation: Representation;
  /** Of each part, or of the body in a single part. */
  readonly mediaType: string;
  readonly transferSyntaxUid: string;
}

const explicitLittleEndian = TransferSyntaxes.ExplicitVrLittleEndian.uid;
const deflatedDataset = TransferSyntaxes.DeflatedExplicitVrLittleEndian.uid;

/**
 * The first of `representations` that an instance stored in `stored` can be given in without changing its pixels;
 * undefined if none.
 *
 * @see PS3.18 8.7.3.4 (W-20, W-21, W-23)
 */
export function chooseForInstance(
  representations: readonly Representation[],
  stored: TransferSyntax,
): InstanceChoice | undefined {
  for (const representation of representations) {
    const transferSyntaxUid = instanceSyntax(representation.transferSyntax, stored);
    if (
      transferSyntaxUid !== undefined &&
      !isRefused(representation, representation.mediaType, transferSyntaxUid)
    )
      return { representation, transferSyntaxUid, reencode: transferSyntaxUid !== stored.uid };
  }
  return undefined;
}

function instanceSyntax(wanted: string | undefined, stored: TransferSyntax): string | undefined {
  switch (wanted) {
    case '*':
      return isForbidden(stored) ? explicitLittleEndian : stored.uid;
    case undefined:
      if (isUncompressed(stored)) return explicitLittleEndian;
      return stored.lossy ? stored.uid : undefined;
    case explicitLittleEndian:
      return isUncompressed(stored) ? explicitLittleEndian : undefined;
    case deflatedDataset:
      return isUncompressed(stored) ? deflatedDataset : undefined;
    default:
      return wanted === stored.uid && !isForbidden(stored) ? stored.uid : undefined;
  }
}

/** JPIP's pixel data is not in the dataset, so it has no fragments, but is lossy: it keeps its transfer syntax. */
const isUncompressed = (stored: TransferSyntax): boolean => !stored.encapsulated && !stored.lossy;

/** Implicit VR and Big Endian never leave the gateway (W-23). */
const isForbidden = (stored: TransferSyntax): boolean =>
  stored.vr === 'implicit' || stored.byteOrder === 'big';

/**
 * The first of `representations` that frames stored in `stored` can be given in as they are; undefined if none.
 *
 * Native frames are Explicit VR Little Endian whatever the dataset around them was, so those of Big Endian need their
 * bytes swapped. `application/octet-stream; transfer-syntax=*` is what viewers send who take the stored bytes.
 *
 * @see PS3.18 8.7.3.3.2, 8.7.3.5 (W-03, W-21, W-29)
 */
export function chooseForFrames(
  representations: readonly Representation[],
  stored: TransferSyntax,
): FrameChoice | undefined {
  const mediaType = stored.frameMediaType;
  const transferSyntaxUid = nativeFrames(stored) ? explicitLittleEndian : stored.uid;
  const representation = representations.find((one) => {
    if (one.mediaType !== mediaType && one.mediaType !== genericType) return false;
    if (isRefused(one, mediaType, transferSyntaxUid)) return false;
    if (one.transferSyntax !== undefined) {
      return one.transferSyntax === '*' || one.transferSyntax === transferSyntaxUid;
    }
    // Without a transfer syntax the general type means native frames, a compressed type whatever it was stored in.
    return one.mediaType !== genericType || transferSyntaxUid === explicitLittleEndian;
  });
  return representation && { representation, mediaType, transferSyntaxUid };
}

interface Chosen {
  readonly representation: Representation;
}

/**
 * Whether what is stored is given in place of what it can be turned into: the client likes it at least as well, or would
 * lose something.
 *
 * @see RFC 9110 12.5.1
 */
export function prefersStored(
  stored: Chosen | undefined,
  conversion: (Chosen & { readonly lossy: boolean }) | undefined,
): boolean {
  if (stored === undefined || conversion === undefined) return stored !== undefined;
  if (conversion.lossy) return true;
  return (stored.representation.rank ?? 0) <= (conversion.representation.rank ?? 0);
}

/** An instance in another transfer syntax than the stored one. */
export interface InstanceConversion {
  readonly representation: Representation;
  readonly transferSyntaxUid: string;
  /** What its frames are encoded in; undefined for native ones. */
  readonly encodeAs: string | undefined;
  readonly lossy: boolean;
}

/**
 * Those of `representations` that an instance stored in `stored` can be turned into by decoding or encoding its frames, in
 * the order in which they are to be tried: those without loss before all others.
 *
 * @see PS3.18 8.7.3.4 (W-20)
 */
export function instanceConversions(
  representations: readonly Representation[],
  stored: TransferSyntax,
  abilities: FrameAbilities,
): readonly InstanceConversion[] {
  if (stored.encapsulated ? !abilities.decodes(stored.uid) : stored.lossy) return [];
  return [false, true].flatMap((lossy) =>
    representations.flatMap((representation): readonly InstanceConversion[] => {
      const uid = wantedOf(representation, stored);
      if (isRefused(representation, representation.mediaType, uid)) return [];
      if (!lossy && (uid === explicitLittleEndian || uid === deflatedDataset))
        return [{ representation, transferSyntaxUid: uid, encodeAs: undefined, lossy }];
      return canMake(uid, lossy, abilities)
        ? [{ representation, transferSyntaxUid: uid, encodeAs: uid, lossy }]
        : [];
    }),
  );
}

/** Whatever it is stored in, but for that: uncompressed. */
function wantedOf(representation: Representation, stored: TransferSyntax): string {
  const { mediaType, transferSyntax: wanted = explicitLittleEndian } = representation;
  return wanted === '*' && isRefused(representation, mediaType, stored.uid) ? explicitLittleEndian : wanted;
}

/**
 * An instance as it is stored, for a client that names no transfer syntax and would get Explicit VR Little Endian if that
 * could be made of it; undefined for others.
 *
 * @see PS3.18 8.7.3.4 (W-20)
 */
export const storedInstead = (
  { representation }: InstanceConversion,
  stored: TransferSyntax,
): InstanceChoice | undefined =>
  representation.transferSyntax === undefined &&
  stored.encapsulated &&
  !isRefused(representation, representation.mediaType, stored.uid)
    ? { representation, transferSyntaxUid: stored.uid, reencode: false }
    : undefined;

function canMake(uid: string, lossy: boolean, abilities: FrameAbilities): boolean {
  if (transferSyntax(uid)?.lossy !== lossy) return false;
  return lossy ? abilities.encodesLossy(uid) : abilities.encodes(uid);
}

/** What can be done with frames, by transfer syntax. */
export interface FrameAbilities {
  decodes(transferSyntaxUid: string): boolean;
  /** Without loss. */
  encodes(transferSyntaxUid: string): boolean;
  /** With loss, where the operator allows it. */
  encodesLossy(transferSyntaxUid: string): boolean;
}

/** Frames in another transfer syntax than the stored one. */
export interface FrameConversion extends FrameChoice {
  /** What they are encoded in; undefined for native frames. */
  readonly encodeAs: string | undefined;
  readonly lossy: boolean;
}

/**
 * Those of `representations` that frames stored in `stored` can be turned into, in the order in which they are to be
 * tried: those without loss before all others. What is stored is always better, where the client takes that too.
 *
 * A media type without a transfer syntax means the default one of Table 8.7.3-5, which is lossless. What loses
 * something must be asked for by its name.
 *
 * @see PS3.18 8.7.3.3.2, 8.7.3.5 (W-20, W-29)
 */
export function frameConversions(
  representations: readonly Representation[],
  stored: TransferSyntax,
  abilities: FrameAbilities,
): readonly FrameConversion[] {
  if (stored.encapsulated && !abilities.decodes(stored.uid)) return [];
  return [false, true].flatMap((lossy) =>
    representations.flatMap((representation): readonly FrameConversion[] => {
      const target = targetOf(representation, lossy, abilities);
      if (target === undefined) return [];
      const encodeAs = target === explicitLittleEndian ? undefined : target;
      const mediaType = encodeAs === undefined ? genericType : representation.mediaType;
      if (isRefused(representation, mediaType, target)) return [];
      return [{ representation, mediaType, transferSyntaxUid: target, encodeAs, lossy }];
    }),
  );
}

/** The transfer syntax to make; undefined when it cannot be made. */
function targetOf(
  { mediaType, transferSyntax: wanted }: Representation,
  lossy: boolean,
  abilities: FrameAbilities,
): string | undefined {
  const uid = wanted === undefined || wanted === '*' ? defaultSyntaxes.get(mediaType) : wanted;
  const target = uid === undefined ? undefined : transferSyntax(uid);
  if (target?.frameMediaType !== mediaType) return undefined;
  if (target.uid === explicitLittleEndian) return lossy ? undefined : target.uid;
  return canMake(target.uid, lossy, abilities) ? target.uid : undefined;
}

/** @see PS3.18 Table 8.7.3-5 */
const defaultSyntaxes: ReadonlyMap<string, string> = new Map(
  [
    TransferSyntaxes.ExplicitVrLittleEndian,
    TransferSyntaxes.JpegLosslessSv1,
    TransferSyntaxes.RleLossless,
    TransferSyntaxes.JpegLsLossless,
    TransferSyntaxes.Jpeg2000Lossless,
    TransferSyntaxes.HtJ2kLossless,
  ].map(({ frameMediaType, uid }) => [frameMediaType, uid]),
);

/** Encapsulated Uncompressed has native frames in fragments. */
const nativeFrames = (stored: TransferSyntax): boolean =>
  isUncompressed(stored) ||
  stored.uid === TransferSyntaxes.EncapsulatedUncompressedExplicitVrLittleEndian.uid;

const genericType = 'application/octet-stream';

/**
 * The first of `representations` that bulk data other than pixel data can be given in: its `own` type, or the general one;
 * undefined if none.
 *
 * @see PS3.18 10.4.4 (W-04)
 */
export function chooseForBulkData(
  representations: readonly Representation[],
  own = genericType,
): Representation | undefined {
  return representations.find(({ mediaType }) => mediaType === own || mediaType === genericType);
}
