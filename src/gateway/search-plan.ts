import { baselineQueryOptions, type OperationContext, type QueryOptions } from '../core/index.js';
import {
  attributeByKeyword,
  isAsciiText,
  preferredCharacterSets,
  seenSetsWith,
  Tags,
  type Tag,
} from '../dicom/index.js';
import type { SearchRequest } from '../dicomweb/index.js';
import type { Peer } from '../dimse/index.js';
import { planSearch, usesQueryOptions, type PeerQueryProfile, type SearchPlan } from '../query/index.js';
import { proveModalities } from './modalities-proof.js';
import type { PeerBinding } from './ports.js';
import { MOST_SETS } from './seen-character-sets.js';

/**
 * Plans for what the peer can do. Of a plain search nothing of that is asked for.
 *
 * @throws GatewayError when the request cannot be asked of this peer, or it cannot be asked what it can do
 */
export async function planFor(
  { peer, profile, retrieve }: PeerBinding,
  request: SearchRequest,
  context: OperationContext,
): Promise<SearchPlan> {
  // Whether studies may be searched without their patients is negotiated too.
  const isAsked = usesQueryOptions(request) || peer.knowledge.get('root') === 'patient';
  const accepted = isAsked ? await peer.queryOptions(context) : baselineQueryOptions;
  const options = provedOptions(accepted, peer.knowledge);
  // Series and instances of studies that may not be seen are told by their studies.
  const usable = context.restriction ? { ...options, relational: false } : options;
  if (asksForModalities(request)) await proveModalities(peer, context, retrieve.relearnMs);
  const plan = planSearch(request, withKnowledge(profile, peer.knowledge), usable);
  const missed = profile.characterSets === undefined ? missedText(request, peer.knowledge) : [];
  return missed.length > 0 ? { ...plan, warnings: [...plan.warnings, ...missed] } : plan;
}

const asksForModalities = ({ matchingKeys }: SearchRequest): boolean =>
  matchingKeys.some(({ path: [tag], value }) => tag === Tags.ModalitiesInStudy && value !== '');

/**
 * Without those that a peer accepts and may not heed: what it then leaves out no filter brings back. They are used where the
 * configuration says so, or `check --study` has seen them to be true.
 */
function provedOptions(accepted: QueryOptions, knowledge: Peer['knowledge']): QueryOptions {
  if (!accepted.timezone && !accepted.emptyValue) return accepted;
  const isSure = (name: 'timezone' | 'emptyValue', proof: 'timezoneProved' | 'emptyValueProved'): boolean =>
    accepted[name] && (knowledge.fixed(name) === true || knowledge.get(proof) === true);
  return {
    ...accepted,
    timezone: isSure('timezone', 'timezoneProved'),
    emptyValue: isSure('emptyValue', 'emptyValueProved'),
  };
}

const TOO_MANY_SETS =
  'The archive has text in more character sets than are remembered of it: what is in others may not be found';

const UNSEEN_SETS =
  'No answer of the archive was seen yet in a character set that holds this text: it was asked for in ISO_IR 100 or ISO_IR 192 alone, and what is in other sets may not be found';

/**
 * Warnings of text that may not be found: it is asked for in every set that was seen. Of more than are remembered the others are
 * not known, and before any was seen none is.
 *
 * @see rule Q-51
 */
function missedText({ matchingKeys }: SearchRequest, knowledge: Peer['knowledge']): readonly string[] {
  const values = matchingKeys.flatMap((key) => key.values.filter((value) => !isAsciiText(value)));
  const seen = knowledge.get('characterSets') ?? [];
  if (values.length === 0) return [];
  const isUnseen = seenSetsWith(values.join(' '), seen).length === 0;
  return [...(seen.length >= MOST_SETS ? [TOO_MANY_SETS] : []), ...(isUnseen ? [UNSEEN_SETS] : [])];
}

/** What is configured, completed by what was learnt. */
function withKnowledge(profile: PeerQueryProfile, knowledge: Peer['knowledge']): PeerQueryProfile {
  const { dateTime } = profile;
  const seen = knowledge.get('characterSets') ?? [];
  return {
    ...profile,
    characterSets: profile.characterSets ?? preferredCharacterSets(seen),
    ...(profile.characterSets === undefined && { seenCharacterSets: seen }),
    unsentKeys: [...(profile.unsentKeys ?? []), ...tagsOf(knowledge.get('ignoredKeys'))],
    trustedKeys: [...(profile.trustedKeys ?? []), ...tagsOf(knowledge.get('trustedKeys'))],
    returnedKeys: tagsOf(knowledge.get('returnedKeys')),
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
