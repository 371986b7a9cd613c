import { describe, expect, test } from '@jest/globals';
import { recordInTurn, recordNow } from '../../../src/gateway/validator.js';

const record = {
  index: undefined,
  problem: undefined,
  digest: '1-1',
  seenAs: undefined,
  seriesAs: undefined,
};
type Complete = Parameters<typeof recordNow>[0]['complete'];

/** An instance whose last byte has been handed over, and which is finished some promises later. */
async function finishing(): Complete {
  for (let step = 0; step < 20; step++) await Promise.resolve();
  return record;
}

const never = new Promise<never>(() => undefined);

describe('W-60: the record that an entity tag is made of', () => {
  test('is there in the turn of the event loop in which a small instance has come whole', async () => {
    expect(await recordNow({ complete: finishing() })).toBeUndefined();
    expect(await recordInTurn({ complete: finishing() })).toBe(record);
  });

  test('is waited for no longer', async () => {
    expect(await recordInTurn({ complete: never })).toBeUndefined();
  });

  test('of an instance that failed is none', async () => {
    const failed = { complete: Promise.reject(new Error('Lost.')) };
    expect([await recordNow(failed), await recordInTurn(failed)]).toEqual([undefined, undefined]);
  });
});
