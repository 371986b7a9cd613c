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
  const asked = issuer.keyRequests;
  // The issuer is asked behind the back of whoever needs a key, and once more when that has come to nothing for some seconds.
  for (now = 11 * MINUTE; issuer.keyRequests < asked + 2; now += 10) {
    await expect(key()).resolves.toBeDefined();
    await new Promise(setImmediate);
  }
  now = 61 * MINUTE;
  await expect(key()).rejects.toMatchObject({ code: 'identity-unavailable' });
});
