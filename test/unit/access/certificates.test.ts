import { describe, expect, test } from '@jest/globals';
import { ownerOf } from '../../../src/access/certificates.js';

const roles = ['read'];
const known = [
  { name: 'viewer', roles, subject: 'CN=viewer, O=Hospital\\, North', fingerprint: undefined },
  { name: 'robot', roles, subject: undefined, fingerprint: 'ab'.repeat(32) },
  { name: 'both', roles, subject: 'CN=both', fingerprint: 'cd'.repeat(32) },
];
const certificate = (subject: string, pair = '00'): { subject: string; fingerprint256: string } => ({
  subject,
  fingerprint256: Array<string>(32).fill(pair.toUpperCase()).join(':'),
});

describe('a client certificate is that of', () => {
  test.each([
    ['O=Hospital\\, North\nCN=viewer', '00', 'viewer'],
    ['CN=whoever', 'ab', 'robot'],
    ['CN=both', 'cd', 'both'],
  ])('%j with %s', (subject, pair, name) => {
    expect(ownerOf(known, certificate(subject, pair))?.name).toBe(name);
  });

  test.each([
    ['CN=viewer', '00'],
    ['O=Hospital\\, North\nCN=viewer\nOU=More', '00'],
    ['O=Hospital\nO= North\nCN=viewer', '00'],
    ['CN=viewer\\, O=Hospital\\\\, North', '00'],
    ['CN=both', '00'],
    ['CN=other', 'cd'],
    ['', '00'],
  ])('nobody: %j with %s', (subject, pair) => {
    expect(ownerOf(known, certificate(subject, pair))).toBeUndefined();
  });
});
