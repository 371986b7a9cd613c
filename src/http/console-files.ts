import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { extname, join } from 'node:path';
import { gzipSync } from 'node:zlib';

/** A file of the page, also compressed. */
export interface ConsoleFile {
  readonly type: string;
  readonly plain: Buffer;
  readonly encoded: Readonly<Partial<Record<'br' | 'gzip', Buffer>>>;
}

/** The page and what belongs to it; the names of all but the page hold a digest of the content. */
export interface ConsoleFiles {
  readonly page: ConsoleFile;
  readonly assets: ReadonlyMap<string, ConsoleFile>;
}

const PAGE = 'index.html';
const types: Readonly<Record<string, string>> = {
  '.css': 'text/css; charset=utf-8',
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
};
const encodings = [
  ['br', '.br'],
  ['gzip', '.gz'],
] as const;

/** What `npm run build` has left in `directory`, some hundred kilobytes; undefined when it is not there. */
export function readConsoleFiles(directory: string): ConsoleFiles | undefined {
  if (!existsSync(join(directory, PAGE))) return undefined;
  const assets = new Map<string, ConsoleFile>();
  for (const name of readdirSync(directory)) {
    const type = types[extname(name)];
    if (type !== undefined) assets.set(name, readFile(join(directory, name), type));
  }
  const page = assets.get(PAGE);
  assets.delete(PAGE);
  return page && { page, assets };
}

/** A file that is made here: some hundred kilobytes at most, for it is compressed in one go. */
export function jsonFile(text: string): ConsoleFile {
  const plain = Buffer.from(text);
  return { type: 'application/json; charset=utf-8', plain, encoded: { gzip: gzipSync(plain) } };
}

function readFile(path: string, type: string): ConsoleFile {
  const encoded = encodings.flatMap(([name, suffix]) =>
    existsSync(path + suffix) ? [[name, readFileSync(path + suffix)] as const] : [],
  );
  return { type, plain: readFileSync(path), encoded: Object.fromEntries(encoded) };
}
