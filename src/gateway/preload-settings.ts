/** How preloads of one peer are run. */
export interface PreloadSettings {
  /** Preloads that run at once. */
  readonly parallel: number;
  /** Preloads that wait; beyond them the answer is `overloaded`. */
  readonly queue: number;
  /** How long an answer waits for the peer to say whether it has the study; 0 = it is not asked before. */
  readonly answerMs: number;
  /** How long it is told how a preload ended. */
  readonly keepMs: number;
}
