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

  test('a wide space by way of sRGB would be a smaller one: it is refused', async () => {
    await expect(picture('rommrgb', [withProfile])).rejects.toMatchObject({ code: 'not-implemented' });
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
