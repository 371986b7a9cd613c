import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { TransferSyntaxes } from '../../src/dicom/index.js';
import { byPixel } from '../../src/transcode/samples.js';
import { decodedBy, openFile, type OpenedFile } from '../helpers/frame-oracle.js';
import { gatewayBefore, orthanc, sampleFiles, type PacsWithPort } from '../helpers/pacs-suite.js';
import { describeWithPacs } from '../helpers/real-pacs.js';
import { storedInstances, type StoredInstance } from '../helpers/stored-instances.js';
import { request, type RawResponse, type TestGateway } from '../helpers/test-gateway.js';

const S = TransferSyntaxes;
const TOOL: ReadonlyMap<string, string> = new Map([
  [S.JpegExtended.uid, 'dcmdjpeg'],
  [S.JpegLosslessSv1.uid, 'dcmdjpeg'],
  [S.JpegLsLossless.uid, 'dcmdjpls'],
  [S.Jpeg2000Lossless.uid, 'gdcmconv'],
  [S.RleLossless.uid, 'dcmdrle'],
]);
/** Some of each folder and syntax are enough. */
const MOST_ALIKE = 3;

function chosenFiles(): string[] {
  const alike = new Map<string, number>();
  return sampleFiles().filter((path) => {
    const file = openedOrNot(path);
    if (!file || !TOOL.has(file.transferSyntaxUid) || file.frames.length === 0) return false;
    const group = `${dirname(path)} ${file.transferSyntaxUid}`;
    const count = (alike.get(group) ?? 0) + 1;
    alike.set(group, count);
    return count <= MOST_ALIKE;
  });
}

/** Some files are broken on purpose. */
function openedOrNot(path: string): OpenedFile | undefined {
  try {
    return openFile(path);
  } catch {
    return undefined;
  }
}

describeWithPacs('compressed instances of a real PACS in other transfer syntaxes', () => {
  const directory = mkdtempSync(join(tmpdir(), 'converted-'));
  let running: PacsWithPort;
  let gateway: TestGateway;
  let stored: readonly StoredInstance[] = [];
  beforeAll(async () => {
    running = await orthanc.start();
    const files = chosenFiles();
    if (files.length > 0) await running.pacs.load(files);
    stored = await storedInstances(running.pacs);
    gateway = await gatewayBefore(running, 'get');
  }, 120_000);
  afterAll(async () => {
    await gateway.close();
    await running.pacs.stop();
    rmSync(directory, { recursive: true, force: true });
  });

  const get = (
    { studyInstanceUid, seriesInstanceUid, sopInstanceUid }: StoredInstance,
    accept: string,
  ): Promise<RawResponse> =>
    request(
      `${gateway.service}/studies/${studyInstanceUid}/series/${seriesInstanceUid}/instances/${sopInstanceUid}`,
      { headers: { accept } },
    );

  /** The frames by pixel; what stands above the bits stored of signed samples is nobody's. */
  function pixelsOf(file: OpenedFile | undefined): string[] {
    return (file?.frames ?? []).map((samples) =>
      Buffer.from(byPixel({ samples, shape: file?.shape ?? ({} as OpenedFile['shape']) }).samples).toString(
        'base64',
      ),
    );
  }

  test('W-20: are decoded as DCMTK and GDCM decode what the PACS holds', async () => {
    for (const instance of stored) {
      const theirs = await decodedBy(TOOL.get(instance.transferSyntaxUid) ?? '', instance.path);
      const answer = await get(
        instance,
        `application/dicom; transfer-syntax=${S.ExplicitVrLittleEndian.uid}`,
      );
      expect([instance.path, answer.status]).toEqual([instance.path, 200]);
      const path = join(directory, 'native.dcm');
      writeFileSync(path, answer.body);
      if (theirs) expect(pixelsOf(openFile(path))).toEqual(pixelsOf(theirs));
    }
  }, 120_000);

  test.each([S.JpegLsLossless, S.Jpeg2000Lossless, S.RleLossless])(
    'are encoded in $name so that these tools read the same out of it',
    async ({ uid }) => {
      for (const instance of stored.slice(0, 12)) {
        const theirs = await decodedBy(TOOL.get(instance.transferSyntaxUid) ?? '', instance.path);
        const answer = await get(instance, `application/dicom; transfer-syntax=${uid}`);
        // Shapes that the encoder would get wrong are refused.
        if (answer.status === 406) continue;
        expect(answer.status).toBe(200);
        const path = join(directory, 'encoded.dcm');
        writeFileSync(path, answer.body);
        const ours = await decodedBy(TOOL.get(uid) ?? '', path);
        if (theirs && ours) expect(pixelsOf(ours)).toEqual(pixelsOf(theirs));
      }
    },
    120_000,
  );
});
