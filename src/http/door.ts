import type { Request } from 'express';
import type { AccessControl, Admission, Asking, Need } from '../access/index.js';
import { GatewayError, toGatewayError, type Principal } from '../core/index.js';
import { clientKey } from './client-key.js';
import { ClientPlaces } from './client-places.js';
import { credentialsOf } from './credentials.js';
import { RateLimit } from './rate-limit.js';
import { isForHere } from './service-url.js';

export interface DoorOptions {
  /**
   * Whether somebody of whom nothing is known must have meant this machine: where that one gets in because nobody but this
   * machine's users can come.
   */
  readonly strangersAreLocal: boolean;
  readonly publicUrl?: string | undefined;
  /** Requests of one client, 0 = no limit. */
  readonly requests: number;
  readonly withinMs: number;
  /** Wrong passwords of one address within a minute, 0 = no limit. */
  readonly failedLogins: number;
  /** Requests of one client that store at once, 0 = no limit. */
  readonly stores: number;
}

/** Lets requests in. */
export interface Door {
  /** For what needs no permission: by its address, whoever it may be. @throws GatewayError `rate-limited` */
  count(request: Request): Promise<void>;
  /** @throws GatewayError as `AccessControl.admit`, and `rate-limited` */
  admit(request: Request, need: Need, asking: Asking): Promise<Admission>;
  /** A place for a request that stores, until the returned function is called. @throws GatewayError `rate-limited` */
  placeToStore(request: Request, principal: Principal | undefined): () => void;
  /**
   * Whether the request would be let in; nobody is told of one that says nothing of who sends it. `refused` hears why one
   * that says so is not.
   */
  wouldAdmit(
    request: Request,
    need: Need,
    asking: Asking,
    refused?: (reason: GatewayError) => void,
  ): Promise<boolean>;
}

/**
 * Access control that counts: what each client asks, by who that is or else by its address; and how often an address gives
 * a wrong password.
 */
export function createDoor(access: AccessControl, options: DoorOptions): Door {
  const { requests, withinMs, failedLogins, stores, strangersAreLocal, publicUrl } = options;
  const isFor = (request: Request): boolean =>
    !strangersAreLocal || isForHere(request.get('host'), publicUrl);
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
  const places = new ClientPlaces(stores, 'This client stores too much at a time (store.maxPerClient).');
  const door: Door = {
    placeToStore: (request, principal) => places.take(keyOf(principal, clientKey(request.ip))),
    count: (request) => all.count(clientKey(request.ip)),
    async wouldAdmit(request, need, asking, refused) {
      const { authorization, certificate } = credentialsOf(request);
      if (authorization.length === 0 && certificate === undefined)
        return access.isOpen(need) && isFor(request);
      try {
        await door.admit(request, need, asking);
        return true;
      } catch (thrown) {
        refused?.(toGatewayError(thrown));
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
        if (admission.principal.kind === 'anonymous' && !isFor(request)) throw notForHere();
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

/** @see docs/security.md, One machine */
const notForHere = (): GatewayError =>
  new GatewayError(
    'forbidden',
    'Nobody is asked who they are here because only this machine can reach the gateway, and the request was meant for another host. Name that in http.publicUrl, say access.anonymous: true, or say who may do what under access.',
  );

function keyOf(principal: Principal | undefined, address: string): string {
  if (!principal || principal.kind === 'anonymous') return address;
  const { kind, name, issuer = '' } = principal;
  return JSON.stringify([kind, issuer, name]);
}
