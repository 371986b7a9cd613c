/** Which instance, and whose: one peer's copy is never served for another's. */
export interface InstanceKey {
  /** Configured name of the peer. */
  readonly peer: string;
  readonly studyInstanceUid: string;
  readonly seriesInstanceUid: string;
  readonly sopInstanceUid: string;
}

/** What is known of an instance when its first byte arrives. */
export interface InstanceInfo {
  readonly sopClassUid: string;
  readonly transferSyntaxUid: string;
}

/** The key as one string; UIDs hold no line feed. */
export const idOf = (key: InstanceKey): string =>
  [key.peer, key.studyInstanceUid, key.seriesInstanceUid, key.sopInstanceUid].join('\n');

/** A study as one string. */
export const studyIdOf = (peer: string, studyInstanceUid: string): string => `${peer}\n${studyInstanceUid}`;
