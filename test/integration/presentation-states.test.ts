import { afterEach, describe, expect, test } from '@jest/globals';
import { image, report, see } from '../helpers/pictures.js';
import { area, stateOf, window } from '../helpers/presentation-states.js';
import type { RogueInstance } from '../helpers/rogue-peer.js';
import { startScene, type Scene, type SceneOptions } from '../helpers/scene.js';
import { partsOf, request, type RawResponse } from '../helpers/test-gateway.js';

let scene: Scene | undefined;
afterEach(async () => {
  await scene?.close();
  scene = undefined;
});

type Get = (path: string, headers?: Readonly<Record<string, string>>) => Promise<RawResponse>;

async function start(instances: readonly RogueInstance[], more: Partial<SceneOptions> = {}): Promise<Get> {
  scene = await startScene({ instances, ...more });
  return (path, headers = {}) => request(scene?.url(path) ?? '', { headers });
}

const pathOf = (one: RogueInstance): string =>
  `/studies/${one.studyInstanceUid}/series/${one.seriesInstanceUid}/instances/${one.sopInstanceUid}`;
const rendered = (one: RogueInstance): string => `${pathOf(one)}/rendered`;
const png = { accept: 'image/png' };
const locationsOf = (answer: RawResponse): readonly (string | undefined)[] =>
  partsOf(answer).map(({ headers }) => headers['content-location']);
const placed = (z: number): RogueInstance =>
  image({ extra: { '00200032:DS': `0\\0\\${z}`, '00200037:DS': '1\\0\\0\\0\\1\\0' } });

describe('a presentation state (W-57)', () => {
  test('of one frame is one picture, as it shows the image', async () => {
    const one = image();
    const state = stateOf([one], { ...area([1, 1], [30, 40]), ...window(600, 1), '00700042:US': 90 });
    const get = await start([one, state]);
    const answer = await get(rendered(state), png);
    expect([answer.status, answer.headers['content-type']]).toEqual([200, 'image/png']);
    expect(answer.headers['content-location']).toBe(scene?.url(pathOf(one)));
    const { width, height, samples } = await see(answer.body);
    expect([width, height]).toEqual([40, 30]);
    // Columns rise by 60; turned they are rows.
    expect([...new Set(samples.subarray(0, 400))]).toEqual([0]);
    expect([...new Set(samples.subarray(400))]).toEqual([255]);
    const small = await see((await get(`${rendered(state)}?viewport=20,20`, png)).body);
    expect([small.width, small.height]).toEqual([20, 15]);
  });

  test('W-53, W-54: decides about window and region itself', async () => {
    const one = image();
    const state = stateOf([one]);
    const get = await start([one, state], { yaml: 'rendered: { maxPixels: 100 }' });
    for (const query of ['window=1,2,linear', 'viewport=8,8,1,1,2,2', 'viewport=101,10'])
      expect((await get(`${rendered(state)}?${query}`)).status).toBe(400);
  });

  test('W-58: of several frames is a part for each, in its order', async () => {
    const [one, cine] = [image(), image({ frames: 3 })] as const;
    const state = stateOf([{ ...cine, frames: '3\\1' }, one]);
    const get = await start([one, cine, state]);
    const answer = await get(rendered(state));
    expect([answer.status, answer.headers.warning]).toEqual([200, undefined]);
    const [first, second] = [pathOf(cine), pathOf(one)].map((path) => scene?.url(path) ?? '');
    expect(locationsOf(answer)).toEqual([`${first}/frames/3`, `${first}/frames/1`, second]);
    expect((await get(rendered(state), { accept: 'image/jpeg' })).status).toBe(406);
  });

  test('all frames of an image of which it names none', async () => {
    const cine = image({ frames: 3 });
    const state = stateOf([cine]);
    const get = await start([cine, state]);
    expect(partsOf(await get(rendered(state)))).toHaveLength(3);
  });

  test('images of parallel planes come in the order of these', async () => {
    const [high, low, middle] = [placed(9), placed(-3), placed(4)] as const;
    const state = stateOf([high, low, middle]);
    const get = await start([high, low, middle, state]);
    const expected = [low, middle, high].map((one) => scene?.url(pathOf(one)));
    expect(locationsOf(await get(rendered(state)))).toEqual(expected);
  });

  test('W-09: an image that is missing makes the answer partial, and none at all is not found', async () => {
    const [one, gone] = [image(), image()] as const;
    const [state, empty] = [stateOf([gone, one]), stateOf([gone])] as const;
    const get = await start([one, state, empty]);
    const answer = await get(rendered(state));
    expect(answer.status).toBe(206);
    expect(answer.headers.warning).toContain('did not deliver 1 instance');
    expect(partsOf(answer)).toHaveLength(1);
    const nothing = await get(rendered(empty));
    expect(nothing.status).toBe(404);
    expect(nothing.body.toString()).toContain('none of the images');
  });

  test('a frame that its image has not, and an image without pictures, are failures', async () => {
    const [cine, text] = [image({ frames: 2 }), report()] as const;
    const [beyond, textual] = [stateOf([{ ...cine, frames: '3' }]), stateOf([text])] as const;
    const get = await start([cine, text, beyond, textual]);
    expect((await get(rendered(beyond))).status).toBe(502);
    expect((await get(rendered(textual))).status).toBe(406);
  });

  test('W-60: validators are of the state and of the image', async () => {
    const one = image();
    const [state, other] = [stateOf([one]), stateOf([one], { '00700041:CS': 'Y' })] as const;
    const get = await start([one, state, other]);
    const plain = await get(rendered(one), png);
    const shown = await get(rendered(state), png);
    const flipped = await get(rendered(other), png);
    const bodies = [plain, shown, flipped].map(({ body }) => body.toString('base64'));
    expect(new Set(bodies).size).toBe(3);
    expect(new Set([plain, shown, flipped].map(({ headers }) => headers.etag)).size).toBe(3);
    const again = await get(rendered(state), { ...png, 'if-none-match': String(shown.headers.etag) });
    expect(again.status).toBe(304);
  });

  test('W-60: validators are of the character set too that its texts are read by', async () => {
    const one = image();
    const state = stateOf([one]);
    const etagOf = async (yaml: string): Promise<unknown> => {
      const get = await start([one, state], { yaml });
      const { etag } = (await get(rendered(state), png)).headers;
      await scene?.close();
      return etag;
    };
    const usual = await etagOf('');
    expect(await etagOf('    fallbackCharacterSet: ISO_IR 100\n')).not.toBe(usual);
    expect(await etagOf('')).toBe(usual);
  });

  test('what of it is not drawn is told', async () => {
    const one = image();
    const state = stateOf([one], { '00181600:CS': 'BITMAP' });
    const get = await start([one, state]);
    expect((await get(rendered(state))).headers.warning).toContain('not closed');
  });

  test('of another kind is not rendered', async () => {
    const one = image();
    const state = stateOf([one], { SOPClassUID: '1.2.840.10008.5.1.4.1.1.11.4' });
    const get = await start([one, state]);
    expect((await get(rendered(state))).status).toBe(501);
  });
});

describe('WADO-URI under a presentation state (U-08)', () => {
  const wado = (one: RogueInstance, state: RogueInstance, more = ''): string =>
    `/wado?requestType=WADO&contentType=image/png&studyUID=${one.studyInstanceUid}&seriesUID=${one.seriesInstanceUid}` +
    `&objectUID=${one.sopInstanceUid}&presentationSeriesUID=${state.seriesInstanceUid}&presentationUID=${state.sopInstanceUid}${more}`;

  test('shows the image as the state does', async () => {
    const [one, other] = [image(), image()] as const;
    const state = stateOf([one, other], { '00700042:US': 90 });
    const get = await start([one, other, state]);
    const answer = await get(wado(one, state));
    expect(answer.status).toBe(200);
    expect(await see(answer.body)).toMatchObject({ width: 40, height: 60 });
    expect(await see((await get(wado(one, state, '&rows=30'))).body)).toMatchObject({
      width: 20,
      height: 30,
    });
    // The other image is not asked for.
    expect(scene?.asked).not.toContain(other.sopInstanceUid);
  });

  test('one frame of those that the state shows', async () => {
    const cine = image({ frames: 3 });
    const state = stateOf([{ ...cine, frames: '2\\3' }]);
    const get = await start([cine, state]);
    const first = await get(wado(cine, state));
    expect([first.status, first.headers.warning]).toEqual([
      200,
      expect.stringContaining('first of 2 frames'),
    ]);
    expect((await get(wado(cine, state, '&frameNumber=2'))).body.equals(first.body)).toBe(true);
    expect((await get(wado(cine, state, '&frameNumber=3'))).body.equals(first.body)).toBe(false);
    expect((await get(wado(cine, state, '&frameNumber=1'))).status).toBe(400);
  });

  const alone = (state: RogueInstance): string =>
    `/wado?requestType=WADO&contentType=image/png&studyUID=${state.studyInstanceUid}` +
    `&seriesUID=${state.seriesInstanceUid}&objectUID=${state.sopInstanceUid}`;

  test('a state by itself is its first picture, and that there are more is told', async () => {
    const [one, cine] = [image(), image({ frames: 3 })] as const;
    const [state, single] = [stateOf([one, { ...cine, frames: '2\\3' }]), stateOf([one])] as const;
    const get = await start([one, cine, state, single]);
    const answer = await get(alone(state));
    expect([answer.status, answer.headers.warning]).toEqual([
      200,
      expect.stringContaining('first of 3 pictures'),
    ]);
    const only = await get(alone(single));
    expect([only.status, only.headers.warning]).toEqual([200, undefined]);
  });

  test('what is partial is made also for who has the validator of the whole', async () => {
    const [one, gone] = [image(), image()] as const;
    const state = stateOf([one, gone]);
    const whole = await (await start([one, gone, state]))(alone(state));
    const etag = String(whole.headers.etag);
    await scene?.close();
    const get = await start([one, state]);
    const answer = await get(alone(state), { 'if-none-match': etag });
    expect([answer.status, answer.headers.etag]).toEqual([206, undefined]);
    expect(answer.body.equals(whole.body)).toBe(true);
  });

  test('a state that is not there, is none, or does not show the image is a bad request', async () => {
    const [one, other] = [image(), image()] as const;
    const state = stateOf([one]);
    const get = await start([one, other, state]);
    expect((await get(wado(one, stateOf([one])))).status).toBe(400);
    expect((await get(wado(other, state))).status).toBe(400);
    expect((await get(wado(one, other))).status).toBe(400);
    expect((await get(wado(one, state, '&windowCenter=1&windowWidth=2'))).status).toBe(400);
  });
});
