import type { Spool } from './spool-contract.js';
import type { SpoolBody } from './spool.js';

/** Bytes of spools by where they are and whether more will come; `failed` ones are still being read. */
export type BytesByState = Readonly<
  Record<Spool['state'], { readonly memory: number; readonly disk: number }>
>;

/** Adds up what each of `spools` holds now. */
export function bytesByState(spools: Iterable<SpoolBody>): BytesByState {
  const bytes = {
    open: { memory: 0, disk: 0 },
    complete: { memory: 0, disk: 0 },
    failed: { memory: 0, disk: 0 },
  };
  for (const { state, memoryBytes, diskBytes } of spools) {
    bytes[state].memory += memoryBytes;
    bytes[state].disk += diskBytes;
  }
  return bytes;
}
