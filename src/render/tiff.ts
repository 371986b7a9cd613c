import type { Raster } from './raster.js';

/** Tags of an image file directory, in ascending order. @see TIFF 6.0 section 8 */
const TiffTags = {
  width: 256,
  length: 257,
  bitsPerSample: 258,
  compression: 259,
  photometric: 262,
  stripOffsets: 273,
  samplesPerPixel: 277,
  rowsPerStrip: 278,
  stripByteCounts: 279,
  iccProfile: 34675,
} as const;
const Types = { short: 3, long: 4, undefined: 7 } as const;
const RGB = 2;

/** A picture and the profile of its colours as an uncompressed TIFF: the one way to tell libvips of both. */
export function tiffOf({ pixels, width, height, channels }: Raster, profile: Uint8Array): Buffer {
  const fields = 10;
  const bitsAt = 8 + 2 + fields * 12 + 4;
  const profileAt = bitsAt + 3 * 2;
  const pixelsAt = profileAt + profile.length;
  const samples = width * height * 3;
  const file = Buffer.alloc(pixelsAt + samples);
  file.write('II*\0', 'latin1');
  file.writeUInt32LE(8, 4);
  file.writeUInt16LE(fields, 8);
  let at = 10;
  const field = (tag: number, type: number, count: number, value: number): void => {
    file.writeUInt16LE(tag, at);
    file.writeUInt16LE(type, at + 2);
    file.writeUInt32LE(count, at + 4);
    file.writeUInt32LE(value, at + 8);
    at += 12;
  };
  field(TiffTags.width, Types.long, 1, width);
  field(TiffTags.length, Types.long, 1, height);
  field(TiffTags.bitsPerSample, Types.short, 3, bitsAt);
  field(TiffTags.compression, Types.short, 1, 1);
  field(TiffTags.photometric, Types.short, 1, RGB);
  field(TiffTags.stripOffsets, Types.long, 1, pixelsAt);
  field(TiffTags.samplesPerPixel, Types.short, 1, 3);
  field(TiffTags.rowsPerStrip, Types.long, 1, height);
  field(TiffTags.stripByteCounts, Types.long, 1, samples);
  field(TiffTags.iccProfile, Types.undefined, profile.length, profileAt);
  for (const sample of [0, 1, 2]) file.writeUInt16LE(8, bitsAt + sample * 2);
  file.set(profile, profileAt);
  if (channels === 3) file.set(pixels, pixelsAt);
  else
    for (let sample = 0; sample < samples; sample++)
      file[pixelsAt + sample] = pixels[Math.floor(sample / 3)] ?? 0;
  return file;
}
