import { abortReason } from '../core/index.js';
import type { Association } from './association.js';
import type { CommandSet } from './command-set.js';
import type { AcceptedContext } from './negotiation.js';

export interface SingleExchangeOptions {
  readonly association: Association;
  readonly presentation: AcceptedContext;
  readonly command: Omit<CommandSet, 'messageId'>;
  readonly dataset?: Buffer | AsyncIterable<Buffer>;
  /** As {@link ExchangeHandler.hurries}. */
  readonly hurries?: () => boolean;
  /** As {@link ExchangeHandler.patienceMs}. */
  readonly patienceMs?: () => number;
  /** Aborts the association: there is no other way to take such a request back. */
  readonly signal: AbortSignal;
}

/**
 * A request with one response: C-ECHO, C-STORE or N-ACTION. A response that comes early counts when the request is all sent.
 * @throws GatewayError what ended the association, or whatever the dataset's source threw
 */
export async function exchangeOnce(options: SingleExchangeOptions): Promise<CommandSet> {
  const { association, presentation, command, dataset, hurries = () => false, patienceMs, signal } = options;
  if (signal.aborted) throw abortReason(signal);
  const onAbort = (): void => {
    association.abort(abortReason(signal));
  };
  signal.addEventListener('abort', onAbort, { once: true });
  let finish: (() => void) | undefined;
  let answer: CommandSet | undefined;
  try {
    return await new Promise<CommandSet>((resolve, reject) => {
      const exchange = association.begin(presentation.id, command, dataset, {
        response: (response) => {
          answer = response;
          exchange.sent.then(() => {
            resolve(response);
          }, reject);
          return undefined;
        },
        hurries,
        ...(patienceMs && { patienceMs }),
        failed: (error) => {
          // What ends the association may be in the very packet of the response, which counts.
          if (answer === undefined) reject(error);
          else setImmediate(reject, error);
        },
      });
      finish = () => {
        exchange.finish();
      };
      exchange.sent.catch(reject);
    });
  } finally {
    finish?.();
    signal.removeEventListener('abort', onAbort);
  }
}
