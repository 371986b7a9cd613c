import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { see } from '../helpers/pictures.js';
import { stateOf } from '../helpers/presentation-states.js';
import { makeInstance, type RogueInstance } from '../helpers/rogue-peer.js';
import { startScene, type Scene } from '../helpers/scene.js';
import { request, type RawResponse } from '../helpers/test-gateway.js';

jest.setTimeout(60_000);

const MIB = 2 ** 20;
/** A frame for each bit: more than there is room for in a list. */
const countless = makeInstance({
  pixelBytes: 0,
  extra: {
    Rows: 1,
    Columns: 1,
    BitsAllocated: 1,
    BitsStored: 1,
    HighBit: 0,
    NumberOfFrames: '512000000',
    '7FE00010:OB': Buffer.alloc(64 * MIB),
  },
});
const state = stateOf([countless]);

let scene: Scene;
beforeAll(async () => {
  scene = await startScene({ instances: [countless, state] });
});
afterAll(() => scene.close());

const pathOf = (one: RogueInstance): string =>
  `/studies/${one.studyInstanceUid}/series/${one.seriesInstanceUid}/instances/${one.sopInstanceUid}`;
const get = (path: string, accept: string): Promise<RawResponse> =>
  request(scene.url(path), { headers: { accept } });

describe('an instance of half a thousand million frames', () => {
  test('has a thumbnail, of the frame in the middle', async () => {
    const answer = await get(`${pathOf(countless)}/thumbnail`, 'image/png');
    expect([answer.status, answer.headers['content-location']]).toEqual([
      200,
      `${scene.url(pathOf(countless))}/frames/256000000`,
    ]);
    expect(await see(answer.body)).toMatchObject({ width: 1, height: 1 });
  });

  test('is no animation, and pictures of its frames can be had', async () => {
    expect((await get(`${pathOf(countless)}/rendered`, 'image/gif')).status).toBe(406);
    expect((await get(`${pathOf(countless)}/frames/1,2/rendered`, 'image/gif')).status).toBe(200);
  });

  test('is counted where a presentation state shows it', async () => {
    const wado = `/wado?requestType=WADO&contentType=image/png&studyUID=${state.studyInstanceUid}&seriesUID=${state.seriesInstanceUid}&objectUID=${state.sopInstanceUid}`;
    expect((await get(wado, '*/*')).status).toBe(200);
  });
});
