import { afterAll, afterEach, beforeAll, beforeEach, expect, jest, test } from '@jest/globals';
import type { Browser } from 'playwright-core';
import { hashPassword } from '../../src/access/index.js';
import { formatAeAddress } from '../../src/core/index.js';
import { createDemoPacs, type DemoPacs } from '../../src/demo/index.js';
import { buildConsole, openConsole, startProxy, type ConsolePage, type Proxy } from '../helpers/console.js';
import { usCine } from '../helpers/fixtures.js';
import { startBrowser } from '../helpers/ohif.js';
import { describeWithPacs } from '../helpers/real-pacs.js';
import { eventually } from '../helpers/patience.js';
import { request, startTestGateway, type TestGateway } from '../helpers/test-gateway.js';

jest.setTimeout(180_000);

const file = (study: number) => ({
  name: `${study}.dcm`,
  mimeType: 'application/dicom',
  buffer: usCine({ study, patientName: 'SENT^TO' }).file,
});

describeWithPacs(
  'files that are given to the console while others are on their way',
  () => {
    let browser: Browser;
    let pacs: readonly DemoPacs[];
    let gateway: TestGateway;
    let proxy: Proxy;
    let shown: ConsolePage;
    /** Lets the stores go on that the proxy holds up, and those after them. */
    let release: () => void;
    let held: (readonly [string, string | undefined])[];

    beforeAll(async () => {
      buildConsole();
      browser = await startBrowser();
      pacs = await Promise.all([createDemoPacs(), createDemoPacs()]);
      const [main, other] = pacs.map(({ address }) => formatAeAddress(address));
      gateway = await startTestGateway(
        `peers:\n  main: { address: "${main}" }\n  other: { address: "${other}" }\ndefaultPeer: main\n` +
          `access: { users: { ann: { password: "${await hashPassword('secret')}", roles: [read, store, admin] } } }\n`,
      );
    });
    afterAll(async () => {
      await gateway.close();
      await Promise.all(pacs.map((one) => one.close()));
      await browser.close();
    });
    beforeEach(async () => {
      held = [];
      proxy = await startProxy(gateway.origin, '/');
      shown = await openConsole(browser, proxy.url);
      const { page } = shown;
      const go = new Promise<void>((resolve) => {
        release = resolve;
      });
      await page.route('**/dicomweb/studies', async (route) => {
        const { pathname } = new URL(route.request().url());
        held.push([pathname, (await route.request().allHeaders())['x-requested-with']]);
        await go;
        await route.continue().catch(() => undefined);
      });
      await page.getByLabel('User').fill('ann');
      await page.getByLabel('Password').fill('secret');
      await page.getByRole('button', { name: 'Log in with a password' }).click();
      await page.locator('[data-peer=other]').waitFor();
      await shown.show('store');
    });
    afterEach(async () => {
      release();
      await shown.page.close();
      await proxy.close();
    });

    const give = (...files: readonly ReturnType<typeof file>[]) =>
      shown.page
        .locator('input[type=file]')
        .first()
        .setInputFiles([...files]);

    test('go each to the archive that was chosen for it', async () => {
      const { page } = shown;
      await give(file(600), file(601), file(602), file(603));
      await page.locator('.upload[data-state=waiting]').waitFor();
      await page.getByLabel('Store to').selectOption('other');
      await give(file(604));
      await page.locator('.upload', { hasText: '604.dcm' }).waitFor();
      release();
      await page.getByText('5 of 5 files done', { exact: true }).waitFor();
      const countAt = async (peer: string): Promise<number> => {
        const url = `${gateway.origin}/peers/${peer}/dicomweb/studies?PatientName=SENT*`;
        const { body } = await request(url, {
          headers: { authorization: `Basic ${Buffer.from('ann:secret').toString('base64')}` },
        });
        return (JSON.parse(body.toString() || '[]') as unknown[]).length;
      };
      expect([await countAt('main'), await countAt('other')]).toEqual([4, 1]);
      const link = page.locator('.upload', { hasText: '600.dcm' }).getByRole('link');
      await eventually(() => expect(link.getAttribute('href')).resolves.toContain('peer=main'));
      // None of them makes the browser ask for a password with a window of its own.
      expect(new Set(held.map(([, requestedWith]) => requestedWith))).toEqual(new Set(['XMLHttpRequest']));
    });

    test('are not sent as another account than the one that gave them', async () => {
      const { page } = shown;
      await give(file(620), file(621), file(622), file(623));
      await page.locator('.upload[data-state=waiting]').waitFor();
      await page.getByRole('button', { name: 'Log out' }).click();
      await page.getByLabel('User').fill('ann');
      await page.getByLabel('Password').fill('secret');
      await page.getByRole('button', { name: 'Log in with a password' }).click();
      await page.locator('[data-peer=other], .drop').first().waitFor();
      release();
      await give(file(624));
      await page.getByText('1 of 1 files done', { exact: true }).waitFor();
      // Three had begun before.
      expect(held).toHaveLength(4);
    });

    test('are sent also when those before them were stopped', async () => {
      const { page } = shown;
      await give(file(610), file(611), file(612), file(613));
      await page.locator('.upload[data-state=waiting]').waitFor();
      // In one turn: what was stopped has not ended when the next file comes.
      await page.evaluate(`{
        const stop = [...document.querySelectorAll('button')].find((one) => one.textContent === 'Stop');
        stop.click();
        const transfer = new DataTransfer();
        transfer.items.add(new File(['no DICOM'], 'late.txt'));
        const input = document.querySelector('input[type=file]');
        input.files = transfer.files;
        input.dispatchEvent(new Event('change', { bubbles: true }));
      }`);
      release();
      await page.locator('.upload[data-state=failed]', { hasText: 'late.txt' }).waitFor();
      await page.getByText('5 of 5 files done, 5 not stored').waitFor();
    });
  },
  ['chromium'],
);
