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

/** A key and what it is to match. */
export type Key = readonly [tag: Tag, value: string];

/** Searches at STUDY level. */
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
  rows(keys: readonly Key[], context = this.context): ReturnType<Peer['find']> {
    const identifier = new Dataset();
    const returned = [
      ...completedKeys,
      Tags.StudyInstanceUID,
      Tags.StudyDate,
      Tags.StudyTime,
      Tags.PatientName,
    ];
    for (const tag of returned) identifier.setEmpty(tag);
    for (const [tag, value] of [...this.base, ...keys]) identifier.setString(tag, value);
    this.searches += 1;
    return this.peer.find('STUDY', identifier, context);
  }

  /** Whether there is a row; undefined when the peer refuses to say. @throws GatewayError when it says nothing more */
  async finds(keys: readonly Key[], context = this.context): Promise<boolean | undefined> {
    try {
      return (await this.first(keys, context)) !== undefined;
    } catch (thrown) {
      if (isEnding(thrown)) throw thrown;
      return undefined;
    }
  }
}
