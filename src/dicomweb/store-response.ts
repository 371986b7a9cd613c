import { formatTag, Tags, type DicomJsonElement, type DicomJsonObject, type Tag } from '../dicom/index.js';
import { retrieveUrl } from './resource.js';

/** An instance that the peer has taken. */
export interface StoredInstance {
  readonly sopClassUid: string;
  readonly sopInstanceUid: string;
  readonly studyInstanceUid: string;
  readonly seriesInstanceUid: string;
  /** The C-STORE status when it was a warning (B000, B006, B007). */
  readonly warningReason?: number;
}

/** An instance that was not stored. */
export interface FailedInstance {
  readonly sopClassUid?: string;
  readonly sopInstanceUid?: string;
  /** A C-STORE status of the failure category. */
  readonly failureReason: number;
  /** Keywords of the attributes of type 1 that it lacks. */
  readonly missing?: readonly string[];
  /** Why it was not so much as sent, in a sentence. */
  readonly why?: string;
}

/** What became of every part of a store request. */
export interface StoreOutcome {
  readonly stored: readonly StoredInstance[];
  readonly failed: readonly FailedInstance[];
  /** Reasons for the parts that could not be told to be any instance. */
  readonly otherFailures: readonly number[];
}

/** The answer to a store request: `all` stored without a warning, `some` (or some warnings), or `none`. */
interface StoreResponse {
  readonly status: 'all' | 'some' | 'none';
  readonly body: DicomJsonObject;
}

/**
 * The Store Instances Response Module of `outcome`; URLs begin with `serviceUrl`.
 *
 * @see PS3.18 10.5.3, PS3.3 Store Instances Response Module (S-07 to S-13)
 */
export function storeResponse(serviceUrl: string, outcome: StoreOutcome): StoreResponse {
  const { stored } = outcome;
  const failed = outcome.failed.filter(isIdentified);
  const others = [
    ...outcome.failed.filter((instance) => !isIdentified(instance)).map((instance) => instance.failureReason),
    ...outcome.otherFailures,
  ];
  const body: DicomJsonObject = {
    ...studyUrl(serviceUrl, stored),
    ...sequence(Tags.FailedSOPSequence, failed.map(failedItem)),
    ...sequence(
      Tags.ReferencedSOPSequence,
      stored.map((instance) => storedItem(serviceUrl, instance)),
    ),
    ...sequence(
      Tags.OtherFailuresSequence,
      others.map((reason) => element(Tags.FailureReason, 'US', reason)),
    ),
  };
  return { status: storeStatus(outcome), body };
}

function storeStatus({ stored, failed, otherFailures }: StoreOutcome): StoreResponse['status'] {
  if (stored.length === 0) return 'none';
  const clean = stored.every((instance) => instance.warningReason === undefined);
  return clean && failed.length === 0 && otherFailures.length === 0 ? 'all' : 'some';
}

type IdentifiedFailure = FailedInstance & { readonly sopClassUid: string; readonly sopInstanceUid: string };

const isIdentified = (instance: FailedInstance): instance is IdentifiedFailure =>
  instance.sopClassUid !== undefined && instance.sopInstanceUid !== undefined;

/** Retrieve URL is of type 2: there, but empty, unless everything that was stored belongs to one study. */
const studyUrl = (serviceUrl: string, stored: readonly StoredInstance[]): DicomJsonObject =>
  element(Tags.RetrieveURL, 'UR', commonStudyUrl(serviceUrl, stored));

/** URL of the study that all that was stored belongs to; undefined where that is none, or several. */
export function commonStudyUrl(serviceUrl: string, stored: readonly StoredInstance[]): string | undefined {
  const first = stored[0]?.studyInstanceUid;
  const one = first !== undefined && stored.every((instance) => instance.studyInstanceUid === first);
  return one ? retrieveUrl(serviceUrl, { studyInstanceUid: first }) : undefined;
}

/** Meanings of the statuses that say that an instance is stored, but. @see PS3.4 table B.2-1, PS3.7 annex C */
const MEANINGS: Readonly<Record<number, string>> = {
  0x0107: 'attribute list error',
  0x0116: 'attribute value out of range',
  0xb000: 'coercion of data elements',
  0xb001: 'not stored at every archive',
  0xb006: 'elements discarded',
  0xb007: 'data set does not match SOP class',
};
/** Different reasons that are put into words. */
const MOST_TEXTS = 10;

/** What is to be said in words of instances that are stored with a warning, by reason. @see rule S-11 */
export function warningTexts(stored: readonly StoredInstance[]): readonly string[] {
  const counts = new Map<number, number>();
  for (const { warningReason } of stored)
    if (warningReason !== undefined) counts.set(warningReason, (counts.get(warningReason) ?? 0) + 1);
  return [...counts].slice(0, MOST_TEXTS).map(([reason, count]) => {
    const code = reason.toString(16).toUpperCase().padStart(4, '0');
    const words = MEANINGS[reason] === undefined ? '' : ` (${MEANINGS[reason]})`;
    const instances = count === 1 ? '1 instance is' : `${count} instances are`;
    return `${instances} stored with warning ${code}${words}.`;
  });
}

/** Different reasons for which nothing was sent that are put into words. */
const MOST_WHYS = 5;

/** What is to be said in words of what was not so much as sent, for the numbers in the answer stand for many things. */
export function failureTexts(failed: readonly FailedInstance[]): readonly string[] {
  const counts = new Map<string, number>();
  for (const { missing, why } of failed) {
    const text = missing ? ` for want of attributes of type 1: ${missing.join(', ')}.` : why && `: ${why}`;
    if (text !== undefined) counts.set(text, (counts.get(text) ?? 0) + 1);
  }
  const told = [...counts].slice(0, MOST_WHYS).map(([text, count]) => {
    const instances = count === 1 ? '1 instance was' : `${count} instances were`;
    return `${instances} not stored${text}`;
  });
  const left = counts.size - told.length;
  return left > 0 ? [...told, `Reasons that are not told here: ${left}.`] : told;
}

const storedItem = (serviceUrl: string, instance: StoredInstance): DicomJsonObject => ({
  ...element(Tags.ReferencedSOPClassUID, 'UI', instance.sopClassUid),
  ...element(Tags.ReferencedSOPInstanceUID, 'UI', instance.sopInstanceUid),
  ...element(Tags.RetrieveURL, 'UR', retrieveUrl(serviceUrl, instance)),
  ...(instance.warningReason === undefined ? {} : element(Tags.WarningReason, 'US', instance.warningReason)),
});

const failedItem = (instance: IdentifiedFailure): DicomJsonObject => ({
  ...element(Tags.ReferencedSOPClassUID, 'UI', instance.sopClassUid),
  ...element(Tags.ReferencedSOPInstanceUID, 'UI', instance.sopInstanceUid),
  ...element(Tags.FailureReason, 'US', instance.failureReason),
});

function element(tag: Tag, vr: string, value: string | number | undefined): DicomJsonObject {
  const content: DicomJsonElement = value === undefined ? { vr } : { vr, Value: [value] };
  return { [formatTag(tag)]: content };
}

const sequence = (tag: Tag, items: DicomJsonObject[]): DicomJsonObject =>
  items.length === 0 ? {} : { [formatTag(tag)]: { vr: 'SQ', Value: items } };
