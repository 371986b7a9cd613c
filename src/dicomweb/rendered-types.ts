import { GatewayError } from '../core/index.js';
import type { MediaRange } from './media-type.js';

/** Media types of pictures that can be made. */
type PictureType = 'image/jpeg' | 'image/png' | 'image/gif' | 'image/webp';

/**
 * What is rendered: one picture, several of one instance, those of several instances, the small one that stands for all
 * of it, or a video in its own media type.
 */
export type RenderedKind =
  | 'picture'
  | 'cine'
  | 'pictures'
  | 'thumbnail'
  /** `inParts`: one of several things. */
  | { readonly video: string; readonly inParts?: boolean };

/** One way to answer that the client takes. */
export interface RenderedRepresentation {
  /** Of the body, or of each part of a multipart body. */
  readonly mediaType: string;
  readonly multipart: boolean;
}

/** The first is the default; WebP, which takes longest, is an extension. @see PS3.18 Table 8.7.4-1 */
export const pictureTypes: readonly PictureType[] = ['image/jpeg', 'image/png', 'image/gif', 'image/webp'];

const DICOM_FILE = 'application/dicom';

/** Whether pictures can be made in a media type: videos are not. */
export const isPictureType = (mediaType: string): mediaType is PictureType =>
  (pictureTypes as readonly string[]).includes(mediaType);

/** Whether a media type can carry an ICC profile. @see PS3.18 8.3.5.1.5 */
export const carriesIccProfile = (mediaType: string): boolean => mediaType !== 'image/gif';

const single = (mediaType: string): RenderedRepresentation => ({ mediaType, multipart: false });
const parts = (mediaType: string): RenderedRepresentation => ({ mediaType, multipart: true });

/** What there is, the gateway's best first. @see PS3.18 8.7.4 (W-12, W-50, W-58) */
function offersOf(kind: RenderedKind): readonly RenderedRepresentation[] {
  switch (kind) {
    case 'picture':
      return [...pictureTypes.map(single), ...pictureTypes.map(parts)];
    case 'cine':
      // One still picture in place of many would be less than what was asked for.
      return [single('image/gif'), ...pictureTypes.map(parts)];
    case 'pictures':
      return pictureTypes.map(parts);
    case 'thumbnail':
      return pictureTypes.map(single);
    default:
      return kind.inParts ? [parts(kind.video)] : [single(kind.video), parts(kind.video)];
  }
}

interface Candidate {
  readonly offer: RenderedRepresentation;
  readonly range: MediaRange;
  /** How much of the offer the range names. */
  readonly specificity: number;
  readonly order: number;
}

/**
 * The representation of something rendered that the client likes best: the `accept` parameter before the header, then by
 * q, the more specific range, the client's order and the gateway's. WebP is made only for whom nothing else would do as
 * well. An entry with a transfer syntax means no rendered type, and is passed over.
 *
 * @throws GatewayError `not-acceptable` with the list of what there is, `bad-request` as `chooseRendered`
 * @see PS3.18 8.7.4, 8.7.8.1 (H-07..H-09, W-50)
 */
export function negotiateRendered(kind: RenderedKind, accept: readonly MediaRange[]): RenderedRepresentation {
  return chooseRendered(kind, accept) ?? raiseNotAcceptable(offersOf(kind));
}

/**
 * The same; undefined when nothing will do.
 *
 * @throws GatewayError `bad-request` where the client names DICOM files and pictures both
 * @see PS3.18 8.7.5 (H-06)
 */
export function chooseRendered(
  kind: RenderedKind,
  accept: readonly MediaRange[],
): RenderedRepresentation | undefined {
  const [best] = offersOf(kind)
    .flatMap((offer) => strongest(offer, accept))
    .filter(({ range }) => range.q > 0)
    .sort(byPreference);
  requireOneCategory(accept, best?.range.source ?? 'header');
  return best?.offer;
}

/** Of what decides: where the parameter names a picture, the header does not. */
function requireOneCategory(accept: readonly MediaRange[], deciding: MediaRange['source']): void {
  const names = accept
    .filter(({ source, q, parameters }) => source === deciding && q > 0 && !parameters.has('transfer-syntax'))
    .map(({ type, subtype, parameters }) =>
      type === 'multipart' ? (parameters.get('type') ?? '') : `${type}/${subtype}`,
    );
  if (names.includes(DICOM_FILE) && names.some(isPictureType))
    throw new GatewayError(
      'bad-request',
      'The acceptable types are DICOM and pictures both; name those of one kind.',
    );
}

function raiseNotAcceptable(offers: readonly RenderedRepresentation[]): never {
  const names = offers.map(({ mediaType, multipart }) =>
    multipart ? `multipart/related; type="${mediaType}"` : mediaType,
  );
  throw new GatewayError(
    'not-acceptable',
    `None of the acceptable types is available. Available: ${names.join(', ')}.`,
  );
}

/** What the client says of `offer`: of each source the most specific range counts. @see RFC 9110 12.5.1 */
function strongest(offer: RenderedRepresentation, accept: readonly MediaRange[]): readonly Candidate[] {
  return (['parameter', 'header'] as const).flatMap((source) => {
    const candidates = accept.flatMap((range, order): Candidate[] => {
      const specificity = range.source === source ? matchOf(offer, range) : undefined;
      return specificity === undefined ? [] : [{ offer, range, specificity, order }];
    });
    const most = Math.max(...candidates.map(({ specificity }) => specificity));
    return candidates.filter(({ specificity }) => specificity === most);
  });
}

/** How specifically `range` names `offer`; undefined when not at all. */
function matchOf({ mediaType, multipart }: RenderedRepresentation, range: MediaRange): number | undefined {
  const { type, subtype, parameters } = range;
  if (parameters.has('transfer-syntax')) return undefined;
  if (type === '*') return 0;
  if (!multipart) return matchType(mediaType, `${type}/${subtype}`);
  if (type !== 'multipart') return undefined;
  if (subtype === '*') return 1;
  const inner = parameters.get('type') ?? '*/*';
  if (subtype !== 'related') return undefined;
  return inner === '*/*' ? 2 : matchType(mediaType, inner);
}

function matchType(mediaType: string, wanted: string): number | undefined {
  if (wanted === mediaType.toLowerCase()) return 4;
  return wanted.endsWith('/*') && mediaType.startsWith(wanted.slice(0, -1)) ? 3 : undefined;
}

const isSlow = ({ offer }: Candidate): number => Number(offer.mediaType === 'image/webp');

function byPreference(a: Candidate, b: Candidate): number {
  if (a.range.source !== b.range.source) return a.range.source === 'parameter' ? -1 : 1;
  return b.range.q - a.range.q || isSlow(a) - isSlow(b) || b.specificity - a.specificity || a.order - b.order;
}
