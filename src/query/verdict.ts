/** What the exact filter says of an entity: it matches, it does not, or the peer did not return what would tell. */
export type Verdict = 'match' | 'no-match' | 'unverified';

/** The verdict when every one of `verdicts` must hold. */
export function every(verdicts: Iterable<Verdict>): Verdict {
  let result: Verdict = 'match';
  for (const verdict of verdicts) {
    if (verdict === 'no-match') return verdict;
    if (verdict === 'unverified') result = verdict;
  }
  return result;
}

/** The verdict when one of `verdicts` is enough; none at all is `no-match`. */
export function some(verdicts: Iterable<Verdict>): Verdict {
  let result: Verdict = 'no-match';
  for (const verdict of verdicts) {
    if (verdict === 'match') return verdict;
    if (verdict === 'unverified') result = verdict;
  }
  return result;
}
