import type { ContentItem, ContentVisitor } from '../dicom/index.js';

/** Writes content items as text of one form, which its driver takes from time to time. */
export abstract class ReportWriter implements ContentVisitor {
  protected text = '';

  /** Characters that have not been taken. */
  get length(): number {
    return this.text.length;
  }

  take(): string {
    const { text } = this;
    this.text = '';
    return text;
  }

  abstract begin(item: ContentItem): void;

  abstract end(item: ContentItem): void;
}
