import { baselineQueryOptions, type OperationContext } from '../core/index.js';
import { attributeByKeyword, isAsciiText, preferredCharacterSets, type Tag } from '../dicom/index.js';
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
  const known = withKnowledge(profile, peer.knowledge);
  // Series and instances of studies that may not be seen are told by their studies.
  const usable = context.restriction ? { ...options, relational: false } : options;
  const plan = planSearch(request, known, usable);
  const isMissed = profile.characterSets === undefined && mayMissText(request, peer.knowledge);
  return isMissed ? { ...plan, warnings: [...plan.warnings, OTHER_SETS] } : plan;
}

const OTHER_SETS =
  'The archive has text in several character sets, and is asked for this one in one of them: what is in others may not be found';

/** Archives compare text as it is written, or convert it between some of the sets. One value has one of them. @see rule Q-51 */
function mayMissText({ matchingKeys }: SearchRequest, knowledge: Peer['knowledge']): boolean {
  const isAscii = matchingKeys.every(({ values }) => values.every((value) => isAsciiText(value)));
  const sets = (knowledge.get('characterSets') ?? []).filter((terms) => !ASCII_SETS.has(terms));
  return !isAscii && sets.length > 1;
}

const ASCII_SETS: ReadonlySet<string> = new Set(['', 'ISO_IR 6', 'ISO 2022 IR 6']);

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
