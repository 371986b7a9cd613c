/** What a worker thread of the pool runs. */
import { move, transferableSymbol, valueSymbol, workerData } from 'piscina';
import { GatewayError } from '../core/index.js';
import { decodeFrame } from './decode-frame.js';
import { encodeFrame } from './encode-frame.js';
import { encodeFrameLossy } from './lossy-frame.js';
import { uncompressedFrameBytes } from './frame-shape.js';
import type { FrameAnswer, FrameResult, FrameTask, WorkerSettings } from './frame-task.js';
import { badFrame } from './frame-error.js';
import { limitWasmMemory } from './wasm-memory.js';

const { codecBytes } = workerData as WorkerSettings;
limitWasmMemory(codecBytes);

/** Sends the memory of the frame back in place of a copy. */
class Transferred {
  readonly #answer: FrameAnswer;

  constructor(answer: FrameAnswer) {
    this.#answer = answer;
  }

  get [transferableSymbol](): ArrayBuffer[] {
    return 'result' in this.#answer ? [this.#answer.result.frame.buffer as ArrayBuffer] : [];
  }

  get [valueSymbol](): FrameAnswer {
    return this.#answer;
  }
}

/** Decodes, encodes, or both. Never throws but for what no frame should cause. */
export default async function work(task: FrameTask): Promise<ReturnType<typeof move>> {
  try {
    const { frame, shape } = await turn(task);
    return move(new Transferred({ result: { frame: alone(frame), shape } }));
  } catch (thrown) {
    if (!(thrown instanceof GatewayError)) throw thrown;
    return move(new Transferred({ error: { code: thrown.code, message: thrown.message } }));
  }
}

async function turn({ frame, from, to, shape, halvings, lossy }: FrameTask): Promise<FrameResult> {
  if (from === undefined && frame.length < uncompressedFrameBytes(shape, frame.length))
    throw badFrame('is shorter than its dataset says');
  const native =
    from === undefined ? { samples: frame, shape } : await decodeFrame(frame, from, shape, halvings);
  if (to === undefined) return { frame: native.samples, shape: native.shape };
  const { stream, photometricInterpretation } = await (lossy
    ? encodeFrameLossy(native, to, lossy)
    : encodeFrame(native, to));
  return { frame: stream, shape: { ...native.shape, photometricInterpretation, planar: false } };
}

/** In memory that holds nothing else: it is given away. */
function alone(bytes: Uint8Array): Uint8Array {
  return bytes.byteLength === bytes.buffer.byteLength ? bytes : new Uint8Array(bytes);
}
