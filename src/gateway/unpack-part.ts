import type { SpoolStore } from '../cache/index.js';
import { GatewayError, type OperationContext } from '../core/index.js';
import type { FrameShape } from '../dicom/index.js';
import { readPackedPicture, type NativePixels } from '../media/index.js';
import type { FramePool } from '../transcode/index.js';
import { BulkReader } from './bulk-reader.js';
import type { BulkValue, ReceivedBulk } from './bulk-value.js';
import type { StoreSettings } from './ports.js';

export interface UnpackDependencies {
  readonly framePool: FramePool;
  readonly spools: SpoolStore;
  readonly settings: StoreSettings;
  readonly context: OperationContext;
}

type Packed = ReturnType<typeof readPackedPicture>;
type Unpacked = Awaited<ReturnType<Awaited<ReturnType<FramePool['enter']>>['unpack']>>;

/** As large as it may become in a decoder: with transparency. */
const shapeOf = ({ rows, columns, frames, sampleBytes }: Packed): FrameShape => ({
  rows: rows * frames,
  columns,
  samplesPerPixel: 4,
  bitsAllocated: 8 * sampleBytes,
  bitsStored: 8 * sampleBytes,
  signed: false,
  photometricInterpretation: 'RGB',
  planar: false,
});

const LEAST: FrameShape = { ...shapeOf({ rows: 1, columns: 1, frames: 1, sampleBytes: 1 }) };
const MOST_SIDE = 65_535;

/**
 * A PNG or GIF as native pixels, decoded in a thread. Its headers are read first: what would be larger than a frame may
 * be is not decoded.
 *
 * @throws GatewayError `malformed-dataset`, `overloaded`, or the reason of the context's signal
 */
export async function unpackedValue(received: ReceivedBulk, deps: UnpackDependencies): Promise<BulkValue> {
  const { spool, length, part } = received;
  const { framePool, context } = deps;
  if (!framePool.takes(LEAST, length)) throw tooLarge();
  const place = await framePool.enter(context);
  try {
    const frame = await allOf(received);
    const packed = readPackedPicture(frame);
    const shape = shapeOf(packed);
    if (!framePool.takes(shape, length) || Math.max(packed.rows, packed.columns) > MOST_SIDE)
      throw tooLarge();
    const unpacked = await place.unpack({ frame, shape, from: part.mediaType, unpack: packed });
    const value = await kept(unpacked.samples, deps);
    spool.discard();
    return {
      ...value,
      mediaType: part.mediaType,
      syntax: undefined,
      isFrame: part.mediaType === 'image/png',
      pixels: pixelsOf(packed, unpacked, part.mediaType),
    };
  } finally {
    place.leave();
  }
}

const tooLarge = (): GatewayError =>
  new GatewayError('malformed-dataset', 'The picture is larger than a frame that is decoded may be.');

/** In memory of its own, which is given away. */
async function allOf({ spool, length }: ReceivedBulk): Promise<Buffer> {
  const bytes = Buffer.from(new ArrayBuffer(length));
  let at = 0;
  for await (const chunk of spool.read(0, length)) at += chunk.copy(bytes, at);
  return bytes;
}

async function kept(
  samples: Uint8Array,
  { spools, settings }: UnpackDependencies,
): Promise<Pick<BulkValue, 'spool' | 'range'>> {
  let problem: GatewayError | undefined;
  const reader = new BulkReader(spools, { ...settings, maxPartBytes: Infinity }, (error) => {
    problem = error;
  });
  await reader.push(Buffer.from(samples.buffer, samples.byteOffset, samples.byteLength));
  const spool = await reader.end();
  if (spool === undefined) throw problem ?? new GatewayError('overloaded', 'The cache has no room.');
  return { spool, range: { start: 0, end: samples.length } };
}

function pixelsOf(packed: Packed, unpacked: Unpacked, mediaType: string): NativePixels {
  const { rows, columns, frames, sampleBytes, delays } = packed;
  const { samplesPerPixel, flattened, iccProfile } = unpacked;
  const precision = sampleBytes === 2 ? 16 : 8;
  const format = mediaType === 'image/png' ? 'PNG' : 'GIF';
  return {
    rows,
    columns,
    samplesPerPixel,
    precision,
    bitsAllocated: precision,
    signed: false,
    photometricInterpretations: samplesPerPixel === 1 ? ['MONOCHROME2', 'MONOCHROME1'] : ['RGB'],
    derivation: `Converted from ${format}${flattened ? '; transparent parts have a white background' : ''}`,
    ...(frames > 1 && { frames }),
    ...(delays && { frameTimes: timesOf(delays) }),
    ...(iccProfile && { iccProfile }),
  };
}

/** Of the first frame the time since the one before is none. @see PS3.3 C.7.6.5.1.2 */
function timesOf(delays: readonly number[]): number | readonly number[] {
  const [first = 0] = delays;
  return delays.every((delay) => delay === first) ? first : [0, ...delays.slice(0, -1)];
}
