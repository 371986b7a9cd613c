import { GatewayError, toGatewayError } from '../core/index.js';
import { transferSyntax, TransferSyntaxes, type TransferSyntax } from '../dicom/index.js';
import { describeStream, readFrameFit } from '../media/index.js';
import { plainValue, type BulkValue, type ReceivedBulk } from './bulk-value.js';
import { unpackedValue, type UnpackDependencies } from './unpack-part.js';

const UNPACKED: ReadonlySet<string> = new Set(['image/png', 'image/gif']);
const isVideoType = (mediaType: string): boolean => mediaType.startsWith('video/');

/**
 * The value of pixel data. Compressed frames and video are stored as they are, in the transfer syntax that the part names
 * or else the one that they say themselves; PNG and GIF are decoded. The spool that is left out of the value is freed.
 *
 * @throws GatewayError `malformed-dataset` for what says of itself what DICOM has no form for, or no codec can decode;
 * `unsupported-media-type` for pictures and videos of other types; `overloaded`
 * @see PS3.18 Table 10.5.2-1, rule S-06
 */
export async function pixelValue(received: ReceivedBulk, deps: UnpackDependencies): Promise<BulkValue> {
  const { part, spool, length } = received;
  const { mediaType, transferSyntaxUid } = part;
  const named = transferSyntaxUid === undefined ? undefined : transferSyntax(transferSyntaxUid);
  if (named !== undefined) return namedValue(received, named);
  if (UNPACKED.has(mediaType)) return unpackedValue(received, deps);
  const stream = await describeStream(mediaType, { source: spool, length });
  if (stream) return streamValue(received, { ...stream, isNamed: false }, stream.syntax);
  if (!/^(?:image|video)\//.test(mediaType)) return plainValue(received);
  throw new GatewayError(
    'unsupported-media-type',
    `Pixel data in ${mediaType} are stored only where their part names a transfer syntax.`,
  );
}

/**
 * What it is has been said; what it says of itself is heard where that can be read.
 *
 * @throws GatewayError `malformed-dataset` when it says something else, or is nothing that can be in that transfer syntax
 */
async function namedValue(received: ReceivedBulk, syntax: TransferSyntax): Promise<BulkValue> {
  const { spool, length } = received;
  const stream = await descriptionOf(received, syntax);
  if (stream !== undefined && !mayBe(stream.syntax, syntax))
    throw new GatewayError(
      'malformed-dataset',
      `A part that is said to be in ${syntax.name} is in ${stream.syntax.name}.`,
    );
  // An empty frame is refused as such.
  const fit = length === 0 ? undefined : await readFrameFit(syntax, { source: spool, length });
  const value = streamValue(received, stream && { ...stream, isNamed: true }, syntax);
  return { ...value, ...(fit && { fit }) };
}

/** What can be heard of itself, by its media type or else as a frame in `syntax`; undefined when nothing can. */
async function descriptionOf(
  { part, spool, length }: ReceivedBulk,
  { frameMediaType }: TransferSyntax,
): ReturnType<typeof describeStream> {
  const file = { source: spool, length };
  try {
    const stream = await describeStream(part.mediaType, file);
    return stream ?? (isVideoType(frameMediaType) ? undefined : await describeStream(frameMediaType, file));
  } catch (thrown) {
    if (toGatewayError(thrown).code !== 'malformed-dataset') throw thrown;
    return undefined;
  }
}

const S = TransferSyntaxes;
/** Transfer syntaxes of which each holds what those before it hold; which is meant the stream does not say. */
const FAMILIES: readonly (readonly TransferSyntax[])[] = [
  [S.JpegBaseline, S.JpegExtended],
  [S.JpegLosslessSv1, S.JpegLossless],
  [S.JpegLsLossless, S.JpegLsNearLossless],
  [S.Jpeg2000Lossless, S.Jpeg2000],
  [S.HtJ2kLossless, S.HtJ2kLosslessRpcl, S.HtJ2k],
];

/** Whether a stream of `found` is one of `named`: in no other family, and not with loss where there is to be none. */
function mayBe(found: TransferSyntax, named: TransferSyntax): boolean {
  const family = FAMILIES.find((one) => one.includes(found));
  const isPicture = FAMILIES.some((one) => one.includes(named));
  if (!family || !isPicture) return true;
  return family.includes(named) && family.indexOf(named) >= family.indexOf(found);
}

function streamValue(
  { part: { mediaType }, spool, length }: ReceivedBulk,
  stream: BulkValue['stream'],
  syntax: TransferSyntax,
): BulkValue {
  return {
    spool,
    range: stream?.range ?? { start: 0, end: length },
    mediaType,
    syntax,
    isFrame: !isVideoType(syntax.frameMediaType),
    ...(stream && { stream }),
  };
}
