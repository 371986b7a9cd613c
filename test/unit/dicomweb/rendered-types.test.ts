import { describe, expect, test } from '@jest/globals';
import { negotiateRendered, parseAccept, type RenderedKind } from '../../../src/dicomweb/index.js';
import { codeOf, errorOf } from './code-of.js';

const choose = (kind: RenderedKind, accept?: string, parameter?: string): string => {
  const { mediaType, multipart } = negotiateRendered(kind, parseAccept(accept, parameter));
  return multipart ? `multipart ${mediaType}` : mediaType;
};

describe('media types of pictures', () => {
  test.each<[string | undefined, string]>([
    [undefined, 'image/jpeg'],
    ['*/*', 'image/jpeg'],
    ['*', 'image/jpeg'],
    ['image/*', 'image/jpeg'],
    ['image/jpeg', 'image/jpeg'],
    ['image/png', 'image/png'],
    ['image/gif', 'image/gif'],
    ['image/webp', 'image/webp'],
    ['image/png, image/jpeg', 'image/png'],
    ['image/png;q=0.5, image/jpeg', 'image/jpeg'],
    ['image/png, */*', 'image/png'],
    ['image/jpeg;q=0, */*', 'image/png'],
    ['image/jpeg;q=0.1, image/*;q=0.5', 'image/png'],
    ['IMAGE/PNG', 'image/png'],
    ['image/jp2, image/png', 'image/png'],
    // Browsers, for <img> and for the address bar.
    ['image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8', 'image/jpeg'],
    ['image/avif,image/webp,*/*', 'image/jpeg'],
    ['image/webp,image/png,image/svg+xml,image/*;q=0.8,*/*;q=0.5', 'image/png'],
    ['image/avif,image/webp,*/*;q=0.8', 'image/webp'],
    ['text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8', 'image/jpeg'],
    ['multipart/related; type="image/jpeg"', 'multipart image/jpeg'],
    ['multipart/related; type=image/png', 'multipart image/png'],
    ['multipart/related', 'multipart image/jpeg'],
    ['multipart/related; type="image/*"', 'multipart image/jpeg'],
    ['multipart/related; type="image/png", image/jpeg;q=0.9', 'multipart image/png'],
  ])('H-07, W-50: one picture with Accept %s is %s', (accept, chosen) => {
    expect(choose('picture', accept)).toBe(chosen);
  });

  test.each([
    'image/jp2',
    'application/dicom',
    'text/html',
    'image/jpeg;q=0',
    '*/*;q=0',
    'image/jpeg; transfer-syntax=1.2.840.10008.1.2.4.50',
    'image/jpeg; transfer-syntax=*',
    '*/*; transfer-syntax=*',
    'multipart/related; type="application/octet-stream"; transfer-syntax=*',
    'multipart/form-data',
    'video/mp4',
  ])('W-50: one picture is not acceptable with Accept %s', (accept) => {
    expect(codeOf(() => choose('picture', accept))).toBe('not-acceptable');
  });

  test('H-07: the list of what there is goes with the refusal', () => {
    const { message } = errorOf(() => choose('cine', 'image/jpeg'));
    expect(message).toContain('Available: image/gif, multipart/related; type="image/jpeg"');
  });

  test.each<[string | undefined, string]>([
    [undefined, 'image/gif'],
    ['*/*', 'image/gif'],
    ['image/*', 'image/gif'],
    ['image/gif', 'image/gif'],
    ['image/gif, multipart/related; type="image/jpeg";q=0.9', 'image/gif'],
    ['multipart/related; type="image/jpeg"', 'multipart image/jpeg'],
    ['multipart/related; type="image/png"', 'multipart image/png'],
    ['image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8', 'image/gif'],
  ])('W-50, W-58: several frames with Accept %s are %s', (accept, chosen) => {
    expect(choose('cine', accept)).toBe(chosen);
  });

  test.each(['image/jpeg', 'image/png', 'image/webp'])('W-12: several frames are no single %s', (accept) => {
    expect(codeOf(() => choose('cine', accept))).toBe('not-acceptable');
  });

  test('W-12, W-58: a series is in parts, always', () => {
    expect(choose('pictures')).toBe('multipart image/jpeg');
    expect(choose('pictures', 'multipart/related; type="image/gif"')).toBe('multipart image/gif');
    for (const accept of ['image/jpeg', 'image/gif', 'image/*'])
      expect(codeOf(() => choose('pictures', accept))).toBe('not-acceptable');
  });

  test('W-07: a thumbnail is one picture, never in parts', () => {
    expect(choose('thumbnail')).toBe('image/jpeg');
    expect(choose('thumbnail', 'image/png')).toBe('image/png');
    expect(codeOf(() => choose('thumbnail', 'multipart/related; type="image/jpeg"'))).toBe('not-acceptable');
  });

  test.each([
    'application/dicom, image/png',
    'image/jpeg;q=0.1, application/dicom',
    'multipart/related; type="application/dicom", multipart/related; type="image/jpeg"',
  ])('H-06: DICOM and pictures in one header are refused: %s', (accept) => {
    for (const kind of ['picture', 'pictures', 'cine', 'thumbnail'] as const)
      expect(codeOf(() => choose(kind, accept))).toBe('bad-request');
  });

  test.each([
    'application/dicom;q=0, image/png',
    'application/dicom, */*',
    'application/dicom, image/*',
    'application/dicom; transfer-syntax=*, image/png',
    'application/dicom+json, image/png',
  ])('H-06: what names no two kinds of one thing is not: %s', (accept) => {
    expect(choose('picture', accept)).toMatch(/^image\//);
  });

  test('H-06: the parameter says which', () => {
    expect(choose('picture', 'application/dicom, image/png', 'image/gif')).toBe('image/gif');
    expect(choose('picture', 'application/dicom', 'image/gif')).toBe('image/gif');
  });

  test('H-05: the accept parameter goes before the header', () => {
    // What OHIF sends for a thumbnail.
    const header = 'multipart/related; type="application/octet-stream"';
    expect(choose('thumbnail', header, 'image/jpeg')).toBe('image/jpeg');
    expect(choose('picture', 'image/jpeg', 'image/png')).toBe('image/png');
    expect(choose('picture', 'image/jpeg', 'image/jp2')).toBe('image/jpeg');
    expect(choose('picture', 'image/png', 'image/*')).toBe('image/png');
  });

  test('W-50: a video is what it is', () => {
    const video = { video: 'video/mp4' };
    for (const accept of [undefined, '*/*', 'video/*', 'video/mp4', 'image/jpeg, video/mp4;q=0.1'])
      expect(choose(video, accept)).toBe('video/mp4');
    expect(choose(video, 'multipart/related; type="video/mp4"')).toBe('multipart video/mp4');
    expect(choose({ video: 'video/H265' }, 'video/h265')).toBe('video/H265');
    for (const accept of ['image/jpeg', 'video/mpeg', 'image/gif'])
      expect(codeOf(() => choose(video, accept))).toBe('not-acceptable');
  });
});
