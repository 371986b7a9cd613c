import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Browser } from 'playwright-core';
import { readElements, textOf } from '../helpers/independent-reader.js';
import {
  isPicture,
  ohifDist,
  openInViewer,
  startBrowser,
  startViewer,
  type Viewer,
} from '../helpers/ohif.js';
import { dcmqrscpJpegLs, gatewayBefore, orthanc, sampleFiles, type PeerKind } from '../helpers/pacs-suite.js';
import { describeWithPacs, type RealPacs } from '../helpers/real-pacs.js';
import type { TestGateway } from '../helpers/test-gateway.js';

/** Of every stored syntax one, and whatever viewers draw in a way of its own. */
const STUDIES: readonly (readonly [file: string, mode?: string])[] = [
  ['series-ct-140/070.dcm'],
  ['multiframe/us-34f-jpeg-ybr422.dcm'],
  ['multiframe/us-palette-10f-rle.dcm'],
  ['multiframe/enhanced-mr-10f.dcm'],
  ['multiframe/enhanced-mr-10f-j2k.dcm'],
  ['projection/rg2-10bit-jpegls.dcm'],
  ['projection/cr-modality-lut-jpegll.dcm'],
  ['projection/xa1-j2k.dcm'],
  ['colour/testpattern-jpeg-ybrfull.dcm'],
  ['multiframe/sm-25f-rgb.dcm', 'microscopy'],
];
const PICTURE_MS = 60_000;
const TOOLS = ['chromium', 'dcmsend'];

const pathOf = (name: string): string | undefined => sampleFiles().find((path) => path.endsWith(name));

function studyOf(path: string): string {
  const bytes = readFileSync(path);
  const metaEnd = 144 + bytes.readUInt32LE(140);
  const meta = readElements(bytes.subarray(132, metaEnd), '1.2.840.10008.1.2.1');
  const dataset = readElements(bytes.subarray(metaEnd), textOf(meta, '00020010') ?? '');
  return textOf(dataset, '0020000D') ?? '';
}

/** Without the viewer or the files there is nothing to look at, which CI must not call a success. */
const missing =
  ohifDist === undefined
    ? 'OHIF_DIST is not set'
    : sampleFiles().length === 0
      ? 'DICOM_SAMPLES is not set'
      : undefined;

function suite(kind: PeerKind, studies: typeof STUDIES): void {
  let pacs: RealPacs | undefined;
  let gateway: TestGateway | undefined;
  let viewer: Viewer | undefined;
  let browser: Browser | undefined;

  beforeAll(async () => {
    const started = await kind.start();
    pacs = started.pacs;
    const files = studies.map(([name]) => pathOf(name) ?? name);
    expect(await pacs.load(files)).toEqual(files);
    gateway = await gatewayBefore(started, 'get');
    viewer = await startViewer(ohifDist ?? '', gateway.origin);
    browser = await startBrowser();
  }, 120_000);

  afterAll(async () => {
    await browser?.close();
    await viewer?.close();
    await gateway?.close();
    await pacs?.stop();
  });

  test.each(studies)(
    '%s is drawn',
    async (name, mode = 'viewer') => {
      if (!browser) throw new Error('There is no browser.');
      const url = `${viewer?.url ?? ''}/${mode}?StudyInstanceUIDs=${studyOf(pathOf(name) ?? '')}`;
      const screenshot = `${kind.name.replace(/\W+/g, '-')}-${basename(name, '.dcm')}`;
      const shown = await openInViewer(browser, url, { name: screenshot, timeoutMs: PICTURE_MS });
      expect(shown.refusals).toEqual([]);
      expect(isPicture(shown)).toBe(true);
    },
    PICTURE_MS + 30_000,
  );
}

if (missing !== undefined && process.env['REQUIRE_PACS'])
  throw new Error(`OHIF: REQUIRE_PACS is set and ${missing}`);
if (missing !== undefined) {
  process.stderr.write(`skipped: OHIF (${missing})\n`);
  test.skip('OHIF', () => undefined);
} else {
  describeWithPacs(
    'OHIF draws what the gateway delivers',
    () => {
      describe('in front of Orthanc', () => {
        suite(orthanc, STUDIES);
      });
      describe('in front of dcmqrscp', () => {
        suite(
          dcmqrscpJpegLs,
          STUDIES.filter(([name]) => /070\.dcm$|jpegls/.test(name)),
        );
      });
    },
    TOOLS,
  );
}
