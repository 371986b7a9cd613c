import { Tags, type Dataset } from '../dicom/index.js';
import type { Peer } from '../dimse/index.js';
import { isEnding, type StudyProbe } from './study-probe.js';

/** Names that can be sent to any peer as they are, and do not mean something else there. */
const PLAIN_NAME = /^[A-Za-z][A-Za-z\d^ .,'-]{2,60}$/;
const NOT_PLAIN =
  'the name of the patient of the study is shorter than three letters, or has others than plain ones';
const NOT_HEEDED = 'it does not find the study by the name alone, or finds it by any';
/** Names that are looked at for lower case. */
const MOST_NAMES = 50;
const WILDCARDS = 'whether it heeds wildcards';
const UPPER_CASE = 'whether it turns names into upper case';

const because =
  (why: string) =>
  (what: string): string =>
    `${what}: ${why}`;

/** What searches by a name told. */
export interface NameFindings {
  /** What they did not tell, in words. */
  readonly unknown: readonly string[];
  /** The name, where it and all others that were seen are in upper case; by itself that proves nothing. */
  readonly shownName?: string | undefined;
}

/** What becomes of a name with a wildcard, and whether there are names in lower case. @throws GatewayError */
export async function probeNames(probe: StudyProbe, row: Dataset): Promise<NameFindings> {
  const shown = row.string(Tags.PatientName) ?? '';
  // Ideographs and how they are read stand beside the Latin letters. @see PS3.5 6.2.1.2
  const [name = ''] = shown.split('=');
  const { knowledge } = probe.peer;
  const { studyInstanceUid, relearnMs } = probe.study;
  if (!PLAIN_NAME.test(name)) return { unknown: [WILDCARDS, UPPER_CASE].map(because(NOT_PLAIN)) };
  const finds = (value: string): Promise<boolean | undefined> =>
    probe.finds([
      [Tags.StudyInstanceUID, studyInstanceUid],
      [Tags.PatientName, value],
    ]);
  // Where a name that there is not finds the study, names say nothing.
  const isHeeded = (await finds('ZZ9QX^NOBODY')) === false && (await finds(name)) === true;
  const wild = isHeeded ? await finds(`${name.slice(0, Math.ceil(name.length / 2))}*`) : undefined;
  if (wild !== undefined) knowledge.learn('literalWildcard', !wild, relearnMs);
  const unknown = wild === undefined ? [because(NOT_HEEDED)(WILDCARDS)] : [];
  const isUpper = await allUpper(probe, row, shown);
  if (isUpper === false) knowledge.learn('upperCasesNames', false, relearnMs);
  if (isUpper === undefined)
    return { unknown: [...unknown, because('it refuses to list the studies of that day')(UPPER_CASE)] };
  return { unknown, shownName: isUpper && isHeeded ? shown : undefined };
}

/** Whether no name of the same day is seen in lower case; undefined where they are not shown. */
async function allUpper(probe: StudyProbe, row: Dataset, own: string): Promise<boolean | undefined> {
  if (own !== own.toUpperCase()) return false;
  const date = row.string(Tags.StudyDate);
  if (date === undefined) return true;
  let seen = 0;
  try {
    for await (const other of probe.rows([[Tags.StudyDate, date]])) {
      const name = other.string(Tags.PatientName) ?? '';
      if (name !== name.toUpperCase()) return false;
      seen += 1;
      if (seen === MOST_NAMES) break;
    }
  } catch (thrown) {
    if (isEnding(thrown)) throw thrown;
    return undefined;
  }
  return true;
}

/**
 * Learns that the peer turns names into upper case when it shows one so that is stored otherwise: most modalities write
 * upper case themselves, so that names come in it proves nothing. Returns whether that is proved.
 */
export function learnUpperCase(
  peer: Peer,
  { shown, stored = '' }: { readonly shown: string; readonly stored: string | undefined },
  relearnMs: number,
): boolean {
  const isTurned = stored !== shown && stored.toUpperCase() === shown;
  if (isTurned) peer.knowledge.learn('upperCasesNames', true, relearnMs);
  return isTurned;
}
