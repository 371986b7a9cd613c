import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from '@jest/globals';
import { createDemoPacs } from '../../src/demo/index.js';
import { PATIENCE_MS } from '../helpers/patience.js';
import { final, makeInstance, pending, startRoguePeer, store } from '../helpers/rogue-peer.js';
import { peerYaml, request, startTestGateway, type TestGateway } from '../helpers/test-gateway.js';

const MARKS = { PatientName: 'MARKED^NAME', PatientID: 'MARKED-ID', PatientBirthDate: '19010203' };

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

function newDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'at-rest-'));
  closers.push(() => {
    rmSync(directory, { recursive: true, force: true });
  });
  return directory;
}

/** A gateway with a disk cache in `directory`, and an instance that stands there. */
async function cached(directory: string, disk = ''): Promise<{ gateway: TestGateway; study: string }> {
  const instance = makeInstance({ pixelBytes: 6 * 2 ** 20, extra: MARKS });
  const uids = {
    StudyInstanceUID: instance.studyInstanceUid,
    SeriesInstanceUID: instance.seriesInstanceUid,
    SOPInstanceUID: instance.sopInstanceUid,
    SOPClassUID: instance.sopClassUid,
  };
  const row = pending({ ...uids, ...MARKS });
  const peer = await startRoguePeer({ onFind: [row, final()], onGet: [store(instance), final()] });
  closers.push(() => peer.close());
  const address = `ROGUE@127.0.0.1:${peer.address.port}`;
  const gateway = await startTestGateway(
    `${peerYaml(address)}\ncache: { disk: { directory: ${directory}, size: 64 MiB, keepFree: 0${disk} } }\n`,
  );
  closers.push(() => gateway.close());
  const path = `/studies/${uids.StudyInstanceUID}/series/${uids.SeriesInstanceUID}/instances/${uids.SOPInstanceUID}`;
  const answer = await request(`${gateway.service}${path}`, {
    headers: { accept: 'application/dicom; transfer-syntax=*' },
  });
  expect(answer.status).toBe(200);
  return { gateway, study: uids.StudyInstanceUID };
}

const filesIn = (directory: string): readonly string[] =>
  readdirSync(directory, { recursive: true, withFileTypes: true }).map(({ parentPath, name }) =>
    join(parentPath, name),
  );

/** What is in a file; nothing where it has gone meanwhile, or is a directory. */
function textOf(file: string): string {
  try {
    return readFileSync(file, 'latin1');
  } catch (error) {
    if (['ENOENT', 'EISDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return '';
    throw error;
  }
}

describe('R-05: the cache at rest', () => {
  test('names of files hold no patient data and no UID, files are the owner’s alone, and the journal holds UIDs alone', async () => {
    const directory = newDirectory();
    const { study } = await cached(directory);
    const files = filesIn(directory);
    expect(files.length).toBeGreaterThan(2);
    for (const name of [...Object.values(MARKS), study])
      expect(files.filter((file) => file.slice(directory.length).includes(name))).toEqual([]);
    for (const file of files) {
      const found = statSync(file);
      expect([file, found.mode & 0o077]).toEqual([file, 0]);
    }
    const journal = readFileSync(join(directory, 'journal'), 'latin1');
    for (const mark of Object.values(MARKS)) expect(journal).not.toContain(mark);
  });

  test('a directory that others can write to is told at the start, or refused where that is configured', async () => {
    const directory = newDirectory();
    chmodSync(directory, 0o777);
    const { gateway } = await cached(directory);
    expect(await gateway.logged('others may write to it')).toContain('"level":"warn"');
    await gateway.close();
    await expect(cached(directory, ', exposed: refuse')).rejects.toThrow('others may write to it');
    chmodSync(directory, 0o700);
    await cached(directory, ', exposed: refuse');
  });

  test.each(['study', 'patient', 'all'] as const)(
    'a purge of %s leaves nothing of the instance on the disk',
    async (what) => {
      const directory = newDirectory();
      const { gateway, study } = await cached(directory);
      const holds = (): boolean => filesIn(directory).some((file) => textOf(file).includes('MARKED'));
      expect(holds()).toBe(true);
      const body = { study: { study }, patient: { patient: MARKS.PatientID }, all: { all: true } }[what];
      const answer = await request(`${gateway.running.adminOrigin}/cache/purge`, {
        ...{ method: 'POST', headers: { 'content-type': 'application/json' } },
        body: JSON.stringify(body),
      });
      expect([answer.status, JSON.parse(answer.body.toString())]).toMatchObject([200, { dropped: 1 }]);
      // Files go once the answer is out.
      const until = performance.now() + PATIENCE_MS;
      while (holds() && performance.now() < until) await new Promise((resolve) => setTimeout(resolve, 10));
      expect(holds()).toBe(false);
    },
  );

  test('a purge drops pictures of what it drops', async () => {
    const pacs = await createDemoPacs();
    closers.push(() => pacs.close());
    const gateway = await startTestGateway(
      peerYaml(`${pacs.address.aeTitle}@127.0.0.1:${pacs.address.port}`),
    );
    closers.push(() => gateway.close());
    const study = pacs.sample.studyInstanceUid;
    const picture = await request(`${gateway.service}/studies/${study}/thumbnail`);
    expect(picture.status).toBe(200);
    const bytes = async (): Promise<string | undefined> =>
      /^dicomgw_hot_picture_bytes (\d+)/m.exec((await gateway.telemetry.metrics()).body)?.[1];
    expect(await bytes()).not.toBe('0');
    await request(`${gateway.running.adminOrigin}/cache/purge`, {
      ...{ method: 'POST', headers: { 'content-type': 'application/json' } },
      body: JSON.stringify({ study }),
    });
    expect(await bytes()).toBe('0');
  });
});
