import type { GatewayErrorCode } from '../core/index.js';
import type { FrameShape } from '../dicom/index.js';
import type { Picture, RenderJob, UnpackedPicture, UnpackJob } from '../render/index.js';
import type { LossySettings } from './lossy-frame.js';

/** What a thread is told once. */
export interface WorkerSettings {
  /** Most bytes of the WebAssembly memory of each codec. */
  readonly codecBytes: number;
}

/** One frame to be turned from one transfer syntax into another, in a worker. */
export interface FrameTask {
  /** Lies alone in its memory, which goes to the worker or is shared with it. */
  readonly frame: Uint8Array;
  /** Of the frame; undefined when it is native. */
  readonly from: string | undefined;
  /** Of the answer; undefined for native samples. */
  readonly to: string | undefined;
  readonly shape: FrameShape;
  /** How much may be lost; undefined for nothing. */
  readonly lossy?: LossySettings;
}

/** One frame of which a picture is to be made, in a worker. */
export interface RenderTask extends Omit<RenderJob, 'scratch'>, Pick<FrameTask, 'frame' | 'from' | 'shape'> {}

/** A PNG or GIF that is to be decoded, in a worker. */
export interface UnpackTask extends Pick<FrameTask, 'frame' | 'shape'> {
  readonly from: string;
  readonly unpack: UnpackJob;
}

/** What a worker does. */
export type WorkerTask = FrameTask | RenderTask | UnpackTask;

/** The frame as it was asked for, and its shape: of a compressed frame that which it will have when it is decoded. */
export interface FrameResult {
  readonly frame: Uint8Array;
  readonly shape: FrameShape;
}

/** What comes back from a worker: errors of a class of ours would not survive the way. */
export type FrameAnswer =
  | { readonly result: FrameResult }
  | { readonly picture: Picture }
  | { readonly unpacked: UnpackedPicture }
  | { readonly error: { readonly code: GatewayErrorCode; readonly message: string } };
