/** What a worker thread of the pool runs. */
import { move, transferableSymbol, valueSymbol, workerData } from 'piscina';
import { GatewayError } from '../core/index.js';
import { decodeFrame } from './decode-frame.js';
import { encodeFrame } from './encode-frame.js';
import { uncompressedFrameBytes } from '../dicom/index.js';
import { halvingsFor, renderFrame, Scratch, unpackPicture, type Picture } from '../render/index.js';
import type {
  FrameAnswer,
  FrameResult,
  FrameTask,
  RenderTask,
  WorkerSettings,
  WorkerTask,
} from './frame-task.js';
import { encodeFrameLossy } from './lossy-frame.js';
import { badFrame } from '../media/index.js';
import { limitWasmMemory } from './wasm-memory.js';

const { codecBytes } = workerData as WorkerSettings;
limitWasmMemory(codecBytes);
/** One task is worked on at a time. */
const scratch = new Scratch();

/** Sends the memory of the frame back in place of a copy. */
class Transferred {
  readonly #answer: FrameAnswer;

  constructor(answer: FrameAnswer) {
    this.#answer = answer;
  }

  get [transferableSymbol](): ArrayBuffer[] {
    if ('result' in this.#answer) return [this.#answer.result.frame.buffer as ArrayBuffer];
    if ('unpacked' in this.#answer) return [this.#answer.unpacked.samples.buffer as ArrayBuffer];
    return 'picture' in this.#answer ? [this.#answer.picture.bytes.buffer as ArrayBuffer] : [];
  }

  get [valueSymbol](): FrameAnswer {
    return this.#answer;
  }
}

/** Decodes, encodes, makes a picture, or takes one apart. Never throws but for what no frame should cause. */
export default async function work(task: WorkerTask): Promise<ReturnType<typeof move>> {
  try {
    if ('request' in task) {
      const picture = await render(task);
      return move(new Transferred({ picture: { ...picture, bytes: alone(picture.bytes) } }));
    }
    if ('unpack' in task) {
      const unpacked = await unpackPicture(task.frame, task.unpack);
      return move(new Transferred({ unpacked: { ...unpacked, samples: alone(unpacked.samples) } }));
    }
    const { frame, shape } = await turn(task);
    return move(new Transferred({ result: { frame: alone(frame), shape } }));
  } catch (thrown) {
    if (!(thrown instanceof GatewayError)) throw thrown;
    return move(new Transferred({ error: { code: thrown.code, message: thrown.message } }));
  }
}

async function turn({ frame, from, to, shape, lossy }: FrameTask): Promise<FrameResult> {
  if (from === undefined && frame.length < uncompressedFrameBytes(shape, frame.length))
    throw badFrame('is shorter than its dataset says');
  const native = from === undefined ? { samples: frame, shape } : await decodeFrame(frame, from, shape);
  if (to === undefined) return { frame: native.samples, shape: native.shape };
  const { stream, ...described } = await (lossy
    ? encodeFrameLossy(native, to, lossy)
    : encodeFrame(native, to));
  return { frame: stream, shape: { ...native.shape, ...described } };
}

/** Decoded frames do not leave the thread; a small picture of a large frame is made of as little of it as will do. */
async function render({ frame, from, ...job }: RenderTask): Promise<Picture> {
  const halvings = halvingsFor(job);
  const native =
    from === undefined
      ? { samples: frame, shape: job.shape }
      : await decodeFrame(frame, from, job.shape, halvings);
  return await renderFrame(native, { ...job, scratch });
}

/** In memory that holds nothing else, and is this thread's: it is given away. */
function alone(bytes: Uint8Array): Uint8Array {
  const { buffer } = bytes;
  return buffer instanceof ArrayBuffer && bytes.byteLength === buffer.byteLength
    ? bytes
    : new Uint8Array(bytes);
}
