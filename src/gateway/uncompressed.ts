import type { Spool, SpoolStore } from '../cache/index.js';
import { GatewayError, toGatewayError, type OperationContext } from '../core/index.js';
import {
  DatasetIndexer,
  toExplicitLittleEndian,
  toImplicitLittleEndian,
  TransferSyntaxes,
  transferSyntax,
  type DatasetIndex,
  type TransferSyntax,
} from '../dicom/index.js';
import type { FramePool } from '../transcode/index.js';
import { convertedDataset, type ConvertedDataset } from './converted-instance.js';
import type { OutgoingInstance } from './outgoing-instance.js';
import type { DatasetLimits } from './ports.js';

/** What an instance is decoded with. */
export interface DecodingTools {
  readonly spools: SpoolStore;
  readonly pool: FramePool;
  readonly limits: DatasetLimits;
}

const { ExplicitVrLittleEndian: explicit, ImplicitVrLittleEndian: implicit } = TransferSyntaxes;

/**
 * The instance in the first of the uncompressed transfer syntaxes `takes`, Explicit VR where that is among them. Nothing is
 * lost that was there: pixels are decoded, and the rest is written anew. A compressed one is spooled once more, because
 * its frames are read one by one, and so is what is made of it, so that nothing of one that cannot be decoded is sent. Where
 * the cache has no room for that, its first frame tells.
 *
 * @throws GatewayError `not-acceptable` when it cannot be had so, `malformed-dataset`, or `overloaded` without room
 * @see rule S-12
 */
export async function uncompressed(
  outgoing: OutgoingInstance,
  takes: readonly string[],
  tools: DecodingTools,
  context: OperationContext,
): Promise<OutgoingInstance> {
  const target = [explicit, implicit].find(({ uid }) => takes.includes(uid));
  const stored = transferSyntax(outgoing.meta.transferSyntaxUid);
  if (target === undefined || stored === undefined || outgoing.flows === true) throw notSo();
  const meta = { ...outgoing.meta, transferSyntaxUid: target.uid };
  if (!stored.encapsulated)
    return {
      ...outgoing,
      meta,
      bytes: () => written(outgoing.bytes(), stored, target),
      // What it is made of is not its own: another peer may still have to read that.
      discard: () => undefined,
    };
  if (!tools.pool.decodes(stored.uid)) throw notSo();
  const spool = tools.spools.create(() => {
    spool.fail(noRoom());
  });
  try {
    const index = await copy(outgoing, spool, new DatasetIndexer(stored, tools.limits));
    const { studyInstanceUid = '', seriesInstanceUid = '' } = outgoing.uids;
    const { sopClassUid, sopInstanceUid } = meta;
    const key = { peer: '', studyInstanceUid, seriesInstanceUid, sopInstanceUid };
    const info = { sopClassUid, transferSyntaxUid: stored.uid };
    const convert = (): Promise<ConvertedDataset> =>
      convertedDataset(
        { instance: { key, info, source: spool }, index, stored },
        { transferSyntaxUid: explicit.uid, encodeAs: undefined, lossy: false },
        { pool: tools.pool, context },
      );
    const decoded = await spooled(tools.spools, written((await convert()).dataset, explicit, target));
    if (decoded) spool.discard();
    return {
      ...outgoing,
      meta,
      bytes: decoded
        ? () => decoded.read()
        : async function* () {
            yield* written((await convert()).dataset, explicit, target);
          },
      discard: () => {
        (decoded ?? spool).discard();
      },
    };
  } catch (thrown) {
    spool.fail(toGatewayError(thrown));
    spool.discard();
    throw thrown;
  }
}

/** All of `chunks`; undefined where there is no room for them. @throws what reading them throws */
async function spooled(spools: SpoolStore, chunks: AsyncIterable<Buffer>): Promise<Spool | undefined> {
  const room = { isFull: false };
  const spool = spools.create(() => {
    room.isFull = true;
    spool.fail(noRoom());
  });
  try {
    for await (const chunk of chunks) await spool.write(chunk);
    await spool.finish();
    return spool;
  } catch (thrown) {
    spool.fail(toGatewayError(thrown));
    spool.discard();
    if (room.isFull) return undefined;
    throw thrown;
  }
}

const noRoom = (): GatewayError =>
  new GatewayError('overloaded', 'The cache has no room for what is decoded.');

const notSo = (): GatewayError =>
  new GatewayError('not-acceptable', 'The instance cannot be had in a transfer syntax that the peer takes.');

const written = (chunks: AsyncIterable<Buffer>, from: TransferSyntax, to: TransferSyntax) =>
  to === explicit ? toExplicitLittleEndian(chunks, from) : toImplicitLittleEndian(chunks, from);

async function copy(
  outgoing: OutgoingInstance,
  spool: Spool,
  indexer: DatasetIndexer,
): Promise<DatasetIndex> {
  for await (const chunk of outgoing.bytes()) {
    await indexer.push(chunk);
    await spool.write(chunk);
  }
  const index = await indexer.end();
  await spool.finish();
  return index;
}
