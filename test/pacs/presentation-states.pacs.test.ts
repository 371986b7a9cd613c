import { expect, test } from '@jest/globals';
import { pictureUnderState } from '../helpers/picture-oracle.js';
import { image, see } from '../helpers/pictures.js';
import { area, shorts, stateOf, window } from '../helpers/presentation-states.js';
import type { Attributes } from '../helpers/rogue-peer.js';
import { describeWithPacs } from '../helpers/real-pacs.js';
import { startScene } from '../helpers/scene.js';
import { request } from '../helpers/test-gateway.js';

/** What DCMTK wants of a state before it reads it. */
const head: Attributes = {
  StudyDate: '20200101',
  StudyTime: '1000',
  AccessionNumber: '',
  ReferringPhysicianName: '',
  PatientName: 'STATE',
  PatientID: 'ROGUE',
  PatientBirthDate: '',
  PatientSex: '',
  StudyID: '',
  SeriesNumber: '1',
  InstanceNumber: '1',
  '00080070:LO': 'X',
  '00700080:CS': 'STATE',
  '00700081:LO': 'X',
  '00700082:DA': '20200101',
  '00700083:TM': '1000',
  '00700084:PN': 'X',
  ...area([1, 1], [60, 40], { '00700102:IS': '1\\1' }),
};

const scrambled = (tag: string, count: number, factor: number): Attributes => ({
  [`${tag}:SQ`]: [
    {
      '00283002:US': shorts(count, 0, 8),
      '00283004:LO': 'US',
      '00283006:US': shorts(...Array.from({ length: count }, (_, at) => (at * factor) & 0xff)),
    },
  ],
});
const rescale = { '00281052:DS': '-1000', '00281053:DS': '2', '00281054:LO': 'HU' };

const states: readonly (readonly [string, Attributes, Attributes])[] = [
  ['nothing but itself', {}, {}],
  ['a window over rescaled values', { ...rescale, ...window(1500, 2000) }, {}],
  ['the shape INVERSE', { ...window(1500, 2000), '20500020:CS': 'INVERSE' }, {}],
  ['MONOCHROME1', window(1500, 2000), { PhotometricInterpretation: 'MONOCHROME1' }],
  ['a modality table', { ...scrambled('00283000', 4096, 7), ...window(128, 256) }, {}],
  ...[0, 90, 180, 270].flatMap((rotation) =>
    ['N', 'Y'].map((flip): readonly [string, Attributes, Attributes] => [
      `turned by ${rotation}, flipped: ${flip}`,
      { ...window(1500, 2000), '00700042:US': rotation, '00700041:CS': flip },
      {},
    ]),
  ),
];

describeWithPacs(
  'presentation states as DCMTK renders them (W-57)',
  () => {
    test.each(states)('%s', async (_name, more, extra) => {
      const one = image({ extra });
      const state = stateOf([one], { ...head, ...more });
      const scene = await startScene({ instances: [one, state] });
      try {
        const { studyInstanceUid, seriesInstanceUid, sopInstanceUid, dataset } = state;
        const path = `/studies/${studyInstanceUid}/series/${seriesInstanceUid}/instances/${sopInstanceUid}/rendered`;
        const answer = await request(scene.url(path), { headers: { accept: 'image/png' } });
        const ours = await see(answer.body);
        const theirs = await pictureUnderState(one.dataset, dataset as Buffer);
        expect([ours.width, ours.height]).toEqual([theirs.width, theirs.height]);
        const apart = ours.samples.map((level, at) => Math.abs(level - (theirs.data[at] ?? -1)));
        // One rounds where the other cuts off.
        expect(Math.max(...apart)).toBeLessThanOrEqual(1);
      } finally {
        await scene.close();
      }
    });
  },
  ['dcmp2pgm'],
);
