import { z } from 'zod';
import { boolean, choice, duration, integer, key, size } from './kind.js';

const KIB = 2 ** 10;
const MIB = 2 ** 20;

/** Frames for clients that do not take what is stored. */
export const transcode = z.strictObject({
  workers: key(
    integer(0, 64),
    'Threads that decode and encode frames for clients that do not take what is stored; 0 for one for each processor.',
  ).prefault(0),
  queue: key(integer(0, 100_000), 'Most requests that wait for one; more are answered 503.').prefault(200),
  frameTimeout: key(
    duration,
    'How long one frame of a million samples or less may take; larger ones as much longer. Then the thread is replaced.',
  ).prefault('10s'),
  maxFrameBytes: key(
    size(KIB, 2 ** 31 - 1),
    'Most bytes of one frame, decoded or as it is stored; larger ones are given as they are stored only. Each thread may need a few times as much.',
  ).prefault('128 MiB'),
  maxPicturePixels: key(
    integer(1, 2 ** 28),
    'Most pixels of a picture that is scaled to the size a client asks for; larger ones are answered 406. A thread needs some 10 bytes for each.',
  ).prefault(33_554_432),
  workerHeap: key(size(32 * MIB, 2 ** 32), 'Largest JavaScript heap of one thread.').prefault('256 MiB'),
  codecMemory: key(
    size(256 * MIB, 2 ** 31),
    'Largest WebAssembly memory of one codec in one thread; JPEG 2000 needs some six times the bytes of a frame. What a thread has grown to it keeps until it has been idle for a minute.',
  ).prefault('1 GiB'),
  lossy: key(
    boolean,
    'Whether frames are encoded with loss where a client names such a transfer syntax and takes nothing else that could be given (JPEG Baseline, JPEG-LS near-lossless, JPEG 2000, HTJ2K).',
  ).prefault(false),
  lossyUid: key(
    choice('new', 'keep'),
    'Whether an instance that was encoded with loss has a SOP Instance UID of its own, as PS3.3 C.7.6.1.1.5 wants it, or that of the instance that it was made of.',
  ).prefault('new'),
  jpegQuality: key(integer(1, 100), 'Quality of JPEG Baseline.').prefault(90),
  jpegLsError: key(integer(1, 127), 'By how much a sample of JPEG-LS near-lossless may be wrong.').prefault(
    2,
  ),
  j2kRatio: key(integer(2, 1000), 'How many times smaller JPEG 2000 with loss is.').prefault(10),
  htJ2kStep: key(
    integer(1, 500_000),
    'Step of quantisation of HTJ2K with loss, in millionths of the range of samples.',
  ).prefault(1000),
});
