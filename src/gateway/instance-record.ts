import { GatewayError, type GatewayErrorCode } from '../core/index.js';
import type { DatasetIndex } from '../dicom/index.js';
import type { InstanceRecord } from './ports.js';
import type { Fingerprint, StudyState } from './study-state.js';

/** More fragments than this are not written down: reading them back would cost more than fetching the instance again. */
const MOST_FRAGMENTS = 50_000;

interface Saved {
  readonly digest: string;
  readonly index?: DatasetIndex;
  readonly problem?: { readonly code: GatewayErrorCode; readonly message: string };
  readonly seenAs: StudyState;
  readonly seriesAs: Fingerprint;
}

/** Bytes of memory that a record takes, roughly: offsets of fragments, and of elements that come again, are what grows. */
export const recordBytes = ({ index }: InstanceRecord): number =>
  1024 +
  (index?.pixelData?.kind === 'encapsulated' ? index.pixelData.fragments.length * 48 : 0) +
  (index?.repeated?.superseded.length ?? 0) * 8;

/** How a record is written down for the next process. */
export const recordCodec = {
  encode({ index, problem, digest, seenAs, seriesAs }: InstanceRecord): Saved | undefined {
    // Whose it was when it came must be known, or it could not be told later that it has changed.
    if (seenAs === undefined || seriesAs === undefined) return undefined;
    const { pixelData } = index ?? {};
    if (pixelData?.kind === 'encapsulated' && pixelData.fragments.length > MOST_FRAGMENTS) return undefined;
    return {
      digest,
      seenAs,
      seriesAs,
      ...(index && { index }),
      ...(problem && { problem: { code: problem.code, message: problem.message } }),
    };
  },
  decode(value: unknown): InstanceRecord | undefined {
    if (typeof value !== 'object' || value === null) return undefined;
    const { digest, index, problem, seenAs, seriesAs } = value as Partial<Saved>;
    if (
      typeof digest !== 'string' ||
      typeof seenAs?.identity !== 'object' ||
      typeof (seriesAs ?? undefined) !== 'object' ||
      (index === undefined && problem === undefined)
    )
      return undefined;
    const error = problem && new GatewayError(problem.code, problem.message);
    return { digest, index, seenAs, seriesAs, problem: error };
  },
};
