import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { loadConfig } from '../../src/config/index.js';
import { readProject } from '../helpers/markdown.js';
import { describeWith, findProgram } from '../helpers/needs.js';

const UNIT = 'deploy/systemd/dicomweb-gateway.service';
const unit = readProject(UNIT);

/** All values of a key, in their order. */
const valuesOf = (key: string): readonly string[] =>
  [...unit.matchAll(new RegExp(`^${key}=(.*)$`, 'gm'))].map(([, value = '']) => value);

describe('the systemd unit', () => {
  test('has an environment that the gateway takes, with the cache where systemd makes it', () => {
    const environment = Object.fromEntries(
      valuesOf('Environment').map((text) => text.split('=') as [string, string]),
    );
    const file = 'peers: { main: { address: PACS@192.0.2.20:104 } }';
    const config = loadConfig({ file, env: environment });
    expect(config.cache.disk?.directory).toBe(`/var/cache/${valuesOf('CacheDirectory')[0] ?? ''}`);
  });

  test('has directories that outlive the process, for an audit trail', () => {
    const [state = ''] = valuesOf('StateDirectory');
    const [logs = ''] = valuesOf('LogsDirectory');
    expect([state, logs]).toEqual(['dicomweb-gateway', 'dicomweb-gateway']);
    expect([...valuesOf('StateDirectoryMode'), ...valuesOf('LogsDirectoryMode')]).toEqual(['0700', '0700']);
  });

  test('passes a reload on as the signal by which certificates are read anew', () => {
    expect(valuesOf('ExecReload')).toEqual(['/bin/kill -HUP $MAINPID']);
  });

  test('waits longer than the gateway takes to stop', () => {
    const { http } = loadConfig({ file: 'peers: { main: { address: PACS@192.0.2.20:104 } }', env: {} });
    expect(Number(valuesOf('TimeoutStopSec')[0])).toBeGreaterThan((3 * http.drainTimeout) / 1000);
  });
});

describeWith('systemd itself', { 'systemd-analyze': findProgram('systemd-analyze') }, () => {
  let directory = '';
  let path = '';
  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), 'unit-'));
    path = join(directory, 'dicomweb-gateway.service');
    // It looks for the program as well, which is installed where the unit is.
    const [program = ''] = (valuesOf('ExecStart')[0] ?? '').split(' ');
    writeFileSync(path, unit.replace(program, process.execPath));
  });
  afterAll(() => {
    rmSync(directory, { recursive: true, force: true });
  });

  const analyze = (...args: readonly string[]): string =>
    execFileSync('systemd-analyze', args, { encoding: 'utf8', stdio: 'pipe' });

  test('understands every line of it', () => {
    expect(analyze('verify', '--man=no', path)).toBe('');
    writeFileSync(`${path}.d.service`, unit.replace('LockPersonality', 'LookPersonality'));
    expect(() => analyze('verify', '--man=no', `${path}.d.service`)).toThrow();
  });

  test('calls it well confined: at most 1.5 of 10', () => {
    // It fails where the exposure is above the threshold, in tenths.
    expect(analyze('security', '--offline=true', '--threshold=15', '--no-pager', path)).toContain('OK');
  });
});
