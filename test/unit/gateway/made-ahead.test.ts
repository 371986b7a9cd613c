import { describe, expect, test } from '@jest/globals';
import { madeAhead } from '../../../src/gateway/made-ahead.js';
import type { HeldInstance } from '../../../src/gateway/want.js';

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Instances of a retrieve of which all but the first `there` never come; what is kept of them and has been let go. */
class Retrieve {
  kept: string[] = [];
  isClosed = false;
  readonly instances: AsyncGenerator<HeldInstance, void, undefined>;
  #ended: () => void = () => undefined;

  constructor(there: number, all = there) {
    const ended = new Promise<void>((resolve) => (this.#ended = resolve));
    const one = (number: number): HeldInstance => {
      const name = `i${number}`;
      const keep = () => {
        this.kept.push(name);
        return () => void this.kept.splice(this.kept.indexOf(name), 1);
      };
      // Nothing else of it is looked at here.
      return { info: { sopClassUid: name }, keep } as unknown as HeldInstance;
    };
    this.instances = (async function* () {
      for (let number = 1; number <= there; number += 1) yield one(number);
      if (there < all) await ended;
    })();
  }

  readonly close = (): void => {
    this.isClosed = true;
    this.#ended();
  };
}

const nameOf = ({ info }: HeldInstance): string => info.sopClassUid;

describe('what is made of instances', () => {
  test('comes in their order, two under way while one is read, each kept until it has been', async () => {
    const retrieve = new Retrieve(5);
    const begun: string[] = [];
    const made = madeAhead(retrieve, async (instance) => {
      begun.push(nameOf(instance));
      await turn();
      return nameOf(instance);
    });
    expect((await made.next()).value).toBe('i1');
    await turn();
    expect(begun).toEqual(['i1', 'i2', 'i3']);
    expect(retrieve.kept).toEqual(['i1', 'i2', 'i3']);
    expect((await made.next()).value).toBe('i2');
    await turn();
    expect(begun).toEqual(['i1', 'i2', 'i3', 'i4']);
    expect(retrieve.kept).toEqual(['i2', 'i3', 'i4']);
    const rest: string[] = [];
    for await (const name of made) rest.push(name);
    expect([rest, retrieve.kept]).toEqual([['i3', 'i4', 'i5'], []]);
  });

  test('is not waited for when its reader has left, and neither is the next instance', async () => {
    const retrieve = new Retrieve(2, 3);
    const made = madeAhead(retrieve, (instance) => Promise.resolve(nameOf(instance)));
    expect((await made.next()).value).toBe('i1');
    await made.return();
    expect([retrieve.isClosed, retrieve.kept]).toEqual([true, []]);
  });

  test('fails in its turn, though the next instance does not come', async () => {
    const retrieve = new Retrieve(2, 3);
    const made = madeAhead(retrieve, (instance) =>
      nameOf(instance) === 'i2' ? Promise.reject(new Error('broken')) : Promise.resolve('made'),
    );
    expect((await made.next()).value).toBe('made');
    await expect(made.next()).rejects.toThrow('broken');
    expect([retrieve.isClosed, retrieve.kept]).toEqual([true, []]);
  });
});
