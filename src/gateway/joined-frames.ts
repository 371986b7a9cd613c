import { GatewayError } from '../core/index.js';
import { frameCount, TransferSyntaxes } from '../dicom/index.js';
import { frameConversions, negotiate, retrieveUrl, type ByteSpan } from '../dicomweb/index.js';
import type { BodyPart, PartsAnswer } from './answer.js';
import { convertedFrame, FRAMES_AT_ONCE, requireMade, shapeOf, type Conversion } from './converted-frames.js';
import { each, type FramesAsked, type FrameSource } from './frames-answer.js';
import { inOrder } from './in-order.js';
import type { OpenInstance } from './open-instance.js';
import { etagOf, etagOfAll } from './validator.js';

type Whole = OpenInstance & Pick<FrameSource, 'hot'>;

/**
 * All frames of encapsulated pixel data decoded, one behind the other as native pixel data has them, for who takes no
 * multipart answer. Frames are decoded as they are read, of a range those alone that it touches; the first one before the
 * status line.
 *
 * @throws GatewayError `not-acceptable` when the client does not take that either, or the frames cannot be decoded
 * @see PS3.18 Table 8.7.3-5, rules W-29, W-61
 */
export async function joinedFrames(
  opened: Whole,
  { accept, serviceUrl }: FramesAsked,
  by: Conversion,
): Promise<PartsAnswer> {
  const { instance, index, stored, record, stalled, close } = opened;
  const { uid } = TransferSyntaxes.ExplicitVrLittleEndian;
  const conversion = frameConversions(negotiate('bulkdata', accept, 'one'), stored, by.pool).find(
    ({ transferSyntaxUid }) => transferSyntaxUid === uid,
  );
  if (conversion === undefined)
    throw new GatewayError(
      'not-acceptable',
      'The frames can be had as they are stored, in parts, with transfer-syntax=*.',
    );
  const count = frameCount(index);
  const frames = Array.from({ length: count }, (_, position) => position + 1);
  requireMade(opened, { frames, conversion }, by);
  const source = { ...opened, shape: shapeOf(index) };
  const make = (frame: number): Promise<Buffer> => convertedFrame(source, frame, conversion, by);
  const { length } = await make(1);
  const bytesOf = (span: ByteSpan): AsyncGenerator<Buffer> => joined(make, length, span);
  const contentType = `${conversion.mediaType}; transfer-syntax=${uid}`;
  const whole = { start: 0, end: count * length };
  const part: BodyPart = {
    contentType,
    peer: instance.key.peer,
    contentLocation: `${retrieveUrl(serviceUrl, instance.key)}/pixeldata`,
    contentLength: whole.end,
    bytes: bytesOf(whole),
    etag: etagOf(record, 'frame', contentType, 'all', 'converted'),
    range: bytesOf,
  };
  const { multipart } = conversion.representation;
  return {
    kind: 'parts',
    refused: 0,
    multipart,
    partType: conversion.mediaType,
    ...etagOfAll('frame', [part]),
    parts: each([part]),
    stalled,
    close,
  };
}

/** Bytes `span` of frames of `length` bytes each. @throws GatewayError `malformed-dataset` when a frame has another length */
async function* joined(
  make: (frame: number) => Promise<Buffer>,
  length: number,
  { start, end }: ByteSpan,
): AsyncGenerator<Buffer, void, undefined> {
  const first = Math.floor(start / length);
  const wanted = Array.from({ length: Math.ceil(end / length) - first }, (_, at) => first + at);
  const made = inOrder(each(wanted), FRAMES_AT_ONCE, async (at) => ({ at, bytes: await make(at + 1) }));
  for await (const { at, bytes } of made) {
    if (bytes.length !== length)
      throw new GatewayError('malformed-dataset', 'Frames of one instance are of different lengths.');
    yield bytes.subarray(Math.max(0, start - at * length), Math.min(length, end - at * length));
  }
}
