/** A thread of the pool whose codec goes wrong when the first byte of a frame says so. */
import realWork from '../../../src/transcode/worker.js';
import type { FrameTask } from '../../../src/transcode/frame-task.js';
import { Faults } from './faults.js';

export default async function work(task: FrameTask): Promise<unknown> {
  const { shape } = task;
  switch (task.frame[0]) {
    case Faults.exit:
      return process.exit(3);
    case Faults.spin:
      for (;;) if (task.frame.length === 0) break;
      return undefined;
    case Faults.short:
      return { result: { frame: new Uint8Array(7), shape } };
    case Faults.empty:
      return { result: { frame: new Uint8Array(0), shape } };
    case Faults.memory: {
      const kept: unknown[] = [];
      for (;;) kept.push(Array.from({ length: 10_000 }, (_, index) => ({ index })));
    }
    default:
      return await realWork(task);
  }
}
