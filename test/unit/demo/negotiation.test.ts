import { afterEach, describe, expect, test } from '@jest/globals';
import { baselineQueryOptions, type QueryOptions } from '../../../src/core/index.js';
import { createDemoPacs, type DemoPacsOptions } from '../../../src/demo/index.js';
import { Dataset, Tags } from '../../../src/dicom/index.js';
import type { Peer } from '../../../src/dimse/index.js';
import { allRows, contextOf, peerOf } from '../dimse/peer-setup.js';

const closers: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function start(negotiation: DemoPacsOptions['negotiation']): Promise<Peer> {
  const pacs = await createDemoPacs(negotiation ? { negotiation } : {});
  closers.push(() => pacs.close());
  const { peer } = peerOf(pacs.address);
  closers.push(() => peer.close(1000));
  return peer;
}

const none = baselineQueryOptions;
const most = { ...none, relational: true, dateTime: true, emptyValue: true, multipleValue: true };
const study = (): Dataset =>
  new Dataset().setEmpty(Tags.StudyInstanceUID).setEmpty(Tags.StudyDate).setEmpty(Tags.StudyTime);

async function count(peer: Peer, identifier: Dataset, planned?: QueryOptions): Promise<number> {
  const { uids } = await allRows(
    peer.find('STUDY', identifier, { ...contextOf(), ...(planned && { planned }) }),
  );
  return uids.length;
}

describe('the demo PACS with extended negotiation', () => {
  test.each([
    ['accept', most, true],
    ['accept-relational', { ...none, relational: true }, true],
    ['ignore', none, true],
    [undefined, none, true],
    ['reject', none, false],
    ['abort', none, false],
    ['close', none, false],
  ] as const)('%s', async (negotiation, options, bears) => {
    const peer = await start(negotiation);
    expect(await peer.queryOptions(contextOf())).toEqual(options);
    expect(peer.knowledge.get('extendedNegotiation')).toBe(bears);
    expect(await count(peer, study())).toBeGreaterThan(0);
  });

  test('answers relational searches where it accepted them, and refuses them where it did not', async () => {
    const series = (): Dataset => new Dataset().setEmpty(Tags.SeriesInstanceUID);
    const relational = await start('accept-relational');
    expect(await count(relational, study())).toBeGreaterThan(0);
    expect((await allRows(relational.find('SERIES', series(), contextOf()))).uids.length).toBeGreaterThan(0);
    const hierarchical = await start('ignore');
    await expect(allRows(hierarchical.find('SERIES', series(), contextOf()))).rejects.toMatchObject({
      dimseStatus: 0xa900,
    });
  });

  test('combines dates and times for searches that are planned so, and matches them each for itself for others', async () => {
    const peer = await start('accept');
    const rows = peer.find('STUDY', study(), contextOf());
    const { value } = await rows.next();
    await rows.return({ status: 0xfe00, truncated: false });
    if (!(value instanceof Dataset)) throw new Error('no study');
    const [date = '', time = ''] = [value.string(Tags.StudyDate), value.string(Tags.StudyTime)];
    const around = `${Number(date.slice(0, 4)) - 1}0101-${Number(date.slice(0, 4)) + 1}1231`;
    const pair = (): Dataset =>
      study()
        .setString(Tags.StudyInstanceUID, value.string(Tags.StudyInstanceUID) ?? '')
        .setString(Tags.StudyDate, around)
        .setString(Tags.StudyTime, time >= '12' ? '000000-010000' : '230000-233000');
    const options = await peer.queryOptions(contextOf());
    expect(await count(peer, pair(), options)).toBe(1);
    expect(await count(peer, pair())).toBe(0);
  });

  test('matches empty values, and all of a list, where that is planned', async () => {
    const peer = await start('accept');
    const options = await peer.queryOptions(contextOf());
    const by = (tag: number, value: string): Dataset => study().setString(tag, value);
    const modalities = by(Tags.ModalitiesInStudy, 'CT\\XX');
    expect(await count(peer, modalities, options)).toBe(0);
    expect(await count(peer, modalities)).toBeGreaterThan(0);
    const all = await count(peer, study());
    expect(await count(peer, by(Tags.AccessionNumber, '""'), options)).toBeLessThan(all);
  });
});
