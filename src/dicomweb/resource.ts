import { GatewayError } from '../core/index.js';
import { isArchivedUid, parseTag } from '../dicom/index.js';

/** What a retrieve is about: a study, one series of it, or one instance of that series. */
export interface RetrieveTarget {
  readonly studyInstanceUid: string;
  readonly seriesInstanceUid?: string;
  readonly sopInstanceUid?: string;
}

/** No multi-frame instance that can be retrieved by list has a URL longer than this many numbers (64 KiB of digits). */
const maxFrames = 10_000;
/** Number of Frames is an IS: at most 2^31 - 1. */
const maxFrameNumber = 2 ** 31 - 1;
/** As deep as the dataset reader goes by default. */
const maxBulkDataDepth = 64;

/**
 * A UID of the URL path as it stands there; leading zeros are taken, for archives hold UIDs with them.
 *
 * @throws GatewayError `bad-request` when it is no UID.
 */
export function requireUid(text: string, what: string): string {
  if (!isArchivedUid(text)) throw new GatewayError('bad-request', `The ${what} in the URL is not a UID.`);
  return text;
}

/**
 * The study, series and instance that a URL's path parameters `study`, `series` and `instance` name.
 *
 * @throws GatewayError `bad-request` for a UID that is none.
 * @see PS3.18 10.4.1
 */
export function parseRetrieveTarget(params: Readonly<Record<string, string | undefined>>): RetrieveTarget {
  const { study, series, instance } = params;
  const studyInstanceUid = requireUid(study ?? '', 'Study Instance UID');
  if (series === undefined) {
    if (instance === undefined) return { studyInstanceUid };
    throw new GatewayError('bad-request', 'The URL names an instance but no series.');
  }
  const seriesInstanceUid = requireUid(series, 'Series Instance UID');
  if (instance === undefined) return { studyInstanceUid, seriesInstanceUid };
  return { studyInstanceUid, seriesInstanceUid, sopInstanceUid: requireUid(instance, 'SOP Instance UID') };
}

/**
 * The frame numbers of `…/frames/{list}`: counted from 1, strictly ascending, 10,000 at most.
 *
 * @throws GatewayError `bad-request` for anything else.
 * @see PS3.18 10.4.1.1.6
 */
export function parseFrameList(text: string): readonly number[] {
  if (!/^\d{1,10}(?:,\d{1,10})*$/.test(text)) {
    throw new GatewayError('bad-request', 'The frame list must be frame numbers separated by commas.');
  }
  const frames = text.split(',', maxFrames + 1).map(Number);
  if (frames.length > maxFrames) {
    throw new GatewayError('bad-request', `The frame list names more than ${maxFrames} frames.`);
  }
  let previous = 0;
  for (const frame of frames) {
    if (frame <= previous || frame > maxFrameNumber) {
      throw new GatewayError('bad-request', 'Frame numbers count from 1 and must ascend.');
    }
    previous = frame;
  }
  return frames;
}

/**
 * The path of a bulk data URL, `tag` or `tag/item/tag…` with items counted from 0, as canonical text.
 *
 * @throws GatewayError `bad-request` for anything else.
 * @see PS3.18 10.4.1.1.5
 */
export function parseBulkDataPath(segments: readonly string[]): string {
  const whole = segments.length % 2 === 1 && segments.length <= 2 * maxBulkDataDepth + 1;
  if (!whole || !segments.every(isBulkDataSegment)) {
    throw new GatewayError('bad-request', 'The bulk data path must be tag, or tag/item/tag and so on.');
  }
  return segments.map((segment, index) => (index % 2 === 0 ? segment.toUpperCase() : segment)).join('/');
}

function isBulkDataSegment(segment: string, index: number): boolean {
  return index % 2 === 0 ? parseTag(segment) !== undefined : /^(?:0|[1-9]\d{0,8})$/.test(segment);
}

/**
 * The URL of a study, series or instance below `serviceUrl` (no trailing slash needed); stops at the first UID left out.
 *
 * @see PS3.18 10.4.1
 */
export function retrieveUrl(serviceUrl: string, target: Partial<RetrieveTarget>): string {
  let url = serviceUrl.replace(/\/+$/, '');
  const levels: readonly (readonly [string, string | undefined])[] = [
    ['studies', target.studyInstanceUid],
    ['series', target.seriesInstanceUid],
    ['instances', target.sopInstanceUid],
  ];
  for (const [name, uid] of levels) {
    if (uid === undefined) break;
    url += `/${name}/${uid}`;
  }
  return url;
}
