import type { GatewayError } from '../core/index.js';
import type { PartResult } from './store-result.js';

/** Most failures of one request that are told one by one. */
const MOST_TOLD = 20;
/** Most runs of numbers in one line. */
const MOST_RUNS = 20;

/** What is to be said of each part that was not stored; never which instance it is of whom. */
export function failuresOf(
  results: readonly PartResult[],
): readonly { readonly message: string; readonly error: GatewayError | undefined }[] {
  const failures = [...results.entries()].flatMap(([index, result]) =>
    result.kind === 'failed' ? [{ part: index + 1, result }] : [],
  );
  return failures.slice(0, MOST_TOLD).map(({ part, result: { instance, error } }) => {
    const reason = instance.failureReason.toString(16).toUpperCase().padStart(4, '0');
    return {
      message: `part ${part} of ${results.length} was not stored, failure reason ${reason}`,
      error,
    };
  });
}

/** What became of the parts of a client that left before its answer, by their numbers in the request. */
export function departure(results: readonly PartResult[]): string {
  const numbers = (suits: (result: PartResult) => boolean): readonly number[] =>
    [...results.entries()].flatMap(([index, result]) => (suits(result) ? [index + 1] : []));
  const isBrokenOff = (result: PartResult): boolean =>
    result.kind === 'failed' && result.isBrokenOff === true;
  const told = [
    ['stored', numbers(({ kind }) => kind === 'stored')],
    ['broken off on the way to the peer', numbers(isBrokenOff)],
    ['not stored', numbers((result) => result.kind === 'failed' && !isBrokenOff(result))],
  ] as const;
  const words = told.map(([what, parts]) => `${what}: ${parts.length === 0 ? 'none' : runs(parts)}`);
  return `the client left before its answer; parts ${words.join(', ')}`;
}

/** Ascending numbers, as `1-3 and 7`. */
function runs(numbers: readonly number[]): string {
  const found: [first: number, last: number][] = [];
  for (const number of numbers) {
    const open = found.at(-1);
    if (open?.[1] === number - 1) open[1] = number;
    else found.push([number, number]);
  }
  const texts = found.map(([first, last]) => (first === last ? `${first}` : `${first}-${last}`));
  const left = texts.length - MOST_RUNS;
  return [...texts.slice(0, MOST_RUNS), ...(left > 0 ? [`${left} more`] : [])].join(' and ');
}
