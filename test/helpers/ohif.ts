/** The OHIF viewer in a browser, in front of a gateway. */
import { createReadStream, existsSync, mkdirSync, statSync } from 'node:fs';
import http, { type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { dirname, extname, join, normalize } from 'node:path';
import { chromium, type Browser, type Page } from 'playwright-core';

/** The folder `dist` of the npm package `@ohif/app`; tests with a viewer are skipped where the variable is not set. */
export const ohifDist = process.env['OHIF_DIST'];
/** Where pictures of the screen are left. */
const SCREENSHOTS = join('artifacts', 'ohif');

const types: Readonly<Record<string, string>> = {
  '.css': 'text/css',
  '.html': 'text/html',
  '.ico': 'image/x-icon',
  '.js': 'text/javascript',
  '.json': 'application/json',
  '.mjs': 'text/javascript',
  '.svg': 'image/svg+xml',
  '.wasm': 'application/wasm',
  '.woff2': 'font/woff2',
};

/** As OHIF's own examples set it up, with the one data source. */
const settings = {
  routerBasename: '/',
  showStudyList: true,
  extensions: [],
  modes: [],
  customizationService: {},
  maxNumRequests: { interaction: 100, thumbnail: 75, prefetch: 25 },
  investigationalUseDialog: { option: 'never' },
  defaultDataSourceName: 'gateway',
  dataSources: [
    {
      namespace: '@ohif/extension-default.dataSourcesModule.dicomweb',
      sourceName: 'gateway',
      configuration: {
        friendlyName: 'gateway',
        name: 'gateway',
        qidoRoot: '/dicomweb',
        wadoRoot: '/dicomweb',
        qidoSupportsIncludeField: true,
        imageRendering: 'wadors',
        thumbnailRendering: 'wadors',
        enableStudyLazyLoad: true,
        supportsFuzzyMatching: true,
        supportsWildcard: true,
        bulkDataURI: { enabled: true, relativeResolution: 'studies' },
      },
    },
  ],
};

/** A viewer at an address of its own; what begins with /dicomweb goes to the gateway. */
export interface Viewer {
  readonly url: string;
  close(): Promise<void>;
}

/** Serves the viewer's files, and the gateway below the same origin. */
export async function startViewer(dist: string, gateway: string): Promise<Viewer> {
  const server = http.createServer((request, response) => {
    const { pathname } = new URL(request.url ?? '/', 'http://viewer');
    if (pathname.startsWith('/dicomweb')) pass(request, response, gateway);
    else if (pathname === '/app-config.js')
      response
        .writeHead(200, { 'content-type': 'text/javascript' })
        .end(`window.config = ${JSON.stringify(settings)}`);
    else sendFile(response, join(dist, normalize(pathname)), join(dist, 'index.html'));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => {
          resolve();
        });
        server.closeAllConnections();
      }),
  };
}

function pass(request: IncomingMessage, response: ServerResponse, gateway: string): void {
  const { method, headers, url = '/' } = request;
  const outgoing = http.request(new URL(url, gateway), { method, headers }, (answer) => {
    response.writeHead(answer.statusCode ?? 502, answer.headers);
    answer.pipe(response);
    answer.on('error', () => response.destroy());
  });
  outgoing.on('error', () => response.destroy());
  response.on('close', () => outgoing.destroy());
  request.pipe(outgoing);
}

function sendFile(response: ServerResponse, path: string, otherwise: string): void {
  const file = existsSync(path) && statSync(path).isFile() ? path : otherwise;
  response.writeHead(200, {
    'content-type': types[extname(file)] ?? 'application/octet-stream',
    // OHIF wants memory that is shared by its workers.
    'cross-origin-opener-policy': 'same-origin',
    'cross-origin-embedder-policy': 'require-corp',
  });
  createReadStream(file).pipe(response);
}

/** A browser without a screen. */
export const startBrowser = (): Promise<Browser> =>
  chromium.launch({
    executablePath: process.env['CHROMIUM'] ?? '/usr/bin/chromium',
    args: [
      '--no-sandbox',
      '--use-angle=swiftshader',
      '--enable-unsafe-swiftshader',
      '--ignore-gpu-blocklist',
      '--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1',
    ],
  });

/** What a study looked like. */
export interface Shown {
  /** Different colours in what is drawn, of 64 x 64 samples; one of nothing. */
  readonly colours: number;
  /** Answers of the gateway that were errors. */
  readonly refusals: readonly string[];
}

/** More than an empty viewport with a line of text has. */
const PICTURE_COLOURS = 20;

/** Opens a study, waits for a picture, and leaves a picture of the screen behind. */
export async function openInViewer(
  browser: Browser,
  url: string,
  { name, timeoutMs }: { readonly name: string; readonly timeoutMs: number },
): Promise<Shown> {
  const page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
  const refusals: string[] = [];
  page.on('response', (response) => {
    const { pathname } = new URL(response.url());
    if (response.status() >= 400 && pathname.startsWith('/dicomweb'))
      refusals.push(`${response.status()} ${pathname}`);
  });
  try {
    await page.goto(url, { waitUntil: 'domcontentloaded' });
    const colours = await coloursDrawn(page, timeoutMs);
    await skipTour(page);
    const path = join(SCREENSHOTS, `${name}.png`);
    mkdirSync(dirname(path), { recursive: true });
    await page.screenshot({ path });
    return { colours, refusals };
  } finally {
    await page.close();
  }
}

/** Most colours that any large canvas of the page shows, once it is a picture or the time is over. */
async function coloursDrawn(page: Page, timeoutMs: number): Promise<number> {
  const drawn = await page
    .waitForFunction(`((colours) => colours > ${PICTURE_COLOURS} && colours)(${LOOK})`, undefined, {
      timeout: timeoutMs,
      polling: 250,
    })
    .catch(() => undefined);
  return drawn === undefined ? page.evaluate<number>(LOOK) : Number(await drawn.jsonValue());
}

/** The viewer begins with a tour of its tools, which lies over the picture. */
async function skipTour(page: Page): Promise<void> {
  await page
    .getByText('Skip all')
    .click({ timeout: 2000 })
    .catch(() => undefined);
}

/** Runs in the page. */
const LOOK = `Math.max(0, ...[...document.querySelectorAll('canvas')].map((canvas) => {
  if (canvas.width < 100) return 0;
  const small = document.createElement('canvas');
  small.width = small.height = 64;
  const context = small.getContext('2d');
  try {
    context.drawImage(canvas, 0, 0, 64, 64);
    const { data } = context.getImageData(0, 0, 64, 64);
    return new Set(new Uint32Array(data.buffer)).size;
  } catch {
    return 0;
  }
}))`;

/** Whether what was drawn is a picture. */
export const isPicture = ({ colours }: Shown): boolean => colours > PICTURE_COLOURS;
