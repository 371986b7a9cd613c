// usage: node scripts/third-party.mjs FOLDER   writes what is known of the packages that the gateway needs at run time, those
// that its console is bundled of included
//   sbom.cdx.json            a software bill of materials (CycloneDX), of what is installed
//   THIRD-PARTY-NOTICES.txt  their licences, in their own words
import { build } from 'esbuild';
import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { bundledPackages } from '../src/console/bundled-packages.mjs';

const [folder = 'dist'] = process.argv.slice(2);
const own = JSON.parse(readFileSync('package.json', 'utf8'));
const npm = (...args) =>
  execFileSync('npm', args, {
    encoding: 'utf8',
    maxBuffer: 64 * 2 ** 20,
    stdio: ['ignore', 'pipe', 'inherit'],
  });

/** Whose text speaks of a licence. */
const SPEAKS = /^(?:licen[cs]e|copying|notice|third[-_]?party)/i;
const BAR = '='.repeat(100);

/** `npm sbom --omit=dev` also leaves out what tools need as well, so all is asked for, and what runs is kept of it. */
function billOfMaterials(runs) {
  const bom = JSON.parse(npm('sbom', '--sbom-format=cyclonedx', '--sbom-type=application'));
  const root = bom.metadata.component;
  root.name = own.name;
  bom.components = bom.components.filter(({ name, version }) => runs.has(`${name} ${version}`));
  const refs = new Set([root['bom-ref'], ...bom.components.map((component) => component['bom-ref'])]);
  bom.dependencies = bom.dependencies
    .filter(({ ref }) => refs.has(ref))
    .map(({ ref, dependsOn = [] }) => ({ ref, dependsOn: dependsOn.filter((one) => refs.has(one)) }));
  for (const component of bom.components) {
    // What the page of the console is made of is needed to build it alone, and runs in browsers all the same.
    component.properties = component.properties?.filter(({ name }) => name !== 'cdx:npm:package:development');
    // Where npm happened to fetch it from says nothing of what it is.
    component.externalReferences = component.externalReferences?.filter(
      ({ type }) => type !== 'distribution',
    );
  }
  return bom;
}

/** What a README says of the licence, for packages that have no file of it. */
function licenceOfReadme(path, files) {
  const readme = files.find(({ name }) => /^readme/i.test(name));
  const lines = readme ? readFileSync(join(path, readme.name), 'utf8').split('\n') : [];
  const start = lines.findIndex((line) => /^#+ .*licen[cs]/i.test(line));
  if (start < 0) return [];
  const level = /^#+/.exec(lines[start])[0].length;
  const length = lines
    .slice(start + 1)
    .findIndex((line) => (/^#+(?= )/.exec(line)?.[0].length ?? 9) <= level);
  return [
    lines
      .slice(start, length < 0 ? undefined : start + 1 + length)
      .join('\n')
      .trim(),
  ];
}

function noticeOf(path) {
  const { name, version, license, author } = JSON.parse(readFileSync(join(path, 'package.json'), 'utf8'));
  const entries = readdirSync(path, { withFileTypes: true }).filter((entry) => entry.isFile());
  const texts = entries
    .filter((entry) => SPEAKS.test(entry.name))
    .map((entry) => readFileSync(join(path, entry.name), 'utf8').trim());
  const files = texts.length > 0 ? texts : licenceOfReadme(path, entries);
  const by = typeof author === 'string' ? author : (author?.name ?? 'its authors');
  const text =
    files.length > 0 ? files.join('\n\n') : `The package has no text of its licence. It is by ${by}.`;
  return {
    title: `${name} ${version}`,
    notice: `${BAR}\n${name} ${version}\n${license}\n${BAR}\n\n${text}\n`,
  };
}

/** Packages that the page of the console is bundled of. */
async function packagesOfConsole() {
  const { metafile } = await build({
    entryPoints: ['src/console/main.tsx'],
    tsconfig: 'src/console/tsconfig.json',
    outdir: folder,
    bundle: true,
    format: 'esm',
    metafile: true,
    write: false,
  });
  return bundledPackages(metafile);
}

const [, ...paths] = npm('ls', '--omit=dev', '--all', '--parseable').trim().split('\n');
const all = [...paths, ...(await packagesOfConsole())];
const notices = new Map(all.map(noticeOf).map(({ title, notice }) => [title, notice]));
const bom = billOfMaterials(notices);
const listed = new Set(bom.components.map(({ name, version }) => `${name} ${version}`));
const missing = [...notices.keys()].filter((title) => !listed.has(title));
if (missing.length > 0) {
  console.error(`npm does not list ${missing.join(', ')}.`);
  process.exit(1);
}
mkdirSync(folder, { recursive: true });
writeFileSync(join(folder, 'sbom.cdx.json'), `${JSON.stringify(bom, null, 2)}\n`);
const sorted = [...notices].sort(([one], [other]) => (one < other ? -1 : 1)).map(([, notice]) => notice);
writeFileSync(join(folder, 'THIRD-PARTY-NOTICES.txt'), sorted.join('\n'));
