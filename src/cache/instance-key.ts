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
