import type { Request } from 'express';
import type { Need } from '../access/index.js';
import type { Principal } from '../core/index.js';
import type { Exchange } from './exchange.js';
import type { Door } from './door.js';

/** Lets the request in for who sends it. @throws GatewayError as `Door.admit` */
export async function admit(exchange: Exchange, request: Request, door: Door, need: Need): Promise<void> {
  const { requestId, signal } = exchange.context;
  const identified = (principal: Principal): void => {
    exchange.identified(principal);
  };
  const claimed = (name: string): void => {
    exchange.claimed = name;
  };
  exchange.admitted(await door.admit(request, need, { requestId, signal, identified, claimed }));
}
