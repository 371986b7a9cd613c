import { describe, expect, test } from '@jest/globals';
import type { Arrival } from '../../../src/cache/index.js';
import { GatewayError } from '../../../src/core/index.js';
import { ArrivalWriter } from '../../../src/gateway/arrival-writer.js';
import type { InstanceRecord } from '../../../src/gateway/ports.js';
import type { Seen, StudyState } from '../../../src/gateway/study-state.js';
import { makeInstance } from '../../helpers/rogue-peer.js';

const instance = makeInstance({ pixelBytes: 300 });

const stateOf = (patient: string, instances: number): StudyState => ({
  identity: { '100020': patient },
  series: 1,
  instances,
});
const seenOf = (study: StudyState, modality = 'CT', life = 0): Seen => ({
  study,
  series: { '80060': modality },
  life,
});

interface Written {
  status: number;
  kept: InstanceRecord | undefined;
  failed: GatewayError | undefined;
  bytes: Buffer;
}

interface Coming {
  readonly before?: Seen | undefined;
  readonly after?: Seen;
  readonly chunkBytes?: number;
  readonly dataset?: Buffer;
  /** Why the cache does not take the bytes. */
  readonly refusal?: GatewayError;
  /** What was asked for, where it is not what comes. */
  readonly asked?: Readonly<Record<string, string>>;
}

/** An instance arrives while the peer says `before` of its study, and has arrived when it says `after`. */
async function arrive(coming: Coming): Promise<Written> {
  const { dataset: whole, ...identity } = instance;
  const { before, after, chunkBytes = Infinity, asked = {}, dataset = whole, refusal } = coming;
  const written: Written = { status: 0, kept: undefined, failed: undefined, bytes: Buffer.alloc(0) };
  const key = { ...identity, ...asked, peer: 'main' };
  const arrival = {
    instance: { key, info: identity, complete: new Promise(() => undefined) },
    write: (chunk: Buffer) => {
      if (refusal) throw refusal;
      written.bytes = Buffer.concat([written.bytes, chunk]);
    },
    finish: (meta: InstanceRecord) => {
      written.kept = meta;
      return Promise.resolve();
    },
    fail: (error: GatewayError) => {
      written.failed = error;
    },
    // What the writer uses of an arrival, no more.
  } as unknown as Arrival<InstanceRecord>;
  let now = before;
  const writer = new ArrivalWriter(arrival, { limits: {}, observe: () => undefined, seen: () => now });
  for (let at = 0; at < dataset.length; at += chunkBytes)
    await writer.write(Buffer.from(dataset.subarray(at, at + chunkBytes)));
  now = after;
  written.status = await writer.end();
  return written;
}

describe('an instance that arrives while its study', () => {
  test.each([
    ['becomes another patient’s', seenOf(stateOf('b', 3))],
    ['goes and comes back', seenOf(stateOf('a', 3), 'CT', 1)],
    ['has its series corrected', seenOf(stateOf('a', 3), 'MR')],
  ])('%s is not kept, and who reads it is told', async (_what, after) => {
    const { kept, failed, status } = await arrive({ before: seenOf(stateOf('a', 3)), after });
    expect([kept, failed?.code]).toEqual([undefined, 'peer-incomplete']);
    expect(status).not.toBe(0);
  });

  test('grows or shrinks is kept as what it was when it began', async () => {
    const { kept, failed, status } = await arrive({
      before: seenOf(stateOf('a', 3)),
      after: seenOf(stateOf('a', 2)),
    });
    expect([kept?.seenAs, kept?.seriesAs]).toEqual([stateOf('a', 3), { '80060': 'CT' }]);
    expect([failed, status]).toEqual([undefined, 0]);
  });

  test('is asked about for the first time: the answer may be younger than its bytes', async () => {
    const { kept, status } = await arrive({ after: seenOf(stateOf('a', 3)) });
    expect([kept?.seenAs, kept?.seriesAs, status]).toEqual([undefined, undefined, 0]);
  });
});

describe('the bytes of an instance', () => {
  /** (0008,0060) alone: which instance it is of is not said. */
  const unnamed = Buffer.from('08006000435302004354', 'hex');

  test('that does not say which one it is go on at its end', async () => {
    const { bytes, status } = await arrive({ dataset: unnamed });
    expect([bytes.equals(unnamed), status]).toEqual([true, 0]);
  });

  test('that there is no room for then are told as out of resources', async () => {
    const refusal = new GatewayError('overloaded', 'The cache is full.');
    const { kept, failed, status } = await arrive({ dataset: unnamed, refusal });
    expect([kept, failed, status]).toEqual([undefined, refusal, 0xa700]);
  });

  test.each([Infinity, 100, 7])('go on as they are, in chunks of %s', async (chunkBytes) => {
    const { bytes, failed, status } = await arrive({ chunkBytes });
    expect([bytes.equals(instance.dataset), failed, status]).toEqual([true, undefined, 0]);
  });

  test.each(
    ['studyInstanceUid', 'seriesInstanceUid', 'sopInstanceUid'].flatMap((name) =>
      [Infinity, 100, 7].map((chunkBytes) => ({ name, chunkBytes })),
    ),
  )('go nowhere where its $name is not what was asked for, in chunks of $chunkBytes', async (given) => {
    const { bytes, failed, kept, status } = await arrive({ ...given, asked: { [given.name]: '2.25.1' } });
    expect([bytes.length, failed?.code, kept]).toEqual([0, 'peer-protocol', undefined]);
    expect(status).toBe(0xa900);
  });
});
