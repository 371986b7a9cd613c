import { toGatewayError, type OperationContext } from '../core/index.js';
import { Dataset, Tags, type Tag } from '../dicom/index.js';
import type { Peer } from '../dimse/index.js';
import type { PeerQueryProfile } from '../query/index.js';

/** A study to try searches with. Nothing of it but its UID comes from outside, and none of it is told. */
export interface ProbedStudy {
  readonly studyInstanceUid: string;
  /** For a peer that finds nothing without it. */
  readonly patientId?: string | undefined;
  /** How dates and times are understood of the peer; as of any other when left out. */
  readonly dateTime?: PeerQueryProfile['dateTime'];
  /** How long what is found is believed. */
  readonly relearnMs: number;
}

/** Attributes that searches complete themselves where they do not come. */
export const completedKeys: readonly Tag[] = [
  Tags.ModalitiesInStudy,
  Tags.NumberOfStudyRelatedSeries,
  Tags.NumberOfStudyRelatedInstances,
];
/** Without an answer to be had there is none to the next question either. */
const ending: ReadonlySet<string> = new Set([
  'peer-unreachable',
  'peer-timeout',
  'peer-busy',
  'cancelled',
  'shutting-down',
]);

/** Whether after this error there is nothing more to be asked. */
export function isEnding(thrown: unknown): boolean {
  return ending.has(toGatewayError(thrown).code);
}

export type ProbeLevel = 'STUDY' | 'SERIES' | 'IMAGE';

/** What the rows of each level are to have, for probes. */
const returnedKeys: Readonly<Record<ProbeLevel, readonly Tag[]>> = {
  STUDY: [
    ...completedKeys,
    Tags.StudyInstanceUID,
    Tags.StudyDate,
    Tags.StudyTime,
    Tags.PatientName,
    Tags.PatientID,
    Tags.PatientBirthDate,
    Tags.PatientSex,
    Tags.AccessionNumber,
    Tags.StudyID,
    Tags.StudyDescription,
    Tags.ReferringPhysicianName,
    Tags.PatientSize,
    Tags.PatientWeight,
  ],
  SERIES: [Tags.SeriesInstanceUID, Tags.SeriesNumber],
  IMAGE: [Tags.SOPInstanceUID, Tags.InstanceNumber, Tags.ImageType],
};
/** Rows in which an entity is looked for. */
const MOST_ROWS = 1000;

/** A key and what it is to match. */
export type Key = readonly [tag: Tag, value: string];

/** Searches for what is known of the study. */
export class StudyProbe {
  readonly peer: Peer;
  readonly study: ProbedStudy;
  readonly context: OperationContext;
  /** What every search has beside its own keys. */
  base: readonly Key[] = [];
  searches = 0;

  constructor(peer: Peer, study: ProbedStudy, context: OperationContext) {
    this.peer = peer;
    this.study = study;
    this.context = context;
  }

  /** The first row; undefined when there is none. @throws GatewayError */
  async first(keys: readonly Key[], context = this.context): Promise<Dataset | undefined> {
    for await (const row of this.rows(keys, context)) return row;
    return undefined;
  }

  /** Rows as they come; whoever has enough leaves. @throws GatewayError */
  rows(keys: readonly Key[], context = this.context, level: ProbeLevel = 'STUDY'): ReturnType<Peer['find']> {
    const identifier = new Dataset();
    for (const tag of returnedKeys[level]) identifier.setEmpty(tag);
    // Below the study a patient is no key.
    const base = level === 'STUDY' ? this.base : [];
    for (const [tag, value] of [...base, ...keys]) identifier.setString(tag, value);
    this.searches += 1;
    return this.peer.find(level, identifier, context);
  }

  /** The first row of a level below the study; undefined when there is none, or the peer refuses to say. @throws GatewayError */
  async firstBelow(level: 'SERIES' | 'IMAGE', keys: readonly Key[]): Promise<Dataset | undefined> {
    return this.#orNothing(async () => {
      for await (const row of this.rows(keys, this.context, level)) return row;
      return undefined;
    });
  }

  /** Whether `keys` find the entity of this UID; undefined when the peer refuses to say. @throws GatewayError */
  async findsEntity(
    level: ProbeLevel,
    keys: readonly Key[],
    [uidTag, uid]: Key,
  ): Promise<boolean | undefined> {
    return this.#orNothing(async () => {
      let seen = 0;
      for await (const row of this.rows(keys, this.context, level)) {
        if (row.string(uidTag) === uid) return true;
        seen += 1;
        if (seen === MOST_ROWS) return undefined;
      }
      return false;
    });
  }

  /** Whether there is a row; undefined when the peer refuses to say. @throws GatewayError when it says nothing more */
  async finds(keys: readonly Key[], context = this.context): Promise<boolean | undefined> {
    return this.#orNothing(async () => (await this.first(keys, context)) !== undefined);
  }

  async #orNothing<T>(ask: () => Promise<T>): Promise<T | undefined> {
    try {
      return await ask();
    } catch (thrown) {
      if (isEnding(thrown)) throw thrown;
      return undefined;
    }
  }
}
