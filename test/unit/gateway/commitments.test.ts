import { setImmediate as nextTurn } from 'node:timers/promises';
import { describe, expect, test } from '@jest/globals';
import { GatewayError, systemClock, type Observation } from '../../../src/core/index.js';
import type { Peer } from '../../../src/dimse/index.js';
import { Commitments, type CommitmentFiles } from '../../../src/gateway/index.js';

const CT = '1.2.840.10008.5.1.4.1.1.2';
const SUCCESS = 0x0000;
const PROCESSING_FAILURE = 0x0110;
const INVALID_ARGUMENT = 0x0115;

/** Only one at a time writes a file, as on a disk. */
class MemoryFiles implements CommitmentFiles {
  readonly files = new Map<string, string>();
  isFailing = false;
  readonly #writing = new Set<string>();

  names = (): Promise<readonly string[]> => Promise.resolve([...this.files.keys()]);
  read = (name: string): Promise<string> => Promise.resolve(this.files.get(name) ?? '');
  head = (name: string): Promise<string> => Promise.resolve(this.files.get(name)?.split('\n')[0] ?? '');
  remove = (name: string): Promise<void> => {
    this.files.delete(name);
    return Promise.resolve();
  };
  write = async (name: string, text: string): Promise<void> => {
    if (this.isFailing) throw new Error('no space');
    if (this.#writing.has(name)) throw new Error('it is being written');
    this.#writing.add(name);
    await nextTurn();
    this.files.set(name, text);
    this.#writing.delete(name);
  };
}

interface World {
  readonly files: MemoryFiles;
  readonly observed: Observation[];
  now: number;
  /** Transaction UIDs that the peer was asked under. */
  readonly asked: string[];
  /** What happens when the peer is asked. */
  onAsk: (transactionUid: string) => Promise<void>;
}

const world = (): World => ({
  files: new MemoryFiles(),
  observed: [],
  now: 1_000_000,
  asked: [],
  onAsk: () => Promise.resolve(),
});

const settings = { most: 3, resultMs: 1000, keepMs: 500, answerMs: 0, maxInstances: 10 };

const open = (of: World, changes: Partial<typeof settings> = {}): Promise<Commitments> =>
  Commitments.open(
    { ...settings, ...changes },
    {
      files: of.files,
      observe: (observation) => of.observed.push(observation),
      clock: systemClock,
      now: () => of.now,
    },
  );

const peerOf = (of: World, name = 'main'): Peer =>
  ({
    name,
    requestCommitment: ({ transactionUid }: { transactionUid: string }) => {
      of.asked.push(transactionUid);
      return of.onAsk(transactionUid);
    },
  }) as unknown as Peer;

const context = { requestId: 'test', signal: new AbortController().signal };
const refer = (...uids: string[]) => uids.map((sopInstanceUid) => ({ sopClassUid: CT, sopInstanceUid }));
const flat = (...uids: string[]) => ({ shape: 'flat' as const, references: refer(...uids) });
const codeOf = (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => 'none',
    (error: unknown) => (error instanceof GatewayError ? error.code : 'other'),
  );
const outcomes = ({ observed }: World): string[] =>
  observed.flatMap((one) => (one.kind === 'commitment' ? [one.outcome] : []));

describe('a request for storage commitment', () => {
  test('C-03: goes to the peer under a UID of its own, and its result comes by that', async () => {
    const of = world();
    const commitments = await open(of);
    const status = await commitments.request(peerOf(of), '1.2.3', flat('1.1', '1.2', '1.3'), context);
    expect(status).toEqual({ state: 'pending', retryAfterSeconds: 1 });
    const [transactionUid = ''] = of.asked;
    expect(transactionUid).toMatch(/^2\.25\.\d{1,39}$/);
    const report = {
      transactionUid,
      committed: refer('1.1'),
      failed: [{ ...refer('1.2')[0], failureReason: 0x112 }],
    };
    expect(await commitments.listener(report as never, ['main'])).toBe(SUCCESS);
    expect(await commitments.status('main', '1.2.3')).toMatchObject({
      state: 'done',
      reasons: [0, 0x0112, PROCESSING_FAILURE],
    });
    expect(outcomes(of)).toEqual(['requested', 'failed']);
  });

  test.each(['before', 'after'])(
    'C-05: what is withdrawn %s its file is read for the report is not known any more, nor to the next process',
    async (when) => {
      const of = world();
      const commitments = await open(of);
      await commitments.request(peerOf(of), '1.2.3', flat('1.1'), context);
      const [transactionUid = ''] = of.asked;
      const { read } = of.files;
      of.files.read = async (name) => {
        if (when === 'before') await commitments.withdraw('main', '1.2.3');
        const text = await read(name);
        if (when === 'after') await commitments.withdraw('main', '1.2.3');
        return text;
      };
      const report = { transactionUid, committed: refer('1.1'), failed: [] };
      expect(await commitments.listener(report, ['main'])).toBe(INVALID_ARGUMENT);
      expect([...of.files.files.keys()]).toEqual([]);
      expect(outcomes(of)).toEqual(['requested', 'stray']);
      const next = await open(of);
      expect(await codeOf(next.status('main', '1.2.3'))).toBe('not-found');
    },
  );

  test('C-05: what a report does not name as committed, with its SOP class, is not committed', async () => {
    const of = world();
    const commitments = await open(of);
    await commitments.request(peerOf(of), '1.2.3', flat('1.1', '1.2', '1.3', '1.4'), context);
    const [transactionUid = ''] = of.asked;
    const [one, two] = refer('1.1', '1.2');
    const report = {
      transactionUid,
      committed: [
        { sopClassUid: '', sopInstanceUid: '1.1' },
        { sopClassUid: '1.2.840.10008.5.1.4.1.1.4', sopInstanceUid: '1.3' },
        ...refer('1.2', '9.9'),
      ],
      failed: [
        { ...two, failureReason: 0 },
        { ...one, sopInstanceUid: '9.8', failureReason: 0x0213 },
      ],
    };
    expect(await commitments.listener(report as never, ['main'])).toBe(SUCCESS);
    expect(await commitments.status('main', '1.2.3')).toMatchObject({
      reasons: [0, PROCESSING_FAILURE, 0x0119, PROCESSING_FAILURE],
    });
  });

  test('C-01: a Transaction UID that is in use is a conflict, of each peer by itself', async () => {
    const of = world();
    const commitments = await open(of);
    await commitments.request(peerOf(of), '1.2.3', flat('1.1'), context);
    expect(await codeOf(commitments.request(peerOf(of), '1.2.3', flat('1.1'), context))).toBe('conflict');
    expect(await codeOf(commitments.request(peerOf(of, 'b'), '1.2.3', flat('1.1'), context))).toBe('none');
    expect(of.asked).toHaveLength(2);
  });

  test('of one that the peer does not take nothing stays, and the Transaction UID is free', async () => {
    const of = world();
    const commitments = await open(of);
    of.onAsk = () => Promise.reject(new GatewayError('peer-unsupported', 'no'));
    expect(await codeOf(commitments.request(peerOf(of), '1.2.3', flat('1.1'), context))).toBe(
      'peer-unsupported',
    );
    expect(of.files.files.size).toBe(0);
    expect(await codeOf(commitments.status('main', '1.2.3'))).toBe('not-found');
    of.onAsk = () => Promise.resolve();
    expect(await codeOf(commitments.request(peerOf(of), '1.2.3', flat('1.1'), context))).toBe('none');
    expect(outcomes(of)).toEqual(['refused', 'requested']);
  });

  test('one that is reported before it is answered is done, whatever becomes of the answer', async () => {
    const of = world();
    const commitments = await open(of);
    of.onAsk = async (transactionUid) => {
      await commitments.listener({ transactionUid, committed: refer('1.1'), failed: [] }, ['main']);
      throw new GatewayError('peer-aborted', 'gone');
    };
    expect(await commitments.request(peerOf(of), '1.2.3', flat('1.1'), context)).toMatchObject({
      state: 'done',
      reasons: [0],
    });
  });

  test('that cannot be written down is not sent', async () => {
    const of = world();
    const commitments = await open(of);
    of.files.isFailing = true;
    expect(await codeOf(commitments.request(peerOf(of), '1.2.3', flat('1.1'), context))).toBe('internal');
    expect(of.asked).toEqual([]);
  });
});

describe('a report', () => {
  test('C-05: of a stranger, or of a transaction that nobody knows, is refused', async () => {
    const of = world();
    const commitments = await open(of);
    await commitments.request(peerOf(of), '1.2.3', flat('1.1'), context);
    const [transactionUid = ''] = of.asked;
    const report = { transactionUid, committed: refer('1.1'), failed: [] };
    expect(await commitments.listener(report, ['other'])).toBe(INVALID_ARGUMENT);
    expect(await commitments.listener({ ...report, transactionUid: '1.2.3' }, ['main'])).toBe(
      INVALID_ARGUMENT,
    );
    expect(await commitments.status('main', '1.2.3')).toMatchObject({ state: 'pending' });
    expect(outcomes(of)).toEqual(['requested', 'stray', 'stray']);
  });

  test('that cannot be written down is not acknowledged, and may come again; the first one counts', async () => {
    const of = world();
    const commitments = await open(of);
    await commitments.request(peerOf(of), '1.2.3', flat('1.1'), context);
    const [transactionUid = ''] = of.asked;
    const report = { transactionUid, committed: refer('1.1'), failed: [] };
    of.files.isFailing = true;
    expect(await commitments.listener(report, ['main'])).toBe(PROCESSING_FAILURE);
    expect(await commitments.status('main', '1.2.3')).toMatchObject({ state: 'pending' });
    of.files.isFailing = false;
    const both = [report, { ...report, committed: [] }].map((one) => commitments.listener(one, ['main']));
    expect(await Promise.all(both)).toEqual([SUCCESS, SUCCESS]);
    expect(await commitments.status('main', '1.2.3')).toMatchObject({ state: 'done', reasons: [0] });
  });
});

describe('C-05: what is kept', () => {
  test('outlasts the process, in files whose names tell nothing', async () => {
    const of = world();
    const first = await open(of);
    await first.request(peerOf(of), '1.2.3', flat('1.1'), context);
    await first.request(peerOf(of), '1.2.4', flat('1.2'), context);
    const [one = '', two = ''] = of.asked;
    await first.listener({ transactionUid: one, committed: refer('1.1'), failed: [] }, ['main']);
    first.close();
    of.files.files.set(`${'0'.repeat(64)}.json`, 'not of this program');
    const second = await open(of);
    expect(of.observed.filter(({ kind }) => kind === 'log')).toHaveLength(1);
    expect(await second.status('main', '1.2.3')).toMatchObject({ state: 'done', reasons: [0] });
    expect(await second.status('main', '1.2.4')).toMatchObject({ state: 'pending' });
    await second.listener({ transactionUid: two, committed: refer('1.2'), failed: [] }, ['main']);
    expect(await second.status('main', '1.2.4')).toMatchObject({ state: 'done', reasons: [0] });
    expect([...of.files.files.keys()].every((name) => /^[0-9a-f]{64}\.json$/.test(name))).toBe(true);
  });

  test('C-02: a result is told for its time, then it is gone, then it is forgotten', async () => {
    const of = world();
    const commitments = await open(of);
    await commitments.request(peerOf(of), '1.2.3', flat('1.1'), context);
    const [transactionUid = ''] = of.asked;
    await commitments.listener({ transactionUid, committed: refer('1.1'), failed: [] }, ['main']);
    of.now += 500;
    expect(await codeOf(commitments.status('main', '1.2.3'))).toBe('gone');
    expect(await codeOf(commitments.request(peerOf(of), '1.2.3', flat('1.1'), context))).toBe('conflict');
    expect([...of.files.files.values()].join('')).not.toContain('1.1');
    of.now += 500;
    expect(await codeOf(commitments.status('main', '1.2.3'))).toBe('not-found');
    expect(of.files.files.size).toBe(0);
  });

  test('a result that does not come in time is a time-out, never a commitment; a late one counts', async () => {
    const of = world();
    const commitments = await open(of);
    await commitments.request(peerOf(of), '1.2.3', flat('1.1'), context);
    await commitments.request(peerOf(of), '1.2.4', flat('1.1'), context);
    const [transactionUid = ''] = of.asked;
    of.now += 1000;
    expect(await codeOf(commitments.status('main', '1.2.3'))).toBe('peer-timeout');
    expect(outcomes(of).filter((one) => one === 'overdue')).toHaveLength(2);
    await commitments.listener({ transactionUid, committed: refer('1.1'), failed: [] }, ['main']);
    expect(await commitments.status('main', '1.2.3')).toMatchObject({ state: 'done' });
    of.now += 500;
    expect(await codeOf(commitments.status('main', '1.2.4'))).toBe('gone');
  });

  test('requests at the same time each make room for themselves', async () => {
    const of = world();
    const commitments = await open(of);
    for (const uid of ['1.1', '1.2', '1.3']) {
      await commitments.request(peerOf(of), uid, flat('1.1'), context);
      await commitments.listener({ transactionUid: of.asked.at(-1) ?? '', committed: [], failed: [] }, [
        'main',
      ]);
    }
    const both = ['1.4', '1.5'].map((uid) =>
      codeOf(commitments.request(peerOf(of), uid, flat('1.1'), context)),
    );
    expect(await Promise.all(both)).toEqual(['none', 'none']);
    const codes = ['1.1', '1.2', '1.3'].map((uid) => codeOf(commitments.status('main', uid)));
    expect(await Promise.all(codes)).toEqual(['gone', 'gone', 'none']);
  });

  test('is bounded in number: the oldest result goes, and what waits for one never', async () => {
    const of = world();
    const commitments = await open(of);
    for (const uid of ['1.1', '1.2', '1.3']) await commitments.request(peerOf(of), uid, flat('1.1'), context);
    expect(await codeOf(commitments.request(peerOf(of), '1.4', flat('1.1'), context))).toBe('overloaded');
    const [transactionUid = ''] = of.asked;
    await commitments.listener({ transactionUid, committed: refer('1.1'), failed: [] }, ['main']);
    expect(await codeOf(commitments.request(peerOf(of), '1.4', flat('1.1'), context))).toBe('none');
    expect(await codeOf(commitments.status('main', '1.1'))).toBe('gone');
    expect(await commitments.status('main', '1.2')).toMatchObject({ state: 'pending' });
  });
});
