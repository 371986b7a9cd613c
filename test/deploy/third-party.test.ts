import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { projectPath, readProject } from '../helpers/markdown.js';

interface Component {
  readonly name: string;
  readonly version: string;
  readonly purl: string;
  readonly licenses?: readonly {
    readonly license?: { readonly id?: string };
    readonly expression?: string;
  }[];
  readonly hashes?: readonly unknown[];
}

interface Bom {
  readonly bomFormat: string;
  readonly specVersion: string;
  readonly metadata: { readonly component: { readonly name: string; readonly version: string } };
  readonly components: readonly Component[];
}

/** Licences that a program of a free licence may be delivered with; the LGPL ones are linked dynamically. */
const TAKEN =
  /^\(?(?:MIT|ISC|BSD-[23]-Clause|Apache-2\.0|BlueOak-1\.0\.0|0BSD|Zlib|LGPL-3\.0-or-later| AND )+\)?$/;

describe('what the build writes of other packages', () => {
  const own = JSON.parse(readProject('package.json')) as {
    version: string;
    dependencies: Record<string, string>;
  };
  let folder = '';
  let bom: Bom;
  let notices = '';

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'third-party-'));
    execFileSync(process.execPath, ['scripts/third-party.mjs', folder], {
      cwd: projectPath('.'),
      stdio: 'pipe',
    });
    bom = JSON.parse(readFileSync(join(folder, 'sbom.cdx.json'), 'utf8')) as Bom;
    notices = readFileSync(join(folder, 'THIRD-PARTY-NOTICES.txt'), 'utf8');
  });
  afterAll(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  test('the bill of materials names the gateway, all that it needs at run time, and nothing else', () => {
    expect(bom).toMatchObject({
      bomFormat: 'CycloneDX',
      specVersion: expect.stringMatching(/^1\.\d$/),
      metadata: { component: { name: 'dicomweb-gateway', version: own.version } },
    });
    const names = bom.components.map(({ name }) => name);
    expect(names).toEqual(expect.arrayContaining(Object.keys(own.dependencies)));
    // The page of the console is bundled of these.
    expect(names).toEqual(
      expect.arrayContaining(['preact', '@preact/signals', '@preact/signals-core', 'oauth4webapi']),
    );
    expect(names).toEqual(expect.not.arrayContaining(['typescript', 'jest', 'kubernetes-models']));
    expect(names.length).toBeLessThan(200);
    for (const { name, purl, hashes = [] } of bom.components) {
      expect(purl).toContain(name.replace('@', '%40'));
      expect([name, hashes.length]).toEqual([name, 1]);
    }
    expect(JSON.stringify(bom)).not.toContain('.tgz');
  });

  test('every package has a licence under which the gateway may be delivered, and a notice of it', () => {
    for (const { name, version, licenses = [] } of bom.components) {
      const ids = licenses.map(({ license, expression }) => license?.id ?? expression ?? '');
      expect([name, ids]).toEqual([name, [expect.stringMatching(TAKEN)]]);
      expect(notices).toContain(`\n${name} ${version}\n`);
    }
    expect(notices).toContain('Permission is hereby granted');
  });

  test('NOTICE lists the packages that the gateway itself names', () => {
    const page = readProject('NOTICE');
    for (const name of Object.keys(own.dependencies))
      expect(page).toMatch(new RegExp(`^ {2}${name} +\\S`, 'm'));
  });
});
