import { expect, test } from '@jest/globals';
import { FrameRooms } from '../../../src/transcode/frame-rooms.js';

test('memory of one frame is that of the next of the same length, and of no other', () => {
  const rooms = new FrameRooms(2);
  const first = rooms.take(1000);
  expect(rooms.take(1000)).not.toBe(first);
  rooms.giveBack(first);
  expect(rooms.take(999)).toHaveProperty('byteLength', 999);
  expect(rooms.take(1000)).toBe(first);
  expect(rooms.take(1000)).not.toBe(first);
});

test('so many are kept as there are threads, the latest ones, and none that is large', () => {
  const rooms = new FrameRooms(2);
  const [a, b, c] = [rooms.take(10), rooms.take(20), rooms.take(30)] as const;
  for (const room of [a, b, c]) rooms.giveBack(room);
  expect(rooms.take(10)).not.toBe(a);
  expect(rooms.take(20)).toBe(b);
  expect(rooms.take(30)).toBe(c);
  const large = rooms.take(9 * 2 ** 20);
  rooms.giveBack(large);
  expect(rooms.take(9 * 2 ** 20)).not.toBe(large);
});
