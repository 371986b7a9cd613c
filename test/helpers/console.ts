/** The console in a browser, in front of a gateway. */
import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import http, { type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { Browser, BrowserContextOptions, Locator, Page } from 'playwright-core';
import sharp from 'sharp';
import { projectPath } from './markdown.js';
import { PATIENCE_MS } from './patience.js';
import { request } from './test-gateway.js';

/** Where pictures of the screen are left. */
const SCREENSHOTS = join('artifacts', 'console');

/** Bundles the page where the gateway looks for it, which takes less than a second. */
export function buildConsole(): void {
  execFileSync(process.execPath, [projectPath('src/console/build.mjs')], { stdio: 'pipe' });
}

/** A page of the console, with all that went wrong in it. */
export interface ConsolePage {
  readonly page: Page;
  /** Whatever the page or the browser complained of: a script that failed, a policy that was broken. */
  readonly complaints: readonly string[];
  /** Shows a view by its address behind the #. */
  readonly show: (view: string) => Promise<void>;
  readonly screenshot: (name: string) => Promise<void>;
}

/** What the browser itself says of answers that are errors, which some tests are about. */
const EXPECTED = 'Failed to load resource';

/** Waits until an expression holds in the page, whose policy forbids what Playwright itself waits by. */
export async function untilHolds(page: Page, expression: string): Promise<void> {
  const deadline = Date.now() + PATIENCE_MS;
  while (!(await page.evaluate<boolean>(expression))) {
    if (Date.now() > deadline) throw new Error(`It does not come to hold: ${expression}`);
    await page.waitForTimeout(20);
  }
}

export async function openConsole(
  browser: Browser,
  url: string,
  options: BrowserContextOptions = {},
): Promise<ConsolePage> {
  const page = await browser.newPage({ viewport: { width: 1280, height: 900 }, locale: 'en-GB', ...options });
  page.setDefaultTimeout(PATIENCE_MS);
  const complaints: string[] = [];
  page.on('pageerror', (error) => complaints.push(error.message));
  page.on('console', (message) => {
    if (message.type() === 'error' && !message.text().startsWith(EXPECTED)) complaints.push(message.text());
  });
  page.on('dialog', (dialog) => {
    complaints.push(`a dialog: ${dialog.message()}`);
    void dialog.dismiss();
  });
  await page.goto(url);
  return {
    page,
    complaints,
    show: async (view) => {
      await page.goto(new URL(`#/${view}`, url).href);
    },
    screenshot: async (name) => {
      const path = join(SCREENSHOTS, `${name}.png`);
      mkdirSync(SCREENSHOTS, { recursive: true });
      await page.screenshot({ path });
    },
  };
}

/** The middle of a picture, `SIDE` pixels in each direction at most, in RGBA. */
export interface Pixels {
  /** Of the whole picture. */
  readonly width: number;
  readonly height: number;
  readonly data: Buffer;
}

/** All pixels of a large picture would take a browser and a test half a minute. */
const SIDE = 320;

/** Where the middle begins, and how far it goes. */
const middleOf = (length: number): readonly [from: number, count: number] => [
  Math.max(0, Math.floor((length - SIDE) / 2)),
  Math.min(length, SIDE),
];

/** What the canvas holds once it shows the picture that it is to show. */
export async function canvasOf(page: Page): Promise<Pixels & { readonly path: string }> {
  await page.locator('.stage:not(.waiting) canvas[data-shown]').waitFor();
  const read = await page.evaluate<{ path: string; width: number; height: number; base64: string }>(`(() => {
    const canvas = document.querySelector('.stage canvas');
    const { width, height, dataset } = canvas;
    const from = (length) => Math.max(0, Math.floor((length - ${SIDE}) / 2));
    const count = (length) => Math.min(length, ${SIDE});
    const context = canvas.getContext('2d');
    const { data } = context.getImageData(from(width), from(height), count(width), count(height));
    let text = '';
    for (let at = 0; at < data.length; at += 8192) text += String.fromCharCode(...data.subarray(at, at + 8192));
    return { path: dataset.shown, width, height, base64: btoa(text) };
  })()`);
  return { ...read, data: Buffer.from(read.base64, 'base64') };
}

/** The picture that the gateway makes of what the canvas shows, without loss. */
export async function renderedOf(origin: string, path: string): Promise<Pixels> {
  const { status, body } = await request(`${origin}/${path}`, { headers: { accept: 'image/png' } });
  if (status !== 200) throw new Error(`${path}: ${status}`);
  const { width, height } = await sharp(body).metadata();
  const [left, columns] = middleOf(width);
  const [top, rows] = middleOf(height);
  const middle = sharp(body).extract({ left, top, width: columns, height: rows });
  return { width, height, data: await middle.ensureAlpha().raw().toBuffer() };
}

/** Mean difference of the samples of two pictures, and how much those of the first one differ among themselves. */
export function difference(a: Pixels, b: Pixels): { readonly mean: number; readonly spread: number } {
  if (a.width !== b.width || a.height !== b.height || a.data.length !== b.data.length)
    return { mean: Infinity, spread: 0 };
  let sum = 0;
  let [least, most] = [255, 0];
  for (let at = 0; at < a.data.length; at += 1) {
    const sample = a.data[at] ?? 0;
    sum += Math.abs(sample - (b.data[at] ?? 0));
    if (at % 4 === 3) continue;
    least = Math.min(least, sample);
    most = Math.max(most, sample);
  }
  return { mean: sum / a.data.length, spread: most - least };
}

/** Resolves when a part of the page has become mostly white where it was dark: a sheet of paper is shown. */
export async function untilPaper(part: Locator): Promise<void> {
  const until = Date.now() + PATIENCE_MS;
  for (let share = 0; share < 0.2;) {
    if (Date.now() > until) throw new Error('No page of a document is shown.');
    const { data } = await sharp(await part.screenshot())
      .greyscale()
      .raw()
      .toBuffer({ resolveWithObject: true });
    share = data.filter((value) => value > 240).length / data.length;
  }
}

/** What a proxy lets through. */
export type Gate = (incoming: IncomingMessage, response: ServerResponse) => boolean;

/** A reverse proxy that serves a gateway below a path of its own. */
export interface Proxy {
  readonly url: string;
  close(): Promise<void>;
}

/** Serves `origin` below `prefix`; `gate` says of each request whether it is passed on, else it has answered. */
export async function startProxy(origin: string, prefix: string, gate: Gate = () => true): Promise<Proxy> {
  const server = http.createServer((incoming, response) => {
    const { url = '/', method, headers } = incoming;
    if (!url.startsWith(prefix)) {
      response.writeHead(404).end();
      return;
    }
    if (!gate(incoming, response)) return;
    const outgoing = http.request(
      new URL(url.slice(prefix.length - 1), origin),
      { method, headers },
      (answer) => {
        response.writeHead(answer.statusCode ?? 502, answer.headers);
        answer.pipe(response);
        answer.on('error', () => response.destroy());
      },
    );
    outgoing.on('error', () => response.destroy());
    response.on('close', () => outgoing.destroy());
    incoming.pipe(outgoing);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}${prefix}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => {
          resolve();
        });
        server.closeAllConnections();
      }),
  };
}
