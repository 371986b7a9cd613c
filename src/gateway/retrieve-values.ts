import { GatewayError, type OperationContext } from '../core/index.js';
import {
  frameCount,
  InflatedSource,
  listBulkData,
  MOST_BULK_DATA,
  transferSyntax,
  TransferSyntaxes,
} from '../dicom/index.js';
import { negotiate, type MediaRange, type RetrieveTarget } from '../dicomweb/index.js';
import type { BodyPart, PartsAnswer } from './answer.js';
import { lossOf } from './converted-frames.js';
import { whenWhole, type OpenInstance } from './open-instance.js';
import type { RetrieveSettings } from './ports.js';
import { metadataOptions } from './retrieve-metadata.js';
import {
  elementPart,
  framesAsked,
  frameWays,
  hasPixelData,
  pixelDataAnswer,
  retrievePixelData,
  type FrameMaking,
  type FrameWays,
} from './retrieve-pixels.js';
import { openRetrieve, type OpenedRetrieve } from './retrieve.js';
import type { RetrieveBinding } from './side.js';
import { startingWith } from './starting-with.js';
import { etagOfParts, partOf } from './validator.js';
import type { WholeInstance } from './want.js';

/** All values of one kind: pixel data alone, or whatever the metadata name by URI. */
export type ValueKind = 'pixeldata' | 'bulkdata';

export interface ValuesRequest {
  readonly target: RetrieveTarget;
  readonly values: ValueKind;
  readonly accept: readonly MediaRange[];
  readonly serviceUrl: string;
}

/** What the values of instances are made with, of whichever peers they are. */
export interface ValuesMaking extends FrameMaking {
  readonly settingsOf: (peer: string) => RetrieveSettings;
  readonly context: OperationContext;
}

/** How the values of one peer's instances are made. */
export const valuesMaking = (side: RetrieveBinding, context: OperationContext): ValuesMaking => ({
  framePool: side.framePool,
  hotFrames: side.hotFrames,
  settingsOf: () => side.binding.retrieve,
  context,
});

/**
 * Retrieves the pixel data, or all bulk data, of a study, a series or an instance, a part for each value and for each
 * frame of encapsulated pixel data. That of the pixel data of one instance alone can be one body too.
 *
 * @throws GatewayError @see rules W-05, W-09..W-14
 */
export async function retrieveValues(
  side: RetrieveBinding,
  request: ValuesRequest,
  context: OperationContext,
): Promise<PartsAnswer> {
  const { target, values } = request;
  const { studyInstanceUid, seriesInstanceUid, sopInstanceUid } = target;
  if (values === 'pixeldata' && seriesInstanceUid !== undefined && sopInstanceUid !== undefined) {
    const instance = { studyInstanceUid, seriesInstanceUid, sopInstanceUid };
    return retrievePixelData(side, { ...request, target: instance }, context);
  }
  requireParts(request);
  return valuesAnswer(await openRetrieve(side, target, context), request, valuesMaking(side, context));
}

/** @throws GatewayError `not-acceptable` where the client takes nothing that values can be in */
export function requireParts({ values, accept }: Pick<ValuesRequest, 'values' | 'accept'>): void {
  negotiate(values, accept, 'many');
}

/**
 * The values of what was opened, each instance's as soon as it is whole.
 *
 * @throws GatewayError `not-found` when there is none, `peer-incomplete` when there may be some in what is not delivered;
 *   of the first value
 */
export async function valuesAnswer(
  opened: OpenedRetrieve,
  request: Omit<ValuesRequest, 'target'>,
  by: ValuesMaking,
): Promise<PartsAnswer> {
  const { refused, stalled } = opened;
  const parts = partsOfAll(opened, request, by);
  const close = async (): Promise<void> => {
    // The next instance may never come.
    opened.close();
    await parts.return();
  };
  try {
    const first = await parts.next();
    if (first.done) throw nothing(refused);
    const [partType = ''] = first.value.contentType.split(';');
    const all = startingWith(first.value, parts);
    const whole = await opened.whole();
    return {
      kind: 'parts',
      refused,
      multipart: true,
      partType,
      ...(whole && etagOfValues(whole, request, by)),
      holds: 'bulkdata',
      parts: all,
      stalled,
      close,
    };
  } catch (thrown) {
    await close();
    throw thrown;
  }
}

/**
 * The validator of values in parts; none where some frames may be given in one way or another, as of files, or where the
 * values of an instance cannot be found.
 */
function etagOfValues(
  all: readonly WholeInstance[],
  { values, accept, serviceUrl }: Omit<ValuesRequest, 'target'>,
  by: ValuesMaking,
): { readonly etag?: string } {
  const how = new Map<string, string>();
  for (const { key, info, record } of all) {
    const stored = transferSyntax(info.transferSyntaxUid);
    if (stored === undefined || record.index === undefined) return {};
    const frames = record.index.pixelData?.kind === 'encapsulated' ? frameCount(record.index) : 0;
    const name = `${key.peer} ${stored.uid} ${Math.min(frames, 2)}`;
    if (how.has(name)) continue;
    const asked = framesAsked({ accept, serviceUrl, inParts: true }, frames);
    const ways = frames > 0 ? frameWays(stored, asked, frames, by.framePool) : NO_FRAMES;
    if (ways.asStored && ways.likedMore.length > 0) return {};
    const losses = ways.likedMore.flatMap((conversion) => lossOf(conversion, { pool: by.framePool }));
    const named = values === 'bulkdata' && metadataOptions(by.settingsOf(key.peer), undefined);
    how.set(name, JSON.stringify([name, ways, losses, named]));
  }
  const body = [values, serviceUrl, JSON.stringify(accept), ...how.values()];
  return { etag: etagOfParts('bulkdata', all.map(partOf), ...body) };
}

const NO_FRAMES: FrameWays = { asStored: undefined, likedMore: [] };

const nothing = (refused: number): GatewayError =>
  refused > 0
    ? new GatewayError(
        'peer-incomplete',
        'The PACS did not deliver all instances; the others hold no such data.',
      )
    : new GatewayError('not-found', 'The instances hold no such data.');

async function* partsOfAll(
  { instances, stalled }: OpenedRetrieve,
  request: Omit<ValuesRequest, 'target'>,
  by: ValuesMaking,
): AsyncGenerator<BodyPart, void, undefined> {
  try {
    for await (const instance of instances)
      yield* partsOfOne(await whenWhole({ instance, stalled, close: () => Promise.resolve() }), request, by);
  } finally {
    await instances.return();
  }
}

async function* partsOfOne(
  opened: OpenInstance,
  { values, accept, serviceUrl }: Omit<ValuesRequest, 'target'>,
  by: ValuesMaking,
): AsyncGenerator<BodyPart, void, undefined> {
  const asked = { accept, serviceUrl, inParts: true };
  if (values === 'pixeldata') {
    if (hasPixelData(opened.index)) yield* (await pixelDataAnswer(opened, asked, by, by.context)).parts;
    return;
  }
  const { source, read } = inOrder(opened);
  try {
    for await (const { path, located } of bulkDataOf(opened, by))
      if (located === undefined) yield* (await pixelDataAnswer(opened, asked, by, by.context)).parts;
      else yield (await elementPart(read, { ...asked, path }, () => Promise.resolve(located))).part;
  } finally {
    await source?.close();
  }
}

/** An instance for who reads its located values one after the other: a deflated one is not inflated for each of them. */
function inOrder(opened: OpenInstance): { readonly source?: InflatedSource; readonly read: OpenInstance } {
  const { instance, stored } = opened;
  if (!stored.deflated) return { read: opened };
  const { key, complete } = instance;
  const plain = TransferSyntaxes.ExplicitVrLittleEndian;
  const info = { ...instance.info, transferSyntaxUid: plain.uid };
  const source = new InflatedSource(instance.source);
  const held = {
    keep: () => instance.keep(),
    unlessTooLong: <T>(waited: Promise<T>) => instance.unlessTooLong(waited),
  };
  const inflated = { key, info, complete, source, lent: source, ...held };
  return { source, read: { ...opened, instance: inflated, stored: plain } };
}

/** What the metadata of an instance name by URI; nothing of it is being read while a value of it is. */
async function* bulkDataOf(
  { instance, stored, index }: OpenInstance,
  { settingsOf }: ValuesMaking,
): AsyncGenerator<Awaited<ReturnType<typeof listBulkData>>[number], void, undefined> {
  const options = metadataOptions(settingsOf(instance.key.peer), index.repeated?.superseded);
  for (let from = 0; ; from += MOST_BULK_DATA) {
    const listed = await listBulkData(instance.source, stored, options, from);
    yield* listed;
    if (listed.length < MOST_BULK_DATA) return;
  }
}
