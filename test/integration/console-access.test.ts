import { afterAll, afterEach, beforeAll, expect, jest, test } from '@jest/globals';
import type { Browser } from 'playwright-core';
import { hashPassword } from '../../src/access/index.js';
import { formatAeAddress } from '../../src/core/index.js';
import { createDemoPacs, type DemoPacs } from '../../src/demo/index.js';
import { buildConsole, canvasOf, openConsole, type ConsolePage } from '../helpers/console.js';
import { startBrowser } from '../helpers/ohif.js';
import { describeWithPacs } from '../helpers/real-pacs.js';
import { eventually } from '../helpers/patience.js';
import { startTestGateway, type TestGateway } from '../helpers/test-gateway.js';

jest.setTimeout(180_000);

describeWithPacs(
  'the console of a gateway that asks who is there',
  () => {
    let browser: Browser;
    let pacs: DemoPacs;
    let gateway: TestGateway;
    let open: TestGateway;
    let shown: ConsolePage;

    beforeAll(async () => {
      buildConsole();
      browser = await startBrowser();
      pacs = await createDemoPacs();
      const password = await hashPassword('secret');
      const peers = `peers: { main: { address: "${formatAeAddress(pacs.address)}" } }\n`;
      const user = (roles: string): string => `{ password: "${password}", roles: [${roles}] }`;
      gateway = await startTestGateway(
        `${peers}access: { users: { meter: ${user('metrics')}, reader: ${user('read')}, finder: ${user('search')}, operator: ${user('admin')}, ann: ${user('read, admin')} } }\n`,
      );
      open = await startTestGateway(
        `${peers}access: { anonymous: true, anonymousRoles: [read], users: { ann: ${user('read, admin')} } }\n`,
      );
    });
    afterEach(async () => {
      expect(shown.complaints).toEqual([]);
      await shown.page.close();
    });
    afterAll(async () => {
      await gateway.close();
      await open.close();
      await pacs.close();
      await browser.close();
    });

    const viewOf = (url: string): string => new URL(url).hash.replace(/^#\/?/, '');
    const logIn = async (user: string, password = 'secret'): Promise<void> => {
      const { page } = shown;
      await page.getByLabel('User').fill(user);
      await page.getByLabel('Password').fill(password);
      await page.getByRole('button', { name: 'Log in with a password' }).click();
    };

    test('does not call a peer dead because an account may not send it a C-ECHO', async () => {
      shown = await openConsole(browser, `${gateway.origin}/`);
      await logIn('meter');
      const peer = shown.page.locator('[data-peer=main]');
      await peer.getByText('No C-ECHO was sent.').waitFor();
      await eventually(() => expect(peer.getAttribute('data-state')).resolves.toMatch(/^(?:up|unknown)$/));
      await expect(peer.getByText('does not answer').count()).resolves.toBe(0);
    });

    test('says that a password is wrong, and takes the right one', async () => {
      shown = await openConsole(browser, `${gateway.origin}/`);
      const { page } = shown;
      await page.getByLabel('User').waitFor();
      await expect(page.getByRole('alert').count()).resolves.toBe(0);
      await logIn('ann', 'guessed');
      await page.getByRole('alert').getByText('does not take what was logged in with').waitFor();
      await logIn('ann');
      await page.locator('[data-peer=main][data-state=up]').waitFor();
    });

    test('what anybody may needs no login, also where other views do', async () => {
      shown = await openConsole(browser, `${open.origin}/`);
      const { page } = shown;
      // Peers are not for anybody.
      await page.getByLabel('User').waitFor();
      await page.getByRole('link', { name: 'Search' }).click();
      await page.getByRole('button', { name: 'Search' }).click();
      await page.getByRole('link', { name: 'DEMO, CT' }).click();
      await page.locator('.series-card', { hasText: 'CT' }).click();
      await canvasOf(page);
      await page.getByRole('link', { name: 'Peers' }).click();
      await logIn('ann');
      await page.locator('[data-peer=main][data-state=up]').waitFor();
    });

    test('leads viewers to what they call the gateway, also from the listener of operators', async () => {
      const own = await startTestGateway(
        [
          `peers: { main: { address: "${formatAeAddress(pacs.address)}" } }`,
          'http: { publicUrl: "https://pacs.example/dicom/" }',
          'admin: { listen: 127.0.0.1:0 }',
          'access: { anonymous: true }',
          'console: { viewers: { OHIF: "https://viewer.example/?url={service}" } }',
          '',
        ].join('\n'),
      );
      try {
        shown = await openConsole(browser, `${own.running.adminOrigin}/#/search?peer=main&name=demo^ct`);
        await shown.page.getByRole('link', { name: 'DEMO, CT' }).click();
        const link = shown.page.getByRole('link', { name: 'Open in OHIF' });
        const { searchParams } = new URL((await link.getAttribute('href')) ?? '');
        expect(searchParams.get('url')).toBe('https://pacs.example/dicom/peers/main/dicomweb');
      } finally {
        await own.close();
      }
    });

    test('says what an account may not, and does not ask for it again and again', async () => {
      shown = await openConsole(browser, `${gateway.origin}/`);
      const { page } = shown;
      await logIn('reader');
      await page.getByText('403 forbidden').waitFor();
      for (const [view, path] of [
        ['peers', '/console/api/peers'],
        ['pulls', '/console/api/pulls'],
        ['health', '/metrics'],
      ] as const) {
        await shown.show('search');
        await page.getByRole('button', { name: 'Search' }).waitFor();
        await page.clock.install();
        let asked = 0;
        const count = (request: { url(): string }): void => {
          if (new URL(request.url()).pathname === path) asked += 1;
        };
        await shown.show(view);
        await page.getByText('403 forbidden').waitFor();
        page.on('request', count);
        await page.clock.runFor(30_000);
        page.off('request', count);
        expect([view, asked]).toEqual([view, 0]);
      }
    });

    test('shows nobody a picture that was loaded for another account', async () => {
      shown = await openConsole(browser, `${gateway.origin}/#/search?peer=main&name=demo^ct`);
      const { page } = shown;
      await logIn('ann');
      await page.getByRole('link', { name: 'DEMO, CT' }).click();
      await page.locator('.series-card', { hasText: 'CT' }).click();
      const { path } = await canvasOf(page);
      const seen = viewOf(page.url());
      await page.getByRole('button', { name: 'Log out' }).click();
      const again = page.waitForRequest((request) => request.url().endsWith(path));
      await logIn('reader');
      await shown.show(seen);
      const headers = await (await again).allHeaders();
      expect(headers['authorization']).toBe(`Basic ${Buffer.from('reader:secret').toString('base64')}`);
      await canvasOf(page);
    });

    test('shows nobody attributes and names of studies that another account was shown', async () => {
      shown = await openConsole(browser, `${gateway.origin}/#/search?peer=main&name=demo^colour`);
      const { page } = shown;
      await logIn('ann');
      await page.getByRole('link', { name: 'DEMO, COLOUR' }).click();
      await page.locator('.series-card').first().click();
      await canvasOf(page);
      await page.getByRole('button', { name: 'Attributes' }).click();
      await page.locator('[role=treeitem]', { hasText: 'PatientName' }).waitFor();
      await page.getByRole('button', { name: 'Preload' }).click();
      await page.locator('.study-actions').getByRole('link', { name: 'Pulls' }).click();
      await page.locator('.pull').getByText('DEMO, COLOUR').waitFor();
      await page.goBack();
      await page.locator('.series-card').first().waitFor();
      const seen = viewOf(page.url());
      await page.getByRole('button', { name: 'Log out' }).click();
      // May search, and retrieve nothing.
      await logIn('finder');
      await shown.show(seen);
      await page.locator('.series-card').first().waitFor();
      await page.getByRole('button', { name: 'Attributes' }).click();
      await page.getByText('403 forbidden').first().waitFor();
      await expect(page.locator('[role=treeitem]').count()).resolves.toBe(0);
      await page.getByRole('button', { name: 'Log out' }).click();
      await page.getByRole('link', { name: 'Pulls' }).click();
      // May see what is under way, and search nothing.
      await logIn('operator');
      await page.locator('.pull').waitFor();
      await expect(page.locator('.pull header').textContent()).resolves.not.toContain('DEMO');
    });
  },
  ['chromium'],
);
