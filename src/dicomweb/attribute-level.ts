import { isPrivateTag, Tags, type Tag } from '../dicom/index.js';

/** What a search returns, as (0008,0052) Query/Retrieve Level spells it. */
export type SearchLevel = 'STUDY' | 'SERIES' | 'IMAGE';

/** The level of the information model that an attribute belongs to. */
export type AttributeLevel = 'PATIENT' | SearchLevel;

/** Element numbers by group, from the modules of each information entity (PS3.3 C.7.1 to C.7.5). */
type Groups = Readonly<Record<number, readonly number[]>>;

/** Patient's modules beside group 0010. */
const patient: Groups = {
  0x0008: [0x1120],
  0x0012: [0x0010, 0x0020, 0x0021, 0x0030, 0x0031, 0x0040, 0x0042, 0x0062, 0x0063, 0x0064, 0x0081, 0x0082],
  0x0020: [0x1200, 0x1202, 0x1204],
};

/** General Study, Patient Study, Clinical Trial Study, Imaging Service Request; beside groups 0032 and 0038. */
const study: Groups = {
  0x0008: [
    0x0020, 0x0030, 0x0050, 0x0051, 0x0061, 0x0062, 0x0063, 0x0090, 0x0092, 0x0094, 0x0096, 0x009c, 0x009d,
    0x1030, 0x1032, 0x1048, 0x1049, 0x1060, 0x1062, 0x1080, 0x1084, 0x1110,
  ],
  0x0010: [
    0x1010, 0x1020, 0x1021, 0x1022, 0x1023, 0x1024, 0x1030, 0x2000, 0x2110, 0x2180, 0x21a0, 0x21b0, 0x21c0,
    0x21d0, 0x2203,
  ],
  0x0012: [0x0050, 0x0051, 0x0052, 0x0053, 0x0083, 0x0084, 0x0085, 0x0087],
  0x0020: [0x000d, 0x0010, 0x1206, 0x1208],
  0x0040: [0x1002, 0x1003, 0x1012, 0x1400, 0x2016, 0x2017, 0x2400],
};

/** General Series, General Equipment, Secondary Capture Equipment, Frame of Reference, Clinical Trial Series. */
const series: Groups = {
  0x0008: [
    0x0021, 0x0031, 0x0060, 0x0064, 0x0070, 0x0080, 0x0081, 0x0082, 0x1010, 0x103e, 0x103f, 0x1040, 0x1041,
    0x1050, 0x1052, 0x1070, 0x1072, 0x1090, 0x1111, 0x1250,
  ],
  0x0010: [0x2210],
  0x0012: [0x0060, 0x0071, 0x0072, 0x0073],
  0x0018: [
    0x0015, 0x1000, 0x1002, 0x1008, 0x100a, 0x1010, 0x1012, 0x1014, 0x1016, 0x1018, 0x1019, 0x101a, 0x1020,
    0x1030, 0x1050, 0x1200, 0x1201, 0x5100,
  ],
  0x0020: [0x000e, 0x0011, 0x0052, 0x0060, 0x1040, 0x1209],
  0x0028: [0x0108, 0x0109],
  0x0040: [0x0244, 0x0245, 0x0250, 0x0251, 0x0253, 0x0254, 0x0260, 0x0275, 0x0280],
};

const levels: ReadonlyMap<Tag, AttributeLevel> = new Map([
  ...entries(patient, 'PATIENT'),
  ...entries(study, 'STUDY'),
  ...entries(series, 'SERIES'),
]);

const wholeGroups: ReadonlyMap<number, AttributeLevel> = new Map([
  [0x0010, 'PATIENT'],
  [0x0032, 'STUDY'],
  [0x0038, 'STUDY'],
]);

/** What a response may hold at every level. */
const levelless: ReadonlySet<Tag> = new Set<Tag>([
  Tags.SpecificCharacterSet,
  Tags.RetrieveAETitle,
  Tags.InstanceAvailability,
  Tags.TimezoneOffsetFromUTC,
  Tags.RetrieveURL,
  0x00880130, // Storage Media File-set ID
  0x00880140, // Storage Media File-set UID
]);

/**
 * The level that `tag` is an attribute of; what is not known to belong to a patient, study or series is the instance's.
 *
 * @see PS3.18 10.6.1.2.3, PS3.3 C.7
 */
export function levelOf(tag: Tag): AttributeLevel {
  return levels.get(tag) ?? wholeGroups.get(tag >>> 16) ?? 'IMAGE';
}

/** Whether `tag` may stand at every level: private attributes and those that describe the answer itself. */
export function isLevelless(tag: Tag): boolean {
  return levelless.has(tag) || isPrivateTag(tag);
}

function entries(groups: Groups, level: AttributeLevel): [Tag, AttributeLevel][] {
  return Object.entries(groups).flatMap(([group, elements]) =>
    elements.map((element): [Tag, AttributeLevel] => [((Number(group) << 16) | element) >>> 0, level]),
  );
}
