import { escapeXmlAttribute, escapeXmlText, type ContentItem } from '../dicom/index.js';
import { reportHead } from './report-head.js';
import { ReportWriter } from './report-writer.js';
import { lateValue, writtenItem, type WrittenItem, type WrittenValue } from './written-item.js';

/** The one stylesheet of reports: nothing else may give them style. Without characters that HTML and XML read differently. */
export const reportStyle = [
  'body{font:16px/1.5 sans-serif;max-width:60em;margin:2em auto;padding:0 1em;color:#111;background:#fff}',
  'table{border-collapse:collapse;margin-bottom:1em}th,td{text-align:start;padding:.1em 1em .1em 0;vertical-align:top}',
  'th{font-weight:normal;color:#555}',
  'section,.below{margin-inline-start:1.25em}h1{font-size:1.5em}h2{font-size:1.25em}h3,h4,h5,h6{font-size:1.05em}',
  'p{margin:.25em 0}.name{font-weight:bold}.value{white-space:pre-wrap;overflow-wrap:anywhere}',
  'small{color:#555;overflow-wrap:anywhere}',
].join('');

/** Text of its own direction, which turns nothing around it. @see HTML 4.5.25, UAX 9 */
const isolated = (text: string, name = 'bdi', attributes = ''): string =>
  `<${name}${attributes} dir="auto">${escapeXmlText(text)}</${name}>`;

const small = (text: string): string => ` <small>${isolated(text)}</small>`;

function written({ text, detail, place }: WrittenValue): string {
  const value = isolated(text, place === undefined ? 'span' : 'a', linkTo(place) + ' class="value"');
  return value + (detail === undefined ? '' : small(`(${detail})`));
}

const linkTo = (place: string | undefined): string =>
  place === undefined ? '' : ` href="#item-${escapeXmlAttribute(place)}"`;

/**
 * A report as HTML that is well-formed XML as well: every text of it is escaped, nothing in it runs, loads or is sent, and
 * what is written from right to left stays within itself.
 *
 * @see rule R-08
 */
export class HtmlReport extends ReportWriter {
  /** Of each open item: what closes it. */
  readonly #ends: string[] = [];

  begin(item: ContentItem): void {
    const place = item.place.join('.');
    if (item.place.length === 1) {
      this.#begin(item);
      return;
    }
    const one = writtenItem(item);
    const isSection = one.isContainer && one.name !== '';
    const element = isSection ? 'section' : 'div';
    const level = Math.min(item.place.length, 6);
    const label = isSection ? `<h${level}>${heading(one)}</h${level}>` : `<p>${line(one)}</p>`;
    this.text += `<${element} id="item-${place}">${label}`;
    this.text += item.hasChildren && !isSection ? '<div class="below">\n' : '\n';
    this.#ends.push(item.hasChildren && !isSection ? '</div>' : '', `</${element}>\n`);
  }

  end(item: ContentItem): void {
    const late = lateValue(item);
    const [below = '', whole = ''] = this.#ends.splice(-2);
    this.text += below + (late ? `<p>${written(late)}</p>` : '') + whole;
  }

  #begin({ dataset }: ContentItem): void {
    const { title, lines } = reportHead(dataset);
    const rows = lines.map(
      ([label, value]) => `<tr><th scope="row">${label}</th><td>${isolated(value)}</td></tr>`,
    );
    this.text +=
      '<!DOCTYPE html>\n<html xmlns="http://www.w3.org/1999/xhtml"><head><meta charset="utf-8"/>' +
      `<title>${escapeXmlText(title)}</title><style>${reportStyle}</style></head>\n` +
      `<body><header><h1>${isolated(title)}</h1>\n<table>${rows.join('\n')}</table></header>\n<main id="item-1">\n`;
    this.#ends.push('', '</main></body></html>\n');
  }
}

const heading = ({ name, relationship }: WrittenItem): string =>
  isolated(name) + (relationship === undefined ? '' : small(relationship));

function line(one: WrittenItem): string {
  const { name, relationship, value } = one;
  const label = name === '' ? '' : `<span class="name">${isolated(name)}</span>`;
  const how = relationship === undefined ? '' : small(relationship);
  return [label + how, value ? written(value) : ''].filter((part) => part !== '').join(': ');
}
