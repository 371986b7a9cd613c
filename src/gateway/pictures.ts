import { createHash } from 'node:crypto';
import type { HotBytes } from '../cache/index.js';
import { abortReason, toGatewayError, type OperationContext } from '../core/index.js';
import { readImageLooks, type ImageLooks, type PictureRequest } from '../render/index.js';
import type { FramePool } from '../transcode/index.js';
import type { StoredWhole } from './stored-whole.js';
import type { InstanceRecord } from './ports.js';
import { SharedWork } from './shared-work.js';

/** An instance whose frames are rendered. */
export interface PictureSource extends StoredWhole {
  readonly record: InstanceRecord;
  /** What its dataset says of how frames are shown; read when it is first asked for. */
  readonly looks: () => Promise<ImageLooks>;
  /** The presentation state whose looks they are in place of the image's own, with its digest. */
  readonly shownBy?: string;
}

/** An instance with what it says of how its frames are shown, for one request. */
export function pictureSource(whole: Omit<PictureSource, 'looks' | 'shownBy'>): PictureSource {
  const { instance, index, stored, record } = whole;
  let looks: Promise<ImageLooks> | undefined;
  return {
    instance,
    index,
    stored,
    record,
    looks: () => (looks ??= readImageLooks({ source: instance.source, stored, index })),
  };
}

/** One picture of one frame. */
export interface PictureOf {
  readonly source: PictureSource;
  /** Counted from 1. */
  readonly frame: number;
  readonly request: PictureRequest;
}

/** Makes the picture, when there is a place for it. @throws GatewayError */
export type RenderFrame = (of: PictureOf, pool: FramePool, context: OperationContext) => Promise<Buffer>;

/**
 * Pictures of frames: made once for all who ask for the same at the same time, and kept for those who ask later, within
 * a bound of bytes. What is kept is found only with the very bytes that it was made of.
 */
export class Pictures {
  readonly #pool: FramePool;
  readonly #kept: HotBytes;
  readonly #render: RenderFrame;
  readonly #making = new SharedWork<Buffer>();

  constructor(pool: FramePool, kept: HotBytes, render: RenderFrame) {
    this.#pool = pool;
    this.#kept = kept;
    this.#render = render;
  }

  /** Most bytes of the frames of one animation that are kept: a long one would take the place of all else. */
  get animationBytes(): number {
    return this.#kept.stats.limit / 2;
  }

  /** Keeps none of those that were made. */
  clear(): void {
    this.#kept.clear();
  }

  /** Without `mayKeep` it is kept for nobody. @throws GatewayError as `RenderFrame` does, or the reason of the context's signal */
  async make(of: PictureOf, context: OperationContext, mayKeep = true): Promise<Buffer> {
    const { record } = of.source;
    const id = nameOf(of);
    const known = this.#kept.get(id, record);
    if (known) return known;
    const key = `${id} ${record.digest}`;
    for (;;) {
      const isMine = !this.#making.has(key);
      try {
        const work = (): Promise<Buffer> => this.#makeAndKeep(of, mayKeep ? id : undefined, context);
        return await this.#making.run(key, work, context.signal);
      } catch (thrown) {
        // Whoever had begun it has left, and with them what they held of the instance.
        const isTheirs = !isMine && !context.signal.aborted && toGatewayError(thrown).code === 'cancelled';
        if (!isTheirs) throw thrown;
      }
    }
  }

  async #makeAndKeep(of: PictureOf, id: string | undefined, context: OperationContext): Promise<Buffer> {
    try {
      const bytes = await this.#render(of, this.#pool, context);
      if (id !== undefined) this.#kept.keep({ id, of: of.source.record }, bytes);
      return bytes;
    } catch (thrown) {
      throw context.signal.aborted ? abortReason(context.signal) : thrown;
    }
  }
}

/** What is written into a picture is nobody's to see in the name of it. */
function nameOf({ source, frame, request }: PictureOf): string {
  const { shownBy } = source;
  const { peer, sopInstanceUid } = source.instance.key;
  const asked = createHash('sha256').update(JSON.stringify(request)).digest('base64url').slice(0, 22);
  return `${peer} ${sopInstanceUid} ${frame} ${asked}${shownBy === undefined ? '' : ` ${shownBy}`}`;
}
