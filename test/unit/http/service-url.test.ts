import { describe, expect, test } from '@jest/globals';
import type { Request } from 'express';
import { serviceUrlOf } from '../../../src/http/service-url.js';

const requestWith = (host: string | undefined, forwardedHost = host): Request =>
  ({ baseUrl: '/dicomweb', protocol: 'http', host: forwardedHost, get: () => host }) as unknown as Request;

const options = { publicUrl: undefined, trustProxy: false, listenOrigin: () => 'http://127.0.0.1:8080' };

describe('Q-41: the base of generated URLs', () => {
  test('is what is configured, whatever the Host header says', () => {
    const publicUrl = 'https://pacs.example/x/';
    expect(serviceUrlOf(requestWith('evil.example'), { ...options, publicUrl })).toBe(
      'https://pacs.example/x/dicomweb',
    );
  });

  test.each(['evil.example', 'evil.example\r\nX: y', '[::1', '', undefined])(
    'is the listener where the Host header is %p',
    (host) => {
      expect(serviceUrlOf(requestWith(host), options)).toBe('http://127.0.0.1:8080/dicomweb');
    },
  );

  test.each(['localhost:8080', '127.0.0.1:9', '[::1]:8080'])(
    'is the loopback name %s that the client uses',
    (host) => {
      expect(serviceUrlOf(requestWith(host), options)).toBe(`http://${host}/dicomweb`);
    },
  );

  test('is the host of a trusted proxy, if it is one', () => {
    const trusting = { ...options, trustProxy: true };
    expect(serviceUrlOf(requestWith('in', 'pacs.example:444'), trusting)).toBe(
      'http://pacs.example:444/dicomweb',
    );
    expect(serviceUrlOf(requestWith('in', 'a b"<'), trusting)).toBe('http://127.0.0.1:8080/dicomweb');
  });
});
