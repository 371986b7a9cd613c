import { afterEach, describe, expect, test } from '@jest/globals';
import { listing, selected } from '../helpers/listing.js';
import {
  abort,
  accept,
  drop,
  final,
  makeInstance,
  progress,
  startRoguePeer,
  store,
  Uids,
  type RogueInstance,
  type RoguePeer,
  type RoguePeerOptions,
  type Script,
  type Step,
} from '../helpers/rogue-peer.js';
import { partsOf, peerYaml, request, startTestGateway, type TestGateway } from '../helpers/test-gateway.js';

let peer: RoguePeer | undefined;
let gateway: TestGateway | undefined;

afterEach(async () => {
  await gateway?.close();
  await peer?.close();
  gateway = peer = undefined;
});

const STUDY = '2.25.77.1';
const AS_STORED = { accept: 'multipart/related; type="application/dicom"; transfer-syntax=*' };

async function start(options: RoguePeerOptions, extra = ''): Promise<TestGateway> {
  peer = await startRoguePeer(options);
  gateway = await startTestGateway(peerYaml(`${peer.address.aeTitle}@127.0.0.1:${peer.address.port}`, extra));
  return gateway;
}

/** One series of `count` instances. */
const seriesOf = (seriesInstanceUid: string, count: number): readonly RogueInstance[] =>
  Array.from({ length: count }, () => makeInstance({ seriesInstanceUid }));

/** How many instances the gateway gets of a series. */
async function retrieve(seriesInstanceUid: string): Promise<number> {
  const url = `${gateway?.service ?? ''}/studies/${STUDY}/series/${seriesInstanceUid}`;
  const response = await request(url, { headers: AS_STORED });
  expect([response.status, response.complete]).toEqual([200, true]);
  return partsOf(response).length;
}

const learnt = (): unknown => gateway?.running.peers.get('main')?.knowledge.facts;
const deliver = (asked: readonly RogueInstance[]): readonly Step[] => [
  ...asked.flatMap((one, index) => [store(one), progress({ remaining: asked.length - index - 1 })]),
  final(),
];

describe('lists of UIDs', () => {
  const first = seriesOf('2.25.77.2', 60);
  const second = seriesOf('2.25.77.3', 60);
  const all = [...first, ...second];

  /** A C-GET SCP that does with lists what it is told, and right by single ones; and how long the lists were. */
  const getting = (ofLists: (asked: readonly RogueInstance[]) => readonly Step[]) => {
    const lengths: number[] = [];
    const onGet: Script = (_request, identifier) => {
      const asked = selected(all, identifier);
      lengths.push(asked.length);
      return asked.length > 1 ? ofLists(asked) : deliver(asked);
    };
    return { lengths, onGet };
  };

  test.each<[string, (asked: readonly RogueInstance[]) => readonly Step[]]>([
    ['refuses with A900', () => [final(0xa900)]],
    ['refuses with C000', () => [final(0xc000)]],
    ['ends well and without an instance', () => [final(0)]],
    ['breaks off at', () => [abort()]],
    ['hangs up on', () => [drop()]],
  ])('that a peer %s: the instances come one by one, and no list is tried again', async (_, ofLists) => {
    const { lengths, onGet } = getting(ofLists);
    await start({ onFind: listing(all), onGet });
    expect(await retrieve('2.25.77.2')).toBe(60);
    expect(learnt()).toMatchObject({ uidList: { value: 1, expires: expect.any(String) } });
    const before = lengths.length;
    expect(await retrieve('2.25.77.3')).toBe(60);
    expect(lengths.slice(before)).toEqual(Array.from({ length: 60 }, () => 1));
  });

  test.each([1, 3])(
    'that a peer heeds up to %i UIDs, without a word: all instances come, and no longer list is tried again',
    async (most) => {
      const { lengths, onGet } = getting((asked) => deliver(asked.slice(0, most)));
      await start({ onFind: listing(all), onGet });
      expect(await retrieve('2.25.77.2')).toBe(60);
      expect(learnt()).toMatchObject({ uidList: { value: most } });
      const before = lengths.length;
      expect(await retrieve('2.25.77.3')).toBe(60);
      expect(Math.max(...lengths.slice(before))).toBe(most);
    },
  );

  test('with an instance that the peer does not deliver: nothing is learnt', async () => {
    const lost = first[5];
    const { onGet } = getting((asked) => deliver(asked.filter((one) => one !== lost)));
    const single: Script = (command, identifier) =>
      selected(all, identifier)[0] === lost && selected(all, identifier).length === 1
        ? [final(0xc000)]
        : typeof onGet === 'function'
          ? onGet(command, identifier)
          : onGet;
    await start({ onFind: listing(all), onGet: single });
    const url = `${gateway?.service ?? ''}/studies/${STUDY}/series/2.25.77.2`;
    await request(url, { headers: AS_STORED });
    expect(learnt()).not.toHaveProperty('uidList');
    expect(await retrieve('2.25.77.3')).toBe(60);
  });

  test('that a peer refused are tried again after a while', async () => {
    let refuses = true;
    const { lengths, onGet } = getting((asked) => (refuses ? [final(0xa900)] : deliver(asked)));
    await start({ onFind: listing(all), onGet }, '    relearnAfter: 1ms');
    expect(await retrieve('2.25.77.2')).toBe(60);
    refuses = false;
    const before = lengths.length;
    expect(await retrieve('2.25.77.3')).toBe(60);
    expect(lengths.length - before).toBeLessThan(60);
  });
});

describe('what was learnt', () => {
  test('stands in the body of /readyz and in the log', async () => {
    const instances = seriesOf('2.25.77.2', 60);
    const onGet: Script = (_request, identifier) => {
      const asked = selected(instances, identifier);
      return asked.length > 1 ? [final(0xa900)] : deliver(asked);
    };
    const associate = accept({ transferSyntaxes: [Uids.explicitLittleEndian, Uids.implicitLittleEndian] });
    const running = await start({ onFind: listing(instances), onGet, associate });
    expect(await retrieve('2.25.77.2')).toBe(60);
    const { body } = await request(`${running.origin}/readyz`);
    expect(JSON.parse(body.toString())).toMatchObject({
      peers: [
        {
          name: 'main',
          learnt: {
            uidList: { value: 1, expires: expect.stringMatching(/^\d{4}-/) },
            refusedTransferSyntaxes: { value: expect.arrayContaining([Uids.jpeg2000Lossless]) },
          },
        },
      ],
    });
    expect(await running.logged('"fact":"uidList"')).toContain('learnt of the peer');
  });
});
