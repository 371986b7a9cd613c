import { expect, test } from '@jest/globals';
import { scopesOf, textsOf } from '../../../src/access/claims.js';

test.each([
  [{ scope: 'read  write' }, 'scope', ['read', 'write']],
  [{ scp: ['read', 'write', 7, {}] }, 'scp', ['read', 'write', '7']],
  [{ realm_access: { roles: ['read'] } }, 'realm_access.roles', ['read']],
  [{ 'https://x.example/roles': ['read'] }, 'https://x.example/roles', ['read']],
  [{ scope: { read: true } }, 'scope', []],
  [{}, 'scope', []],
  [{}, 'constructor.name', []],
  [{}, '__proto__', []],
])('scopes in %j at %s are %j', (claims, name, expected) => {
  expect(scopesOf(claims, name)).toEqual(expected);
});

test('no more values of a claim are looked at than anybody has, and none that is too long', () => {
  expect(textsOf({ many: Array<string>(5000).fill('x') }, 'many')).toHaveLength(200);
  expect(textsOf({ long: 'x'.repeat(1001) }, 'long')).toEqual([]);
});
