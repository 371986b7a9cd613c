import { describe, expect, test } from '@jest/globals';
import { GatewayError } from '../../../src/core/index.js';
import { BackgroundPace } from '../../../src/gateway/background-pace.js';
import { nearestFirst } from '../../../src/gateway/neighbours.js';
import { minutesUntilWork } from '../../../src/gateway/work-hours.js';
import { ManualClock } from '../cache/harness.js';

const at = (text: string): number => {
  const [hours = 0, minutes = 0] = text.split(':').map(Number);
  return hours * 60 + minutes;
};
const span = (text: string): { from: number; to: number } => {
  const [from = '', to = ''] = text.split('-');
  return { from: at(from), to: at(to) };
};

describe('hours of background work', () => {
  test.each([
    ['no hours are all hours', [], '12:00', 0],
    ['within', ['08:00-17:00'], '08:00', 0],
    ['to the minute before the end', ['08:00-17:00'], '16:59', 0],
    ['at the end it is over', ['08:00-17:00'], '17:00', 15 * 60],
    ['before it begins', ['08:00-17:00'], '07:15', 45],
    ['over midnight, late', ['22:00-06:00'], '23:30', 0],
    ['over midnight, early', ['22:00-06:00'], '05:59', 0],
    ['over midnight, by day', ['22:00-06:00'], '06:00', 16 * 60],
    ['to the end of the day', ['20:00-24:00'], '23:59', 0],
    ['to the end of the day, after it', ['20:00-24:00'], '00:00', 20 * 60],
    ['the whole day', ['00:00-24:00'], '13:00', 0],
    ['the nearest of several', ['12:00-13:00', '20:00-21:00'], '14:00', 6 * 60],
  ])('%s', (_what, spans, minute, expected) => {
    expect(minutesUntilWork(spans.map(span), at(minute))).toBe(expected);
  });

  test('who waits for them goes on when they come, and not before', async () => {
    const clock = new ManualClock();
    let minute = at('18:58');
    const pace = new BackgroundPace({ bytesPerSecond: 0, hours: [span('19:00-20:00')] }, clock, () => minute);
    const seen: string[] = [];
    const waiting = pace.open(new AbortController().signal).then(() => seen.push('open'));
    expect(pace.closedFor).toBe(2);
    await tick();
    minute += 1;
    clock.advance(60_000);
    await tick();
    expect(seen).toEqual([]);
    minute += 1;
    clock.advance(60_000);
    await waiting;
    expect(seen).toEqual(['open']);
  });

  test('who gives up waiting leaves no timer', async () => {
    const clock = new ManualClock();
    const pace = new BackgroundPace({ bytesPerSecond: 0, hours: [span('19:00-20:00')] }, clock, () => 0);
    const controller = new AbortController();
    const waiting = pace.open(controller.signal);
    await tick();
    controller.abort();
    await expect(waiting).rejects.toMatchObject({ code: 'cancelled' });
    expect(clock.pending).toBe(0);
  });
});

describe('rate of background work', () => {
  const RATE = 1000;

  test('what came together is paused for until it would have come at the rate', () => {
    const clock = new ManualClock();
    const pace = new BackgroundPace({ bytesPerSecond: RATE, hours: [] }, clock);
    expect(pace.take(250)).toBe(0);
    expect(pace.take(1000)).toBe(1000);
    clock.advance(999);
    expect(pace.take(0)).toBe(1);
    clock.advance(10_001);
    // Idle time is not saved up beyond the burst.
    expect(pace.take(250)).toBe(0);
    expect(pace.take(1)).toBe(1);
  });

  /** A writer at the rate that is paused for almost five seconds, and whether it still is. */
  async function paused(isBackground: () => boolean) {
    const clock = new ManualClock();
    const pace = new BackgroundPace({ bytesPerSecond: RATE, hours: [] }, clock);
    const writer = { write: () => undefined, end: () => 0, fail: () => undefined };
    const slow = pace.slow(writer, isBackground);
    const state = { isOver: false };
    const writing = Promise.resolve(slow.write(Buffer.alloc(5000))).then(() => (state.isOver = true));
    await tick();
    return { clock, slow, state, writing };
  }

  test('a writer that is paused goes on as soon as somebody comes to wait for what it writes', async () => {
    let isBackground = true;
    const { clock, state, writing } = await paused(() => isBackground);
    for (let turn = 0; turn < 10; turn += 1) {
      clock.advance(100);
      await tick();
    }
    expect(state.isOver).toBe(false);
    isBackground = false;
    clock.advance(100);
    await writing;
    expect(clock.pending).toBe(0);
  });

  test('a writer whose peer has failed is not paused any more', async () => {
    const { clock, slow, writing } = await paused(() => true);
    slow.fail(new GatewayError('peer-failed', 'gone'));
    await writing;
    expect(clock.pending).toBe(0);
  });

  test('a writer is not paused any more once somebody waits for what it writes', async () => {
    const clock = new ManualClock();
    const pace = new BackgroundPace({ bytesPerSecond: RATE, hours: [] }, clock);
    const written: number[] = [];
    const writer = {
      write: (chunk: Buffer) => void written.push(chunk.length),
      end: () => 0,
      fail: () => undefined,
    };
    let isBackground = true;
    const slow = pace.slow(writer, () => isBackground);
    const paused = slow.write(Buffer.alloc(5000));
    await tick();
    expect(written).toEqual([5000]);
    expect(clock.pending).toBe(1);
    isBackground = false;
    await slow.write(Buffer.alloc(5000));
    expect(written).toEqual([5000, 5000]);
    clock.advance(5000);
    await paused;
  });
});

describe('nearestFirst', () => {
  const listed = (number: number, instanceNumber?: number) => ({
    studyInstanceUid: '1',
    seriesInstanceUid: '2',
    sopInstanceUid: String(number),
    sopClassUid: undefined,
    ...(instanceNumber === undefined ? {} : { instanceNumber }),
  });
  const uids = (list: readonly { sopInstanceUid: string }[]): string =>
    list.map(({ sopInstanceUid }) => sopInstanceUid).join(' ');

  test('goes both ways by Instance Number, whatever the order of the list', () => {
    const list = [listed(1, 50), listed(2, 10), listed(3, 40), listed(4, 20), listed(5, 30)];
    expect(uids(nearestFirst(list, '5'))).toBe('3 4 1 2');
    expect(uids(nearestFirst(list, '2'))).toBe('4 5 3 1');
    expect(uids(nearestFirst(list, '1'))).toBe('3 5 4 2');
  });

  test('keeps the order of a list in which one has no number, and leaves out none', () => {
    expect(uids(nearestFirst([listed(1), listed(2, 1), listed(3)], '2'))).toBe('3 1');
    expect(uids(nearestFirst([listed(1), listed(2)], '9'))).toBe('1 2');
    expect(uids(nearestFirst([listed(1)], '1'))).toBe('');
  });
});

const tick = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
