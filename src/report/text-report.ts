import type { ContentItem } from '../dicom/index.js';
import { plainLine } from './plain-line.js';
import { reportHead } from './report-head.js';
import { ReportWriter } from './report-writer.js';
import { lateValue, writtenItem, type WrittenValue } from './written-item.js';

/** As far as items are indented: what stands deeper stands there. */
const deepest = 20;

const written = ({ text, detail }: WrittenValue): string =>
  detail === undefined ? text : `${text} (${detail})`;

/** A report as lines of text, indented by what they belong to. */
export class TextReport extends ReportWriter {
  begin(item: ContentItem): void {
    if (item.place.length === 1) {
      const { title, lines } = reportHead(item.dataset);
      this.#line(0, title);
      this.text += `${'='.repeat(Math.min(title.length, 72))}\n`;
      for (const [label, value] of lines) this.#line(0, value, `${label}: `);
      this.text += '\n';
      return;
    }
    const { name, relationship, value } = writtenItem(item);
    const how = relationship === undefined ? '' : ` [${relationship}]`;
    const label = `${plainLine(name)}${how}`.trim();
    if (value) this.#line(item.place.length, written(value), label === '' ? '' : `${label}: `);
    else if (label !== '') this.#line(item.place.length, '', label);
  }

  end(item: ContentItem): void {
    const late = lateValue(item);
    if (late) this.#line(item.place.length + 1, written(late));
  }

  /** One item; what it holds of line breaks begins lines below it. */
  #line(depth: number, value: string, label = ''): void {
    const indent = '  '.repeat(Math.max(Math.min(depth, deepest) - 2, 0));
    const [first = '', ...rest] = value.split(/\r\n|[\n\r\f\v\u0085\u2028\u2029]/);
    this.text += `${indent}${label}${plainLine(first)}\n`;
    for (const each of rest) this.text += `${indent}  ${plainLine(each)}\n`;
  }
}
