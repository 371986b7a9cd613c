/** Datasets of which some attributes are changed, and which say so themselves: everything else stays byte for byte. */
import { GatewayError } from '../core/index.js';
import { deflate } from './deflate.js';
import {
  codingOf,
  delimiterBytes,
  elementBytes,
  implicitLittleEndian,
  itemBytes,
  lengthBytes,
} from './element-bytes.js';
import { inflate } from './inflate.js';
import { itemDelimitationTag, type Coding } from './reader-header.js';
import { spliced, type Cut } from './splice.js';
import type { FoundSequence, Survey } from './survey.js';
import type { Tag } from './tag.js';
import { Tags } from './tags.js';
import type { TransferSyntax } from './transfer-syntax-table.js';
import type { Vr } from './vr.js';

/** What becomes of an attribute at the top level of a dataset. */
export interface AttributeChange {
  readonly tag: Tag;
  readonly vr: Vr;
  /** In the character set of the dataset; undefined where the attribute goes. */
  readonly value: Buffer | undefined;
}

/** Who changes it, and when. */
export interface ChangeStamp {
  /** A value of VR DT. */
  readonly dateTime: string;
  readonly system: string;
}

interface PlacedCut extends Cut {
  readonly tag: Tag;
}

const NOTHING = Buffer.alloc(0);

/**
 * Where the bytes of a dataset change, in ascending order: the attributes themselves, an item of Original Attributes
 * Sequence with what they were (empty what was not there), and the lengths of the groups that these are in.
 *
 * @throws GatewayError `malformed-dataset` when the dataset has that sequence in a form that cannot be added to
 * @see PS3.3 C.12.1.1.9, rule S-15
 */
export function changeCuts(
  survey: Survey,
  changes: readonly AttributeChange[],
  stamp: ChangeStamp,
  syntax: TransferSyntax,
): readonly Cut[] {
  const coding = codingOf(syntax);
  const cuts: PlacedCut[] = changes.flatMap((change) => attributeCuts(survey, change, coding));
  cuts.push(...originalAttributesCuts(survey, changes, stamp, coding));
  cuts.push(...groupLengthCuts(survey, cuts, coding));
  const isReplacement = ({ start, end }: Cut): number => (end > start ? 1 : 0);
  // What is put before an element comes before what takes its place.
  return cuts.sort(
    (one, other) =>
      one.start - other.start || isReplacement(one) - isReplacement(other) || one.tag - other.tag,
  );
}

/** The dataset with `cuts` made; `bytes` is in the transfer syntax, and so is what comes. @throws what `bytes` throws */
export function withCuts(
  bytes: AsyncIterable<Buffer>,
  syntax: TransferSyntax,
  cuts: readonly Cut[],
): AsyncIterable<Buffer> {
  return syntax.deflated ? deflate(spliced(inflate(bytes), cuts, Infinity)) : spliced(bytes, cuts, Infinity);
}

/** Of an attribute that comes more than once the last one counts; the others go. */
function attributeCuts(
  { elements, places }: Survey,
  { tag, vr, value }: AttributeChange,
  coding: Coding,
): PlacedCut[] {
  const bytes = value ? elementBytes(tag, vr, value, coding) : NOTHING;
  const found = elements.get(tag) ?? [];
  const place = places.get(tag) ?? 0;
  if (found.length === 0) return value ? [{ tag, start: place, end: place, bytes }] : [];
  return found.map(({ headerOffset: start, valueOffset, length }, index) => ({
    tag,
    start,
    end: valueOffset + length,
    bytes: index === found.length - 1 ? bytes : NOTHING,
  }));
}

function originalAttributesCuts(
  survey: Survey,
  changes: readonly AttributeChange[],
  stamp: ChangeStamp,
  coding: Coding,
): PlacedCut[] {
  const tag = Tags.OriginalAttributesSequence;
  const { originalAttributes: sequence, places } = survey;
  if (sequence) return addedTo(sequence, (within) => itemOf(survey, changes, stamp, within), coding);
  const start = places.get(tag) ?? 0;
  const bytes = elementBytes(tag, 'SQ', itemOf(survey, changes, stamp, coding), coding);
  return [{ tag, start, end: start, bytes }];
}

/** Another item at the end of a sequence; its items stay as they are. */
function addedTo(
  { header, itemsEnd, isOpen }: FoundSequence,
  itemIn: (coding: Coding) => Buffer,
  coding: Coding,
): PlacedCut[] {
  const { tag, vr, length, headerOffset, valueOffset, unknownSequence } = header;
  const isUnknown = unknownSequence === true || (coding.explicit && vr === 'UN');
  const isLong = !coding.explicit || valueOffset - headerOffset === LONG_HEADER_BYTES;
  if (!isLong || !(vr === 'SQ' || isUnknown))
    throw new GatewayError(
      'malformed-dataset',
      'Original Attributes Sequence of the dataset is no sequence.',
    );
  const within = isUnknown ? implicitLittleEndian : coding;
  const item = itemIn(within);
  const before = isOpen ? delimiterBytes(itemDelimitationTag, within) : NOTHING;
  const added = { tag, start: itemsEnd, end: itemsEnd, bytes: Buffer.concat([before, item]) };
  if (length < 0) return [added];
  const lengthField = { tag, start: valueOffset - 4, end: valueOffset };
  return [{ ...lengthField, bytes: lengthBytes(length + item.length, coding) }, added];
}

const LONG_HEADER_BYTES = 12;

function itemOf(
  { elements }: Survey,
  changes: readonly AttributeChange[],
  { dateTime, system }: ChangeStamp,
  coding: Coding,
): Buffer {
  const originals = [...changes]
    .sort((one, other) => one.tag - other.tag)
    .map(({ tag, vr }) => {
      const original = elements.get(tag)?.at(-1);
      return elementBytes(tag, original?.vr ?? vr, original?.value ?? NOTHING, coding);
    });
  const text = (tag: Tag, vr: Vr, value: string): Buffer =>
    elementBytes(tag, vr, Buffer.from(value, 'latin1'), coding);
  return itemBytes(
    [
      elementBytes(Tags.ModifiedAttributesSequence, 'SQ', itemBytes(originals, coding), coding),
      text(Tags.AttributeModificationDateTime, 'DT', dateTime),
      text(Tags.ModifyingSystem, 'LO', system),
      text(Tags.SourceOfPreviousValues, 'LO', ''),
      text(Tags.ReasonForTheAttributeModification, 'CS', 'COERCE'),
    ],
    coding,
  );
}

/** (gggg,0000) of a group that has become longer or shorter. @see PS3.5 7.2 */
function groupLengthCuts({ groupLengths }: Survey, cuts: readonly PlacedCut[], coding: Coding): PlacedCut[] {
  return groupLengths.flatMap(({ tag, value, valueOffset, length }) => {
    const group = tag >>> 16;
    const more = cuts
      .filter((cut) => cut.tag >>> 16 === group)
      .reduce((sum, { start, end, bytes }) => sum + bytes.length - (end - start), 0);
    const was = coding.little ? value.readUInt32LE() : value.readUInt32BE();
    const is = was + more;
    if (more === 0 || is < 0 || is > 0xffffffff) return [];
    return [{ tag, start: valueOffset, end: valueOffset + length, bytes: lengthBytes(is, coding) }];
  });
}
