import { readOwn, shapeOf } from './converted-frames.js';
import type { RenderFrame } from './pictures.js';

/** Reads one stored frame into memory, when there is a place, and has a picture made of it. @throws GatewayError as `FramePlace.render` */
export const renderFrame: RenderFrame = async ({ source, frame, request }, pool, context) => {
  const { instance, index, stored, looks } = source;
  const place = await pool.enter(context);
  try {
    const look = await (await looks()).of(frame);
    const from = stored.encapsulated ? stored.uid : undefined;
    const read = await readOwn({ instance, index, stored }, frame, place);
    const { bytes } = await place.render({ frame: read, from, shape: shapeOf(index), look, request });
    return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  } finally {
    place.leave();
  }
};
