import { setFlagsFromString } from 'node:v8';

// Keeps V8's young generation at the size it begins with (2 MiB) in place of up to 48 MiB. What is allocated while
// images pass is mostly the small object that owns a block of bytes outside the heap: the longer such garbage waits for
// a scavenge, the more freed blocks still count as memory. Measured on a series of 105 MB pulled twelve times: peak
// resident memory 217 -> 172 MB, CPU time unchanged. Must be evaluated before anything else allocates.
setFlagsFromString('--semi-space-growth-factor=1');
