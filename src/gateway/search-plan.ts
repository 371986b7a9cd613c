import { baselineQueryOptions, type OperationContext } from '../core/index.js';
import { attributeByKeyword, preferredCharacterSets, type Tag } from '../dicom/index.js';
import type { SearchRequest } from '../dicomweb/index.js';
import type { Peer } from '../dimse/index.js';
import { planSearch, usesQueryOptions, type PeerQueryProfile, type SearchPlan } from '../query/index.js';
import type { PeerBinding } from './ports.js';

/**
 * Plans for what the peer can do. Of a plain search nothing of that is asked for.
 *
 * @throws GatewayError when the request cannot be asked of this peer, or it cannot be asked what it can do
 */
export async function planFor(
  { peer, profile }: PeerBinding,
  request: SearchRequest,
  context: OperationContext,
): Promise<SearchPlan> {
  // Whether studies may be searched without their patients is negotiated too.
  const isAsked = usesQueryOptions(request) || peer.knowledge.get('root') === 'patient';
  const options = isAsked ? await peer.queryOptions(context) : baselineQueryOptions;
  return planSearch(request, withKnowledge(profile, peer.knowledge), options);
}

/** What is configured, completed by what was learnt. */
function withKnowledge(profile: PeerQueryProfile, knowledge: Peer['knowledge']): PeerQueryProfile {
  const { dateTime } = profile;
  return {
    ...profile,
    characterSets: profile.characterSets ?? preferredCharacterSets(knowledge.get('characterSets') ?? []),
    unsentKeys: [...(profile.unsentKeys ?? []), ...tagsOf(knowledge.get('ignoredKeys'))],
    trustedKeys: tagsOf(knowledge.get('trustedKeys')),
    literalWildcard: knowledge.get('literalWildcard') === true,
    upperCasesNames: knowledge.get('upperCasesNames') === true,
    root: knowledge.get('root') ?? 'study',
    needsPatientId: knowledge.get('needsPatientId') === true,
    dateTime: {
      ...dateTime,
      dateTimeProved: knowledge.get('dateTimeProved') ?? false,
      findsEmptyTimes: dateTime.findsEmptyTimes === true || knowledge.get('findsEmptyTimes') === true,
    },
  };
}

/** The attributes of facts. Keys that the peer passes over are filtered by: some peers find nothing by them, or fail. */
function tagsOf(keywords: readonly string[] = []): readonly Tag[] {
  return keywords.flatMap((keyword) => attributeByKeyword(keyword)?.tag ?? []);
}
