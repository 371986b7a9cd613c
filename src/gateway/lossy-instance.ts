import { createHash } from 'node:crypto';
import {
  decodedEdits,
  derivedEdits,
  frameLength,
  lossyEdits,
  newInstanceEdits,
  readAttributes,
  Tags,
  transferSyntax,
  type ElementEdit,
} from '../dicom/index.js';
import type { InstanceConversion } from '../dicomweb/index.js';
import type { FramePool } from '../transcode/index.js';
import { shapeOf, type MadeFrame } from './converted-frames.js';
import type { StoredWhole } from './stored-whole.js';

/** What becomes of an instance whose pixels are made anew, beside the pixels. */
export interface InstanceChange {
  readonly sopInstanceUid: string;
  readonly edits: readonly ElementEdit[];
}

/**
 * What an instance has to say of what it has lost, now or before. One that loses something now is an instance of its
 * own, unless the operator wants it under the name of the one that it is made of. `first` is its first frame: there is
 * one ratio for all of them, and it stands before them.
 *
 * @see PS3.3 C.7.6.1.1.5
 */
export async function changeOf(
  whole: StoredWhole,
  { transferSyntaxUid, lossy }: Pick<InstanceConversion, 'transferSyntaxUid' | 'lossy'>,
  first: MadeFrame,
  pool: FramePool,
): Promise<InstanceChange> {
  const { instance, index, stored } = whole;
  const { sopInstanceUid } = instance.key;
  const { rows, columns, samplesPerPixel, bitsAllocated } = shapeOf(index);
  const nativeBytes = (rows * columns * samplesPerPixel * bitsAllocated) / 8;
  const target = transferSyntax(transferSyntaxUid);
  const before = stored.encapsulated
    ? { syntax: stored, ratio: nativeBytes / Math.max(1, frameLength(index, 1)) }
    : undefined;
  if (!lossy || !target) return { sopInstanceUid, edits: before ? decodedEdits(before) : [] };
  const compression = { syntax: target, ratio: nativeBytes / first.bytes.length };
  const methods = await methodsOf(whole);
  const edits = [...derivedEdits(compression), ...lossyEdits(compression, before, methods)];
  if (!pool.derivesInstances) return { sopInstanceUid, edits };
  const uid = derivedUid(sopInstanceUid, transferSyntaxUid, pool.lossOf(transferSyntaxUid));
  const source = { sopClassUid: instance.info.sopClassUid, sopInstanceUid };
  return { sopInstanceUid: uid, edits: [...edits, ...newInstanceEdits(uid, source)] };
}

/** How many methods of compression the instance names already; they stand behind the ratios. @throws GatewayError `malformed-dataset` */
async function methodsOf({ instance, stored }: StoredWhole): Promise<number> {
  const { LossyImageCompressionMethod: tag } = Tags;
  const methods = (await readAttributes(instance.source, stored, new Set([tag]))).strings(tag);
  return methods.length === 1 && methods[0] === '' ? 0 : methods.length;
}

/** The UID of what is made of an instance in a certain way: always the same. @see PS3.5 B.2 */
export function derivedUid(sopInstanceUid: string, ...how: readonly string[]): string {
  const digest = createHash('sha256')
    .update([sopInstanceUid, ...how].join('\n'))
    .digest();
  const uuid = digest.subarray(0, 16);
  // A UUID of version 8 (RFC 9562), which leaves it to whoever makes it how.
  uuid.writeUInt8((uuid.readUInt8(6) & 0x0f) | 0x80, 6);
  uuid.writeUInt8((uuid.readUInt8(8) & 0x3f) | 0x80, 8);
  return `2.25.${BigInt(`0x${uuid.toString('hex')}`).toString()}`;
}
