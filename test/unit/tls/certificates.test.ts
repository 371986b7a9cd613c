import { copyFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createSecureContext } from 'node:tls';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { Clock, Observation } from '../../../src/core/index.js';
import { Certificates, secureContextOptions, type CertificateMaterial } from '../../../src/tls/index.js';
import { renew, TestCa, type IssuedCertificate } from '../../helpers/certificates.js';
import { describeWithPacs } from '../../helpers/real-pacs.js';

type Told = Extract<Observation, { kind: 'certificate' }>;

describeWithPacs(
  'certificates',
  () => {
    let ca: TestCa;
    let first: IssuedCertificate;
    let second: IssuedCertificate;
    let old: IssuedCertificate;
    beforeAll(async () => {
      ca = await TestCa.create();
      first = await ca.issue('first', { to: '20400101000000Z' });
      second = await ca.issue('second', { to: '20410101000000Z' });
      old = await ca.issue('old', { to: '20210101000000Z' });
    });
    afterAll(() => {
      ca.remove();
    });

    let count = 0;
    /** Copies of the first pair that a test may replace. */
    function ownFiles(): IssuedCertificate & { ca: string } {
      count += 1;
      const files = {
        cert: join(ca.directory, `own-${count}.crt`),
        key: join(ca.directory, `own-${count}.key`),
      };
      renew(first, files);
      return { ...files, ca: ca.ca };
    }

    /** A clock whose timers a test lets go off. */
    class HeldClock implements Clock {
      timers: (() => void)[] = [];
      now(): number {
        return 0;
      }
      after(_ms: number, callback: () => void): () => void {
        this.timers.push(callback);
        return () => {
          this.timers = this.timers.filter((one) => one !== callback);
        };
      }
    }

    async function watching(files: IssuedCertificate & { ca: string }): Promise<{
      certificates: Certificates;
      clock: HeldClock;
      told: Told[];
      renewed: CertificateMaterial[];
      current: () => CertificateMaterial;
    }> {
      const told: Told[] = [];
      const clock = new HeldClock();
      const observe = (observation: Observation): void => {
        if (observation.kind === 'certificate') told.push(observation);
      };
      const certificates = new Certificates({ observe, clock, intervalMs: 1000 });
      const watched = await certificates.watch({ listener: 'dimse', what: 'dimse.tls', files });
      const renewed: CertificateMaterial[] = [];
      watched.onRenewed((material) => {
        renewed.push(material);
      });
      return { certificates, clock, told, renewed, current: () => watched.current };
    }

    const eventsOf = (told: readonly Told[]): string[] => told.map(({ event }) => event);

    test('a renewed pair is used once the files are looked at, and its end is told', async () => {
      const files = ownFiles();
      const { certificates, told, renewed } = await watching(files);
      expect(certificates.expiries).toEqual([{ listener: 'dimse', seconds: Date.UTC(2040, 0) / 1000 }]);
      await certificates.reload();
      expect(renewed).toEqual([]);
      renew(second, files);
      await certificates.reload();
      expect(renewed).toHaveLength(1);
      expect(certificates.expiries).toEqual([{ listener: 'dimse', seconds: Date.UTC(2041, 0) / 1000 }]);
      expect(eventsOf(told)).toEqual(['loaded', 'renewed']);
    });

    test('files are looked at by the clock, until it is closed', async () => {
      const files = ownFiles();
      const { certificates, clock, told } = await watching(files);
      renew(second, files);
      clock.timers.shift()?.();
      await certificates.reload();
      expect(eventsOf(told)).toEqual(['loaded', 'renewed']);
      certificates.close();
      await new Promise(setImmediate);
      expect(clock.timers).toEqual([]);
    });

    test.each([
      [
        'a key of another certificate',
        'is not the key of',
        (key: string) => {
          copyFileSync(second.key, key);
        },
      ],
      [
        'no key',
        'no private key',
        (key: string) => {
          writeFileSync(key, 'nothing');
        },
      ],
      [
        'half a file',
        'no private key',
        (key: string) => {
          writeFileSync(key, '-----BEGIN PRIVATE KEY-----\nMIG');
        },
      ],
      [
        'a file that is gone',
        'cannot be read (ENOENT)',
        (key: string) => {
          rmSync(key);
        },
      ],
      [
        'a file too large',
        'larger than 1 MiB',
        (key: string) => {
          writeFileSync(key, Buffer.alloc(1_100_000));
        },
      ],
    ])('%s keeps the pair before in use, and is told once', async (_what, text, breakKey) => {
      const files = ownFiles();
      const { certificates, told, renewed, current } = await watching(files);
      const before = current();
      breakKey(files.key);
      await certificates.reload();
      await certificates.reload();
      expect(eventsOf(told)).toEqual(['loaded', 'refused']);
      expect(String(told[1]?.error)).toContain(text);
      expect(renewed).toEqual([]);
      expect(current()).toBe(before);
      renew(second, files);
      await certificates.reload();
      expect(eventsOf(told)).toEqual(['loaded', 'refused', 'renewed']);
    });

    test('what one user cannot use is used by none, and told once', async () => {
      const files = ownFiles();
      const told: Told[] = [];
      const certificates = new Certificates({
        observe: (observation) => told.push(observation as Told),
        clock: new HeldClock(),
        intervalMs: 0,
      });
      const watched = await certificates.watch({ listener: 'http', what: 'http.tls', files });
      const before = watched.current;
      const used: CertificateMaterial[] = [];
      watched.onRenewed((material) => {
        used.push(material);
      });
      watched.onRenewed((material) => {
        if (material !== before) throw new Error('not this one');
      });
      renew(second, files);
      await certificates.reload();
      await certificates.reload();
      expect(used.at(-1)).toBe(before);
      expect(watched.current).toBe(before);
      expect(eventsOf(told)).toEqual(['loaded', 'refused']);
    });

    test('a certificate that has expired is taken, and told to be', async () => {
      const files = ownFiles();
      renew(old, files);
      const { told } = await watching(files);
      expect(told).toMatchObject([{ event: 'loaded', expired: true, expiresAt: '2021-01-01T00:00:00.000Z' }]);
    });

    test.each([
      [{ cert: 'ca.key' }, 'dimse.tls.cert holds no certificate'],
      [{ ca: 'ca.key' }, 'dimse.tls.ca holds no certificate'],
      [{ cert: 'missing' }, 'cannot be read (ENOENT)'],
    ])('%j is refused at the start in words', async (files, text) => {
      const paths = Object.fromEntries(
        Object.entries(files).map(([name, file]) => [name, join(ca.directory, file)]),
      );
      const certificates = new Certificates({
        observe: () => undefined,
        clock: new HeldClock(),
        intervalMs: 0,
      });
      const watched = certificates.watch({ listener: 'dimse', what: 'dimse.tls', files: paths });
      await expect(watched).rejects.toThrow(text);
    });

    test.each(['bcp195', 'non-downgrading'] as const)(
      'PS3.15 B.12, B.10: the profile %s makes a context without anything below TLS 1.2',
      async (profile) => {
        const { current } = await watching(ownFiles());
        const options = secureContextOptions(current(), { profile, minVersion: 'TLSv1.2' });
        expect(() => createSecureContext(options)).not.toThrow();
        const names = String(options.ciphers).split(':');
        expect(
          names.filter((name) => !/^(?:ECDHE-(?:RSA|ECDSA)|DHE-RSA)-AES(?:128|256)-GCM-/.test(name)),
        ).toEqual([]);
        expect(names.some((name) => name.startsWith('DHE'))).toBe(profile === 'non-downgrading');
        expect(options.minVersion).toBe('TLSv1.2');
      },
    );
  },
  ['openssl'],
);
