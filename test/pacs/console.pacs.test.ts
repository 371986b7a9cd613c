import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import type { Browser } from 'playwright-core';
import {
  buildConsole,
  canvasOf,
  difference,
  openConsole,
  renderedOf,
  untilPaper,
  untilHolds,
} from '../helpers/console.js';
import { readElements, textOf } from '../helpers/independent-reader.js';
import { startBrowser } from '../helpers/ohif.js';
import { gatewayBefore, orthanc, sampleFiles } from '../helpers/pacs-suite.js';
import { describeWithPacs, type RealPacs } from '../helpers/real-pacs.js';
import type { TestGateway } from '../helpers/test-gateway.js';

// Each step in the browser has its own time; a busy machine takes long for all of them.
jest.setTimeout(180_000);

/** Of each kind of picture one. */
const PICTURES: readonly string[] = [
  'series-ct-140/070.dcm',
  'multiframe/us-34f-jpeg-ybr422.dcm',
  'multiframe/us-palette-10f-rle.dcm',
  'multiframe/enhanced-mr-10f-j2k.dcm',
  'projection/cr-modality-lut-jpegll.dcm',
  'projection/rg2-10bit-jpegls.dcm',
];
const REPORT = 'nonimage/sr-comprehensive.dcm';
const DOCUMENT = 'nonimage/pdf.dcm';
const VIDEO = 'extra/video-h264-high41.dcm';

/** Where an instance stands. */
interface Uids {
  readonly study: string;
  readonly series: string;
}

function uidsOf(path: string): Uids {
  const bytes = readFileSync(path);
  const metaEnd = 144 + bytes.readUInt32LE(140);
  const meta = readElements(bytes.subarray(132, metaEnd), '1.2.840.10008.1.2.1');
  const dataset = readElements(bytes.subarray(metaEnd), textOf(meta, '00020010') ?? '');
  return { study: textOf(dataset, '0020000D') ?? '', series: textOf(dataset, '0020000E') ?? '' };
}

const pathOf = (name: string): string => sampleFiles().find((path) => path.endsWith(name)) ?? name;

/** JPEG of quality 90 against PNG; of colours the first is coarser. */
const LOSS = 4;

if (sampleFiles().length === 0 && process.env['REQUIRE_PACS'])
  throw new Error('console: REQUIRE_PACS is set and DICOM_SAMPLES is not set');
if (sampleFiles().length === 0) {
  process.stderr.write('skipped: console in front of Orthanc (DICOM_SAMPLES is not set)\n');
  test.skip('console in front of Orthanc', () => undefined);
} else {
  describeWithPacs(
    'the console in front of Orthanc',
    () => {
      let pacs: RealPacs | undefined;
      let gateway: TestGateway | undefined;
      let browser: Browser | undefined;
      const origin = (): string => gateway?.origin ?? '';
      const open = async (name: string) => {
        if (!browser) throw new Error('There is no browser.');
        const { study, series } = uidsOf(pathOf(name));
        const shown = await openConsole(
          browser,
          `${origin()}/#/study?peer=main&study=${study}&series=${series}`,
        );
        return { ...shown, name: `orthanc-${basename(name, '.dcm')}` };
      };

      beforeAll(async () => {
        buildConsole();
        const started = await orthanc.start();
        pacs = started.pacs;
        const files = [...PICTURES, REPORT, DOCUMENT, VIDEO].map(pathOf);
        expect(await pacs.load(files)).toEqual(files);
        gateway = await gatewayBefore(started, 'get');
        browser = await startBrowser();
      }, 120_000);
      afterAll(async () => {
        await browser?.close();
        await gateway?.close();
        await pacs?.stop();
      });

      test('finds what Orthanc holds', async () => {
        const { page, complaints, screenshot } = await open(PICTURES[0] ?? '');
        await page.getByRole('link', { name: 'Search' }).click();
        await page.getByRole('button', { name: 'Search' }).click();
        const studies = new Set(
          [...PICTURES, REPORT, DOCUMENT, VIDEO].map((name) => uidsOf(pathOf(name)).study),
        );
        await page.getByText(`Studies 1 to ${studies.size}`).waitFor();
        await screenshot('orthanc-search');
        expect(complaints).toEqual([]);
        await page.close();
      });

      describe('draws what the gateway renders', () => {
        test.each(PICTURES)('%s', async (name) => {
          const { page, complaints, screenshot, name: shot } = await open(name);
          await page.locator('.series-card[aria-pressed=true] img').waitFor();
          const drawn = await canvasOf(page);
          const { mean, spread } = difference(drawn, await renderedOf(origin(), drawn.path));
          expect(mean).toBeLessThan(LOSS);
          expect(spread).toBeGreaterThan(100);
          await screenshot(shot);
          expect(complaints).toEqual([]);
          await page.close();
        });
      });

      test('plays a cine of which only the instance itself tells its frames', async () => {
        const { page } = await open('multiframe/us-palette-10f-rle.dcm');
        await page.getByText('1 / 10').waitFor();
        const seen = new Set([(await canvasOf(page)).path]);
        await page.getByRole('button', { name: 'Play' }).click();
        while (seen.size < 4) seen.add((await canvasOf(page)).path);
        await page.close();
      });

      test('plays a video as it is stored', async () => {
        const { page, complaints, screenshot, name } = await open(VIDEO);
        await page.locator('.video video').waitFor();
        await untilHolds(page, `document.querySelector('.video video').readyState >= 2`);
        await page.evaluate(`{
          const video = document.querySelector('.video video');
          video.muted = true;
          void video.play();
        }`);
        await untilHolds(page, `document.querySelector('.video video').currentTime > 0`);
        await screenshot(name);
        expect(complaints).toEqual([]);
        await page.close();
      });

      test('shows a structured report', async () => {
        const { page, complaints, screenshot, name } = await open(REPORT);
        await page.locator('.report article', { hasText: /\w{3}/ }).waitFor();
        await screenshot(name);
        expect(complaints).toEqual([]);
        await page.close();
      });

      test('shows an encapsulated document in the viewer of the browser', async () => {
        const { page, complaints, screenshot, name } = await open(DOCUMENT);
        await page.locator('.document iframe').waitFor();
        await untilPaper(page.locator('.document iframe'));
        const download = page.waitForEvent('download');
        await page.getByRole('link', { name: 'Save' }).click();
        const saved = readFileSync((await (await download).path()) || '');
        expect([saved.subarray(0, 5).toString(), complaints]).toEqual(['%PDF-', []]);
        await screenshot(name);
        await page.close();
      });
    },
    ['chromium', 'Orthanc', 'dcmsend'],
  );
}
