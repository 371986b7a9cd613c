import { GatewayError } from '../core/index.js';
import { allTransferSyntaxes } from '../dicom/index.js';
import type { MediaRange } from './media-type.js';

/** What is asked for, as far as the choice of a representation goes. */
export type RetrieveResource =
  'instances' | 'metadata' | 'frames' | 'bulkdata' | 'pixeldata' | 'search' | 'store-response' | 'commitment';

/** One way to answer that the client takes. */
export interface Representation {
  /** Of the body, or of each part of a multipart body. */
  readonly mediaType: string;
  readonly multipart: boolean;
  /** `*`: as stored; undefined: the client did not say (PS3.18 8.7.3.4 has the default). */
  readonly transferSyntax: string | undefined;
  /** 0 for what the client likes best; equal where its order alone tells them apart. 0 when left out. */
  readonly rank?: number;
  /** What the client refuses by name, so that no wildcard stands for it; none when left out. */
  readonly refused?: readonly Refusal[];
}

/** A media type with q=0, or one of its transfer syntaxes. */
interface Refusal {
  readonly mediaType: string;
  /** `*` and undefined: all of them. */
  readonly transferSyntax: string | undefined;
}

/** A way to answer that this gateway has. */
interface Offer {
  readonly mediaType: string;
  readonly multipart: boolean;
  /** Nobody gets it for a wildcard. */
  readonly byNameOnly?: boolean;
}

/** An offer under one of the client's ranges. */
interface Candidate extends Representation {
  readonly range: MediaRange;
  /** Of the type alone. */
  readonly specificity: number;
  readonly order: number;
}

const dicomJson = 'application/dicom+json';
const dicomXml = 'application/dicom+xml';
const dicom = 'application/dicom';
const zip = 'application/zip';
const octetStream = 'application/octet-stream';
/** Names that clients use for what the standard spells otherwise (PS3.18 8.7.3.3.2 keeps two of them). */
const aliases: Readonly<Record<string, string>> = {
  'image/x-dicom-rle': 'image/dicom-rle',
  'image/x-jls': 'image/jls',
};

/**
 * The representations of `resource` that the client takes, best first: the `accept` parameter before the header, then by
 * q, the more specific range, the client's order and the gateway's.
 *
 * `items` says whether the resource is one thing: only then has it a representation in a single part (W-12). A range with
 * a wildcard takes the stored bytes whatever they are (W-21), unless it names a transfer syntax. A type that a resource
 * does not have, a rendered one included, is not acceptable but no error (H-06, H-09). `own` is the type that bulk data has
 * besides `application/octet-stream`.
 *
 * @throws GatewayError `not-acceptable` with the list of what there is.
 * @see PS3.18 8.7.8.1 (H-07, H-08)
 */
export function negotiate(
  resource: RetrieveResource,
  accept: readonly MediaRange[],
  items: 'one' | 'many' = 'many',
  own?: string,
): readonly Representation[] {
  return negotiateOffers(
    own === undefined ? offersOf(resource, items) : packings([own, octetStream], items, false),
    accept,
  );
}

/**
 * Which of `mediaTypes`, the default first, the client likes best of one thing that can be had in these: bare, or else in a
 * part.
 *
 * @throws GatewayError `not-acceptable`
 * @see PS3.18 8.7.4
 */
export function negotiateTypes(
  mediaTypes: readonly string[],
  accept: readonly MediaRange[],
): Pick<Representation, 'mediaType' | 'multipart'> {
  const offers = packings(mediaTypes, 'one', false);
  // A rendered type has no transfer syntax (W-50).
  const asked = accept.filter(({ parameters }) => !parameters.has('transfer-syntax'));
  const [best] = negotiateOffers(offers, asked);
  return best ?? notAcceptable(offers);
}

function negotiateOffers(offers: readonly Offer[], accept: readonly MediaRange[]): readonly Representation[] {
  const refusing = accept.some((range) => range.q === 0);
  const candidates = offers
    .flatMap((offer) =>
      accept
        .flatMap((range, order) => candidate(offer, { range, order, refusing }))
        .filter((one, _index, all) => one.range.q > 0 && !all.some((other) => overrides(other, one))),
    )
    .sort(byPreference);
  if (candidates.length === 0) notAcceptable(offers);
  const distinct = new Map<string, Representation>();
  const refusals = offers.flatMap((offer) => refusalsOf(offer, accept));
  const liked = [...new Set(candidates.map(likedAs))];
  for (const one of candidates) {
    const { mediaType, multipart, transferSyntax } = one;
    const key = `${mediaType} ${String(multipart)} ${transferSyntax ?? ''}`;
    if (distinct.has(key)) continue;
    const rank = liked.indexOf(likedAs(one));
    const refused = refusals
      .filter(({ range, ...other }) => range.source === one.range.source && other.multipart === multipart)
      .map(({ range, ...other }) => ({
        mediaType: other.mediaType,
        transferSyntax: range.parameters.get('transfer-syntax'),
      }));
    distinct.set(key, {
      ...{ mediaType, multipart, transferSyntax, rank },
      ...(refused.length > 0 && { refused }),
    });
  }
  return [...distinct.values()];
}

function offersOf(resource: RetrieveResource, items: 'one' | 'many'): readonly Offer[] {
  switch (resource) {
    case 'search':
    case 'metadata':
      return textForms(true);
    case 'store-response':
      return textForms(false);
    case 'commitment':
      return [...textForms(false), ...textForms(false).map((form) => ({ ...form, multipart: true }))];
    case 'instances':
      return [
        ...packings([dicom], items, true),
        { mediaType: zip, multipart: false, byNameOnly: true },
        // Historical: the bulk data in place of the instances (W-01).
        { mediaType: octetStream, multipart: true, byNameOnly: true },
      ];
    case 'frames':
    case 'pixeldata':
      return packings(pixelTypes(), items, true);
    case 'bulkdata':
      // Who follows a BulkDataURI without an Accept header (a browser, OHIF's `singlepart`) wants the bytes bare.
      return packings(pixelTypes(), items, false);
  }
}

/** Several datasets are one JSON array, but as many XML documents. @see PS3.18 8.7.3.2 (Q-30, W-02, S-09) */
function textForms(xmlInParts: boolean): Offer[] {
  const json = [dicomJson, 'application/json'].map((mediaType) => ({ mediaType, multipart: false }));
  return [...json, { mediaType: dicomXml, multipart: xmlInParts }];
}

function packings(mediaTypes: readonly string[], items: 'one' | 'many', multipartFirst: boolean): Offer[] {
  const multipart = mediaTypes.map((mediaType) => ({ mediaType, multipart: true }));
  if (items === 'many') return multipart;
  const single = mediaTypes.map((mediaType) => ({ mediaType, multipart: false }));
  return multipartFirst ? [...multipart, ...single] : [...single, ...multipart];
}

/** What stored frames can be, uncompressed first. */
function pixelTypes(): readonly string[] {
  const compressed = allTransferSyntaxes.map((syntax) => syntax.frameMediaType);
  return [...new Set([octetStream, ...compressed])];
}

interface Asked {
  readonly range: MediaRange;
  readonly order: number;
  /** Some range has q=0, so a wildcard no longer takes whatever is stored under the general type. */
  readonly refusing: boolean;
}

function candidate(offer: Offer, { range, order, refusing }: Asked): Candidate[] {
  const specificity = matchOf(offer, range);
  if (specificity === undefined || (offer.byNameOnly && specificity < exact)) return [];
  const asked = range.parameters.get('transfer-syntax');
  const anyStored = specificity < exact && !(refusing && offer.mediaType === octetStream);
  const transferSyntax = asked ?? (anyStored ? '*' : undefined);
  return [{ ...offer, transferSyntax, range, specificity, order }];
}

/** A type without wildcards. */
const exact = 4;

/** Where the client refuses `offer`, or a family of types that it is of; that of all types is no word on this one. */
function refusalsOf(offer: Offer, accept: readonly MediaRange[]): readonly Candidate[] {
  const all = accept.flatMap((range, order) => candidate(offer, { range, order, refusing: false }));
  const ofAllTypes = offer.multipart ? 2 : 1;
  const isTaken = (one: Candidate): boolean =>
    all.some(({ range, specificity }) => range.q > 0 && specificity > one.specificity);
  return all.filter((one) => one.range.q === 0 && one.specificity > ofAllTypes && !isTaken(one));
}

/**
 * Whether the client refuses, by its name, what a representation would come to. Of its own media type without a transfer
 * syntax it says nothing of that: transfer syntaxes are choices beside each other (W-22).
 *
 * @see RFC 9110 12.5.1 (H-07)
 */
export const isRefused = (
  { mediaType: own, refused = [] }: Representation,
  mediaType: string,
  transferSyntaxUid: string,
): boolean =>
  refused.some(
    (one) =>
      one.mediaType === mediaType &&
      (one.transferSyntax === transferSyntaxUid ||
        (mediaType !== own && (one.transferSyntax ?? '*') === '*')),
  );

/** How specifically `range` names `offer`; undefined when not at all. */
function matchOf(offer: Offer, range: MediaRange): number | undefined {
  const { type, subtype } = range;
  if (type === '*') return subtype === '*' ? 0 : undefined;
  if (!offer.multipart) return matchType(offer.mediaType, `${type}/${subtype}`, 0);
  if (type !== 'multipart') return undefined;
  if (subtype === '*') return 1;
  return subtype === 'related'
    ? matchType(offer.mediaType, range.parameters.get('type') ?? '*/*', 1)
    : undefined;
}

function matchType(mediaType: string, wanted: string, base: number): number | undefined {
  if ((aliases[wanted] ?? wanted) === mediaType.toLowerCase()) return exact;
  if (wanted === '*/*') return base + 1;
  if (!wanted.endsWith('/*')) return undefined;
  return mediaType.startsWith(wanted.slice(0, -1)) ? base + 2 : undefined;
}

/**
 * Whether `other`, a candidate of the same offer, says in place of `one` what the client thinks of it.
 *
 * The most specific type does (RFC 9110 12.5.1). Transfer syntaxes are
 * choices beside each other (W-22), so one does not override another, nor the type without any.
 */
function overrides(other: Candidate, one: Candidate): boolean {
  return (
    other.specificity > one.specificity &&
    other.range.source === one.range.source &&
    (other.range.q === 0 || other.range.q < one.range.q) &&
    (other.transferSyntax === undefined ||
      other.transferSyntax === '*' ||
      other.transferSyntax === one.transferSyntax)
  );
}

/** How much the client likes it, by its own word. */
const likedAs = ({ range }: Candidate): string => `${range.source} ${range.q}`;

function byPreference(a: Candidate, b: Candidate): number {
  if (a.range.source !== b.range.source) return a.range.source === 'parameter' ? -1 : 1;
  return b.range.q - a.range.q || b.specificity - a.specificity || named(b) - named(a) || a.order - b.order;
}

const named = ({ range }: Candidate): number => Number(range.parameters.has('transfer-syntax'));

function notAcceptable(offers: readonly Offer[]): never {
  const names = offers.map(({ mediaType, multipart }) =>
    multipart ? `multipart/related; type="${mediaType}"` : mediaType,
  );
  throw new GatewayError(
    'not-acceptable',
    `None of the acceptable types is available. Available: ${names.join(', ')}.`,
  );
}
