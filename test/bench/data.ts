/**
 * Generated instances, the same for a seed: pixels cut out of one pool of noise, so
 * that gigabytes are written as fast as the disk or the PACS takes them.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { FRAME_BYTES, head, sopClasses, uid } from './head.js';
import { randomBelow } from './random.js';

const POOL_BYTES = 2 * FRAME_BYTES;

/** Data Set Trailing Padding of two frames, with its header. */
const TRAILER = Buffer.concat([
  Buffer.from('fcfffcff4f420000', 'hex'),
  Buffer.from(Uint32Array.of(2 * FRAME_BYTES).buffer),
  Buffer.alloc(2 * FRAME_BYTES),
]);

/** A Part 10 file that is made while it is read. */
export interface GeneratedFile {
  readonly length: number;
  readonly chunks: () => Iterable<Buffer>;
}

/** A series of generated instances. */
export interface GeneratedSeries {
  readonly studyInstanceUid: string;
  readonly seriesInstanceUid: string;
  readonly sopInstanceUid: string;
  readonly count: number;
  /** Bytes of pixel data of all instances. */
  readonly pixelBytes: number;
  file(index: number): GeneratedFile;
}

function noise(seed: number): Buffer {
  const next = randomBelow(seed);
  const words = Uint32Array.from({ length: POOL_BYTES / 4 }, () => next(2 ** 32));
  return Buffer.from(words.buffer);
}

function image(start: Buffer, frames: number, pixels: (frame: number) => Buffer): GeneratedFile {
  return {
    length: start.length + frames * FRAME_BYTES,
    *chunks() {
      yield start;
      for (let frame = 0; frame < frames; frame += 1) yield pixels(frame);
    },
  };
}

/** Makes series out of one seed. */
export class Generator {
  readonly #pool: Buffer;

  constructor(seed: number) {
    this.#pool = noise(seed);
  }

  /** CT slices of half a MiB each, as series number `number` of study number `study`. */
  ctSeries(study: number, count: number, number = 1): GeneratedSeries {
    const place = { sopClassUid: sopClasses.ct, study, series: number };
    return {
      ...uidsOf(study, number),
      count,
      pixelBytes: count * FRAME_BYTES,
      file: (index) => image(head({ ...place, instance: index + 1 }), 1, () => this.#pixels(index)),
    };
  }

  /** One multi-frame instance of about `bytes`, as study number `study`. */
  multiFrame(study: number, bytes: number): GeneratedSeries {
    const frames = Math.round(bytes / FRAME_BYTES);
    const start = head({ sopClassUid: sopClasses.multiFrameWord, study, instance: 1, frames });
    return {
      ...uidsOf(study),
      count: 1,
      pixelBytes: frames * FRAME_BYTES,
      file: () => image(start, frames, (frame) => this.#pixels(frame)),
    };
  }

  /** One instance of about `bytes`, and of more than any one value can have. */
  longest(study: number, bytes: number): GeneratedFile {
    const frames = Math.floor(bytes / FRAME_BYTES) - 1;
    const start = head({ sopClassUid: sopClasses.multiFrameWord, study, instance: 1, frames });
    const { length, chunks } = image(start, frames, (frame) => this.#pixels(frame));
    return {
      length: length + TRAILER.length,
      *chunks() {
        yield* chunks();
        yield TRAILER;
      },
    };
  }

  /** Instances without pixels, of one series. */
  tiny(study: number, count: number): readonly Buffer[] {
    return Array.from({ length: count }, (_, index) =>
      head({ sopClassUid: sopClasses.ct, study, instance: index + 1, frames: 0 }),
    );
  }

  /** A study of one instance without pixels. */
  smallStudy(study: number): Buffer {
    return head({ sopClassUid: sopClasses.ct, study, instance: 1, frames: 0 });
  }

  #pixels(index: number): Buffer {
    // steps of a prime number of words: slices differ, and repeat only after a quarter of a million
    const start = ((index * 7919) % (FRAME_BYTES / 2)) * 2;
    return this.#pool.subarray(start, start + FRAME_BYTES);
  }
}

function uidsOf(
  study: number,
  series = 1,
): Pick<GeneratedSeries, 'studyInstanceUid' | 'seriesInstanceUid' | 'sopInstanceUid'> {
  return {
    studyInstanceUid: uid(study),
    seriesInstanceUid: uid(study, series),
    sopInstanceUid: uid(study, series, 1),
  };
}

/** Writes a series as files into a new directory; returns their paths. */
export function writeSeries(series: GeneratedSeries, directory: string): readonly string[] {
  mkdirSync(directory, { recursive: true });
  return Array.from({ length: series.count }, (_, index) => {
    const path = join(directory, `${String(index).padStart(6, '0')}.dcm`);
    writeFileSync(path, Buffer.concat([...series.file(index).chunks()]));
    return path;
  });
}
