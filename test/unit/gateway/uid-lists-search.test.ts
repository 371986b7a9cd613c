import { describe, expect, test } from '@jest/globals';
import { baselineQueryOptions, type OperationContext } from '../../../src/core/index.js';
import { Tags, type DicomJsonObject } from '../../../src/dicom/index.js';
import { parseSearch } from '../../../src/dicomweb/index.js';
import { search } from '../../../src/gateway/search.js';
import type { SearchSource } from '../../../src/gateway/search-run.js';
import { fakeArchive, sourceOf, type FakeArchive, type FakeStudy } from '../../helpers/fake-archive.js';

const context = (): OperationContext => ({ requestId: 'test', signal: new AbortController().signal });
const answering = {
  serviceUrl: 'https://gw.example',
  representations: [{ mediaType: 'application/dicom+json', multipart: false, transferSyntax: undefined }],
};
const uid = (number: number): string => `1.2.${number}`;
const held = (count: number): FakeStudy[] =>
  Array.from({ length: count }, (_, index) => ({ uid: uid(index + 1) }));
const range = (from: number, to: number): string[] =>
  Array.from({ length: to - from + 1 }, (_, index) => uid(from + index));

async function find(source: SearchSource, uids: readonly string[]): Promise<Set<unknown>> {
  const request = parseSearch('STUDY', {}, `StudyInstanceUID=${uids.join(',')}`);
  const answer = await search(source, request, answering, context());
  let body = '';
  for await (const piece of answer.body) body += piece.toString();
  await answer.close();
  const rows = JSON.parse(body) as DicomJsonObject[];
  const found = new Set(rows.map((row) => row['0020000D']?.Value?.[0]));
  expect(found.size).toBe(rows.length);
  return found;
}

const listsOf = ({ asked }: FakeArchive): number[] =>
  asked.map(({ identifier }) => identifier.strings(Tags.StudyInstanceUID).length);

const studiesAsked = ({ asked }: FakeArchive): (readonly string[])[] =>
  asked.map(({ identifier }) => identifier.strings(Tags.StudyInstanceUID));

/** The same archive, that takes keys of all levels at once. */
function relational(source: SearchSource): SearchSource {
  const options = { ...baselineQueryOptions, relational: true };
  const peer = { ...source.binding.peer, queryOptions: () => Promise.resolve(options) };
  return { ...source, binding: { ...source.binding, peer } };
}

describe('Q-55: a search for a list of UIDs', () => {
  test('asks for a hundred at once, each of them in one C-FIND', async () => {
    const archive = fakeArchive({ studies: held(300) });
    const found = await find(sourceOf(archive, { complete: 'off' }), range(1, 250));
    expect(found).toEqual(new Set(range(1, 250)));
    expect(listsOf(archive)).toEqual([100, 100, 50]);
  });

  test('finds the same at a peer that finds nothing for a list, which is remembered', async () => {
    const archive = fakeArchive({ studies: held(10), lists: 'none' });
    const source = sourceOf(archive, { complete: 'off' });
    expect(await find(source, range(4, 12))).toEqual(new Set(range(4, 10)));
    archive.asked.length = 0;
    expect(await find(source, range(1, 3))).toEqual(new Set(range(1, 3)));
    expect(listsOf(archive)).toEqual([1, 1, 1]);
  });

  test('finds the same at a peer that heeds the first of a list alone', async () => {
    const archive = fakeArchive({ studies: held(10), lists: 'first' });
    const source = sourceOf(archive, { complete: 'off' });
    expect(await find(source, range(2, 11))).toEqual(new Set(range(2, 10)));
    archive.asked.length = 0;
    await find(source, range(1, 2));
    expect(listsOf(archive)).toEqual([1, 1]);
  });

  test('that finds nothing asks once for two that were shown before, and is believed', async () => {
    const archive = fakeArchive({ studies: held(5) });
    const source = sourceOf(archive, { complete: 'off' });
    await search(source, parseSearch('STUDY', {}, ''), answering, context()).then((answer) => answer.close());
    archive.asked.length = 0;
    expect(await find(source, range(7, 40))).toEqual(new Set());
    expect(listsOf(archive)).toEqual([34, 2]);
    const blind = fakeArchive({ studies: held(5), lists: 'none' });
    const other = sourceOf(blind, { complete: 'off' });
    await search(other, parseSearch('STUDY', {}, ''), answering, context()).then((answer) => answer.close());
    blind.asked.length = 0;
    expect(await find(other, range(5, 7))).toEqual(new Set([uid(5)]));
    expect(listsOf(blind)).toEqual([3, 2, 1, 1, 1]);
  });

  test('that finds nothing at all, or its first alone, asks again, and is believed once lists are known to work', async () => {
    const archive = fakeArchive({ studies: held(3) });
    const source = sourceOf(archive, { complete: 'off' });
    expect(await find(source, range(7, 9))).toEqual(new Set());
    expect(listsOf(archive)).toEqual([3, 1, 1, 1]);
    archive.asked.length = 0;
    expect(await find(source, range(3, 5))).toEqual(new Set([uid(3)]));
    expect(await find(source, range(1, 3))).toEqual(new Set(range(1, 3)));
    archive.asked.length = 0;
    expect(await find(source, range(7, 9))).toEqual(new Set());
    expect(listsOf(archive)).toEqual([3]);
  });

  test('above the level that is searched is settled by UIDs of its own level', async () => {
    const studies = held(5).map(({ uid: study }) => ({
      uid: study,
      series: [{ uid: `${study}.1`, instances: 3 }],
    }));
    const archive = fakeArchive({ studies });
    const source = relational(sourceOf(archive, { complete: 'off' }));
    const instances = async (query: string): Promise<unknown> => {
      const answer = await search(source, parseSearch('IMAGE', {}, query), answering, context());
      let body = '';
      for await (const piece of answer.body) body += piece.toString();
      await answer.close();
      return JSON.parse(body);
    };
    expect(await instances('')).toHaveLength(15);
    archive.asked.length = 0;
    // Instances that were shown say nothing of lists of studies.
    await instances(`StudyInstanceUID=${range(7, 9).join(',')}`);
    expect(studiesAsked(archive)).toEqual([range(7, 9), [uid(7)], [uid(8)], [uid(9)]]);
    await search(source, parseSearch('STUDY', {}, ''), answering, context()).then((answer) => answer.close());
    archive.asked.length = 0;
    await instances(`StudyInstanceUID=${range(7, 9).join(',')}`);
    expect(studiesAsked(archive)).toEqual([range(7, 9), range(1, 2)]);
    // They are known to work now.
    archive.asked.length = 0;
    await instances(`StudyInstanceUID=${range(7, 9).join(',')}`);
    expect(studiesAsked(archive)).toEqual([range(7, 9)]);
  });
});
