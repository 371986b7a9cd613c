/** What goes wrong in `faulty-worker.ts`, by the first byte of a frame. */
export const Faults = { exit: 0xf1, spin: 0xf2, short: 0xf3, empty: 0xf4, memory: 0xf5 } as const;
