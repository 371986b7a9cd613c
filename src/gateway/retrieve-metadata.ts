import { GatewayError, type OperationContext } from '../core/index.js';
import { transferSyntax, type BulkDataOptions } from '../dicom/index.js';
import { negotiate, retrieveUrl, type MediaRange, type RetrieveTarget } from '../dicomweb/index.js';
import type { DocumentAnswer } from './answer.js';
import { writerOf } from './arrival-writer.js';
import { bulkDataSuffix } from './bulk-data-uri.js';
import { datasetList, type DatasetList } from './dataset-list.js';
import type { ListedInstance } from './listing.js';
import type { DocumentOf, WholeDocument } from './metadata-memory.js';
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

/** How the metadata of instances is written, beside the settings. */
export interface Writing {
  readonly list: DatasetList;
  readonly serviceUrl: string;
  /** Of the peer that an instance is of. */
  readonly settingsOf: (peer: string) => RetrieveSettings;
}

/**
 * Elements that come again: of an instance that is arriving those before its pixel data, as far as they are near its
 * beginning; all that are noted when it is there. A failed arrival fails where its bytes are read.
 */
async function supersededIn(instance: HeldInstance): Promise<readonly number[] | undefined> {
  const record = await recordNow(instance);
  const repeated = record ? record.index?.repeated : await writerOf(instance)?.findRepeated();
  return repeated?.superseded;
}

async function* textOf(
  instance: HeldInstance,
  url: string,
  { list, settingsOf }: Writing,
): AsyncGenerator<Buffer, void, undefined> {
  const syntax = transferSyntax(instance.info.transferSyntaxUid);
  if (syntax === undefined) {
    throw new GatewayError(
      'malformed-dataset',
      'The instance is in a transfer syntax that the gateway does not know.',
    );
  }
  const superseded = await supersededIn(instance);
  yield* list.write(instance.source, syntax, {
    bulkDataUri: (path) => url + bulkDataSuffix(path),
    ...metadataOptions(settingsOf(instance.key.peer), superseded),
  });
}

/** How the metadata of an instance are written, which says also what of it is bulk data. */
export const metadataOptions = (
  { inlineBytes, fallbackCharacterSet, numericStrings, limits }: RetrieveSettings,
  superseded: readonly number[] | undefined,
): BulkDataOptions => ({
  inlineLimitBytes: inlineBytes,
  numericStrings,
  limits,
  ...(superseded && { superseded }),
  ...(fallbackCharacterSet === undefined ? {} : { fallbackCharacterSet }),
});

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
): Promise<DocumentAnswer> {
  const writing = {
    list: datasetList(negotiate('metadata', accept)),
    serviceUrl,
    settingsOf: () => side.binding.retrieve,
  };
  const { list } = writing;
  const name = { target, form: list.form, serviceUrl };
  const whole = await documentOf(side, name, context);
  if (whole) return wholeAnswer(whole, list);
  const { refused, instances, stalled, lists } = await openRetrieve(side, target, context);
  const only = target.sopInstanceUid === undefined ? undefined : await instances.next();
  const first = only?.done === false ? only.value : undefined;
  const etag = first && (await etagOfOne(first, writing));
  const all = first ? startingWith(first, instances) : instances;
  const end = { written: false };
  const tee = side.metadata.tee(metadataList(all, writing, end));
  const body = (async function* (): AsyncGenerator<Buffer | string, void, undefined> {
    for await (const chunk of tee) {
      // Before the last chunk leaves the tee still has what it kept. A partial answer is not remembered, nor one of
      // what the study was before.
      const [made] = end.written && refused === 0 ? lists() : [];
      if (made && listOf(side, target) === made) {
        side.metadata.keep(tee, { ...name, list: made }, side.deps.instances.latestOrdinal);
      }
      yield chunk;
    }
  })();
  const close = async (): Promise<void> => {
    await body.return();
    await instances.return();
  };
  return {
    kind: 'document',
    contentType: list.contentType,
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
  { list, serviceUrl, settingsOf }: Writing,
): Promise<string | undefined> {
  const { inlineBytes, fallbackCharacterSet = '', numericStrings } = settingsOf(instance.key.peer);
  const record = await recordNow(instance);
  const common = [serviceUrl, String(inlineBytes), fallbackCharacterSet];
  if (list.form === 'xml') return record && etagOf(record, 'metadata-xml', ...common);
  return record && etagOf(record, 'metadata', ...common, numericStrings);
}

/** The attributes of instances, each written as it is configured for its peer; `end` hears when what comes next is the last. */
export async function* metadataList(
  instances: AsyncIterable<HeldInstance>,
  writing: Writing,
  end: { written: boolean },
): AsyncGenerator<Buffer | string, void, undefined> {
  const { list, serviceUrl } = writing;
  for await (const instance of instances) {
    const url = retrieveUrl(serviceUrl, instance.key);
    yield list.before({ location: `${url}/metadata` });
    yield* textOf(instance, url, writing);
  }
  end.written = true;
  yield list.end();
}

/** The document as it was sent last, if the peer says that nothing has changed since. */
async function documentOf(
  side: RetrieveBinding,
  name: Omit<DocumentOf, 'list'>,
  context: OperationContext,
): Promise<WholeDocument | undefined> {
  const { target } = name;
  if (listOf(side, target) === undefined) return undefined;
  await side.watch.check(target, context);
  const list = await currentListing(side, target, context);
  const whole = list && (await proved(side, { ...name, list }, context));
  side.deps.observe({ kind: 'cache', event: whole ? 'hit' : 'miss', tier: 'metadata' });
  const { requestId } = context;
  if (whole) side.deps.observe({ kind: 'stage', stage: 'cache', requestId, durationMs: 0 });
  return whole;
}

/** The document of what it is made of, if the peer says still whose that is since the last of it has come. @throws GatewayError */
async function proved(
  { watch, metadata }: RetrieveBinding,
  of: DocumentOf,
  context: OperationContext,
): Promise<WholeDocument | undefined> {
  const whole = metadata.get(of);
  if (whole) await watch.checkAfter(of.target.studyInstanceUid, whole.after, context);
  return watch.listing(of.target) === of.list ? whole : undefined;
}

/** What a document is made of; single instances are not worth one. */
const listOf = ({ watch }: RetrieveBinding, target: RetrieveTarget): readonly ListedInstance[] | undefined =>
  target.sopInstanceUid === undefined ? watch.listing(target) : undefined;

/** A document that was sent before, once more. */
export const wholeAnswer = (whole: WholeDocument, { contentType }: DatasetList): DocumentAnswer => ({
  kind: 'document',
  contentType,
  refused: 0,
  warnings: [],
  whole,
  // eslint-disable-next-line @typescript-eslint/require-await -- what a body is made of
  body: (async function* () {
    yield whole.bytes;
  })(),
  close: () => Promise.resolve(),
});
