import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort, portOpen } from './free-port.js';

/** A reverse proxy that runs. */
export interface Nginx {
  readonly origin: string;
  stop(): Promise<void>;
}

/** Starts nginx in front of `upstream` with nothing but `proxy_pass`: everything else is its default. */
export const startNginx = (upstream: string): Promise<Nginx> =>
  startNginxWith(
    (port) => `server { listen 127.0.0.1:${port}; location / { proxy_pass ${upstream}; } }`,
    'http',
  );

/** Starts nginx with what `block` puts into its http block. */
export async function startNginxWith(
  block: (port: number) => string,
  scheme: 'http' | 'https',
): Promise<Nginx> {
  const directory = mkdtempSync(join(tmpdir(), 'nginx-'));
  const port = await freePort();
  const file = join(directory, 'nginx.conf');
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (kind) => `  ${kind}_temp_path ${directory}/${kind};`,
  );
  writeFileSync(
    file,
    [
      'daemon off;',
      'worker_processes 1;',
      `pid ${directory}/nginx.pid;`,
      `error_log ${directory}/error.log;`,
      'events {}',
      'http {',
      '  access_log off;',
      ...temporary,
      block(port),
      '}',
      '',
    ].join('\n'),
  );
  const child = spawn('nginx', ['-c', file, '-p', directory, '-e', join(directory, 'error.log')], {
    stdio: 'ignore',
    env: { ...process.env, PATH: `${process.env['PATH'] ?? ''}:/usr/sbin` },
  });
  const gone = new Promise<void>((resolve) => {
    child.once('exit', () => {
      resolve();
    });
  });
  await portOpen(port);
  return {
    origin: `${scheme}://127.0.0.1:${port}`,
    stop: async () => {
      child.kill('SIGTERM');
      await gone;
      rmSync(directory, { recursive: true, force: true });
    },
  };
}
