import { GatewayError, toGatewayError, type OperationContext } from '../core/index.js';
import { negotiate, type RetrieveTarget } from '../dicomweb/index.js';
import type { DocumentAnswer, PartsAnswer } from './answer.js';
import { datasetList, type DatasetList } from './dataset-list.js';
import { heldByNobody, nameOf, type Group, type Member } from './group.js';
import type { GroupDocuments, SharedDocument } from './group-documents.js';
import { Failures } from './group-failures.js';
import { locate, type Located } from './group-locate.js';
import { openUnion, type OpenedUnion } from './group-union.js';
import { openWhole, type StudyInstances } from './open-instance.js';
import type { RetrieveSettings } from './ports.js';
import type { OpenedRetrieve } from './retrieve.js';
import { filesOrBulkData, instancesAnswer } from './retrieve-instances.js';
import { metadataList, wholeAnswer } from './retrieve-metadata.js';
import { renderedInstances, requireSomeType } from './retrieve-rendered.js';
import { requireParts, valuesAnswer, valuesMaking, type ValuesMaking } from './retrieve-values.js';
import { renderingOf } from './rendered-parts.js';
import type { Gateway, RenderedCall, RetrieveCall, ValuesCall } from './use-cases.js';

type Holders = readonly [Member, ...Member[]];

/** How an answer in parts is made. */
interface PartsMaking {
  /** Of what one member has. */
  readonly ofPeer: (peer: string, among?: StudyInstances) => Promise<PartsAnswer>;
  /** Of what several members have. */
  readonly ofUnion: (opened: OpenedRetrieve, holders: Holders) => Promise<PartsAnswer>;
  /** Throws where the client takes nothing that there can be, before anybody is asked. */
  readonly requireSome?: () => void;
}

/** Retrieves of a group: each asks the members that hold the study. */
export class GroupRetrieve {
  readonly #group: Group;
  /** The same of single peers. */
  readonly #peers: Gateway;
  readonly #documents: GroupDocuments;

  constructor(group: Group, peers: Gateway, documents: GroupDocuments) {
    this.#group = group;
    this.#peers = peers;
    this.#documents = documents;
  }

  /** @throws GatewayError as of one peer; of a member that failed as `Failures.note` says */
  instances(call: RetrieveCall, context: OperationContext): Promise<PartsAnswer> {
    const items = call.target.sopInstanceUid === undefined ? 'many' : 'one';
    const ofPeer = (peer: string): Promise<PartsAnswer> =>
      this.#peers.retrieveInstances({ ...call, peer }, context);
    return filesOrBulkData(negotiate('instances', call.accept, items), (alike) =>
      this.#parts(call, context, {
        ofPeer,
        ofUnion: (opened, holders) => instancesAnswer(opened, alike, call, makingOf(holders, context)),
      }),
    );
  }

  /** @throws GatewayError as `instances` */
  values(call: ValuesCall, context: OperationContext): Promise<PartsAnswer> {
    return this.#parts(call, context, {
      ofPeer: (peer) => this.#peers.retrieveValues({ ...call, peer }, context),
      requireSome: () => {
        requireParts(call);
      },
      ofUnion: (opened, holders) => valuesAnswer(opened, call, makingOf(holders, context)),
    });
  }

  /** @throws GatewayError as `instances` */
  rendered(call: RenderedCall, context: OperationContext): Promise<PartsAnswer> {
    return this.#parts(call, context, {
      ofPeer: (peer, among) =>
        this.#peers.retrieveRendered({ ...call, peer, ...(among && { among }) }, context),
      requireSome: () => {
        requireSomeType(call.accept);
      },
      ofUnion: (opened, holders) => {
        const { settingsOf: settings } = makingOf(holders, context);
        const fallbackCharacterSetOf = (peer: string): string | undefined =>
          settings(peer).fallbackCharacterSet;
        return renderedInstances(opened, call, {
          ...renderingOf(holders[0], context),
          fallbackCharacterSetOf,
        });
      },
    });
  }

  /** An answer in parts: of one instance, of the one member that holds the study, or of what several have of it. */
  async #parts(call: RetrieveCall, context: OperationContext, make: PartsMaking): Promise<PartsAnswer> {
    if (call.target.sopInstanceUid !== undefined) return this.one(call, make.ofPeer, context);
    make.requireSome?.();
    const { only, located, failures } = await this.#begin(call, context);
    if (only) {
      const answer = await unlessAbsent(make.ofPeer(nameOf(only)), failures);
      return marked(answer, { located, failures, isPartial: failures.any });
    }
    const request = { group: this.#group, target: call.target };
    const { opened, located: now } = await openUnion(request, located, failures, context);
    const [first, ...others] = now.holders;
    if (!first || opened === 'nothing') return nothing(failures);
    const answer = await unlessAbsent(make.ofUnion(opened, [first, ...others]), failures);
    return marked(answer, { located: now, failures, isPartial: failures.any });
  }

  /** @throws GatewayError as `instances` */
  async metadata(call: RetrieveCall, context: OperationContext): Promise<DocumentAnswer> {
    if (call.target.sopInstanceUid !== undefined)
      return this.one(call, (peer) => this.#peers.retrieveMetadata({ ...call, peer }, context), context);
    const list = datasetList(negotiate('metadata', call.accept));
    const { only, located, failures } = await this.#begin(call, context);
    if (only) {
      const answer = this.#peers.retrieveMetadata({ ...call, peer: nameOf(only) }, context);
      return marked(await unlessAbsent(answer, failures), { located, failures, isPartial: failures.any });
    }
    const { target, serviceUrl } = call;
    const of: SharedDocument = { members: located.holders, target, form: list.form, serviceUrl };
    const known = failures.any ? undefined : await this.#documents.get(of, context);
    if (known) return marked(wholeAnswer(known, list), { located, failures, isPartial: failures.any });
    const union = await openUnion({ group: this.#group, target }, located, failures, context);
    const answer = this.#document({ ...of, members: union.located.holders }, union, list, failures);
    return marked(answer, { located: union.located, failures, isPartial: failures.any });
  }

  #document(
    of: SharedDocument,
    { opened }: OpenedUnion,
    list: DatasetList,
    failures: Failures,
  ): DocumentAnswer {
    if (opened === 'nothing') return nothing(failures);
    const { refused, instances, stalled, lists, close } = opened;
    const end = { written: false };
    const chunks = metadataList(
      instances,
      { list, serviceUrl: of.serviceUrl, settingsOf: settingsOf(of.members) },
      end,
    );
    const isWhole = (): boolean => end.written && refused === 0 && !failures.any;
    const body = this.#documents.pass(chunks, of, () => (isWhole() ? lists() : undefined));
    return {
      kind: 'document',
      contentType: list.contentType,
      refused,
      warnings: [],
      body,
      stalled,
      close: async () => {
        close();
        await body.return();
      },
    };
  }

  /**
   * What `retrieve` makes of one instance, or of something in it, at the first member that holds it; one that has it in
   * the cache comes first. Whole even when other members failed. It is given a way to other instances of the study.
   *
   * @throws GatewayError as `instances`
   */
  async one<A extends PartsAnswer | DocumentAnswer>(
    { target, fresh }: RetrieveCall,
    retrieve: (peer: string, among: StudyInstances) => Promise<A>,
    context: OperationContext,
  ): Promise<A> {
    const { located, failures } = await this.#locate({ target, fresh }, context);
    const { holders } = located;
    const among: StudyInstances = {
      open: (other) => atFirst(holders, other, failures, (member) => openWhole(member, other, context)),
      fallbackCharacterSetOf: (peer) => settingsOf(holders)(peer).fallbackCharacterSet,
    };
    const answer = await atFirst(holders, target, failures, (member) => retrieve(nameOf(member), among));
    return marked(answer, { located, failures, isPartial: false });
  }

  async #begin(
    call: RetrieveCall,
    context: OperationContext,
  ): Promise<{ only: Member | undefined; located: Located; failures: Failures }> {
    const { located, failures } = await this.#locate(call, context);
    const [first, second] = located.holders;
    if (first !== undefined) return { only: second ? undefined : first, located, failures };
    return nothing(failures);
  }

  async #locate(
    { target, fresh }: Pick<RetrieveCall, 'target'> & { readonly fresh?: boolean | undefined },
    context: OperationContext,
  ): Promise<{ located: Located; failures: Failures }> {
    if (fresh)
      for (const { absent, watch } of this.#group.members) {
        absent.clear();
        watch.purge(target);
      }
    const failures = new Failures(this.#group, context);
    return { located: await locate(this.#group, target, failures, context), failures };
  }
}

/** What `make` makes of an instance at the first member that has it. @throws GatewayError as `GroupRetrieve.instances` */
async function atFirst<A>(
  holders: readonly Member[],
  target: RetrieveTarget,
  failures: Failures,
  make: (member: Member) => Promise<A>,
): Promise<A> {
  let missing: GatewayError | undefined;
  for (const member of inOrder(holders, target)) {
    try {
      return await make(member);
    } catch (thrown) {
      const error = toGatewayError(thrown);
      if (error.code !== 'not-found') failures.note(member, error);
      // It has the instance, and in it there is no such thing.
      else if (knows(member, target)) throw error;
      else missing ??= error;
    }
  }
  if (missing === undefined) return nothing(failures);
  failures.requireNone();
  throw missing;
}

/** Nothing there is nothing at all only if no member failed. @throws GatewayError `not-found`, or of the member that failed */
function nothing(failures: Failures): never {
  failures.requireNone();
  throw heldByNobody();
}

/** What the parts are made with: threads and memory are everybody's, settings each member's own. */
const makingOf = (holders: Holders, context: OperationContext): ValuesMaking => ({
  ...valuesMaking(holders[0], context),
  settingsOf: settingsOf(holders),
});

/** Each member's own. */
function settingsOf(members: readonly Member[]): (peer: string) => RetrieveSettings {
  const settings = new Map(members.map((member) => [nameOf(member), member.binding.retrieve]));
  return (peer) => {
    const found = settings.get(peer);
    if (found) return found;
    throw new GatewayError('internal', 'An instance is of no member.');
  };
}

/** What the one member that holds the study says: nothing there is nothing at all only if every member was asked. */
async function unlessAbsent<A>(answer: Promise<A>, failures: Failures): Promise<A> {
  try {
    return await answer;
  } catch (thrown) {
    if (toGatewayError(thrown).code === 'not-found') failures.requireNone();
    throw thrown;
  }
}

function knows({ fetcher }: Member, target: RetrieveTarget): boolean {
  const { studyInstanceUid, seriesInstanceUid, sopInstanceUid } = target;
  if (seriesInstanceUid === undefined || sopInstanceUid === undefined) return false;
  return fetcher.knows({ studyInstanceUid, seriesInstanceUid, sopInstanceUid });
}

function inOrder(holders: readonly Member[], target: RetrieveTarget): readonly Member[] {
  const cached = holders.filter((member) => knows(member, target));
  return [...cached, ...holders.filter((member) => !cached.includes(member))];
}

interface Marks {
  readonly located: Located;
  readonly failures: Failures;
  readonly isPartial: boolean;
}

/** The answer with what the client must know; one that is partial has no validator, nor is it known as a whole. */
function marked<A extends PartsAnswer | DocumentAnswer>(
  answer: A,
  { located, failures, isPartial }: Marks,
): A {
  const warnings = [...(answer.warnings ?? []), ...located.warnings, ...failures.warnings];
  if (!isPartial) return { ...answer, warnings };
  const partial: A = { ...answer, warnings, isPartial };
  if (partial.kind === 'parts') return partial;
  const { etag: _etag, whole: _whole, ...rest } = partial;
  return rest as A;
}
