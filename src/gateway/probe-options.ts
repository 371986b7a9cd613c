import { baselineQueryOptions, type QueryOptions } from '../core/index.js';
import { Tags, type Dataset, type Tag } from '../dicom/index.js';
import { StudyProbe, type Key } from './study-probe.js';

const DAY_MS = 24 * 3_600_000;
/** Zones a day apart: of one moment they have two dates, one after the other. */
const WEST = '-1200';
const EAST = '+1200';
/** On which of these days after its own, whatever the zone of the peer, a study is in the west. */
const DAYS_IN_THE_WEST = [-2, -1, 0, 1];
/** Keys of which a study may have none. */
const optional: readonly Tag[] = [
  Tags.AccessionNumber,
  Tags.StudyID,
  Tags.ReferringPhysicianName,
  Tags.StudyDescription,
  Tags.PatientSex,
];
const EMPTY = '""';

/**
 * Where the peer accepted to convert time zones, or to match empty values: asks it so for the study in a way that finds it, and
 * in one that must not. What comes of it is learnt. Returns in words what was not found out.
 *
 * @throws GatewayError when the peer says nothing at all
 * @see PS3.4 C.5.1.1.4, C.5.1.1.5
 */
export async function probeOptions(probe: StudyProbe, row: Dataset): Promise<readonly string[]> {
  const { peer, context, study } = probe;
  const { timezone, emptyValue } = await peer.queryOptions(context);
  const unknown: string[] = [];
  if (timezone) {
    const isProved = await convertsZones(plannedFor(probe, { timezone }), row);
    if (isProved !== undefined) peer.knowledge.learn('timezoneProved', isProved, study.relearnMs);
    else
      unknown.push(
        'whether it converts time zones as it says: it needs a study with a date, on a day of few',
      );
  }
  if (emptyValue) {
    const isProved = await findsEmpty(plannedFor(probe, { emptyValue }), row);
    if (isProved !== undefined) peer.knowledge.learn('emptyValueProved', isProved, study.relearnMs);
    else
      unknown.push(
        'whether it matches empty values as it says: it needs a study with an empty value among AccessionNumber, StudyID, ReferringPhysicianName, StudyDescription and PatientSex, and another with one',
      );
  }
  return unknown;
}

/** Searches that mean what is negotiated. None of them has the UID of the study: some peers look at nothing else then. */
function plannedFor(probe: StudyProbe, options: Partial<QueryOptions>): StudyProbe {
  const planned = { ...baselineQueryOptions, ...options };
  const own = new StudyProbe(probe.peer, probe.study, { ...probe.context, planned });
  own.base = probe.base;
  return own;
}

function finds(probe: StudyProbe, keys: readonly Key[]): Promise<boolean | undefined> {
  const key: Key = [Tags.StudyInstanceUID, probe.study.studyInstanceUid];
  return probe.findsEntity('STUDY', keys, key);
}

async function convertsZones(probe: StudyProbe, row: Dataset): Promise<boolean | undefined> {
  const date = row.string(Tags.StudyDate) ?? '';
  if (!/^\d{8}$/.test(date)) return undefined;
  const isOn = (day: number, zone: string): Promise<boolean | undefined> =>
    finds(probe, [
      [Tags.StudyDate, shifted(date, day)],
      [Tags.TimezoneOffsetFromUTC, zone],
    ]);
  for (const day of DAYS_IN_THE_WEST) {
    const inTheWest = await isOn(day, WEST);
    if (inTheWest === undefined) return undefined;
    if (!inTheWest) continue;
    return both(await isOn(day + 1, EAST), not(await isOn(day, EAST)));
  }
  return false;
}

async function findsEmpty(probe: StudyProbe, row: Dataset): Promise<boolean | undefined> {
  const date = row.string(Tags.StudyDate);
  const told = optional.filter((tag) => row.has(tag));
  const full = told.find((tag) => row.string(tag) !== undefined);
  const empty = told.find((tag) => row.string(tag) === undefined);
  if (date === undefined || full === undefined || empty === undefined) return undefined;
  const isFound = (tag: Tag): Promise<boolean | undefined> =>
    finds(probe, [
      [Tags.StudyDate, date],
      [tag, EMPTY],
    ]);
  return both(await isFound(empty), not(await isFound(full)));
}

const not = (value: boolean | undefined): boolean | undefined => (value === undefined ? undefined : !value);

const both = (one: boolean | undefined, other: boolean | undefined): boolean | undefined => {
  if (one === false || other === false) return false;
  return one === undefined || other === undefined ? undefined : true;
};

/** The date so many days later. */
function shifted(date: string, days: number): string {
  const [year, month, day] = [date.slice(0, 4), date.slice(4, 6), date.slice(6)].map(Number);
  const moved = new Date(Date.UTC(year ?? 0, (month ?? 1) - 1, day ?? 1) + days * DAY_MS);
  return moved.toISOString().slice(0, 10).replaceAll('-', '');
}
