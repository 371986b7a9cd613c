import { describe, expect, test } from '@jest/globals';
import { tlsFailure } from '../../../src/tls/index.js';

const withCode = (code: string): Error => Object.assign(new Error('details'), { code });

describe('failures of TLS', () => {
  test.each([
    ['DEPTH_ZERO_SELF_SIGNED_CERT', 'does not chain'],
    ['CERT_HAS_EXPIRED', 'has expired'],
    ['ERR_TLS_CERT_ALTNAME_INVALID', 'another name'],
    ['ERR_SSL_WRONG_VERSION_NUMBER', 'no TLS'],
    ['ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED', 'wants a client certificate'],
    ['ERR_SSL_SOMETHING_NEW', 'ERR_SSL_SOMETHING_NEW'],
  ])('%s is told in words', (code, text) => {
    expect(tlsFailure(withCode(code))).toContain(text);
  });

  test.each([[withCode('ECONNREFUSED')], [new Error('anything')], [undefined], ['text']])(
    'what is no failure of TLS is none: %s',
    (error) => {
      expect(tlsFailure(error)).toBeUndefined();
    },
  );
});
