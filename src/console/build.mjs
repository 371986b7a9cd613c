/**
 * Bundles the page into a directory: `node src/console/build.mjs [DIRECTORY]`, dist/console if left out. Names hold a
 * digest of their content, and each file is there compressed as well. The page itself is written last and in one go, so
 * that it never names what is not there.
 */
import { build } from 'esbuild';
import { Buffer } from 'node:buffer';
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import { bundledPackages } from './bundled-packages.mjs';

const source = dirname(fileURLToPath(import.meta.url));
const target = resolve(process.argv[2] ?? join(source, '../../dist/console'));

const { outputFiles, metafile } = await build({
  entryPoints: [join(source, 'main.tsx')],
  outdir: target,
  entryNames: 'console-[hash]',
  bundle: true,
  minify: true,
  format: 'esm',
  target: 'es2022',
  legalComments: 'none',
  tsconfig: join(source, 'tsconfig.json'),
  metafile: true,
  write: false,
});

/** The licences of the packages that are in it, which want to go with them. */
const licenses = bundledPackages(metafile).map((directory) => {
  const name = readdirSync(directory).find((entry) => /^licen[cs]e/i.test(entry));
  if (name === undefined) throw new Error(`${directory} is bundled and has no licence.`);
  return `${directory.replace(/^.*node_modules\//, '')}\n\n${readFileSync(join(directory, name), 'utf8')}`;
});

const icon = readFileSync(join(source, 'icon.svg'));
const iconName = `icon-${createHash('sha256').update(icon).digest('hex').slice(0, 8)}.svg`;
const files = new Map([
  ...outputFiles.map(({ path, contents }) => [relative(target, path), Buffer.from(contents)]),
  [iconName, icon],
  ['licenses.txt', Buffer.from(licenses.join('\n\n'))],
]);
const nameOf = (ending) => [...files.keys()].find((name) => name.endsWith(ending));
const page = readFileSync(join(source, 'page.html'), 'utf8')
  .replace('console.js', nameOf('.js'))
  .replace('console.css', nameOf('.css'))
  .replace('icon.svg', iconName);
files.set('index.html', Buffer.from(page));

mkdirSync(target, { recursive: true });
const write = (name, bytes) => {
  const path = join(target, name);
  writeFileSync(`${path}.${process.pid}`, bytes);
  renameSync(`${path}.${process.pid}`, path);
};
for (const [name, bytes] of files) {
  if (!name.endsWith('.txt')) {
    write(`${name}.br`, brotliCompressSync(bytes));
    write(`${name}.gz`, gzipSync(bytes, { level: 9 }));
  }
  write(name, bytes);
}
const isOf = (name) => [...files.keys()].some((file) => [file, `${file}.br`, `${file}.gz`].includes(name));
for (const name of readdirSync(target))
  if (/\.(?:js|css|svg)(?:\.br|\.gz)?$/.test(name) && !isOf(name)) rmSync(join(target, name));
