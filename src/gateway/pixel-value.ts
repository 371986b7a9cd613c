import { GatewayError, toGatewayError } from '../core/index.js';
import { transferSyntax, type TransferSyntax } from '../dicom/index.js';
import { describeStream } from '../media/index.js';
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

/** What it is has been said; what it says of itself is heard where that can be read. */
async function namedValue(received: ReceivedBulk, syntax: TransferSyntax): Promise<BulkValue> {
  const { part, spool, length } = received;
  try {
    const stream = await describeStream(part.mediaType, { source: spool, length });
    const described = stream && { ...stream, isNamed: true };
    return streamValue(received, described, syntax);
  } catch (thrown) {
    if (toGatewayError(thrown).code !== 'malformed-dataset') throw thrown;
    return streamValue(received, undefined, syntax);
  }
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
