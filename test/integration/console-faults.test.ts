import { readFileSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, describe, expect, jest, test } from '@jest/globals';
import type { Browser } from 'playwright-core';
import { formatAeAddress } from '../../src/core/index.js';
import { createDemoPacs, demoStudies, type DemoPacs } from '../../src/demo/index.js';
import { buildConsole, canvasOf, openConsole, untilHolds, type ConsolePage } from '../helpers/console.js';
import { usCine } from '../helpers/fixtures.js';
import { mp4 } from '../helpers/media.js';
import { AUDIENCE, SCOPE, startOidcIssuer } from '../helpers/oidc-issuer.js';
import { startBrowser } from '../helpers/ohif.js';
import { describeWithPacs } from '../helpers/real-pacs.js';
import { eventually } from '../helpers/patience.js';
import { startTestGateway, type TestGateway } from '../helpers/test-gateway.js';

// Each step in the browser has its own time; a busy machine takes long for all of them.
jest.setTimeout(180_000);

const TOKEN = 'a-token-of-some-length-for-ann';
const TOLD = 'Something went wrong that takes many words to be told. ';

describeWithPacs(
  'the console when something fails',
  () => {
    let browser: Browser;
    let pacs: DemoPacs;
    let gateway: TestGateway;
    let shown: ConsolePage;
    const [ct] = demoStudies();
    const study = `study?peer=main&study=${ct?.studyInstanceUid ?? ''}`;
    const series = `${study}&series=${ct?.seriesInstanceUid ?? ''}`;

    beforeAll(async () => {
      buildConsole();
      browser = await startBrowser();
      pacs = await createDemoPacs();
      gateway = await startTestGateway(`peers: { main: { address: "${formatAeAddress(pacs.address)}" } }\n`);
    });
    afterAll(async () => {
      await gateway.close();
      await pacs.close();
      await browser.close();
    });
    afterEach(async () => {
      expect(shown.complaints).toEqual([]);
      await shown.page.close();
    });
    const open = async (
      view: string,
      ...more: Parameters<typeof openConsole> extends [unknown, unknown, ...infer R] ? R : never
    ) => {
      shown = await openConsole(browser, `${gateway.origin}/`, ...more);
      return { page: shown.page, show: () => shown.show(view) };
    };
    /** What a gateway says that fails with `status`. */
    const failure = (status: number, code = 'internal') => ({
      status,
      contentType: 'application/problem+json',
      body: JSON.stringify({ status, code, detail: TOLD }),
    });

    describe('never shows less without saying so', () => {
      test('a list of instances that breaks in the middle is no whole one', async () => {
        const { page, show } = await open(series);
        const row = { '00080018': { vr: 'UI', Value: ['1.2'] }, '00200013': { vr: 'IS', Value: [1] } };
        await page.route('**/instances?**', (route) =>
          route.fulfill({ contentType: 'application/dicom+json', body: `[${JSON.stringify(row)},` }),
        );
        await show();
        await page.getByText('1 listed before it broke off; there may be more').waitFor();
        await expect(page.getByText('more coming').count()).resolves.toBe(0);
      });

      test('instances of which the attributes do not come may have more frames, which is said', async () => {
        const { page, show } = await open(series);
        await page.route('**/metadata', (route) => route.fulfill(failure(502)));
        await show();
        await page.getByText('it may have more frames than are shown').waitFor();
        await page.unroute('**/metadata');
        await page.locator('.instance-panel').getByRole('button', { name: 'Try again' }).first().click();
        await page.getByText('it may have more frames than are shown').waitFor({ state: 'detached' });
      });

      test('where a picture fails none of another place stands', async () => {
        const { page, show } = await open(series);
        await show();
        await canvasOf(page);
        await page.route('**/rendered', (route) => route.fulfill(failure(502)));
        await page.locator('.stage').focus();
        await page.keyboard.press('End');
        await page.locator('.stage [role=alert]').waitFor();
        await expect(page.locator('canvas[data-shown]').count()).resolves.toBe(0);
      });

      test('a small picture that fails is told from one that there is not', async () => {
        const { page, show } = await open(study);
        let status = 503;
        await page.route('**/thumbnail?**', (route) => route.fulfill(failure(status)));
        await show();
        await page.locator('.thumbnail', { hasText: 'picture could not be had' }).first().waitFor();
        status = 404;
        await page.reload();
        await page.locator('.thumbnail.sign', { hasText: 'no picture' }).first().waitFor();
        await expect(page.getByText('could not be had').count()).resolves.toBe(0);
        await expect(page.locator('.thumbnail img').count()).resolves.toBe(0);
      });

      test('a study that the archive does not list is said to be none', async () => {
        const { page, show } = await open('study?peer=main&study=1.2.3');
        await show();
        await page.getByText('The PACS lists no study of this UID.').waitFor();
      });

      test('a check that breaks off has no verdict, and says so', async () => {
        const { page } = await open('peers');
        await page.route('**/check', (route) =>
          route.fulfill({
            contentType: 'application/x-ndjson',
            body: '{"step":{"step":"C-ECHO","result":"ok","durationMs":1,"detail":"answers"}}\n',
          }),
        );
        await page.getByRole('button', { name: 'Run check' }).click();
        await page.locator('.check .notice.bad', { hasText: 'before the answer was whole' }).waitFor();
      });

      test('a peer that dies after the page was opened is shown as dead', async () => {
        const { page } = await open('peers');
        await page.locator('[data-peer=main][data-state=up]').waitFor();
        await page.route('**/console/api/peers', async (route) => {
          const response = await route.fetch();
          const told = (await response.json()) as { peers: { state: string }[] };
          for (const peer of told.peers) peer.state = 'down';
          await route.fulfill({ response, json: told });
        });
        await page.locator('[data-peer=main][data-state=down]').waitFor();
      });

      test('an overview that takes longer than it is asked for anew comes all the same', async () => {
        const { page } = await open('pulls');
        const gate = { open: (): void => undefined };
        const opened = new Promise<void>((resolve) => {
          gate.open = resolve;
        });
        await page.route('**/console/api/peers', async (route) => {
          await opened;
          await route.continue();
        });
        await page.clock.install();
        const asked = page.waitForRequest('**/console/api/peers');
        await page.reload();
        await shown.show('peers');
        await asked;
        await page.clock.runFor(30_000);
        gate.open();
        await page.clock.resume();
        await page.locator('[data-peer=main]').waitFor();
        await page.unrouteAll({ behavior: 'ignoreErrors' });
      });

      test('an empty answer with a warning is not told as none', async () => {
        const { page, show } = await open('search?peer=main&name=demo');
        await page.route('**/studies?**', (route) =>
          route.fulfill({
            contentType: 'application/dicom+json',
            headers: { warning: '299 gateway "archive could not be asked"' },
            body: '[]',
          }),
        );
        await show();
        await page.getByText('archive could not be asked').waitFor();
        await page.getByText('No study came; the warning above').waitFor();
        await expect(page.getByText('No study matches.').count()).resolves.toBe(0);
      });

      test('a drop without files says so', async () => {
        const { page, show } = await open('store');
        await show();
        await page.evaluate(`document.querySelector('.drop').dispatchEvent(
          new DragEvent('drop', { dataTransfer: new DataTransfer(), bubbles: true }))`);
        await page.getByText('There are no files in what was dropped.').waitFor();
      });
    });

    test('a view that breaks says so, and the others are there', async () => {
      const { page, show } = await open(study);
      await page.route('**/series?**', (route) =>
        route.fulfill({
          contentType: 'application/dicom+json',
          body: '[{"0020000E":{"vr":"UI","Value":5}}]',
        }),
      );
      await show();
      await page.locator('main > .notice.bad').waitFor();
      await page.getByRole('link', { name: 'Health' }).click();
      await page.locator('.plot').first().waitFor();
    });

    /** Shows the content of an instance that is a video. */
    const showVideo = async (contentType: string, body: Buffer) => {
      const { page, show } = await open(series);
      const row = {
        '00080016': { vr: 'UI', Value: ['1.2.840.10008.5.1.4.1.1.77.1.1.1'] },
        '00080018': { vr: 'UI', Value: ['1.2'] },
      };
      const json = { contentType: 'application/dicom+json', body: JSON.stringify([row]) };
      await page.route('**/instances?**', (route) => route.fulfill(json));
      await page.route('**/instances/1.2/metadata', (route) => route.fulfill(json));
      const asked: (string | undefined)[] = [];
      await page.route('**/instances/1.2/rendered', (route) => {
        asked.push(route.request().headers()['accept']);
        return route.fulfill({ contentType, body });
      });
      await show();
      return { page, asked };
    };

    test('a video that the browser can play is played', async () => {
      const { page, asked } = await showVideo('video/mp4', mp4({ width: 16, height: 16, frames: 2 }));
      await page.locator('video').waitFor();
      await untilHolds(page, 'document.querySelector("video").readyState > 0');
      await expect(page.evaluate('document.querySelector("video").videoWidth')).resolves.toBe(16);
      expect(asked).toEqual(['video/mp4, video/mpeg, video/h265']);
    });

    test('a video that the browser cannot play says so in words, and can be saved as it is', async () => {
      const bytes = Buffer.from('000001ba44000400040100000300000001b3', 'hex');
      const { page } = await showVideo('video/mpeg', bytes);
      await page.getByText('This browser cannot play this video (video/mpeg).').waitFor();
      const download = page.waitForEvent('download');
      await page.getByRole('button', { name: 'Save the video' }).click();
      const saved = await download;
      expect(saved.suggestedFilename()).toBe('video.mpg');
      expect(readFileSync(await saved.path()).equals(bytes)).toBe(true);
    });

    test('an answer in many words is shown whole on a phone', async () => {
      const { page, show } = await open('store', { viewport: { width: 390, height: 800 } });
      await page.route('**/dicomweb/studies', (route) =>
        route.fulfill({ ...failure(400), body: JSON.stringify({ detail: TOLD.repeat(5) }) }),
      );
      await show();
      await page
        .locator('input[type=file]')
        .first()
        .setInputFiles([
          { name: 'one.dcm', mimeType: '', buffer: Buffer.from('one') },
          { name: 'two.dcm', mimeType: '', buffer: Buffer.from('two') },
        ]);
      await page.getByText('2 of 2 files done, 2 not stored').waitFor();
      const [first, second] = await page.locator('.upload').all();
      const [a, b] = [await first?.boundingBox(), await second?.boundingBox()];
      // Neither lies on the other, and nothing of the words is cut.
      expect(a && b && b.y >= a.y + a.height - 1).toBe(true);
      expect(a?.height).toBeGreaterThan(100);
      await eventually(() =>
        expect(
          page.evaluate(`[...document.querySelectorAll('.upload .badge, .upload .words')].every(
          ({ scrollWidth, clientWidth }) => clientWidth === 0 || scrollWidth <= clientWidth)`),
        ).resolves.toBe(true),
      );
      await shown.screenshot('phone-reasons');
    });

    test('the keyboard stays where it was, and goes along to another view', async () => {
      const { page, show } = await open('search');
      await show();
      const focused = (): Promise<string> =>
        page.evaluate<string>('document.activeElement.name || document.activeElement.id');
      await page.getByLabel('Patient’s name').fill('demo^ct');
      await page.keyboard.press('Enter');
      await page.getByText('Studies 1 to 1').waitFor();
      await eventually(() => expect(focused()).resolves.toBe('name'));
      const again = page.waitForRequest('**/studies?**');
      await page.keyboard.press('Enter');
      await again;
      await page.getByRole('link', { name: 'DEMO, CT' }).focus();
      await page.keyboard.press('Enter');
      await page.locator('.series-card').first().waitFor();
      await eventually(() => expect(focused()).resolves.toBe('content'));
      await page.goBack();
      await page.getByText('Studies 1 to 1').waitFor();
      await eventually(() => expect(page.getByLabel('Patient’s name').inputValue()).resolves.toBe('demo^ct'));
      await page.getByRole('button', { name: 'Clear' }).click();
      await eventually(() => expect(page.getByLabel('Patient’s name').inputValue()).resolves.toBe(''));
    });

    describe('when somebody logs in and out', () => {
      test('nothing of what was seen and stored stays in the page', async () => {
        const guarded = await startTestGateway(
          [
            `peers: { main: { address: "${formatAeAddress(pacs.address)}" } }`,
            `access: { tokens: { site: { token: ${TOKEN}, roles: [read, store, admin] } } }`,
            '',
          ].join('\n'),
        );
        shown = await openConsole(browser, `${guarded.origin}/#/peers`);
        const { page } = shown;
        const logIn = async (): Promise<void> => {
          await page.getByLabel('Bearer token').fill(TOKEN);
          await page.getByRole('button', { name: 'Use this token' }).click();
        };
        try {
          await logIn();
          await shown.show('store');
          await page
            .locator('input[type=file]')
            .first()
            .setInputFiles({
              name: 'MILLER^ANN.dcm',
              mimeType: '',
              buffer: usCine({ study: 700, patientName: 'MILLER^ANN' }).file,
            });
          await page.getByText('1 of 1 files done').waitFor();
          await shown.show('search?peer=main&name=miller');
          await page
            .getByText(/Studies 1 to|No study/)
            .first()
            .waitFor();
          await page.getByRole('button', { name: 'Log out' }).click();
          await page.getByLabel('Bearer token').waitFor();
          expect(page.url()).not.toContain('miller');
          await logIn();
          await shown.show('store');
          await page.locator('.drop').waitFor();
          await expect(page.getByText('MILLER').count()).resolves.toBe(0);
        } finally {
          await guarded.close();
        }
      });

      test('a login that failed at the issuer says so, and stands in nobody’s way', async () => {
        const issuer = await startOidcIssuer('console');
        const guarded = await startTestGateway(
          [
            `peers: { main: { address: "${formatAeAddress(pacs.address)}" } }`,
            `console: { oidc: { issuer: "${issuer.url}", clientId: console, scopes: [${SCOPE}] } }`,
            `access: { anonymous: true, anonymousRoles: [read, metrics], issuers: { site: {`,
            `  issuer: "${issuer.url}", audience: [${AUDIENCE}], scopes: { ${SCOPE}: [read, admin] } } } }`,
            '',
          ].join('\n'),
        );
        shown = await openConsole(browser, `${guarded.origin}/#/pulls`);
        const { page } = shown;
        try {
          const refuse = async (): Promise<void> => {
            // A page that still begins would take it for its own.
            await page.getByRole('link', { name: 'Health' }).waitFor();
            await page.evaluate(`sessionStorage.setItem('dicomweb-gateway.login',
              JSON.stringify({ verifier: 'x'.repeat(43), state: 'x', hash: '#/search' }))`);
            await page.goto(
              `${guarded.origin}/?error=access_denied&state=x&iss=${encodeURIComponent(issuer.url)}`,
            );
            await page.locator('.login .notice.bad', { hasText: 'Logging in did not work.' }).waitFor();
          };
          await refuse();
          await page.getByRole('link', { name: 'Health' }).click();
          await page.locator('.plot').first().waitFor();
          await refuse();
          await page.getByRole('button', { name: 'Go on without logging in' }).click();
          await page.locator('.search-form').waitFor();
        } finally {
          await guarded.close();
          await issuer.close();
        }
      });
    });
  },
  ['chromium'],
);
