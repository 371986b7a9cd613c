import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort, portOpen } from '../helpers/free-port.js';
import { end, start } from './process.js';

/** A web server that sends files as fast as this machine does. */
export interface FileServer {
  readonly origin: string;
  stop(): Promise<void>;
}

/** Starts nginx over the files of a directory, by sendfile; it writes its own files there too. */
export async function startFileServer(directory: string): Promise<FileServer> {
  const port = await freePort();
  const file = join(directory, 'nginx.conf');
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (kind) => `  ${kind}_temp_path ${directory}/${kind};`,
  );
  const configuration = [
    'daemon off;',
    // one process, of the user who starts it: it reads what the bench wrote, and ends with it
    'master_process off;',
    `pid ${directory}/nginx.pid;`,
    `error_log ${directory}/error.log;`,
    'events {}',
    'http {',
    '  access_log off;',
    '  sendfile on;',
    '  keepalive_requests 1000000000;',
    ...temporary,
    `  server { listen 127.0.0.1:${port}; root ${directory}; }`,
    '}',
    '',
  ];
  writeFileSync(file, configuration.join('\n'));
  const env = { ...process.env, PATH: `${process.env['PATH'] ?? ''}:/usr/sbin` };
  const child = start('nginx', ['-c', file, '-p', directory, '-e', join(directory, 'error.log')], { env });
  await portOpen(port);
  return { origin: `http://127.0.0.1:${port}`, stop: () => end(child) };
}
