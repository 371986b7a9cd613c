import type { CommandSet } from './command-set.js';
import { readCommitmentReport } from './commitment-codec.js';
import type { CommitmentEvents, CommitmentReport } from './contract.js';
import { DatasetCollector } from './dataset-collector.js';
import type { DatasetSink } from './message-reader.js';
import type { AcceptedContext } from './negotiation.js';
import { Statuses } from './status.js';
import { SopClasses } from './uids.js';

/** Storage Commitment Request Successful, and Complete with failures. @see PS3.4 table J.3-2 */
const EVENT_TYPES: readonly (number | undefined)[] = [1, 2];

export interface EventReception {
  readonly events: CommitmentEvents;
  /** The presentation context that it comes in. */
  readonly context: Pick<AcceptedContext, 'transferSyntaxUid'>;
  /** Who may have sent it. */
  readonly peers: readonly string[];
  /** Sends the response; never rejects. */
  readonly respond: (status: number) => Promise<void>;
  /** It is over, either way. */
  readonly onOver?: () => void;
}

/**
 * Takes an N-EVENT-REPORT of storage commitment: where its dataset goes. It is answered when the listener has it, so that
 * what is acknowledged is kept; until then the peer is held up.
 *
 * @see PS3.7 10.1.1, PS3.4 J.3.3
 */
export function receiveEventReport(command: CommandSet, reception: EventReception): DatasetSink {
  const { events, respond, onOver = () => undefined } = reception;
  const collector = new DatasetCollector(events.maxBytes, async (dataset) => {
    const status = await statusOf(command, dataset, reception);
    onOver();
    await respond(status);
  });
  return {
    write: (chunk) => {
      collector.write(chunk);
    },
    end: () => collector.end(),
    fail: () => {
      collector.fail();
      onOver();
    },
  };
}

async function statusOf(
  { affectedSopClassUid, eventTypeId }: CommandSet,
  dataset: Buffer,
  { events, peers, context }: EventReception,
): Promise<number> {
  if (affectedSopClassUid !== undefined && affectedSopClassUid !== SopClasses.storageCommitment)
    return Statuses.noSuchSopClass;
  if (!EVENT_TYPES.includes(eventTypeId)) return Statuses.noSuchEventType;
  let report: CommitmentReport;
  try {
    report = readCommitmentReport(dataset, context.transferSyntaxUid);
  } catch {
    return Statuses.invalidArgument;
  }
  try {
    return await events.listener(report, peers);
  } catch {
    return Statuses.processingFailure;
  }
}
