import { GatewayError } from '../core/index.js';
import type { RetrieveBinding } from './side.js';
import type { AbsentStudies } from './absent-studies.js';
import type { SharedFinds } from './shared-finds.js';
import type { StudyGuard } from './study-guard.js';

/** A peer that is a member of a group. */
export interface Member extends RetrieveBinding {
  /** C-FINDs of searches. */
  readonly searches: SharedFinds;
  readonly absent: AbsentStudies;
  readonly guard: StudyGuard;
}

export const nameOf = ({ binding }: Member): string => binding.peer.name;

/** Studies whose owner is remembered, some 150 bytes each; the oldest goes first. */
const MOST_CONTESTED = 10_000;

/**
 * Studies that members hold under different patients, each with the first member that holds it, whose the study is for
 * the group: while that one cannot be asked nobody else's is given in its place.
 */
export class Contested {
  readonly #owners = new Map<string, string>();

  ownerOf(studyInstanceUid: string): string | undefined {
    return this.#owners.get(studyInstanceUid);
  }

  set(studyInstanceUid: string, owner: string): void {
    this.#owners.delete(studyInstanceUid);
    this.#owners.set(studyInstanceUid, owner);
    const [oldest] = this.#owners.keys();
    if (this.#owners.size > MOST_CONTESTED && oldest !== undefined) this.#owners.delete(oldest);
  }

  delete(studyInstanceUid: string): void {
    this.#owners.delete(studyInstanceUid);
  }
}

/** Several peers that are addressed as one. */
export interface Group {
  readonly name: string;
  /** In the order in which they are believed. */
  readonly members: readonly Member[];
  readonly onMemberFailure: 'fail' | 'warn';
  readonly contested: Contested;
}

export const heldByNobody = (): GatewayError =>
  new GatewayError('not-found', 'No member of the group has anything under these UIDs.');
