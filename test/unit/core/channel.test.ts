import { describe, expect, test } from '@jest/globals';
import { Channel } from '../../../src/core/index.js';

describe('Channel', () => {
  test('push waits for the consumer once the bound is reached', async () => {
    const channel = new Channel<number>(1);
    const filled = channel.push(1);
    let room = false;
    void filled.then(() => (room = true));
    await Promise.resolve();
    expect(room).toBe(false);
    const iterator = channel[Symbol.asyncIterator]();
    expect(await iterator.next()).toEqual({ value: 1, done: false });
    expect(await filled).toBe(true);
  });

  test('an error comes after everything that was queued before it', async () => {
    const channel = new Channel<number>(4);
    channel.offer(1);
    channel.fail(new Error('lost'));
    const seen: number[] = [];
    await expect(
      (async () => {
        for await (const item of channel) seen.push(item);
      })(),
    ).rejects.toThrow('lost');
    expect(seen).toEqual([1]);
  });

  test('a consumer that leaves tells the producers that wait', async () => {
    const channel = new Channel<number>(1);
    const first = channel.push(1);
    const second = channel.push(2);
    for await (const item of channel) {
      expect(item).toBe(1);
      break;
    }
    expect(await first).toBe(false);
    expect(await second).toBe(false);
    expect(channel.offer(3)).toBe(false);
  });

  test('a consumer that waits gets what is pushed later, and the end', async () => {
    const channel = new Channel<string>(2);
    const all = (async () => {
      const items: string[] = [];
      for await (const item of channel) items.push(item);
      return items;
    })();
    await channel.push('a');
    channel.close();
    expect(await all).toEqual(['a']);
  });
});
