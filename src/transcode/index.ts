/** Turns frames from one transfer syntax into another, in worker threads. */
export { transferSyntaxAbilities } from './abilities.js';
export { createFramePool, type FramePlace, type FramePool, type FramePoolOptions } from './frame-pool.js';
export type { FrameShape } from '../dicom/index.js';
export type { LossySettings } from './lossy-frame.js';
