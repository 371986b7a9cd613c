import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, jest, test } from '@jest/globals';
import type { Browser } from 'playwright-core';
import { hashPassword } from '../../src/access/index.js';
import { formatAeAddress } from '../../src/core/index.js';
import { createDemoPacs, demoStudies, type DemoPacs } from '../../src/demo/index.js';
import {
  buildConsole,
  canvasOf,
  difference,
  openConsole,
  renderedOf,
  startProxy,
  type ConsolePage,
  type Proxy,
} from '../helpers/console.js';
import { basicTextSr, names, usCine, type Fixture } from '../helpers/fixtures.js';
import { freePort } from '../helpers/free-port.js';
import { AUDIENCE, SCOPE, startOidcIssuer } from '../helpers/oidc-issuer.js';
import { startBrowser } from '../helpers/ohif.js';
import { eventually, PATIENCE_MS } from '../helpers/patience.js';
import { describeWithPacs } from '../helpers/real-pacs.js';
import { PATIENT, request, startTestGateway, type TestGateway } from '../helpers/test-gateway.js';

// Each step in the browser has its own time; a busy machine takes long for all of them.
jest.setTimeout(240_000);

/** JPEG of quality 90 against PNG, both made of the same frame: decoders round. */
const LOSS = 3;

const MARKUP = '<b>"bold"</b>&amp;<script>alert(2)</script>^<img/onerror>';
/** Right-to-left override, and what it would turn round if it got out. */
const OVERRIDE = '\u202eEVIL^\u05d0\u05d1\u05d2 & Co';
const MANY = 5000;

/** Studies of one report each, by their names. */
const named: readonly Fixture[] = [
  basicTextSr({
    study: 100,
    characterSet: 'ISO_IR 192',
    patientName: Buffer.from(MARKUP),
    patientId: '<b>ID</b>',
    studyDate: '20230101',
  }),
  basicTextSr({
    study: 101,
    characterSet: 'ISO_IR 192',
    patientName: Buffer.from(OVERRIDE),
    studyDate: '20230101',
  }),
  ...names.map(({ characterSet, bytes }, index) =>
    basicTextSr({
      study: 110 + index,
      patientName: bytes,
      ...(characterSet === undefined ? {} : { characterSet }),
      studyDate: '20230101',
    }),
  ),
];

/** Enough studies for a second page. */
const pages: readonly Fixture[] = Array.from({ length: 30 }, (_, index) =>
  basicTextSr({
    study: 200 + index,
    patientName: `PAGED^${index}`,
    studyDate: '20220101',
    studyTime: `10${String(index).padStart(2, '0')}00`,
  }),
);

describeWithPacs(
  'the console in a browser',
  () => {
    let browser: Browser;
    let pacs: DemoPacs;
    let gateway: TestGateway;
    let shown: ConsolePage;

    beforeAll(async () => {
      buildConsole();
      browser = await startBrowser();
      pacs = await createDemoPacs({
        instances: [...demoStudies(), ...named, ...pages, usCine({ study: 300 })],
      });
      gateway = await startTestGateway(
        [
          'peers:',
          `  main: { address: "${formatAeAddress(pacs.address)}", background: { rate: 1 MiB } }`,
          `  gone: { address: "GONE@127.0.0.1:${await freePort()}" }`,
          'defaultPeer: main',
          'store: { sopClasses: { deny: ["1.2.840.10008.5.1.4.1.1.88.*"] } }',
          'console: { viewers: { OHIF: "https://viewer.example/viewer?StudyInstanceUIDs={study}&url={service}" } }',
          '',
        ].join('\n'),
      );
    });
    afterAll(async () => {
      await gateway.close();
      await pacs.close();
      await browser.close();
    });
    beforeEach(async () => {
      shown = await openConsole(browser, `${gateway.origin}/`);
    });
    afterEach(async () => {
      // Also that nothing has broken the policy of the page.
      expect(shown.complaints).toEqual([]);
      await shown.page.close();
    });

    /** Opens a study by what it is called in the list of results. */
    const openStudy = async (query: string, name: string): Promise<void> => {
      await shown.show(`search?peer=main&${query}`);
      await shown.page.getByRole('link', { name }).click();
    };
    const series = (text: string) => shown.page.locator('.series-card', { hasText: text });

    test('shows which peer answers and which does not, and why', async () => {
      const { page } = shown;
      await page.locator('[data-peer=main][data-state=up]').waitFor();
      const gone = page.locator('[data-peer=gone][data-state=down]');
      await gone.waitFor();
      await eventually(() =>
        expect(gone.locator('.echo').textContent()).resolves.toContain('Check host and port'),
      );
      await eventually(() =>
        expect(gone.locator('.badge').first().textContent()).resolves.toBe('does not answer'),
      );
      await gone.getByText('Last error').waitFor();
      await page.getByText('GATEWAY', { exact: true }).waitFor();
      await shown.screenshot('peers');
    });

    test('runs a check and shows its steps', async () => {
      const card = shown.page.locator('[data-peer=main]');
      await card.getByRole('button', { name: 'Run check' }).click();
      await card.locator('.verdict', { hasText: 'Usable.' }).waitFor();
      await eventually(() =>
        expect(card.locator('.steps li strong').allTextContents()).resolves.toEqual([
          'C-ECHO',
          'C-FIND',
          'C-GET',
          'C-MOVE',
        ]),
      );
      await shown.screenshot('check');
    });

    test('finds a study by the name that is begun', async () => {
      const { page } = shown;
      await shown.show('search');
      await page.getByLabel('Patient’s name').fill('demo^ultra');
      await page.getByRole('button', { name: 'Search' }).click();
      await page.getByText('Studies 1 to 1').waitFor();
      await eventually(() =>
        expect(page.locator('.studies tbody .patient a').allTextContents()).resolves.toEqual([
          'DEMO, ULTRASOUND',
        ]),
      );
      await eventually(() =>
        expect(page.locator('.studies tbody .count').textContent()).resolves.toBe('1 / 1'),
      );
    });

    test('finds studies by a span of dates and times, to the minute', async () => {
      const { page } = shown;
      await shown.show('search');
      await page.getByLabel('From date').fill('2024-02-20');
      await page.getByLabel('from time').fill('14:16');
      await page.getByLabel('Until date').fill('2024-03-02');
      await page.getByLabel('until time').fill('08:30');
      await page.getByRole('button', { name: 'Search' }).click();
      await page.getByText('Studies 1 to 1').waitFor();
      await eventually(() =>
        expect(page.locator('.studies tbody .patient a').allTextContents()).resolves.toEqual([
          'DEMO, COLOUR',
        ]),
      );
      await page.reload();
      // What was searched stands in the address.
      await page.getByText('Studies 1 to 1').waitFor();
      await eventually(() => expect(page.getByLabel('from time').inputValue()).resolves.toMatch(/^14:16/));
      await shown.screenshot('search');
    });

    test('says that nothing matches, and leads from page to page', async () => {
      const { page } = shown;
      await shown.show('search?peer=main&id=NOBODY');
      await page.getByText('No study matches.').waitFor();
      await shown.show('search?peer=main&name=paged');
      await page.getByText('Studies 1 to 25').waitFor();
      const first = await page.locator('.patient a').allTextContents();
      await page.getByRole('button', { name: 'Next page' }).click();
      await page.getByText('Studies 26 to 30').waitFor();
      const second = await page.locator('.patient a').allTextContents();
      expect(new Set([...first, ...second]).size).toBe(30);
      await page.getByRole('button', { name: 'Previous page' }).click();
      await page.getByText('Studies 1 to 25').waitFor();
    });

    test('shows the Warning of an answer', async () => {
      await shown.page.route('**/peers/main/dicomweb/studies?**', async (route) => {
        const response = await route.fetch();
        await route.fulfill({
          response,
          headers: { ...response.headers(), warning: '299 gw "Some <b>text</b>"' },
        });
      });
      await shown.show('search?peer=main&name=demo');
      await shown.page.locator('.notice.warn', { hasText: 'Some <b>text</b>' }).waitFor();
    });

    test('a search that fails, or breaks in the middle, says so and never that it is whole', async () => {
      const { page } = shown;
      await shown.show('search?peer=gone');
      await page.locator('.notice.bad', { hasText: 'peer-unreachable' }).waitFor();
      await page.route('**/peers/main/dicomweb/studies?**', (route) =>
        route.fulfill({
          contentType: 'application/dicom+json',
          body: '[{"0020000D":{"vr":"UI","Value":["1.2"]}},',
        }),
      );
      await shown.show('search?peer=main&name=demo');
      await page.locator('.notice.bad').waitFor();
      await expect(page.locator('.pages').textContent()).resolves.not.toContain('Studies 1 to');
    });

    test('draws a CT as the gateway renders it, scrolls by wheel and keys, and changes the window by dragging', async () => {
      const { page } = shown;
      await openStudy('name=DEMO^CT', 'DEMO, CT');
      await series('CT').locator('img').waitFor();
      await series('CT').click();
      const first = await canvasOf(page);
      const same = difference(first, await renderedOf(gateway.origin, first.path));
      expect(same.mean).toBeLessThan(LOSS);
      expect(same.spread).toBeGreaterThan(100);
      await page.getByText('Quick look: not for diagnosis').waitFor();
      await page.locator('.stage').hover();
      await page.mouse.wheel(0, 100);
      await page.getByText('2 / 40').waitFor();
      await page.locator('.stage').focus();
      await page.keyboard.press('End');
      await page.getByText('40 / 40').waitFor();
      await page.keyboard.press('PageUp');
      await page.getByText('30 / 40').waitFor();
      const before = await canvasOf(page);
      expect(difference(before, first).mean).toBeGreaterThan(LOSS);
      const stage = await page.locator('.stage').boundingBox();
      // All of it can be seen.
      await eventually(() => expect(page.locator('.stage canvas').boundingBox()).resolves.toEqual(stage));
      const [x, y] = [(stage?.x ?? 0) + 200, (stage?.y ?? 0) + 200];
      await page.mouse.move(x, y);
      await page.mouse.down();
      await page.mouse.move(x + 120, y + 60, { steps: 8 });
      await page.mouse.up();
      await page.locator('.window', { hasText: /C 120 {2}W 729/ }).waitFor();
      const after = await canvasOf(page);
      expect(after.path).toContain('?window=120,729,linear');
      expect(difference(after, before).mean).toBeGreaterThan(LOSS);
      expect(difference(after, await renderedOf(gateway.origin, after.path)).mean).toBeLessThan(LOSS);
      await shown.screenshot('picture');
    });

    test('plays the frames of an ultrasound cine', async () => {
      const { page } = shown;
      await openStudy('name=DEMO^ULTRA', 'DEMO, ULTRASOUND');
      await series('US').click();
      await page.getByText('1 / 20').waitFor();
      await page.getByText('20 frames a second').waitFor();
      const seen = new Set([(await canvasOf(page)).path]);
      await page.getByRole('button', { name: 'Play' }).click();
      while (seen.size < 5) seen.add((await canvasOf(page)).path);
      await page.getByRole('button', { name: 'Pause' }).click();
      const still = await canvasOf(page);
      expect(difference(still, await renderedOf(gateway.origin, still.path)).mean).toBeLessThan(LOSS);
      await shown.screenshot('cine');
    });

    test('shows a report as text of its own, and finds attributes in the tree', async () => {
      const { page } = shown;
      await openStudy('name=DEMO^CT', 'DEMO, CT');
      await series('Report').click();
      await page.locator('.report', { hasText: 'No patient was ever near it.' }).waitFor();
      await shown.screenshot('report');
      await page.getByRole('button', { name: 'Attributes' }).click();
      await page.getByLabel('Find by name, tag or value').fill('CodeMeaning');
      await page.locator('[role=treeitem]', { hasText: 'Diagnostic imaging report' }).waitFor();
      await page.getByLabel('Find by name, tag or value').fill('(0010,0010)');
      await page.locator('[role=treeitem]', { hasText: 'PatientName' }).waitFor();
      await eventually(() => expect(page.locator('[role=treeitem]').count()).resolves.toBe(1));
      await page.getByLabel('Find by name, tag or value').fill('');
      await page.locator('[role=tree]').focus();
      await page.keyboard.press('End');
      const last = page.locator('[role=treeitem][aria-selected=true]');
      await eventually(() => expect(last.getAttribute('aria-expanded')).resolves.toBe('false'));
      const before = await page.locator('.attributes [role=status]').textContent();
      await page.keyboard.press('ArrowRight');
      await page.locator('[role=treeitem]', { hasText: 'Item 1' }).waitFor();
      await eventually(() =>
        expect(page.locator('.attributes [role=status]').textContent()).resolves.not.toBe(before),
      );
      await shown.screenshot('attributes');
    });

    test('saves bulk data', async () => {
      const { page } = shown;
      await openStudy('name=DEMO^COLOUR', 'DEMO, COLOUR');
      await series('OT').click();
      await canvasOf(page);
      await page.getByRole('button', { name: 'Attributes' }).click();
      await page.getByLabel('Find by name, tag or value').fill('PixelData');
      const download = page.waitForEvent('download');
      await page.getByRole('button', { name: 'Save bulk data' }).click();
      expect((await download).suggestedFilename()).toBe('7FE00010.bin');
    });

    test('links to the viewers of the site with the study in them', async () => {
      await openStudy('name=DEMO^COLOUR', 'DEMO, COLOUR');
      const link = shown.page.getByRole('link', { name: 'Open in OHIF' });
      const url = new URL((await link.getAttribute('href')) ?? '');
      expect(url.searchParams.get('StudyInstanceUIDs')).toMatch(/^2\.25\./);
      expect(url.searchParams.get('url')).toBe(`${gateway.origin}/peers/main/dicomweb`);
    });

    test('watches a preload come, and drops what it brought', async () => {
      const { page } = shown;
      await openStudy('name=DEMO^CT', 'DEMO, CT');
      await page.getByRole('button', { name: 'Drop from cache' }).click();
      await page.locator('.study-actions [role=status]').waitFor();
      await page.getByRole('button', { name: 'Preload' }).click();
      await page.locator('.study-actions').getByRole('link', { name: 'Pulls' }).click();
      const pull = page.locator('.pull', { hasText: 'DEMO, CT' });
      await pull.locator('progress[value]').waitFor();
      const seen = new Set<string>();
      // The rate is limited so that it takes some seconds.
      await pull.getByText(/ left$/).waitFor();
      await pull.getByText(/\/s$/).waitFor();
      await shown.screenshot('pulls');
      for (let state = ''; state !== 'complete'; state = (await pull.getAttribute('data-state')) ?? '')
        seen.add((await pull.locator('.dots span').first().textContent()) ?? '');
      expect(seen.size).toBeGreaterThan(2);
      await pull.getByText('41 of 41 instances').waitFor();
      await pull.getByRole('button', { name: 'Drop from cache' }).click();
      await pull.getByText('41 instances were dropped.').waitFor();
    });

    test('stores a file and finds it, and says in words why another is not stored', async () => {
      const { page } = shown;
      const directory = mkdtempSync(join(tmpdir(), 'console-files-'));
      const files = [
        ['cine.dcm', usCine({ study: 400, patientName: 'STORED^BY CONSOLE' }).file],
        ['denied.dcm', basicTextSr({ study: 401 }).file],
        ['notes.txt', Buffer.from('no DICOM at all')],
      ] as const;
      try {
        for (const [name, bytes] of files) writeFileSync(join(directory, name), bytes);
        await shown.show('store');
        await page
          .locator('input[type=file]')
          .first()
          .setInputFiles(files.map(([name]) => join(directory, name)));
        await page.getByText('3 of 3 files done, 2 not stored').waitFor();
        const wordsOf = (name: string) =>
          page.locator('.upload', { hasText: name }).locator('.words').textContent();
        await eventually(() => expect(wordsOf('cine.dcm')).resolves.toContain('Stored'));
        await eventually(() =>
          expect(wordsOf('denied.dcm')).resolves.toContain('this kind of object is not taken (reason 0122)'),
        );
        await eventually(() =>
          expect(wordsOf('notes.txt')).resolves.toContain('it is no DICOM object that can be understood'),
        );
        await shown.screenshot('store');
        await page.getByRole('link', { name: 'Open the study' }).click();
        await page.getByRole('heading', { name: 'STORED, BY CONSOLE' }).waitFor();
        await shown.show('search?peer=main&name=stored');
        await page.getByText('Studies 1 to 1').waitFor();
      } finally {
        rmSync(directory, { recursive: true });
      }
    });

    test('takes a folder, and files that are dropped', async () => {
      const { page } = shown;
      const directory = mkdtempSync(join(tmpdir(), 'console-folder-'));
      try {
        mkdirSync(join(directory, 'below'));
        writeFileSync(
          join(directory, 'below', 'one.dcm'),
          usCine({ study: 410, patientName: 'FOLDER^ONE' }).file,
        );
        writeFileSync(join(directory, 'two.dcm'), usCine({ study: 411, patientName: 'FOLDER^TWO' }).file);
        await shown.show('store');
        await page.locator('input[type=file]').nth(1).setInputFiles(directory);
        await page.getByText('2 of 2 files done').waitFor();
        await page.locator('.upload[data-state=stored]', { hasText: 'below/one.dcm' }).waitFor();
        const bytes = usCine({ study: 412, patientName: 'DROPPED^THREE' }).file.toString('base64');
        await page.evaluate(`{
          const transfer = new DataTransfer();
          const bytes = Uint8Array.from(atob(${JSON.stringify(bytes)}), (letter) => letter.charCodeAt(0));
          transfer.items.add(new File([bytes], 'three.dcm'));
          document.querySelector('.drop').dispatchEvent(new DragEvent('drop', { dataTransfer: transfer, bubbles: true }));
        }`);
        await page.getByText('3 of 3 files done').waitFor();
        await page.locator('.upload[data-state=stored]', { hasText: 'three.dcm' }).waitFor();
        await page.getByRole('button', { name: 'Clear the list' }).click();
        await eventually(() => expect(page.locator('.upload').count()).resolves.toBe(0));
      } finally {
        rmSync(directory, { recursive: true });
      }
    });

    test('plots the figures of the gateway', async () => {
      const { page } = shown;
      await shown.show('health');
      await request(`${gateway.service}/studies?limit=1`);
      const memory = page.locator('.plot', { hasText: 'Memory' });
      await memory.locator('strong', { hasText: 'MiB' }).waitFor();
      await eventually(() => expect(memory.locator('path').getAttribute('d')).resolves.toMatch(/^M/));
      await eventually(() => expect(page.locator('.plot').count()).resolves.toBe(12));
      await shown.screenshot('health');
    });

    test('names with markup, scripts and marks of direction, in every character set, are text', async () => {
      const { page } = shown;
      await shown.show('search?peer=main&until=2023-01-01&from=2023-01-01');
      await page.getByText(`Studies 1 to ${named.length}`).waitFor();
      const texts = await page.locator('.patient a').allTextContents();
      const written = (text: string): string =>
        text
          .split('=')
          .map((group) => group.replace('^', ', ').replace('\u202e', '⟨U+202E⟩'))
          .join(' · ');
      expect(new Set(texts)).toEqual(
        new Set([MARKUP, OVERRIDE, ...names.map(({ text }) => text)].map(written)),
      );
      await expect(page.locator('.studies img, .studies script, .studies b').count()).resolves.toBe(0);
      // Each stands by itself, whatever its direction.
      await eventually(() => expect(page.locator('.patient a > bdi').count()).resolves.toBe(named.length));
      await shown.screenshot('names');
      await page.locator('.patient a', { hasText: '<script>' }).click();
      await series('SR').click();
      await page.locator('.report', { hasText: '<script>alert(2)</script>' }).waitFor();
      await expect(page.locator('.report img, .report script').count()).resolves.toBe(0);
      await page.getByRole('button', { name: 'Attributes' }).click();
      await page.locator('[role=treeitem] .value', { hasText: '<img/onerror>' }).waitFor();
    });

    test('is used by the keyboard alone', async () => {
      const { page } = shown;
      await shown.show('search?peer=main&name=demo^ct');
      await page.getByText('Studies 1 to 1').waitFor();
      const press = async (key: string, until: string): Promise<void> => {
        for (let n = 0; n < 40; n += 1) {
          if (
            await page.evaluate<boolean>(`document.activeElement?.matches(${JSON.stringify(until)}) ?? false`)
          )
            return;
          await page.keyboard.press(key);
        }
        throw new Error(`${until} is not reached by ${key}`);
      };
      await press('Tab', '.patient a');
      await page.keyboard.press('Enter');
      await series('CT').waitFor();
      await press('Tab', '.series-card');
      await page.keyboard.press('Enter');
      await canvasOf(page);
      await press('Tab', '[role=listbox]');
      await page.keyboard.press('ArrowDown');
      await page.getByText('2 / 40').waitFor();
      await press('Tab', '.stage');
      await page.keyboard.press('ArrowDown');
      await page.getByText('3 / 40').waitFor();
    });

    test.each(['light', 'dark'] as const)('fits a phone, %s', async (colorScheme) => {
      const phone = await openConsole(browser, `${gateway.origin}/`, {
        viewport: { width: 375, height: 720 },
        colorScheme,
      });
      try {
        const study = demoStudies()[0];
        for (const view of [
          'peers',
          'search?peer=main',
          `study?peer=main&study=${study?.studyInstanceUid ?? ''}&series=${study?.seriesInstanceUid ?? ''}`,
          'pulls',
          'store',
          'health',
        ]) {
          await phone.show(view);
          if (view.startsWith('study')) await canvasOf(phone.page);
          if (view.startsWith('search')) await phone.page.getByText('Studies 1 to').waitFor();
          const widths = await phone.page.evaluate<readonly number[]>(
            '[document.documentElement.scrollWidth, innerWidth]',
          );
          expect([view, widths[0]]).toEqual([view, widths[1]]);
          await phone.screenshot(`phone-${colorScheme}-${view.split('?')[0] ?? ''}`);
        }
        expect(phone.complaints).toEqual([]);
      } finally {
        await phone.page.close();
      }
    });

    test.each<readonly [how: string, fail: (response: ServerResponse) => void]>([
      ['nothing answers', (response) => response.destroy()],
      [
        'a proxy answers in its place',
        (response) =>
          response.writeHead(502, { 'content-type': 'text/html' }).end('<h1>502 Bad Gateway</h1>'),
      ],
    ])('says that the gateway has gone, and goes on when it is back: %s', async (_how, fail) => {
      let isGone = false;
      const proxy = await startProxy(gateway.origin, '/', (_incoming, response) => {
        if (isGone) fail(response);
        return !isGone;
      });
      const behind = await openConsole(browser, proxy.url);
      try {
        await behind.show('search?peer=main&name=demo^ct');
        await behind.page.getByText('Studies 1 to 1').waitFor();
        isGone = true;
        await behind.page.getByText('The gateway does not answer.').waitFor();
        await behind.screenshot('gone');
        isGone = false;
        await behind.page.getByText('The gateway answers again.').waitFor();
        await behind.page.getByText('Studies 1 to 1').waitFor();
        await behind.page.getByText('connected').waitFor();
      } finally {
        await behind.page.close();
        await proxy.close();
      }
    });

    describe('behind a proxy that has a path of its own, where tokens are wanted', () => {
      let proxy: Proxy;
      let behind: ConsolePage | undefined;
      let guarded: TestGateway;
      let issuer: Awaited<ReturnType<typeof startOidcIssuer>>;

      beforeAll(async () => {
        issuer = await startOidcIssuer('console');
        guarded = await startTestGateway(
          [
            'peers:',
            `  main: { address: "${formatAeAddress(pacs.address)}" }`,
            `console: { oidc: { issuer: "${issuer.url}", clientId: console, scopes: [${SCOPE}] } }`,
            `access: { issuers: { site: { issuer: "${issuer.url}", audience: [${AUDIENCE}],`,
            `  scopes: { ${SCOPE}: [read, admin] } } } }`,
            '',
          ].join('\n'),
        );
        proxy = await startProxy(guarded.origin, '/imaging/pacs/');
      });
      afterEach(async () => {
        await behind?.page.close();
      });
      afterAll(async () => {
        await proxy.close();
        await guarded.close();
        await issuer.close();
      });

      test('logs in by the code flow with PKCE, and comes back to where it was', async () => {
        behind = await openConsole(browser, `${proxy.url}#/search?peer=main&name=demo^ct`);
        const { page, complaints } = behind;
        await page.getByRole('button', { name: 'Log in' }).click();
        await page.getByText('Studies 1 to 1').waitFor();
        expect(page.url()).toBe(`${proxy.url}#/search?peer=main&name=demo^ct`);
        await page.getByRole('link', { name: 'DEMO, CT' }).click();
        await page.locator('.series-card', { hasText: 'CT' }).click();
        await canvasOf(page);
        await page.reload();
        await canvasOf(page);
        expect([complaints, issuer.refusals, issuer.tokens.size]).toEqual([[], [], 1]);
        await page.getByRole('button', { name: 'Log out' }).click();
        await page.getByRole('button', { name: 'Log in' }).waitFor();
      });

      test('renews a token that is about to end, and asks who is there when that is refused', async () => {
        // Of a few seconds: each request finds one that is about to end.
        const brief = await startOidcIssuer('console', 5);
        const own = await startTestGateway(
          [
            'peers:',
            `  main: { address: "${formatAeAddress(pacs.address)}" }`,
            `console: { oidc: { issuer: "${brief.url}", clientId: console } }`,
            '',
          ].join('\n'),
        );
        let isRefused = false;
        const front = await startProxy(own.origin, '/', ({ url = '', headers }, response) => {
          const token = (headers.authorization ?? '').replace(/^Bearer /, '');
          if (!/^\/(?:peers|cache|metrics|console\/api)/.test(url)) return true;
          if (!isRefused && brief.tokens.has(token)) return true;
          response.writeHead(401).end();
          return false;
        });
        try {
          behind = await openConsole(browser, `${front.url}#/search?peer=main&name=demo^ct`);
          const { page } = behind;
          await page.getByRole('button', { name: 'Log in' }).click();
          await page.getByText('Studies 1 to 1').waitFor();
          await page.getByRole('button', { name: 'Search' }).click();
          await page.getByRole('link', { name: 'DEMO, CT' }).click();
          await page.locator('.series-card', { hasText: 'CT' }).waitFor();
          expect(brief.refusals).toEqual([]);
          expect(brief.tokens.size).toBeGreaterThan(1);
          isRefused = true;
          await page.getByRole('link', { name: 'Peers' }).click();
          await page.getByRole('button', { name: 'Log in' }).waitFor();
        } finally {
          await behind?.page.close();
          behind = undefined;
          await front.close();
          await own.close();
          await brief.close();
        }
      });

      test('a code that nobody asked for is not taken', async () => {
        behind = await openConsole(browser, `${proxy.url}?code=stolen&state=x`);
        await behind.page.getByRole('button', { name: 'Log in' }).waitFor();
        expect(issuer.refusals).toEqual([]);
        // It does not stand in the address either, for whoever looks at the history.
        expect(behind.page.url()).toBe(proxy.url);
      });

      test('a code that comes back for another login is not taken (RFC 6749 10.12)', async () => {
        behind = await openConsole(browser, proxy.url);
        const { page } = behind;
        await page.getByRole('button', { name: 'Log in' }).waitFor();
        // The browser comes back with what belongs to the login of somebody else.
        await page.route('**/authorize?**', async (route) => {
          const url = new URL(route.request().url());
          url.searchParams.set('state', 'of-another');
          await route.continue({ url: url.href });
        });
        const tokens = issuer.tokens.size;
        await page.getByRole('button', { name: 'Log in' }).click();
        await page.getByRole('alert').getByText('Logging in did not work').waitFor();
        await page.reload();
        await page.getByRole('button', { name: 'Log in' }).waitFor();
        expect([issuer.tokens.size, issuer.refusals, page.url()]).toEqual([tokens, [], proxy.url]);
      });

      test('says why the issuer lets nobody in, as text', async () => {
        behind = await openConsole(browser, proxy.url);
        const { page } = behind;
        issuer.deny('access_denied', '<b>Not</b> in the group of radiology');
        try {
          await page.getByRole('button', { name: 'Log in' }).click();
          const said = page.getByRole('alert');
          await said.getByText('access_denied').waitFor();
          await eventually(() =>
            expect(said.textContent()).resolves.toContain('<b>Not</b> in the group of radiology'),
          );
          expect(page.url()).toBe(proxy.url);
        } finally {
          issuer.deny(undefined);
        }
      });

      test('takes a user and a password, or a token, of the gateway where no issuer is configured', async () => {
        const own = await startTestGateway(
          [
            'peers:',
            `  main: { address: "${formatAeAddress(pacs.address)}" }`,
            `access: { users: { ann: { password: "${await hashPassword('päss')}", roles: [read, admin] } },`,
            '  tokens: { site: { token: a-token-of-some-length-for-ann, roles: [read, admin] } } }',
            '',
          ].join('\n'),
        );
        const plain = await startProxy(own.origin, '/imaging/pacs/');
        try {
          behind = await openConsole(browser, plain.url);
          await behind.page.getByLabel('User').fill('ann');
          await behind.page.getByLabel('Password').fill('päss');
          await behind.page.getByRole('button', { name: 'Log in with a password' }).click();
          await behind.page.locator('[data-peer=main][data-state=up]').waitFor();
          await behind.page.getByRole('button', { name: 'Log out' }).click();
          await behind.page.getByLabel('Bearer token').fill('a-token-of-some-length-for-ann');
          await behind.page.getByRole('button', { name: 'Use this token' }).click();
          await behind.page.locator('[data-peer=main][data-state=up]').waitFor();
        } finally {
          await plain.close();
          await own.close();
        }
      });
    });

    test('a series of 5,000 instances scrolls, and little of it is in the document', async () => {
      const many = await createDemoPacs({
        instances: Array.from({ length: MANY }, (_, index) =>
          basicTextSr({ study: 500, instance: index + 1 }),
        ),
      });
      const large = await startTestGateway(
        `peers:\n  main:\n    address: ${formatAeAddress(many.address)}\n${PATIENT}\n`,
      );
      const list = await openConsole(browser, `${large.origin}/`);
      try {
        const { page } = list;
        await list.show('study?peer=main&study=2.25.4711.500&series=2.25.4711.500.1');
        // Five thousand rows, of a PACS in this process, take their time on a busy machine.
        await page.getByText(`${MANY} listed`, { exact: true }).waitFor({ timeout: 4 * PATIENCE_MS });
        await page.locator('[role=listbox]').focus();
        await page.keyboard.press('End');
        await page.locator(`[role=option][aria-posinset="${MANY}"][aria-selected=true]`).waitFor();
        await eventually(() => expect(page.locator('[role=option]').count()).resolves.toBeLessThan(60));
        await page.locator('.report').waitFor();
        await page.evaluate(`{
          const list = document.querySelector('[role=listbox]');
          list.scrollTop = list.scrollHeight / 2;
        }`);
        await page.locator(`[role=option][aria-posinset="${MANY / 2}"]`).waitFor();
        await list.screenshot('many');
        expect(list.complaints).toEqual([]);
      } finally {
        await list.page.close();
        await large.close();
        await many.close();
      }
    });
  },
  ['chromium'],
);
