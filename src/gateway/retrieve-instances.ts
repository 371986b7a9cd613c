import { crc32 } from 'node:zlib';
import { GatewayError, toGatewayError, type OperationContext } from '../core/index.js';
import {
  deflate,
  part10Header,
  toExplicitLittleEndian,
  transferSyntax,
  TransferSyntaxes,
  type DatasetIndex,
  type TransferSyntax,
} from '../dicom/index.js';
import {
  chooseForInstance,
  combineCrc32,
  instanceConversions,
  negotiate,
  prefersStored,
  retrieveUrl,
  storedInstead,
  type ByteSpan,
  type InstanceChoice,
  type InstanceConversion,
  type MediaRange,
  type Representation,
  type RetrieveTarget,
} from '../dicomweb/index.js';
import type { BodyPart, PartsAnswer } from './answer.js';
import { isFloating, isOfTheFrame, lossOf, type Conversion } from './converted-frames.js';
import { convertedInstance, TooLongUncompressed } from './converted-instance.js';
import { madeAhead } from './made-ahead.js';
import { openRetrieve, type OpenedRetrieve } from './retrieve.js';
import { valuesAnswer, valuesMaking, type ValuesMaking } from './retrieve-values.js';
import type { RetrieveBinding } from './side.js';
import { datasetCrcOf, etagOf, etagOfParts, partOf, recordInTurn, recordNow } from './validator.js';
import type { HeldInstance, WholeInstance } from './want.js';

export interface InstancesRequest {
  readonly target: RetrieveTarget;
  readonly accept: readonly MediaRange[];
  /** Base of Content-Location. */
  readonly serviceUrl: string;
}

/** Both, when the rest has begun: of what fails before its first byte nothing leaves, and the status line can say so. */
async function* concatenate(
  head: Buffer,
  rest: AsyncIterable<Buffer>,
): AsyncGenerator<Buffer, void, undefined> {
  const chunks = rest[Symbol.asyncIterator]();
  try {
    let next = await chunks.next();
    yield head;
    // A chunk is lent until the next is asked for.
    for (; !next.done; next = await chunks.next()) yield next.value;
  } finally {
    await chunks.return?.();
  }
}

/** Bytes `span` of `head` followed by the dataset; of the dataset no others are read. */
async function* fileSpan(
  head: Buffer,
  { source }: HeldInstance,
  { start, end }: ByteSpan,
): AsyncGenerator<Buffer, void, undefined> {
  if (start < head.length) yield head.subarray(start, end);
  if (end > head.length) yield* source.read(Math.max(start - head.length, 0), end - head.length);
}

const notAcceptable = (stored: string): GatewayError =>
  new GatewayError(
    'not-acceptable',
    `An instance is stored in transfer syntax ${stored}, which this gateway does not convert to that. ` +
      'Ask for it as it is with transfer-syntax=*.',
  );

const ARCHIVE = 'application/zip';

/** Of files in one folder, whatever they were retrieved with; short enough for systems that allow 260 characters. */
const fileNameOf = ({ seriesInstanceUid, sopInstanceUid }: HeldInstance['key']): string =>
  `${seriesInstanceUid}/${sopInstanceUid}.dcm`;

const archiveNameOf = ({ studyInstanceUid, seriesInstanceUid, sopInstanceUid }: RetrieveTarget): string =>
  `${sopInstanceUid ?? seriesInstanceUid ?? studyInstanceUid}.zip`;

/** The checksum of `head` and the stored dataset, where all of that has come. */
async function checksumOf(instance: HeldInstance, head: Buffer): Promise<Pick<BodyPart, 'crc32'>> {
  const { size } = instance.source;
  const record = size === undefined ? undefined : await recordNow(instance);
  const dataset = record && datasetCrcOf(record, size ?? 0);
  return dataset === undefined ? {} : { crc32: combineCrc32(crc32(head), dataset, size ?? 0) };
}

interface Delivery {
  readonly representation: Representation;
  readonly part: BodyPart;
  /** What the entity tag depends on beside the bytes that are stored. */
  readonly how: readonly string[];
}

interface Delivering {
  readonly instance: HeldInstance;
  readonly stored: TransferSyntax;
  readonly serviceUrl: string;
  /** Of a study or a series. */
  readonly isOneOfMany: boolean;
}

const CONVERTED = 'converted';

/** @throws GatewayError */
async function converted(of: Delivering, conversion: InstanceConversion, by: Conversion): Promise<Delivery> {
  const { instance, stored, serviceUrl } = of;
  const { index, problem } = await instance.unlessTooLong(instance.complete);
  if (index === undefined) throw problem ?? notAcceptable(stored.uid);
  if (hasNothingToEncode(index)) {
    const plain = await unconverted(of, inPlain(of, conversion));
    // What follows it in the same answer is converted.
    return { ...plain, how: [CONVERTED, ...plain.how] };
  }
  const part = await convertedInstance({ instance, index, stored }, conversion, serviceUrl, by);
  const how = [CONVERTED, ...lossOf(conversion, by)];
  return { representation: conversion.representation, part, how };
}

/** Reports, documents and numbers that are no integers: what is asked for pixels is not asked for them. */
const hasNothingToEncode = (index: DatasetIndex): boolean =>
  index.pixelData === undefined || isFloating(index);

/**
 * Such an instance in Explicit VR Little Endian, which every client reads: among images it is no reason to refuse them.
 *
 * @throws GatewayError `not-acceptable` for one that was asked for by itself
 */
function inPlain(
  { stored, isOneOfMany }: Delivering,
  { representation, encodeAs }: InstanceConversion,
): InstanceChoice {
  if (!isOneOfMany && encodeAs !== undefined)
    throw new GatewayError(
      'not-acceptable',
      'This instance has no pixels that could be encoded; it can be had in Explicit VR Little Endian.',
    );
  const { uid } = TransferSyntaxes.ExplicitVrLittleEndian;
  return { representation, transferSyntaxUid: uid, reencode: stored.uid !== uid };
}

/** The first of `conversions` that can be made, or what may be given in its place. @throws GatewayError of the first */
async function firstMade(
  of: Delivering,
  conversions: readonly InstanceConversion[],
  by: Conversion,
): Promise<Delivery> {
  let refusal: GatewayError | undefined;
  for (const conversion of conversions) {
    try {
      return await converted(of, conversion, by);
    } catch (thrown) {
      const error = toGatewayError(thrown);
      if (error.code !== 'not-acceptable') throw error;
      refusal ??= error;
      const instead = error instanceof TooLongUncompressed && storedInstead(conversion, of.stored);
      if (instead) return await unconverted(of, instead);
    }
  }
  throw refusal ?? notAcceptable(of.stored.uid);
}

/**
 * One instance as a Part 10 file: its own bytes after a synthesised header, re-encoded only where the standard forbids
 * the encoding they came in, its frames decoded or encoded only where the client takes no other.
 *
 * @throws GatewayError `not-acceptable` when no acceptable representation can be made of it
 * @see rules W-20..W-26
 */
async function deliver(
  instance: HeldInstance,
  representations: readonly Representation[],
  { target, serviceUrl }: Omit<InstancesRequest, 'accept'>,
  by: Conversion,
): Promise<Delivery> {
  const { transferSyntaxUid: storedUid } = instance.info;
  const stored = transferSyntax(storedUid);
  if (stored === undefined) throw notAcceptable(storedUid);
  const of = { instance, stored, serviceUrl, isOneOfMany: target.sopInstanceUid === undefined };
  const { choice, likedMore } = waysOf(stored, representations, by);
  if (choice === undefined) return await firstMade(of, likedMore, by);
  if (likedMore.length === 0) return await unconverted(of, choice);
  try {
    return await firstMade(of, likedMore, by);
  } catch (thrown) {
    if (!isOfTheFrame(thrown)) throw thrown;
    return await unconverted(of, choice);
  }
}

/** How instances stored in `stored` are given. */
interface Ways {
  /** With their pixels as they are, where the client takes that. */
  readonly choice: InstanceChoice | undefined;
  /** What is tried before. */
  readonly likedMore: readonly InstanceConversion[];
}

function waysOf(
  stored: TransferSyntax,
  representations: readonly Representation[],
  { pool }: Pick<Conversion, 'pool'>,
): Ways {
  const choice = chooseForInstance(representations, stored);
  const conversions = instanceConversions(representations, stored, pool);
  return { choice, likedMore: conversions.filter((conversion) => !prefersStored(choice, conversion)) };
}

/**
 * The validator of files in parts. There is none where some may be given in one way or another: conversions that the
 * client likes more than what is stored are given up when they take too long.
 */
function etagOfFiles(
  all: readonly WholeInstance[],
  alike: readonly Representation[],
  { serviceUrl }: Pick<InstancesRequest, 'serviceUrl'>,
  by: Conversion,
): { readonly etag?: string } {
  const how: string[] = [serviceUrl];
  for (const uid of new Set(all.map(({ info }) => info.transferSyntaxUid))) {
    const stored = transferSyntax(uid);
    const ways = stored && waysOf(stored, alike, by);
    if (!ways || (ways.choice && ways.likedMore.length > 0)) return {};
    const losses = ways.likedMore.flatMap((conversion) => lossOf(conversion, by));
    how.push(JSON.stringify([uid, ways, losses]));
  }
  return { etag: etagOfParts('file', all.map(partOf), ...how) };
}

/** The file of an instance whose pixels stay as they are. */
async function unconverted(
  { instance, stored, serviceUrl }: Delivering,
  { transferSyntaxUid, reencode, representation }: InstanceChoice,
): Promise<Delivery> {
  const { sopClassUid } = instance.info;
  const { sopInstanceUid } = instance.key;
  const head = part10Header({ sopClassUid, sopInstanceUid, transferSyntaxUid });
  const bytes = reencode ? instance.source.read() : instance.lent.read();
  const { size } = instance.source;
  const checksum = representation.mediaType === ARCHIVE && !reencode ? await checksumOf(instance, head) : {};
  const part: BodyPart = {
    contentType: `application/dicom; transfer-syntax=${transferSyntaxUid}`,
    peer: instance.key.peer,
    contentLocation: retrieveUrl(serviceUrl, instance.key),
    ...(reencode || size === undefined
      ? {}
      : { contentLength: head.length + size, range: (span: ByteSpan) => fileSpan(head, instance, span) }),
    ...checksum,
    bytes: concatenate(head, reencode ? reencoded(bytes, stored, transferSyntaxUid) : bytes),
  };
  return { representation, part, how: [reencode ? 're-encoded' : 'stored'] };
}

function reencoded(
  bytes: AsyncIterable<Buffer>,
  stored: TransferSyntax,
  transferSyntaxUid: string,
): AsyncIterable<Buffer> {
  const explicit = toExplicitLittleEndian(bytes, stored);
  return transferSyntax(transferSyntaxUid)?.deflated === true ? deflate(explicit) : explicit;
}

const BULK_DATA = 'application/octet-stream';

/**
 * What `answer` makes of files or of bulk data, whichever of `representations` the client likes best, of files where it
 * likes both alike; of the others where that is not to be had.
 *
 * @throws GatewayError `not-acceptable` of the best, or as `answer`
 */
export async function filesOrBulkData(
  representations: readonly Representation[],
  answer: (alike: readonly Representation[]) => Promise<PartsAnswer>,
): Promise<PartsAnswer> {
  const isBulk = ({ mediaType }: Representation): boolean => mediaType === BULK_DATA;
  const bulk = representations.filter(isBulk);
  const files = representations.filter((one) => !isBulk(one));
  const rankOf = ([first]: readonly Representation[]): number => (first ? (first.rank ?? 0) : Infinity);
  const best = rankOf(bulk) < rankOf(files) ? bulk : files;
  const others = best === bulk ? files : bulk;
  try {
    return await answer(best);
  } catch (thrown) {
    if (others.length === 0 || toGatewayError(thrown).code !== 'not-acceptable') throw thrown;
    return await answer(others);
  }
}

/** Retrieves a study, a series or an instance as Part 10 files, or its bulk data. @throws GatewayError @see rules W-01, W-09..W-14 */
export async function retrieveInstances(
  side: RetrieveBinding,
  request: InstancesRequest,
  context: OperationContext,
): Promise<PartsAnswer> {
  const { target, accept } = request;
  const items = target.sopInstanceUid === undefined ? 'many' : 'one';
  return filesOrBulkData(negotiate('instances', accept, items), async (alike) =>
    instancesAnswer(await openRetrieve(side, target, context), alike, request, valuesMaking(side, context)),
  );
}

/** What was opened, in the first of `representations`, which are all of files or all of bulk data. @throws GatewayError `not-acceptable` */
export function instancesAnswer(
  opened: OpenedRetrieve,
  representations: readonly Representation[],
  asked: InstancesRequest,
  by: ValuesMaking,
): Promise<PartsAnswer> {
  if (representations[0]?.mediaType === BULK_DATA)
    return valuesAnswer(opened, { ...asked, values: 'bulkdata' }, by);
  return filesAnswer(opened, representations, asked, { pool: by.framePool, context: by.context });
}

/** What was opened, as Part 10 files. @throws GatewayError `not-acceptable` */
async function filesAnswer(
  opened: OpenedRetrieve,
  representations: readonly Representation[],
  asked: Omit<InstancesRequest, 'accept'>,
  by: Conversion,
): Promise<PartsAnswer> {
  const { refused, instances, stalled } = opened;
  try {
    const first = await instances.next();
    if (first.done) throw new GatewayError('internal', 'A retrieve was opened without an instance.');
    const { representation, part, how } = await deliver(first.value, representations, asked, by);
    const { multipart, mediaType } = representation;
    const isArchive = mediaType === ARCHIVE;
    const record = multipart || isArchive ? undefined : await recordInTurn(first.value);
    const only = record ? { ...part, etag: etagOf(record, 'file', part.contentType, ...how) } : part;
    const alike = representations.filter(
      (other) => other.multipart === multipart && other.mediaType === mediaType,
    );
    const whole = multipart ? await opened.whole() : undefined;
    const validator = whole ? etagOfFiles(whole, alike, asked, by) : {};
    const parts = (async function* (): AsyncGenerator<BodyPart, void, undefined> {
      try {
        const make = async (instance: HeldInstance): Promise<BodyPart> => {
          const next = await deliver(instance, alike, asked, by);
          return { ...next.part, fileName: fileNameOf(instance.key) };
        };
        yield { ...only, fileName: fileNameOf(first.value.key) };
        // What is sent as it is costs nothing to begin with.
        if (how.includes(CONVERTED)) yield* madeAhead(opened, make);
        else for await (const instance of instances) yield await make(instance);
      } finally {
        await instances.return();
      }
    })();
    const close = async (): Promise<void> => {
      opened.close();
      await instances.return();
    };
    const archive = isArchive ? { archiveName: archiveNameOf(asked.target) } : {};
    const body = { multipart, partType: mediaType, parts, ...validator, ...archive };
    return { kind: 'parts', refused, stalled, close, ...body };
  } catch (thrown) {
    await instances.return();
    throw thrown;
  }
}
