import { Piscina } from 'piscina';
import { GatewayError, type Observe, type OperationContext } from '../core/index.js';
import type {
  FrameAnswer,
  FrameResult,
  FrameTask,
  RenderTask,
  UnpackTask,
  WorkerSettings,
  WorkerTask,
} from './frame-task.js';
import { canDecode, decodedShape } from './decode-frame.js';
import { canEncode, whyNotLossless } from './encode-frame.js';
import { canEncodeLossy, settingOf, whyNotLossy, type LossySettings } from './lossy-frame.js';
import { nativeFrameBytes, uncompressedFrameBytes, type FrameShape } from '../dicom/index.js';
import { loadSharp, type Picture, type UnpackedPicture } from '../render/index.js';
import { FrameRooms } from './frame-rooms.js';
import { WaitingRoom } from './waiting-room.js';

export interface FramePoolOptions {
  /** Worker threads, and so frames that are worked on at once. */
  readonly workers: number;
  /** Most requests that wait for one. */
  readonly queue: number;
  /** How long one frame of a million pixels or less may take; larger ones as much longer. */
  readonly frameMs: number;
  /** Of the JavaScript heap of each worker. */
  readonly heapMegabytes: number;
  /** Of the WebAssembly memory of each codec in each worker. */
  readonly codecBytes?: number;
  /** Most bytes of a native frame. */
  readonly frameBytes: number;
  /** Of the module that works in each thread, where it is not that of the codecs. */
  readonly worker?: URL;
  /** How much may be lost where a client asks for that; undefined when nothing may. */
  readonly lossy?: LossySettings;
  /** Whether what has lost something is an instance of its own. */
  readonly derivesInstances?: boolean;
  /** Most pixels of a picture that is scaled. */
  readonly picturePixels: number;
}

/** One frame of which a picture is to be made; its memory is given away. */
export type FramePictured = Omit<RenderTask, 'mostPixels'>;

/** A place in the pool: its holder may read frames into memory and have them worked on, one after the other. */
export interface FramePlace {
  /**
   * Memory for the samples of one native frame, all of which are to be written; it is given to `run` or `render`, and is
   * the place's again when that is over.
   */
  memory(bytes: number): Uint8Array;
  /**
   * Turns one frame; its memory is given away, if it is not of the place.
   *
   * @throws GatewayError `malformed-dataset` for a frame that cannot be decoded, `transcode-timeout` for one that takes too
   * long, `not-acceptable` for what no codec does
   */
  run(task: Omit<FrameTask, 'lossy'>): Promise<FrameResult>;
  /**
   * Makes a picture of one frame; its memory is given away, if it is not of the place.
   *
   * @throws GatewayError as `run`; `not-acceptable` for what no picture can be made of, `bad-request` for a part that is
   * not in the image
   */
  render(task: FramePictured): Promise<Picture>;
  /**
   * Decodes a PNG or GIF; its memory is given away.
   *
   * @throws GatewayError `malformed-dataset` for one that cannot be decoded or is not as its headers say,
   * `transcode-timeout`
   */
  unpack(task: UnpackTask): Promise<UnpackedPicture>;
  /** Lets the next one in. */
  leave(): void;
}

/** Threads in which frames are decoded and encoded. */
export interface FramePool {
  /** Whether frames of a transfer syntax can be decoded. */
  decodes(transferSyntaxUid: string): boolean;
  /** Whether frames can be encoded without loss: some. */
  encodes(transferSyntaxUid: string): boolean;
  /** Whether they may be, and can be encoded with loss: some. */
  encodesLossy(transferSyntaxUid: string): boolean;
  /**
   * Why frames of `shape` cannot be encoded so, in words; undefined when they can. Those that are stored in `from` are what
   * they are once they are decoded.
   */
  whyNot(transferSyntaxUid: string, shape: FrameShape, from?: string): string | undefined;
  /** What decides how much is lost in a transfer syntax, as text that changes with it. */
  lossOf(transferSyntaxUid: string): string;
  /** Whether what has lost something is an instance of its own, with a UID of its own. */
  readonly derivesInstances: boolean;
  /** Whether a frame is small enough: natively, and as the `storedBytes` that it has now. */
  takes(shape: FrameShape, storedBytes: number): boolean;
  /** Waits for a place. @throws GatewayError `overloaded`, or the reason of the context's signal */
  enter(context: OperationContext): Promise<FramePlace>;
  readonly stats: { readonly working: number; readonly waiting: number };
  close(): Promise<void>;
}

/** What a thread answers when it could. */
type Done = Exclude<FrameAnswer, { readonly error: unknown }>;

const MEGAPIXEL = 2 ** 20;
const CODEC_BYTES = 2 ** 30;
/** Sources run under a loader that threads do not inherit. */
const isSource = import.meta.url.endsWith('.ts');
const WORKER = new URL(isSource ? './worker.ts' : './worker.js', import.meta.url);

/** Starts no thread before the first frame. */
export function createFramePool(options: FramePoolOptions, observe: Observe): FramePool {
  return new ThreadedFramePool(options, observe);
}

class ThreadedFramePool implements FramePool {
  readonly #options: FramePoolOptions;
  readonly #observe: Observe;
  readonly #room: WaitingRoom;
  readonly #memory: FrameRooms;
  #threads: Piscina<WorkerTask, FrameAnswer> | undefined;
  #closed = false;

  constructor(options: FramePoolOptions, observe: Observe) {
    this.#options = options;
    this.#observe = observe;
    this.#room = new WaitingRoom(options.workers, options.queue);
    this.#memory = new FrameRooms(options.workers);
  }

  get derivesInstances(): boolean {
    return this.#options.derivesInstances ?? true;
  }

  decodes(transferSyntaxUid: string): boolean {
    return canDecode(transferSyntaxUid);
  }

  encodes(transferSyntaxUid: string): boolean {
    return canEncode(transferSyntaxUid);
  }

  encodesLossy(transferSyntaxUid: string): boolean {
    return this.#options.lossy !== undefined && canEncodeLossy(transferSyntaxUid);
  }

  whyNot(transferSyntaxUid: string, shape: FrameShape, from?: string): string | undefined {
    const reason = this.encodesLossy(transferSyntaxUid) ? whyNotLossy : whyNotLossless;
    return reason(transferSyntaxUid, decodedShape(shape, from));
  }

  lossOf(transferSyntaxUid: string): string {
    const { lossy } = this.#options;
    return lossy === undefined ? '' : settingOf(transferSyntaxUid, lossy);
  }

  takes(shape: FrameShape, storedBytes: number): boolean {
    return Math.max(nativeFrameBytes(shape), storedBytes) <= this.#options.frameBytes;
  }

  get stats(): FramePool['stats'] {
    return { working: this.#room.taken, waiting: this.#room.waiting };
  }

  async enter({ priority = 'interactive', signal, requestId }: OperationContext): Promise<FramePlace> {
    const leave = await this.#room.enter(priority, signal);
    const timed = async <R>(work: Promise<R>): Promise<R> => {
      const began = performance.now();
      return work.finally(() => {
        const durationMs = performance.now() - began;
        this.#observe({ kind: 'stage', stage: 'transcode', requestId, durationMs });
      });
    };
    return {
      leave,
      memory: (bytes) => new Uint8Array(this.#memory.take(bytes)),
      run: (task) => timed(this.#run(this.#withLoss(task))),
      render: (task) => timed(this.#render(task)),
      unpack: (task) => timed(this.#unpack(task)),
    };
  }

  /** With loss where the transfer syntax has no lossless form here. */
  #withLoss(task: Omit<FrameTask, 'lossy'>): FrameTask {
    const { lossy } = this.#options;
    const isLossy = task.to !== undefined && canEncodeLossy(task.to);
    return lossy && isLossy ? { ...task, lossy } : task;
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#threads?.destroy();
  }

  #isClosed(): boolean {
    return this.#closed;
  }

  async #run(task: FrameTask): Promise<FrameResult> {
    const answer = await this.#ask(task, task.to ?? 'native');
    if ('result' in answer) return answer.result;
    throw new GatewayError('internal', 'A thread gave a picture for a frame.');
  }

  async #render(task: FramePictured): Promise<Picture> {
    // Here as well as in the threads: the libraries of what only threads have loaded go with the first of them.
    await loadSharp();
    const mostPixels = this.#options.picturePixels;
    const { iccProfile, ...look } = task.look;
    // The largest part of a look by far is not copied for those who ask for no profile.
    const withProfile = iccProfile && (task.request.iccProfile ?? 'no') !== 'no' ? { iccProfile } : {};
    const job = { ...task, look: { ...look, ...withProfile }, mostPixels };
    const answer = await this.#ask(job, task.request.mediaType);
    if ('picture' in answer) return answer.picture;
    throw new GatewayError('internal', 'A thread gave a frame for a picture.');
  }

  async #unpack(task: UnpackTask): Promise<UnpackedPicture> {
    await loadSharp();
    const answer = await this.#ask(task, 'native');
    if ('unpacked' in answer) return answer.unpacked;
    throw new GatewayError('internal', 'A thread gave something else for a picture.');
  }

  async #ask(task: WorkerTask, to: string): Promise<Done> {
    if (this.#isClosed()) throw shuttingDown();
    this.#threads ??= this.#start();
    const began = performance.now();
    // What a client that leaves has asked for is short: a thread costs more to start than it takes.
    const deadline = AbortSignal.timeout(this.#limitMs(task));
    const tell = (outcome: 'done' | 'refused' | 'late' | 'crashed'): void => {
      const { from = 'native' } = task;
      this.#observe({ kind: 'frame', from, to, outcome, durationMs: performance.now() - began });
    };
    try {
      const answer = await this.#handOver(task, this.#threads, deadline);
      const isGood = !('error' in answer) && isWhole(answer, task);
      tell(isGood ? 'done' : 'refused');
      if ('error' in answer) throw new GatewayError(answer.error.code, answer.error.message);
      if (isGood) return answer;
      throw new GatewayError(
        'malformed-dataset',
        'The frame came out in another size than its dataset says.',
      );
    } catch (thrown) {
      if (thrown instanceof GatewayError) throw thrown;
      if (this.#isClosed()) throw shuttingDown(thrown);
      // The thread is gone, whatever it was doing, and another takes its place.
      tell(deadline.aborted ? 'late' : 'crashed');
      throw deadline.aborted ? tooLong(thrown) : undecodable(thrown);
    }
  }

  /** Memory of a place is its again; after a thread that was ended, which may read on for a while, it is let go. */
  async #handOver(
    task: WorkerTask,
    threads: Piscina<WorkerTask, FrameAnswer>,
    signal: AbortSignal,
  ): Promise<FrameAnswer> {
    const { buffer } = task.frame;
    if (buffer instanceof ArrayBuffer) return await threads.run(task, { transferList: [buffer], signal });
    const answer = await threads.run(task, { signal });
    this.#memory.giveBack(buffer);
    return answer;
  }

  #limitMs({ shape }: Pick<FrameTask, 'shape'>): number {
    const { frameMs } = this.#options;
    return Math.ceil(frameMs * Math.max(1, (shape.rows * shape.columns * shape.samplesPerPixel) / MEGAPIXEL));
  }

  #start(): Piscina<WorkerTask, FrameAnswer> {
    const { workers, heapMegabytes, codecBytes = CODEC_BYTES, worker = WORKER } = this.#options;
    const settings: WorkerSettings = { codecBytes };
    const threads = new Piscina<WorkerTask, FrameAnswer>({
      filename: worker.href,
      workerData: settings,
      minThreads: 0,
      maxThreads: workers,
      concurrentTasksPerWorker: 1,
      idleTimeout: 60_000,
      resourceLimits: { maxOldGenerationSizeMb: heapMegabytes },
      ...(isSource ? { execArgv: ['--import', 'tsx'] } : { execArgv: [] }),
    });
    // Of a thread that fails between two frames, or while it is ended; unheard it would end the gateway.
    threads.on('error', () => {
      this.#observe({ kind: 'frame', from: 'native', to: 'native', outcome: 'crashed', durationMs: 0 });
    });
    return threads;
  }
}

/** Whatever a codec made of it: no frame leaves in another size than its shape. */
function isWhole(answer: Done, task: WorkerTask): boolean {
  if ('unpacked' in answer) return answer.unpacked.samples.length > 0;
  if ('picture' in answer) return answer.picture.bytes.length > 0;
  const { frame, shape } = answer.result;
  const isNative = 'to' in task && task.to === undefined;
  return isNative ? frame.length === uncompressedFrameBytes(shape, frame.length) : frame.length > 0;
}

const undecodable = (cause: unknown): GatewayError =>
  new GatewayError('malformed-dataset', 'The frame cannot be decoded.', { cause });

const tooLong = (cause: unknown): GatewayError =>
  new GatewayError('transcode-timeout', 'The frame takes longer than transcode.frameTimeout allows.', {
    cause,
  });

const shuttingDown = (cause?: unknown): GatewayError =>
  new GatewayError('shutting-down', 'The gateway is shutting down.', cause === undefined ? {} : { cause });
