/** Presentation states as bytes. */
import { encodeAttributes, makeInstance, type Attributes, type RogueInstance } from './rogue-peer.js';

const GSPS = '1.2.840.10008.5.1.4.1.1.11.1';
export const CSPS = '1.2.840.10008.5.1.4.1.1.11.2';

/** Numbers of a VR that is binary. */
export const floats = (...values: readonly number[]): Buffer => Buffer.from(new Float32Array(values).buffer);
const longs = (...values: readonly number[]): Buffer => Buffer.from(new Int32Array(values).buffer);
export const shorts = (...values: readonly number[]): Buffer => Buffer.from(new Uint16Array(values).buffer);

export interface Referred {
  readonly seriesInstanceUid: string;
  readonly sopInstanceUid: string;
  readonly frames?: string;
}

/** Items of the Referenced Image Sequence. */
export const referred = (
  ...images: readonly Pick<Referred, 'sopInstanceUid' | 'frames'>[]
): readonly Attributes[] =>
  images.map(({ sopInstanceUid, frames }) => ({
    '00081150:UI': '1.2.840.10008.5.1.4.1.1.2',
    '00081155:UI': sopInstanceUid,
    ...(frames !== undefined && { '00081160:IS': frames }),
  }));

/** The displayed area, by its corners counted from 1. */
export const area = (
  from: readonly [column: number, row: number],
  to: readonly [column: number, row: number],
  more: Attributes = {},
): Attributes => ({
  '0070005A:SQ': [
    { '00700052:SL': longs(...from), '00700053:SL': longs(...to), '00700100:CS': 'SCALE TO FIT', ...more },
  ],
});

/** A window for images. */
export const window = (center: number, width: number, more: Attributes = {}): Attributes => ({
  '00283110:SQ': [{ '00281050:DS': String(center), '00281051:DS': String(width), ...more }],
});

export const annotations = (item: Attributes): Attributes => ({ '00700001:SQ': [item] });

export const figure = (kind: string, points: readonly number[], more: Attributes = {}): Attributes => ({
  '00700009:SQ': [
    {
      '00700005:CS': 'PIXEL',
      '00700020:US': 2,
      '00700021:US': points.length >> 1,
      '00700022:FL': floats(...points),
      '00700023:CS': kind,
      ...more,
    },
  ],
});

/** The elements of a state that shows `images`. */
export function stateAttributes(images: readonly Referred[], more: Attributes = {}): Attributes {
  const series = [...new Set(images.map(({ seriesInstanceUid }) => seriesInstanceUid))];
  return {
    SOPClassUID: GSPS,
    '00081115:SQ': series.map((uid) => ({
      '00081140:SQ': referred(...images.filter(({ seriesInstanceUid }) => seriesInstanceUid === uid)),
      SeriesInstanceUID: uid,
    })),
    '20500020:CS': 'IDENTITY',
    ...more,
  };
}

/** A state as a PACS holds it, in a series of its own. */
export function stateOf(images: readonly Referred[], more: Attributes = {}): RogueInstance {
  const sopClassUid = typeof more['SOPClassUID'] === 'string' ? more['SOPClassUID'] : GSPS;
  const { dataset: _dataset, ...identity } = makeInstance({ sopClassUid, seriesInstanceUid: '2.25.77.9' });
  const attributes = {
    SOPInstanceUID: identity.sopInstanceUid,
    StudyInstanceUID: identity.studyInstanceUid,
    SeriesInstanceUID: identity.seriesInstanceUid,
    Modality: 'PR',
    ...stateAttributes(images, more),
  };
  return { ...identity, dataset: encodeAttributes(attributes, 'explicit') };
}
