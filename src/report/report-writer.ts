import type { ContentVisitor } from '../dicom/index.js';

/** Writes content items as text of one form, which its driver takes from time to time. */
export interface ReportWriter extends ContentVisitor {
  /** Characters that have not been taken. */
  readonly length: number;
  take(): string;
}
