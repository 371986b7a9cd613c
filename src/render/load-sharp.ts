import type sharp from 'sharp';
import type { Sharp } from 'sharp';

export type { Sharp };

let loading: Promise<typeof sharp> | undefined;

/**
 * The image library, loaded when it is first needed. It keeps nothing, and starts no threads of its own beside those that
 * frames are worked on in.
 *
 * Must be loaded by the main thread before a worker needs it: else its shared libraries go when that worker goes.
 */
export function loadSharp(): Promise<typeof sharp> {
  return (loading ??= load());
}

async function load(): Promise<typeof sharp> {
  const { default: library } = await import('sharp');
  library.concurrency(1);
  library.cache(false);
  return library;
}
