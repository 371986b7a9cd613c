import type { Request, Response } from 'express';
import type {
  AuditTrail,
  Clock,
  GatewayError,
  Observe,
  OperationContext,
  Permission,
} from '../core/index.js';
import type { Common, Gateway, StoredAbout } from '../gateway/index.js';
import type { Door } from './door.js';
import type { HttpTiming } from './server-timing.js';

export interface HttpDependencies {
  readonly gateway: Gateway;
  readonly door: Door;
  readonly observe: Observe;
  readonly clock: Clock;
  /** Why nothing new is taken, while the gateway stops. */
  readonly refuse: () => GatewayError | undefined;
  /** Left out where there is none. */
  readonly audit?: AuditTrail | undefined;
  /** What requests have waited for, for those who are told; left out where nobody is. */
  readonly timing?: HttpTiming | undefined;
}

/** A request with what every handler of one of them needs. */
export interface Call {
  readonly request: Request;
  readonly response: Response;
  readonly context: OperationContext;
  readonly common: Common & { readonly fresh: boolean };
  readonly params: Readonly<Record<string, string | undefined>>;
  readonly rawQuery: string;
  /** Tells the audit trail what a store is about, as far as that is known when the request ends. */
  readonly concerns: (about: () => StoredAbout) => void;
  /** As `Exchange.followed`. */
  readonly followed: () => void;
}

export type Handler = (call: Call) => Promise<void>;

/** Adds a route for those who may do what it does, or for `anybody` where nothing of the PACS is told; `HEAD` goes with `GET`. */
export type On = (
  method: 'get' | 'post' | 'delete' | 'options',
  path: string,
  permission: Permission | 'anybody',
  handler: Handler,
) => void;
