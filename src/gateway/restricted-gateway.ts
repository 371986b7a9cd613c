import { GatewayError, type OperationContext } from '../core/index.js';
import type { RetrieveTarget } from '../dicomweb/index.js';
import type { StudyGuard } from './study-guard.js';
import type { Gateway } from './use-cases.js';

/**
 * `gateway` for those who may have to do with some studies alone (`context.restriction`): what is retrieved, cached or
 * not, is so only once the peer has said that its study is one of them. One that is not is not there, as one that the peer
 * does not have. Of a group every member that has it must say so.
 *
 * Searches and stores are held to it row by row and instance by instance, where they are run.
 */
export function restricted(gateway: Gateway, guardsOf: (name: string) => readonly StudyGuard[]): Gateway {
  interface Call {
    readonly peer: string;
    readonly target: RetrieveTarget;
  }
  /** @throws GatewayError `not-found`, or of a peer that cannot be asked */
  const requirePermitted = async ({ peer, target }: Call, context: OperationContext): Promise<void> => {
    const { restriction } = context;
    if (restriction === undefined) return;
    const guards = guardsOf(peer);
    const { studyInstanceUid } = target;
    const standings = await Promise.all(
      guards.map((guard) => guard.ask(studyInstanceUid, restriction, context)),
    );
    const isPermitted = standings.includes('permitted') && !standings.includes('forbidden');
    if (!isPermitted) throw new GatewayError('not-found', 'The PACS has nothing under these UIDs.');
  };
  const checked =
    <C extends Call, A>(run: (call: C, context: OperationContext) => A | Promise<A>) =>
    async (call: C, context: OperationContext): Promise<A> => {
      await requirePermitted(call, context);
      return run(call, context);
    };
  return {
    ...gateway,
    retrieveInstances: checked((call, context) => gateway.retrieveInstances(call, context)),
    retrieveMetadata: checked((call, context) => gateway.retrieveMetadata(call, context)),
    retrieveFrames: checked((call, context) => gateway.retrieveFrames(call, context)),
    retrieveBulkData: checked((call, context) => gateway.retrieveBulkData(call, context)),
    retrieveValues: checked((call, context) => gateway.retrieveValues(call, context)),
    retrieveRendered: checked((call, context) => gateway.retrieveRendered(call, context)),
    retrieveThumbnail: checked((call, context) => gateway.retrieveThumbnail(call, context)),
    preload: checked((call, context) => gateway.preload(call, context)),
    preloadOf: checked((call, context) => gateway.preloadOf(call, context)),
    purge: (call, context) => {
      requireUnrestricted(context);
      return gateway.purge(call, context);
    },
    requestCommitment: async (call, context) => {
      requireUnrestricted(context);
      return gateway.requestCommitment(call, context);
    },
    commitmentOf: async (call, context) => {
      requireUnrestricted(context);
      return gateway.commitmentOf(call, context);
    },
  };
}

/** What is named there are instances, of whichever studies. @throws GatewayError `forbidden` */
function requireUnrestricted({ restriction }: OperationContext): void {
  if (restriction === undefined) return;
  throw new GatewayError('forbidden', 'Who may see some studies alone may not do that.');
}
