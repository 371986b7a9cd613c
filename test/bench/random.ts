/** Numbers below a bound, the same for a seed: a 32-bit xorshift generator. */
export function randomBelow(seed: number): (bound: number) => number {
  let state = (seed * 2654435761) >>> 0 || 1;
  return (bound) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % bound;
  };
}

/** The values in another order, the same for a seed. */
export function shuffled<T>(values: readonly T[], seed: number): readonly T[] {
  const below = randomBelow(seed);
  return values
    .map((value) => ({ value, at: below(2 ** 32) }))
    .sort((one, other) => one.at - other.at)
    .map(({ value }) => value);
}
