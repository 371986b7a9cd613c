import {
  DatasetReader,
  type DatasetVisitor,
  type ReaderLimits,
  type TransferSyntax,
  type ValueMode,
} from '../../../src/dicom/index.js';
import { pieces } from './dataset-bytes.js';

/** What a reader told, one line an event; the chunks of a value in one line. */
export function eventsOf(
  bytes: Buffer,
  syntax: TransferSyntax,
  options: { sizes?: readonly number[]; mode?: ValueMode; limits?: Partial<ReaderLimits> } = {},
): readonly string[] {
  const { sizes = [bytes.length], mode = 'stream', limits } = options;
  const events: string[] = [];
  let streamed = '';
  const told = (event: string): void => {
    if (streamed !== '') events.push(`bytes ${streamed}`);
    streamed = '';
    events.push(event);
  };
  const hex = (tag: number): string => tag.toString(16).padStart(8, '0');
  const visitor: DatasetVisitor = {
    element: (e) => {
      told(`element ${hex(e.tag)} ${e.vr} ${e.length} @${e.headerOffset}/${e.valueOffset} depth ${e.depth}`);
      return mode;
    },
    value: (e, value) => {
      told(`value ${hex(e.tag)} ${value.toString('hex')}`);
    },
    chunk: (_e, chunk) => {
      streamed += chunk.toString('hex');
    },
    endElement: (e) => {
      told(`end ${hex(e.tag)}`);
    },
    beginSequence: (e) => {
      told(
        `sequence ${hex(e.tag)} ${e.vr} ${e.length}${e.unknownSequence ? ' unknown' : ''} depth ${e.depth}`,
      );
    },
    endSequence: (e) => {
      told(`end sequence ${hex(e.tag)}`);
    },
    beginItem: (index, offset) => {
      told(`item ${index} @${offset}`);
    },
    endItem: () => {
      told('end item');
    },
    fragment: (_e, index, offset, length) => {
      told(`fragment ${index} @${offset} ${length}`);
      return mode;
    },
  };
  const reader = new DatasetReader(syntax, visitor, limits);
  for (const piece of pieces(bytes, sizes)) reader.push(piece);
  reader.end();
  if (reader.offset !== bytes.length) throw new Error('the reader lost count');
  if (reader.unterminated) told('unterminated');
  return events;
}
