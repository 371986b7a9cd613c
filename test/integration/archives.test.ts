import { execFile } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, describe, expect, test } from '@jest/globals';
import { atRest } from '../helpers/leaks.js';
import { final, makeInstance, store, Uids } from '../helpers/rogue-peer.js';
import { startScene, type Scene, type SceneOptions } from '../helpers/scene.js';
import { partsOf, request, sha256, transferSyntaxOf, type RawResponse } from '../helpers/test-gateway.js';
import { unzip } from '../helpers/zip-reader.js';

const run = promisify(execFile);
const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

const STUDY = '/studies/2.25.77.1';
const ZIP = 'application/zip; transfer-syntax=*';
const FILES = 'multipart/related; type="application/dicom"; transfer-syntax=*';

const instances = [
  makeInstance({ seriesInstanceUid: '2.25.77.2' }),
  makeInstance({ seriesInstanceUid: '2.25.77.2', pixelBytes: 300_001 * 2 }),
  makeInstance({ seriesInstanceUid: '2.25.77.20', transferSyntaxUid: Uids.implicitLittleEndian }),
];
const [one] = instances;
const series = `${STUDY}/series/2.25.77.2`;

async function start(options: Partial<SceneOptions> = {}): Promise<Scene> {
  const scene = await startScene({ instances, ...options });
  closers.push(() => scene.close());
  return scene;
}

const get = (scene: Scene, path: string, accept: string, method = 'GET'): Promise<RawResponse> =>
  request(scene.url(path), { method, headers: { accept } });

const byName = ({ name: a }: { name: string }, { name: b }: { name: string }): number => (a < b ? -1 : 1);
const filesOf = (response: RawResponse): unknown =>
  unzip(response.body)
    .map(({ name, body }) => ({ name, digest: sha256(body) }))
    .sort(byName);

/** What is in the parts of a multipart answer, as an archive should have it. */
const asFiles = (response: RawResponse): unknown =>
  partsOf(response)
    .map(({ headers, body }) => ({
      name: (headers['content-location'] ?? '').replace(/^.*\/series\/(.*)\/instances\/(.*)$/, '$1/$2.dcm'),
      digest: sha256(body),
    }))
    .sort(byName);

describe('application/zip', () => {
  test.each([
    ['a study', STUDY, '2.25.77.1.zip', 3],
    ['a series', series, '2.25.77.2.zip', 2],
    [
      'an instance',
      `${series}/instances/${one?.sopInstanceUid ?? ''}`,
      `${one?.sopInstanceUid ?? ''}.zip`,
      1,
    ],
  ])('of %s has the files of the multipart answer, named by UIDs alone', async (_what, path, name, count) => {
    const scene = await start();
    for (const syntax of ['; transfer-syntax=*', '']) {
      const archive = await get(scene, path, `application/zip${syntax}`);
      expect(archive).toMatchObject({ status: 200, complete: true });
      expect(archive.headers).toMatchObject({
        'content-type': 'application/zip',
        'content-disposition': `attachment; filename="${name}"`,
        'cache-control': 'private, no-cache',
      });
      const files = asFiles(await get(scene, path, `multipart/related; type="application/dicom"${syntax}`));
      expect(files).toHaveLength(count);
      expect(filesOf(archive)).toEqual(files);
    }
  });

  test('what other programs make of it is the same', async () => {
    const scene = await start();
    const { body } = await get(scene, STUDY, ZIP);
    const directory = mkdtempSync(join(tmpdir(), 'archives-'));
    closers.push(() => rm(directory, { recursive: true, force: true }));
    const path = join(directory, 'study.zip');
    await writeFile(path, body);
    const tools: readonly (readonly [string, readonly string[]])[] = [
      ['unzip', ['-t', path]],
      ['python3', ['-m', 'zipfile', '-t', path]],
    ];
    let read = 0;
    for (const [tool, argv] of tools) {
      try {
        const { stdout } = await run(tool, argv);
        expect(stdout).toMatch(/No errors detected|Done testing/);
        read += 1;
      } catch (thrown) {
        if ((thrown as NodeJS.ErrnoException).code !== 'ENOENT') throw thrown;
      }
    }
    if (read === 0) process.stderr.write('archives: neither unzip nor python3 is there; skipped\n');
    expect(unzip(body)).toHaveLength(3);
  });

  test('W-20: files are in Explicit VR Little Endian unless the client takes any, as the parts of a multipart body', async () => {
    const jpegLs = makeInstance({ transferSyntaxUid: '1.2.840.10008.1.2.4.80' });
    const scene = await start({ instances: [jpegLs] });
    const [file] = unzip((await get(scene, series, ZIP)).body);
    expect(transferSyntaxOf(file?.body ?? Buffer.alloc(0))).toBe('1.2.840.10008.1.2.4.80');
    // It is no JPEG-LS stream that could be decoded.
    expect((await get(scene, series, 'application/zip')).status).toBe(
      (await get(scene, series, 'multipart/related; type="application/dicom"')).status,
    );
  });

  test('what is complete in the cache has its length and checksum before it, for readers that cannot seek', async () => {
    const scene = await start();
    await get(scene, STUDY, FILES);
    await atRest(scene.gateway);
    const entries = unzip((await get(scene, STUDY, ZIP)).body);
    // One is re-encoded from Implicit VR as it leaves.
    expect(entries.map(({ described }) => described).sort()).toEqual([false, false, true]);
  });

  test('H-14: HEAD has the headers alone', async () => {
    const scene = await start();
    const { status, headers, body } = await get(scene, STUDY, ZIP, 'HEAD');
    expect([status, headers['content-type'], body.length]).toEqual([200, 'application/zip', 0]);
  });

  test('W-09: instances that the PACS does not deliver make it 206 with a Warning, and the archive of the rest is whole', async () => {
    const [, missing] = instances;
    const scene = await start({
      onGet: (wanted) => {
        const failed = wanted.filter((each) => each === missing).map(({ sopInstanceUid }) => sopInstanceUid);
        return [
          ...wanted.filter((each) => each !== missing).map((each) => store(each)),
          final(failed.length > 0 ? 0xb000 : 0, { failed: failed.length, failedUids: failed }),
        ];
      },
    });
    const first = await get(scene, STUDY, ZIP);
    if (first.complete) expect(first.status).toBe(206);
    else expect(() => unzip(first.body)).toThrow('no whole archive');
    const second = await get(scene, STUDY, ZIP);
    expect([second.status, second.complete]).toEqual([206, true]);
    expect(second.headers.warning).toContain('did not deliver 1 instance');
    expect(unzip(second.body)).toHaveLength(2);
  });

  test('W-12: is what only those get who ask for it', async () => {
    const scene = await start();
    for (const accept of ['*/*', 'text/html, */*;q=0.8'])
      expect((await get(scene, STUDY, accept)).headers['content-type']).toMatch(/^multipart\/related/);
    expect((await get(scene, `${series}/metadata`, ZIP)).status).toBe(406);
    expect((await get(scene, STUDY, 'application/x-tar')).body.toString()).toContain('application/zip');
  });
});
