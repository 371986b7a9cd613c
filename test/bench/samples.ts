/** Measurements by name. */
export class Samples {
  readonly #values = new Map<string, number[]>();

  add(name: string, value: number): void {
    const values = this.#values.get(name) ?? [];
    values.push(value);
    this.#values.set(name, values);
  }

  of(name: string): readonly number[] {
    return this.#values.get(name) ?? [];
  }
}

/**
 * Measures every side `runs` times, the sides in turns and each time in the other order, so that a machine that
 * becomes slower or faster favours nobody.
 */
export async function alternate(
  runs: number,
  sides: readonly ((samples: Samples) => Promise<void>)[],
): Promise<Samples> {
  const samples = new Samples();
  for (let run = 0; run < runs; run += 1) {
    for (const side of run % 2 === 0 ? sides : sides.toReversed()) await side(samples);
  }
  return samples;
}
