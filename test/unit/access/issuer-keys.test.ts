import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { IssuerKeys } from '../../../src/access/issuer-keys.js';
import { TokenIssuer } from '../../helpers/token-issuer.js';

let issuer: TokenIssuer;
beforeEach(async () => {
  issuer = await TokenIssuer.start();
});
afterEach(async () => {
  await issuer.close();
});

const MINUTE = 60_000;

test('keys get no younger by an answer that is no key set', async () => {
  let now = 0;
  const times = { timeoutMs: 5000, cooldownMs: 0, refreshMs: 10 * MINUTE, lifetimeMs: 60 * MINUTE };
  const keys = new IssuerKeys(
    {
      issuer: issuer.url,
      jwksUri: `${issuer.url}/keys`,
      audience: [],
      algorithms: ['RS256'],
      clockSkewMs: 0,
      maxAgeMs: 0,
      scopeClaim: 'scope',
      nameClaim: 'sub',
      scopes: undefined,
      keys: times,
    },
    () => now,
  );
  const key = async (): Promise<unknown> =>
    keys.get({ alg: 'RS256', kid: 'first' }, { payload: '', signature: '' });
  await expect(key()).resolves.toBeDefined();
  issuer.mood = 'babbles';
  for (now = 11 * MINUTE; now < 60 * MINUTE; now += 11 * MINUTE) {
    const asked = issuer.keyRequests;
    await expect(key()).resolves.toBeDefined();
    while (issuer.keyRequests === asked) await new Promise((resolve) => setTimeout(resolve, 5));
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  now = 61 * MINUTE;
  await expect(key()).rejects.toMatchObject({ code: 'identity-unavailable' });
});
