import { element, explicitLittle, header, join, numbers, type Write } from '../helpers/fixtures-element.js';

const EXPLICIT_LITTLE = '1.2.840.10008.1.2.1';

export const sopClasses = {
  ct: '1.2.840.10008.5.1.4.1.1.2',
  /** Multi-frame Grayscale Word Secondary Capture. */
  multiFrameWord: '1.2.840.10008.5.1.4.1.1.7.3',
} as const;

/** Rows and columns of 16 bits each. */
const SIDE = 512;
/** Bytes of pixels of one frame or slice. */
export const FRAME_BYTES = SIDE * SIDE * 2;

/** A UID by place in the tree, under the root of UUIDs as numbers. */
export const uid = (...parts: readonly number[]): string => ['2.25.4712', ...parts].join('.');

/** Which instance: study number, series number (1 if left out), number in it, and how many frames it says to have. */
export interface Place {
  readonly sopClassUid: string;
  readonly study: number;
  readonly series?: number;
  readonly instance: number;
  /** 0 for an instance without pixels, undefined for a single frame. */
  readonly frames?: number;
}

function meta({ sopClassUid, study, series = 1, instance }: Place): Write {
  const group = join(
    element(0x00020001, 'OB', Buffer.from([0, 1])),
    element(0x00020002, 'UI', sopClassUid),
    element(0x00020003, 'UI', uid(study, series, instance)),
    element(0x00020010, 'UI', EXPLICIT_LITTLE),
    element(0x00020012, 'UI', uid(0)),
  );
  return (layout) => join(numbers(0x00020000, 'UL', group(layout).length), group)(layout);
}

function description({ sopClassUid, study, series = 1, instance }: Place): Write[] {
  return [
    element(0x00080016, 'UI', sopClassUid),
    element(0x00080018, 'UI', uid(study, series, instance)),
    element(0x00080020, 'DA', `202401${String(1 + (study % 28)).padStart(2, '0')}`),
    element(0x00080030, 'TM', '101530'),
    element(0x00080050, 'SH', `BENCH${study}`),
    element(0x00080060, 'CS', 'CT'),
    element(0x00080090, 'PN', ''),
    element(0x00100010, 'PN', `BENCH^${study}`),
    element(0x00100020, 'LO', `BENCH${study}`),
    element(0x00100030, 'DA', '19700101'),
    element(0x00100040, 'CS', 'O'),
    element(0x0020000d, 'UI', uid(study)),
    element(0x0020000e, 'UI', uid(study, series)),
    element(0x00200010, 'SH', String(study)),
    element(0x00200011, 'IS', String(series)),
    element(0x00200013, 'IS', String(instance)),
  ];
}

function pixels(frames: number | undefined): Write[] {
  if (frames === 0) return [];
  return [
    numbers(0x00280002, 'US', 1),
    element(0x00280004, 'CS', 'MONOCHROME2'),
    ...(frames === undefined ? [] : [element(0x00280008, 'IS', String(frames))]),
    numbers(0x00280010, 'US', SIDE),
    numbers(0x00280011, 'US', SIDE),
    numbers(0x00280100, 'US', 16),
    numbers(0x00280101, 'US', 16),
    numbers(0x00280102, 'US', 15),
    numbers(0x00280103, 'US', 0),
    header(0x7fe00010, 'OW', (frames ?? 1) * FRAME_BYTES),
  ];
}

/** A Part 10 file up to the first byte of its pixels. @see PS3.10 7.1 */
export function head(place: Place): Buffer {
  const elements = join(meta(place), ...description(place), ...pixels(place.frames));
  return Buffer.concat([Buffer.alloc(128), Buffer.from('DICM'), elements(explicitLittle)]);
}
