import { describe, expect } from '@jest/globals';
import fc from 'fast-check';
import { SaxesParser } from 'saxes';
import { GatewayError } from '../../src/core/index.js';
import { TransferSyntaxes } from '../../src/dicom/index.js';
import { writeReport } from '../../src/report/index.js';
import { element, join, numbers } from '../helpers/fixtures-element.js';
import {
  byReference,
  contentItem,
  numberItem,
  referenceItem,
  report,
  textItem,
} from '../helpers/report-items.js';
import { fuzz } from '../helpers/fuzz.js';
import { sourceOf } from '../unit/report/reports.js';

const whole = report(
  [
    contentItem('CONTAINER', {
      name: 'Findings',
      below: [
        textItem('Finding', 'none', { below: [numberItem('Width', '3.5', 'mm', 'millimeter')] }),
        referenceItem('IMAGE', element(0x00081155, 'UI', '1.2.9')),
        contentItem('SCOORD', {
          below: [byReference(1, 1, 1)],
          late: join(numbers(0x00700022, 'FL', 1, 2), element(0x00700023, 'CS', 'POINT')),
        }),
      ],
    }),
  ],
  { characterSet: 'ISO_IR 192' },
);

const input = fc.record({
  syntax: fc.constantFrom(
    TransferSyntaxes.ExplicitVrLittleEndian,
    TransferSyntaxes.ImplicitVrLittleEndian,
    TransferSyntaxes.ExplicitVrBigEndian,
  ),
  changes: fc.array(fc.record({ at: fc.nat(5000), byte: fc.nat(255) }), { maxLength: 6 }),
  cut: fc.option(fc.nat(5000)),
  type: fc.constantFrom('text/xml' as const, 'text/plain' as const),
});

describe('reports that are not what they were', () => {
  fuzz('are well-formed, or no whole document', input, async ({ syntax, changes, cut, type }) => {
    const bytes = whole(syntax);
    for (const { at, byte } of changes) bytes[at % bytes.length] = byte;
    const source = sourceOf(cut === null ? bytes : bytes.subarray(0, cut % bytes.length));
    const chunks: Buffer[] = [];
    try {
      for await (const chunk of writeReport(type, source, syntax, {})) chunks.push(chunk);
    } catch (error) {
      if (!(error instanceof GatewayError && error.code === 'malformed-dataset')) throw error;
      return;
    }
    const text = Buffer.concat(chunks).toString('utf8');
    expect(text).not.toBe('');
    if (type === 'text/plain') return;
    const parser = new SaxesParser();
    parser.on('error', (error) => {
      throw error;
    });
    parser.write(text).close();
  });
});
