import { GatewayError, type OperationContext } from '../core/index.js';
import { transferSyntax, writeDicomJson } from '../dicom/index.js';
import { negotiate, retrieveUrl, type MediaRange, type RetrieveTarget } from '../dicomweb/index.js';
import type { JsonAnswer } from './answer.js';
import type { ListedInstance } from './listing.js';
import type { WholeDocument } from './metadata-memory.js';
import type { RetrieveSettings } from './ports.js';
import { currentListing } from './relist.js';
import { openRetrieve } from './retrieve.js';
import type { RetrieveBinding } from './side.js';
import { etagOf, recordNow } from './validator.js';
import type { HeldInstance } from './want.js';

export interface MetadataRequest {
  readonly target: RetrieveTarget;
  readonly accept: readonly MediaRange[];
  /** Base of BulkDataURI. */
  readonly serviceUrl: string;
}

const PIXEL_DATA = '7FE00010';

function jsonOf(
  instance: HeldInstance,
  serviceUrl: string,
  settings: RetrieveSettings,
): AsyncIterable<Buffer> {
  const { inlineBytes, fallbackCharacterSet, limits } = settings;
  const syntax = transferSyntax(instance.info.transferSyntaxUid);
  if (syntax === undefined) {
    throw new GatewayError(
      'malformed-dataset',
      'The instance is in a transfer syntax that the gateway does not know.',
    );
  }
  const url = retrieveUrl(serviceUrl, instance.key);
  return writeDicomJson(instance.source, syntax, {
    bulkDataUri: (path) => (path === PIXEL_DATA ? `${url}/pixeldata` : `${url}/bulkdata/${path}`),
    inlineLimitBytes: inlineBytes,
    limits,
    ...(fallbackCharacterSet === undefined ? {} : { fallbackCharacterSet }),
  });
}

/**
 * Retrieves the attributes of every instance at or below `target`, each written while it arrives and without its
 * bulk data.
 *
 * @throws GatewayError @see rules W-02, W-28, W-48, W-49
 */
export async function retrieveMetadata(
  side: RetrieveBinding,
  { target, accept, serviceUrl }: MetadataRequest,
  context: OperationContext,
): Promise<JsonAnswer> {
  negotiate('metadata', accept);
  const whole = await documentOf(side, target, serviceUrl, context);
  const changes = side.watch.changes(target);
  if (whole) return wholeAnswer(whole);
  const { refused, instances, stalled } = await openRetrieve(side, target, context);
  const only = target.sopInstanceUid === undefined ? undefined : await instances.next();
  const first = only?.done === false ? only.value : undefined;
  const etag = first && (await etagOfOne(first, serviceUrl, side.binding.retrieve));
  const all = first ? startingWith(first, instances) : instances;
  const tee = side.metadata.tee(metadataArray(all, serviceUrl, () => side.binding.retrieve));
  const body = (async function* (): AsyncGenerator<Buffer | string, void, undefined> {
    for await (const chunk of tee) {
      // Before the last chunk leaves the tee still has what it kept. A partial answer is not remembered, nor one of
      // what the study was before.
      const keeps = chunk === LAST_CHUNK && refused === 0 && side.watch.changes(target) === changes;
      const list = keeps ? listOf(side, target) : undefined;
      if (list) side.metadata.keep(tee, { target, serviceUrl, list });
      yield chunk;
    }
  })();
  const close = async (): Promise<void> => {
    await body.return();
    await instances.return();
  };
  return {
    kind: 'json',
    refused,
    warnings: [],
    body,
    stalled,
    close,
    ...(etag === undefined ? {} : { etag }),
  };
}

async function* startingWith(
  first: HeldInstance,
  rest: AsyncIterable<HeldInstance>,
): AsyncGenerator<HeldInstance, void, undefined> {
  yield first;
  yield* rest;
}

/** Of everything that the document of one instance is made of; undefined while the instance arrives. */
async function etagOfOne(
  instance: HeldInstance,
  serviceUrl: string,
  { inlineBytes, fallbackCharacterSet = '' }: RetrieveSettings,
): Promise<string | undefined> {
  const record = await recordNow(instance);
  return record && etagOf(record, 'metadata', serviceUrl, String(inlineBytes), fallbackCharacterSet);
}

/** The end of a document: it is whole when this comes. */
export const LAST_CHUNK = ']';

/** The attributes of instances, each written as it is configured for its peer. */
export async function* metadataArray(
  instances: AsyncIterable<HeldInstance>,
  serviceUrl: string,
  settingsOf: (peer: string) => RetrieveSettings,
): AsyncGenerator<Buffer | string, void, undefined> {
  let separator = '[';
  for await (const instance of instances) {
    yield separator;
    yield* jsonOf(instance, serviceUrl, settingsOf(instance.key.peer));
    separator = ',\n';
  }
  yield LAST_CHUNK;
}

/** The document as it was sent last, if the peer says that nothing has changed since. */
async function documentOf(
  side: RetrieveBinding,
  target: RetrieveTarget,
  serviceUrl: string,
  context: OperationContext,
): Promise<WholeDocument | undefined> {
  if (listOf(side, target) === undefined) return undefined;
  await side.watch.check(target.studyInstanceUid, context);
  const list = await currentListing(side, target, context);
  const whole = list && side.metadata.get({ target, serviceUrl, list });
  side.deps.observe({ kind: 'cache', event: whole ? 'hit' : 'miss', tier: 'metadata' });
  return whole;
}

/** What a document is made of; single instances are not worth one. */
const listOf = ({ watch }: RetrieveBinding, target: RetrieveTarget): readonly ListedInstance[] | undefined =>
  target.sopInstanceUid === undefined ? watch.listing(target) : undefined;

/** A document that was sent before, once more. */
export const wholeAnswer = (whole: WholeDocument): JsonAnswer => ({
  kind: 'json',
  refused: 0,
  warnings: [],
  whole,
  // eslint-disable-next-line @typescript-eslint/require-await -- what a body is made of
  body: (async function* () {
    yield whole.bytes;
  })(),
  close: () => Promise.resolve(),
});
