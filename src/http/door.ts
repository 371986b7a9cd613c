import type { Request } from 'express';
import type { AccessControl, Admission, Asking, Need } from '../access/index.js';
import { GatewayError, type Principal } from '../core/index.js';
import { clientKey } from './client-key.js';
import { credentialsOf } from './credentials.js';
import { RateLimit } from './rate-limit.js';

export interface ClientLimits {
  /** Requests of one client, 0 = no limit. */
  readonly requests: number;
  readonly withinMs: number;
  /** Wrong passwords of one address within a minute, 0 = no limit. */
  readonly failedLogins: number;
}

/** Lets requests in. */
export interface Door {
  /** @throws GatewayError as `AccessControl.admit`, and `rate-limited` */
  admit(request: Request, need: Need, asking: Asking): Promise<Admission>;
  /** Whether the request would be let in; nobody is told of one that says nothing of who sends it. */
  wouldAdmit(request: Request, need: Need, asking: Asking): Promise<boolean>;
}

/**
 * Access control that counts: what each client asks, by who that is or else by its address; and how often an address gives
 * a wrong password.
 */
export function createDoor(access: AccessControl, { requests, withinMs, failedLogins }: ClientLimits): Door {
  const all = new RateLimit({
    requests,
    withinMs,
    message: 'This client asks too much at a time (http.rateLimit).',
  });
  const failures = new RateLimit({
    requests: failedLogins,
    withinMs: 60_000,
    message: 'Too many wrong passwords have come from this address (access.failedLogins).',
  });
  const door: Door = {
    async wouldAdmit(request, need, asking) {
      const { authorization, certificate } = credentialsOf(request);
      if (authorization.length === 0 && certificate === undefined) return access.isOpen(need);
      try {
        await door.admit(request, need, asking);
        return true;
      } catch {
        return false;
      }
    },
    async admit(request, need, asking) {
      const credentials = credentialsOf(request);
      const address = clientKey(request.ip);
      // A token cannot be guessed.
      const isPassword = credentials.authorization.some((header) => /^basic\b/i.test(header));
      if (isPassword) await failures.requireBelow(address);
      try {
        const admission = await access.admit(credentials, need, asking);
        await all.count(keyOf(admission.principal, address));
        return admission;
      } catch (thrown) {
        if (!(thrown instanceof GatewayError) || thrown.code === 'rate-limited') throw thrown;
        if (isPassword && thrown.code === 'unauthenticated') await failures.count(address);
        await all.count(address);
        throw thrown;
      }
    },
  };
  return door;
}

const keyOf = ({ kind, name, issuer = '' }: Principal, address: string): string =>
  kind === 'anonymous' ? address : JSON.stringify([kind, issuer, name]);
