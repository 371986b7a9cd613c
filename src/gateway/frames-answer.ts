import type { HotBytes } from '../cache/index.js';
import { GatewayError } from '../core/index.js';
import {
  frameCount,
  frameLength,
  frameRanges,
  readFrame,
  readRanges,
  requireDeclaredFrames,
  type DatasetIndex,
  type TransferSyntax,
} from '../dicom/index.js';
import {
  chooseForFrames,
  negotiate,
  retrieveUrl,
  type ByteSpan,
  type FrameChoice,
  type MediaRange,
  type Representation,
  type RetrieveTarget,
} from '../dicomweb/index.js';
import type { BodyPart, PartsAnswer } from './answer.js';
import { bareStreams, type BareStreams } from './bare-streams.js';
import type { OpenInstance } from './open-instance.js';
import type { InstanceRecord } from './ports.js';
import { cutRanges, etagOf, etagOfAll, sliceOf } from './validator.js';
import type { HeldInstance } from './want.js';

/** What an answer with frames depends on. */
export interface FramesAsked {
  readonly accept: readonly MediaRange[];
  readonly serviceUrl: string;
  /** `bulkdata`: bare, where the client takes both that and parts. `frames` when left out. */
  readonly resource?: 'frames' | 'bulkdata';
  /** They stand among what other instances have, so that a single one is a part too (W-12). */
  readonly inParts?: boolean;
}

export interface FramesRequest extends FramesAsked {
  readonly target: Required<RetrieveTarget>;
  /** 1-based, ascending. */
  readonly frames: readonly number[];
}

/** An instance of which frames can be cut out; without a record it is still arriving. */
export interface FrameSource {
  readonly instance: HeldInstance;
  readonly index: DatasetIndex;
  readonly stored: TransferSyntax;
  readonly record?: InstanceRecord;
  readonly hot?: HotBytes;
  /** Of what is stored in boxes. */
  readonly bare?: BareStreams;
}

/** One frame as it is stored; what is arriving has no validator, and no ranges. @throws GatewayError as `frameRanges` */
export function framePart(
  source: FrameSource,
  frame: number,
  choice: FrameChoice,
  serviceUrl: string,
): BodyPart {
  const { instance, index, stored, record, bare } = source;
  const stream = bare?.get(frame);
  // Bits are shifted and big endian words swapped from the beginning of the frame on.
  const isVerbatim =
    index.pixelData?.kind === 'encapsulated' ||
    (stored.byteOrder !== 'big' && (index.bitsAllocated ?? 1) % 8 === 0);
  const contentType = `${choice.mediaType}; transfer-syntax=${choice.transferSyntaxUid}`;
  return {
    contentType,
    peer: instance.key.peer,
    contentLocation: `${retrieveUrl(serviceUrl, instance.key)}/frames/${frame}`,
    contentLength: stream ? lengthOf(stream) : frameLength(index, frame),
    bytes: stream ? readRanges(instance.source, stored, stream) : frameBytes(source, frame, isVerbatim),
    ...(record && {
      etag: etagOf(record, 'frame', contentType, String(frame), ...(stream ? ['bare'] : [])),
      range: (span: ByteSpan) =>
        isVerbatim
          ? readRanges(instance.source, stored, cutRanges(stream ?? frameRanges(index, frame), span))
          : sliceOf(readFrame(instance.source, index, frame), span),
    }),
  };
}

const lengthOf = (ranges: readonly ByteSpan[]): number =>
  ranges.reduce((sum, { start, end }) => sum + end - start, 0);

function frameBytes(
  { instance, index, stored, record, hot }: FrameSource,
  frame: number,
  isVerbatim: boolean,
): AsyncIterable<Buffer> {
  const id = `${instance.key.peer} ${instance.key.sopInstanceUid} ${frame}`;
  const known = record && hot?.get(id, record);
  if (known) return each([known]);
  const bytes = readFrame(isVerbatim && !stored.deflated ? instance.lent : instance.source, index, frame);
  const length = frameLength(index, frame);
  return record && hot ? hot.pass({ id, of: record, length }, bytes) : bytes;
}

/** What the client takes `count` frames as. @throws GatewayError `not-acceptable` */
export const representationsOf = (
  { resource = 'frames', accept, inParts = false }: FramesAsked,
  count: number,
): readonly Representation[] => negotiate(resource, accept, count === 1 && !inParts ? 'one' : 'many');

/** The representation for `count` frames as they are stored. @throws GatewayError `not-acceptable` */
export function chooseFrames(
  opened: Pick<FrameSource, 'stored'>,
  request: FramesAsked,
  count: number,
): FrameChoice {
  const choice = chooseForFrames(representationsOf(request, count), opened.stored);
  if (choice) return choice;
  throw new GatewayError(
    'not-acceptable',
    `The frames are stored as ${opened.stored.frameMediaType} (${opened.stored.uid}), which this gateway does not ` +
      'convert to that. Ask for them as they are with transfer-syntax=*.',
  );
}

/** @throws GatewayError `not-found` when there are fewer frames than that, `malformed-dataset` when there should be more */
export function requireFrames(index: DatasetIndex, frames: readonly number[]): void {
  const count = frameCount(index);
  const beyond = frames.find((frame) => frame > count);
  // What the instance says that it has, and has not, is no mistake of the client.
  if (count === 0 || (beyond ?? Infinity) <= (index.numberOfFrames ?? 1)) requireDeclaredFrames(index);
  if (count === 0) throw new GatewayError('not-found', 'The instance has no frames.');
  if (beyond !== undefined)
    throw new GatewayError('not-found', `There is no frame ${beyond}; there are ${count}.`);
}

/** Frames of an instance whose every byte is there. @throws GatewayError `not-found`, `not-acceptable` */
export async function framesAnswer(
  opened: OpenInstance & Pick<FrameSource, 'hot'>,
  request: FramesAsked,
  frames: readonly number[],
): Promise<PartsAnswer> {
  requireFrames(opened.index, frames);
  const choice = chooseFrames(opened, request, frames.length);
  // Generators throw where they are read; a frame that cannot be located must be known before the status line.
  const source = { ...opened, bare: await bareStreams(opened, frames) };
  const parts = frames.map((frame) => framePart(source, frame, choice, request.serviceUrl));
  return {
    kind: 'parts',
    refused: 0,
    multipart: choice.representation.multipart,
    partType: choice.mediaType,
    ...etagOfAll('frame', parts),
    parts: each(parts),
    stalled: opened.stalled,
    close: opened.close,
  };
}

// eslint-disable-next-line @typescript-eslint/require-await -- an async generator is what answers are made of
export async function* each<T>(parts: Iterable<T>): AsyncGenerator<T, void, undefined> {
  yield* parts;
}
