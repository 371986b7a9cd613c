import { describe, expect, test } from '@jest/globals';
import sharp from 'sharp';
import { Tags } from '../../../src/dicom/index.js';
import { colourSpaces } from '../../../src/render/colour-spaces.js';
import { matrixProfile } from '../../../src/render/matrix-profile.js';
import type { PictureRequest } from '../../../src/render/index.js';
import { element, item, sequence } from '../dicom/dataset-bytes.js';
import { decoded, imageOf, pictureOf, type ImageOptions } from './images.js';

type Profile = NonNullable<PictureRequest['iccProfile']>;

const colours = [200, 100, 50, 10, 20, 30, 255, 255, 255, 128, 128, 128];
const adobe = Buffer.from(matrixProfile(colourSpaces.adobergb));
const withProfile = element(Tags.ICCProfile, 'OB', adobe);

async function picture(
  iccProfile: Profile | undefined,
  more: readonly Buffer[] = [],
  options: Partial<ImageOptions> = {},
): Promise<{ readonly levels: readonly number[]; readonly profile: Buffer | undefined }> {
  const image = await imageOf({ samples: 3, columns: 4, pixels: colours, more, ...options });
  const { bytes } = await pictureOf(image, iccProfile && { iccProfile });
  const { icc } = await sharp(bytes).metadata();
  const { data } = await sharp(bytes, { ignoreIcc: true }).raw().toBuffer({ resolveWithObject: true });
  return { levels: [...data], profile: icc };
}

/** The profile of Adobe RGB with another curve in the place of the one that serves all three colours. */
function withCurve(curve: Buffer): Buffer {
  const bytes = Buffer.concat([adobe, curve, Buffer.alloc(-curve.length & 3)]);
  bytes.writeUInt32BE(bytes.length, 0);
  for (let at = 132; at < 132 + 12 * bytes.readUInt32BE(128); at += 12)
    if (bytes.toString('latin1', at + 1, at + 4) === 'TRC') {
      bytes.writeUInt32BE(adobe.length, at + 4);
      bytes.writeUInt32BE(curve.length, at + 8);
    }
  return bytes;
}

function curveOf(entries: readonly number[]): Buffer {
  const bytes = Buffer.alloc(12 + 2 * entries.length);
  bytes.write('curv', 'latin1');
  bytes.writeUInt32BE(entries.length, 8);
  entries.forEach((entry, at) => bytes.writeUInt16BE(Math.round(entry), 12 + 2 * at));
  return bytes;
}

const withGamma = (gamma: number): Buffer => withCurve(curveOf(gamma === 1 ? [] : [gamma * 256]));
const withTable = (curve: (value: number) => number): Buffer =>
  withCurve(curveOf(Array.from({ length: 64 }, (_, at) => curve(at / 63) * 0xffff)));

/** Levels as near as one is to the next. */
const near = (expected: readonly number[]): readonly unknown[] =>
  expected.map((level) => expect.closeTo(level, -0.5));

describe('colour profiles (W-55, PS3.18 8.3.5.1.5)', () => {
  test('no: colours as they are stored, without a profile', async () => {
    expect(await picture('no', [withProfile])).toEqual({ levels: colours, profile: undefined });
    expect(await picture(undefined, [withProfile])).toEqual({ levels: colours, profile: undefined });
  });

  test('yes: colours as they are stored, with the profile of the dataset; or sRGB where that has none', async () => {
    expect(await picture('yes', [withProfile])).toEqual({ levels: colours, profile: adobe });
    const srgb = Buffer.from(matrixProfile(colourSpaces.srgb));
    expect(await picture('yes')).toEqual({ levels: colours, profile: srgb });
  });

  test('yes: also that of the optical path of a slide (PS3.3 C.8.12.5)', async () => {
    const path = item(
      Buffer.concat([element(Tags.ICCProfile, 'OB', adobe), element(Tags.OpticalPathIdentifier, 'SH', '1 ')]),
    );
    const { profile } = await picture('yes', [sequence(Tags.OpticalPathSequence, [path])]);
    expect(profile).toEqual(adobe);
  });

  test('srgb: colours of another space become those of sRGB', async () => {
    const { levels, profile } = await picture('srgb', [withProfile]);
    expect(profile).toEqual(Buffer.from(matrixProfile(colourSpaces.srgb)));
    // Light of 200, 100, 50: .5860, .1276, .0278. Red is 1.3983 r - .3983 g = .7686, blue 1.0429 b - .0429 g = .0235.
    expect(levels.slice(0, 3)).toEqual(near([227, 100, 42]));
    // 128 is .2196 of light.
    expect(levels.slice(6)).toEqual(near([255, 255, 255, 129, 129, 129]));
  });

  test('adobergb, rommrgb: those that are taken for sRGB; greys stay grey', async () => {
    const { levels, profile } = await picture('adobergb');
    expect(profile).toEqual(adobe);
    expect(levels.slice(6)).toEqual(near([255, 255, 255, 127, 127, 127]));
    // And back, by way of the profile that is embedded.
    const back = await picture('srgb', [withProfile], { pixels: levels });
    expect(back.levels).toEqual(near(colours));
    const romm = await picture('rommrgb');
    expect(romm.profile).toEqual(Buffer.from(matrixProfile(colourSpaces.rommrgb)));
    // 128 in sRGB is .2158 of light; to the power of 1 / 1.8 that is .4267.
    expect(romm.levels.slice(6)).toEqual(near([255, 255, 255, 109, 109, 109]));
  });

  test('adobergb, rommrgb: those of a profile of their own, without the way by sRGB', async () => {
    // What is in a space already stays as it is.
    const { levels } = await picture('adobergb', [withProfile]);
    expect(levels).toEqual(near(colours));
    // The purest green that Adobe RGB has, which sRGB has not.
    const green = [0, 255, 0, 0, 255, 0, 0, 255, 0, 0, 255, 0];
    const wide = await picture('rommrgb', [withProfile], { pixels: green });
    const romm = element(Tags.ICCProfile, 'OB', Buffer.from(matrixProfile(colourSpaces.rommrgb)));
    const back = await picture('adobergb', [romm], { pixels: wide.levels });
    // By way of sRGB there would be red of 144 in it. Near black a level of one space is several of the other.
    for (const [at, level] of back.levels.entries())
      expect(Math.abs(level - (green[at] ?? 0))).toBeLessThanOrEqual(10);
  });

  test('curves and primaries of a profile are read as the image library reads them', async () => {
    const p3 = await sharp({ create: { width: 1, height: 1, channels: 3, background: '#000' } })
      .withIccProfile('p3')
      .png()
      .toBuffer();
    const { icc = Buffer.alloc(0) } = await sharp(p3).metadata();
    for (const profile of [icc, withGamma(2.2), withGamma(1), withTable((value) => value ** 1.8)]) {
      const own = element(Tags.ICCProfile, 'OB', Buffer.concat([profile, Buffer.alloc(profile.length % 2)]));
      // Muted, so that all spaces hold them.
      const pixels = [120, 100, 90, 60, 70, 80, 200, 190, 195, 128, 128, 128];
      const expected = await picture('srgb', [own], { pixels });
      const romm = await picture('rommrgb', [own], { pixels });
      const wide = element(Tags.ICCProfile, 'OB', Buffer.from(matrixProfile(colourSpaces.rommrgb)));
      const back = await picture('srgb', [wide], { pixels: romm.levels });
      for (const [at, level] of back.levels.entries())
        expect(Math.abs(level - (expected.levels[at] ?? 0))).toBeLessThanOrEqual(2);
    }
  });

  test('tables of whole colours go to sRGB alone', async () => {
    const tables = Buffer.from(adobe.toString('latin1').replace('desc', 'A2B0'), 'latin1');
    const more = [element(Tags.ICCProfile, 'OB', tables)];
    await expect(picture('rommrgb', more)).rejects.toMatchObject({ code: 'not-implemented' });
  });

  test.each([
    ['a curve of another kind', 'para', 'mAB '],
    ['primaries of another kind', 'XYZ \0\0\0\0', 'YXZ \0\0\0\0'],
    ['a curve that ends early', 'para\0\0\0\0\0\x03', 'curv\0\0\0\0\xff\xff'],
    ['a curve with no such formula', 'para\0\0\0\0\0\x03', 'para\0\0\0\0\0\x07'],
  ])('a profile with %s is malformed', async (_name, from, to) => {
    const bytes = Buffer.from(adobe.toString('latin1').replaceAll(from, to), 'latin1');
    const more = [element(Tags.ICCProfile, 'OB', bytes)];
    await expect(picture('rommrgb', more)).rejects.toMatchObject({ code: 'malformed-dataset' });
  });

  test('greys get a profile as colours do', async () => {
    const image = await imageOf({ pixels: [0, 128, 255] });
    const { bytes } = await pictureOf(image, { iccProfile: 'srgb' });
    expect((await sharp(bytes).metadata()).icc).toEqual(Buffer.from(matrixProfile(colourSpaces.srgb)));
    expect(await decoded(bytes)).toEqual([0, 0, 0, 128, 128, 128, 255, 255, 255]);
  });

  test('GIF has no place for one', async () => {
    const image = await imageOf({ samples: 3, columns: 4, pixels: colours });
    const gif = pictureOf(image, { mediaType: 'image/gif', iccProfile: 'srgb' });
    await expect(gif).rejects.toMatchObject({ code: 'bad-request' });
  });

  test.each([
    ['is none', Buffer.alloc(200)],
    ['is one of greys', Buffer.from(adobe.toString('latin1').replace('RGB ', 'GRAY'), 'latin1')],
    ['ends early', adobe.subarray(0, 300)],
    ['has tags outside of it', Buffer.from(adobe).fill(0xff, 136, 140)],
  ])('a profile that %s is malformed', async (_name, bytes) => {
    const more = [element(Tags.ICCProfile, 'OB', bytes)];
    await expect(picture('srgb', more)).rejects.toMatchObject({ code: 'malformed-dataset' });
  });
});
