import type { OperationContext } from '../core/index.js';
import type { Peer, PeerFacts } from '../dimse/index.js';
import { retrieveIdentifier } from '../query/index.js';
import { drain } from './arrival-writer.js';
import { factLines } from './fact-words.js';

/** What trying a peer showed beside what it keeps as its knowledge. */
export interface Learnt {
  /** Associations at once, as configured. */
  readonly configured: number;
  /** The same as the peer took; missing where that could not be tried. */
  associations?: number | undefined;
  /** What came of a list of two UIDs; missing where there were no two instances to ask for. */
  list?: ListProbe | undefined;
  /** How the gateway would retrieve now. */
  readonly way?: 'get' | 'move' | undefined;
}

/** `single` and `none`: the peer heeds one UID of a list, or refuses it. */
type ListProbe = 'whole' | 'single' | 'none';

/** Asks for two instances in one retrieve, in the way that the gateway would. */
export async function probeLists(
  peer: Peer,
  sample: {
    readonly studyInstanceUid: string;
    readonly seriesInstanceUid: string;
    readonly sopInstanceUid: string;
    readonly sopClassUid: string | undefined;
    readonly second: string | undefined;
  },
  context: OperationContext,
): Promise<ListProbe | undefined> {
  const { sopInstanceUid, sopClassUid, second } = sample;
  if (second === undefined) return undefined;
  const came = new Set<string>();
  const request = {
    ...retrieveIdentifier(sample, [sopInstanceUid, second]),
    sopClassUids: sopClassUid === undefined ? [] : [sopClassUid],
  };
  const take = (incoming: { readonly sopInstanceUid: string }): typeof drain => {
    came.add(incoming.sopInstanceUid);
    return drain;
  };
  // How it ends says less than what came.
  await peer.retrieve(request, take, context).catch(() => undefined);
  if (came.has(sopInstanceUid) && came.has(second)) return 'whole';
  return came.size > 0 ? 'single' : 'none';
}

/** What was learnt of a peer, a line for each thing, for whoever configures it. */
export function wordsOf(learnt: Learnt, facts: PeerFacts): readonly string[] {
  const { associations, uidList, ...others } = facts;
  const way =
    learnt.list && learnt.way && !facts.getRefused
      ? `retrieves go by C-${learnt.way.toUpperCase()}`
      : undefined;
  const tried = [associationsText(learnt), listText(learnt), way].filter((line) => line !== undefined);
  return [...tried, ...factLines(others)];
}

function associationsText({ configured, associations }: Learnt): string | undefined {
  if (associations === undefined) return undefined;
  const text = `takes ${associations} ${associations === 1 ? 'association' : 'associations'} at once`;
  return associations < configured
    ? `${text}, ${configured} are configured: lower peers.*.associations, or let the PACS take more`
    : `${text}, as many as are configured`;
}

function listText({ list }: Learnt): string | undefined {
  if (list === 'whole') return 'delivers lists of UIDs';
  if (list === 'single') return 'heeds one UID of a list: each instance is asked for alone';
  return list && 'refuses lists of UIDs: each instance is asked for alone';
}
