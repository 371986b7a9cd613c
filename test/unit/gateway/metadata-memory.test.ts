import { describe, expect, test } from '@jest/globals';
import { MetadataMemory, type DocumentOf } from '../../../src/gateway/metadata-memory.js';

const list: DocumentOf['list'] = [];
const of = (studyInstanceUid: string): DocumentOf => ({
  target: { studyInstanceUid },
  form: 'json',
  serviceUrl: 'https://gw.example',
  list,
});

/** Sends a document to its end; `before` runs when its last chunk has come. */
async function send(
  memory: MetadataMemory,
  name: DocumentOf,
  before: () => void = () => undefined,
): Promise<void> {
  const tee = memory.tee([Buffer.from('[{}]')] as unknown as AsyncIterable<Buffer>);
  for await (const chunk of tee) {
    expect(chunk.length).toBe(4);
    before();
    memory.keep(tee, name, 0);
  }
}

describe('documents that are dropped', () => {
  test('are those of the study that is named, or all', async () => {
    const memory = new MetadataMemory(1000);
    for (const study of ['1', '12', '2']) await send(memory, of(study));
    memory.drop('1');
    expect(['1', '12', '2'].map((study) => memory.get(of(study)) !== undefined)).toEqual([false, true, true]);
    expect(memory.used).toBe(8);
    memory.drop();
    expect([memory.get(of('2')), memory.used]).toEqual([undefined, 0]);
  });

  test('are not kept by whoever was sending them', async () => {
    const memory = new MetadataMemory(1000);
    await send(memory, of('1'), () => {
      memory.drop('1');
    });
    expect([memory.get(of('1')), memory.used]).toEqual([undefined, 0]);
    await send(memory, of('1'));
    expect(memory.get(of('1'))?.bytes.toString()).toBe('[{}]');
  });
});
