import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { SaxesParser } from 'saxes';
import { TransferSyntaxes, transferSyntax } from '../../../src/dicom/index.js';
import { writeReport } from '../../../src/report/index.js';
import { element, join, numbers, sequence } from '../../helpers/fixtures-element.js';
import { readElements } from '../../helpers/independent-reader.js';
import { sampleFiles } from '../../helpers/pacs-suite.js';
import {
  byReference,
  code,
  contentItem,
  numberItem,
  referenceItem,
  report,
  textItem,
} from '../../helpers/report-items.js';
import { datasetOf, transferSyntaxOf } from '../../helpers/test-gateway.js';
import { encoded, render, sourceOf } from './reports.js';

/** Names of the elements of a document and its text, as a parser of XML reads them; throws for one that is not well-formed. */
function parsed(xml: string): { readonly elements: ReadonlySet<string>; readonly text: string } {
  const parser = new SaxesParser();
  const elements = new Set<string>();
  let text = '';
  parser.on('error', (error) => {
    throw error;
  });
  parser.on('opentag', ({ name }) => elements.add(name));
  parser.on('text', (piece) => (text += piece));
  parser.write(xml).close();
  return { elements, text };
}

const lines = async (...items: Parameters<typeof report>[0]): Promise<string> =>
  (await render('text/plain', report(items))).split('\n\n').slice(1).join('\n\n');

const state = element(0x00081155, 'UI', '1.2.10');
const image = join(
  element(0x00081150, 'UI', '1.2.840.10008.5.1.4.1.1.2'),
  element(0x00081155, 'UI', '1.2.9'),
  element(0x00081160, 'IS', '2\\5'),
);

describe('a content item', () => {
  test.each([
    ['TEXT', textItem('Finding', 'No\r\nabnormality.'), 'Finding: No\n  abnormality.\n'],
    [
      'CODE',
      contentItem('CODE', { name: 'Site', value: sequence(0x0040a168, [code('Lung', 'T-28000', 'SRT')]) }),
      'Site: Lung (T-28000, SRT)\n',
    ],
    ['NUM', numberItem('Width', '3.5', 'mm', 'millimeter'), 'Width: 3.5 mm (millimeter)\n'],
    ['NUM without a unit', numberItem('Count', '3', '1', 'no units'), 'Count: 3 (no units)\n'],
    [
      'NUM without a value',
      contentItem('NUM', {
        name: 'Width',
        value: sequence(0x0040a301, [code('Not a number', '114000', 'DCM')]),
      }),
      'Width: Not a number (114000, DCM)\n',
    ],
    [
      'DATETIME',
      contentItem('DATETIME', { name: 'At', value: element(0x0040a120, 'DT', '20240229101530.5+0100') }),
      'At: 2024-02-29 10:15:30.5 +01:00\n',
    ],
    [
      'DATE',
      contentItem('DATE', { name: 'On', value: element(0x0040a121, 'DA', '20240229') }),
      'On: 2024-02-29\n',
    ],
    ['TIME', contentItem('TIME', { name: 'At', value: element(0x0040a122, 'TM', '1015') }), 'At: 10:15\n'],
    [
      'UIDREF',
      contentItem('UIDREF', { name: 'Id', value: element(0x0040a124, 'UI', '1.2.5') }),
      'Id: 1.2.5\n',
    ],
    [
      'PNAME',
      contentItem('PNAME', { name: 'By', value: element(0x0040a123, 'PN', 'Yamada^Tarou^^Dr=A^B') }),
      'By: Yamada, Tarou Dr (A B)\n',
    ],
    [
      'IMAGE',
      referenceItem('IMAGE', join(image, sequence(0x00081199, [state]))),
      'Image: 1.2.9 (SOP class 1.2.840.10008.5.1.4.1.1.2; frames 2, 5; with 1.2.10)\n',
    ],
    [
      'WAVEFORM',
      referenceItem('WAVEFORM', join(image, numbers(0x0040a0b0, 'US', 1, 2)), { name: 'ECG' }),
      'ECG: 1.2.9 (SOP class 1.2.840.10008.5.1.4.1.1.2; frames 2, 5; channels 1, 2)\n',
    ],
    [
      'COMPOSITE',
      referenceItem('COMPOSITE', element(0x00081155, 'UI', '1.2.9'), { relationship: 'HAS PROPERTIES' }),
      'Object [property]: 1.2.9\n',
    ],
    [
      'SCOORD, whose shape stands behind the items below it',
      contentItem('SCOORD', {
        name: 'Outline',
        late: join(numbers(0x00700022, 'FL', 1, 2, 3.5, 4), element(0x00700023, 'CS', 'POLYLINE')),
        below: [
          referenceItem('IMAGE', element(0x00081155, 'UI', '1.2.9'), { relationship: 'SELECTED FROM' }),
        ],
      }),
      'Outline\n  Image [selected from]: 1.2.9\n  POLYLINE (1, 2) (3.5, 4)\n',
    ],
    [
      'SCOORD3D',
      contentItem('SCOORD3D', {
        late: join(
          numbers(0x00700022, 'FL', 1, 2, 3),
          element(0x00700023, 'CS', 'POINT'),
          element(0x30060024, 'UI', '1.2.8'),
        ),
      }),
      'Region\n  POINT (1, 2, 3) (frame of reference 1.2.8)\n',
    ],
    [
      'TCOORD',
      contentItem('TCOORD', {
        value: join(element(0x0040a130, 'CS', 'SEGMENT'), element(0x0040a138, 'DS', '1.5\\2')),
      }),
      'Time range: SEGMENT 1.5 s 2 s\n',
    ],
    ['by reference', byReference(1, 1), '[inferred from]\n  see item 1.1\n'],
    [
      'CONTAINER',
      contentItem('CONTAINER', { name: 'Findings', below: [textItem('Finding', 'none')] }),
      'Findings\n  Finding: none\n',
    ],
    [
      'of another type',
      contentItem('TABLE', { name: 'T' }),
      'T: [a value of type TABLE, which is not shown here]\n',
    ],
    ['without a value', contentItem('DATE', { name: 'On' }), 'On: [no value]\n'],
  ])('%s', async (_type, item, expected) => {
    expect(await lines(item)).toBe(expected);
  });

  test('whose text is too long to be held is told to be', async () => {
    expect(await lines(textItem('Long', 'x'.repeat(1024 * 1024 + 2)), textItem('Short', 'y'))).toBe(
      'Long: [too long to be shown here]\nShort: y\n',
    );
    const graphic = report([
      contentItem('SCOORD', { late: element(0x00700022, 'FL', Buffer.alloc(65_540)) }),
    ]);
    const syntax = TransferSyntaxes.ImplicitVrLittleEndian;
    expect(await render('text/plain', graphic, { syntax })).toMatch(
      /Region\n {2}\[too long to be shown here\]\n$/,
    );
  });
});

describe('a report', () => {
  const all = report([
    contentItem('CONTAINER', {
      name: 'Findings',
      below: [textItem('Finding', 'none'), numberItem('Width', '3.5', 'mm', 'mm'), byReference(1, 1, 1)],
    }),
    contentItem('SCOORD', {
      late: join(numbers(0x00700022, 'FL', 1.5, 2), element(0x00700023, 'CS', 'POINT')),
    }),
  ]);

  test('begins with whose it is, and whether it is complete and verified', async () => {
    expect((await render('text/plain', all)).split('\n\n')[0]).toBe(
      [
        'Report',
        '======',
        'Patient: Doe, Jane',
        'Patient ID: ID-1',
        'Study date: 2024-02-29',
        'Completion: COMPLETE',
        'Verification: VERIFIED',
        'Verified by: Roe, Richard, Clinic, 2024-02-29 10:15:30',
      ].join('\n'),
    );
  });

  test('is the same in every uncompressed transfer syntax, however its bytes are cut', async () => {
    for (const type of ['text/html', 'text/plain', 'text/xml'] as const) {
      const expected = await render(type, all);
      const {
        ImplicitVrLittleEndian,
        ExplicitVrBigEndian,
        DeflatedExplicitVrLittleEndian,
        ExplicitVrLittleEndian,
      } = TransferSyntaxes;
      for (const syntax of [
        ImplicitVrLittleEndian,
        ExplicitVrBigEndian,
        DeflatedExplicitVrLittleEndian,
        ExplicitVrLittleEndian,
      ])
        for (const chunk of [1, 7, 1000]) expect(await render(type, all, { syntax, chunk })).toBe(expected);
    }
  });

  test('R-08: as HTML is well-formed, has no elements but its own, and links to the item that another stands for', async () => {
    const html = await render('text/html', all);
    expect(html).toContain('<section id="item-1.1">');
    expect(html).toContain('<div id="item-1.1.1">');
    expect(html).toContain('<a href="#item-1.1.1" class="value" dir="auto">');
    expect(parsed(html).text).toContain('POINT (1.5, 2)');
    expect(await render('text/xml', all)).toBe(`<?xml version="1.0" encoding="UTF-8"?>\n${html}`);
  });

  test('R-08: whatever its texts hold is text, and well-formed', async () => {
    const own = [...parsed(await render('text/html', all)).elements, 'small', 'p', 'bdi', 'span', 'div'];
    const any = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 60 }),
      fc.constantFrom(
        '<script>alert(1)</script>',
        '</style><img src=x onerror=alert(1)>',
        '"><a href="javascript:x">',
        "' onload='x",
        '&lt;',
        ']]>',
        '<!--',
        '<?php ?>',
        '\0\u0001\uFFFE',
      ),
    );
    await fc.assert(
      fc.asyncProperty(any, any, any, async (title, name, text) => {
        const utf8 = (value: string): Buffer =>
          Buffer.from(value.replaceAll('\\', '/').replaceAll('^', ''), 'utf8');
        const write = report(
          [
            textItem(utf8(name), utf8(text), { below: [byReference(1, 2)] }),
            contentItem('CONTAINER', { name: utf8(name), below: [textItem('x', utf8(text))] }),
          ],
          { characterSet: 'ISO_IR 192', title: utf8(title), patientName: utf8(text) },
        );
        const { elements } = parsed(await render('text/xml', write));
        expect([...elements].filter((one) => !own.includes(one))).toEqual([]);
        const plain = await render('text/plain', write);
        // eslint-disable-next-line no-control-regex -- these it is about
        expect(plain).not.toMatch(/[\0-\x08\x0b-\x1f\x7f-\x9f]/);
      }),
    );
  });

  test('text comes in the character set of the report, or of its peer where it names none', async () => {
    const latin = textItem('Befund', Buffer.from('Lungenödem', 'latin1'));
    for (const [characterSet, fallbackCharacterSet] of [
      ['ISO_IR 100', undefined],
      [undefined, 'ISO_IR 100'],
    ])
      expect(
        await render(
          'text/plain',
          report([latin], characterSet === undefined ? {} : { characterSet }),
          fallbackCharacterSet === undefined ? {} : { fallbackCharacterSet },
        ),
      ).toContain('Befund: Lungenödem\n');
  });

  test('what is written from right to left turns nothing beside it', async () => {
    const name = 'שלום';
    const evil = 'abc\u202Edcba\u2069';
    const write = report([textItem(Buffer.from(name), Buffer.from(evil))], { characterSet: 'ISO_IR 192' });
    expect(await render('text/plain', write)).toContain(
      `\u2068${name}\u2069: \u2068abc\u202Edcba\uFFFD\u2069\n`,
    );
    const html = await render('text/html', write);
    expect(html).toContain(`<bdi dir="auto">${name}</bdi>`);
    expect(html).toContain(`<span class="value" dir="auto">${evil}</span>`);
  });

  test('without items, or cut off, is told as what it is', async () => {
    expect(await render('text/plain', report([]))).toMatch(/Clinic, 2024-02-29 10:15:30\n\n$/);
    expect(await render('text/html', report([]))).toMatch(/<main id="item-1">\n<\/main><\/body><\/html>\n$/);
    const { ExplicitVrLittleEndian: syntax } = TransferSyntaxes;
    const whole = encoded(all, syntax);
    const read = async (): Promise<void> => {
      const source = sourceOf(whole.subarray(0, whole.length - 5));
      for await (const _chunk of writeReport('text/html', source, syntax, {})) expect(_chunk).toBeDefined();
    };
    await expect(read()).rejects.toMatchObject({ code: 'malformed-dataset' });
  });

  test('of any length leaves in small pieces', async () => {
    const { ExplicitVrLittleEndian: syntax } = TransferSyntaxes;
    const item = textItem('Finding', 'a text of some length, as there are many of');
    const source = sourceOf(encoded(report(Array.from({ length: 60_000 }, () => item)), syntax));
    let [longest, bytes] = [0, 0];
    for await (const { length } of writeReport('text/html', source, syntax, {})) {
      longest = Math.max(longest, length);
      bytes += length;
    }
    expect(bytes).toBeGreaterThan(8_000_000);
    expect(longest).toBeLessThan(512 * 1024);
  });
});

const samples = sampleFiles().filter((path) => /\/(?:sr|ko)-[^/]*$/.test(path));

(samples.length > 0 ? describe : describe.skip)('the reports among the samples', () => {
  test.each(samples)('%s is told with every text, meaning and number of its content', async (path) => {
    const file = readFileSync(path);
    const syntax = transferSyntax(transferSyntaxOf(file));
    if (syntax === undefined) throw new Error('unknown transfer syntax');
    const dataset = datasetOf(file);
    const chunks: Buffer[] = [];
    for await (const chunk of writeReport('text/plain', sourceOf(dataset), syntax, {})) chunks.push(chunk);
    const text = Buffer.concat(chunks).toString('utf8');
    const told = readElements(dataset, syntax.uid).filter(({ path: place }) =>
      /^0040A730\/\d+.*\/(?:0040A160|0040A30A|0040A124|0040A043\/0\/00080104|0040A168\/0\/00080104|00081155)$/.test(
        place,
      ),
    );
    expect(told.length).toBeGreaterThan(3);
    for (const { value } of told) {
      // Where it is ASCII; character sets are for others to prove.
      const [line = ''] = value
        .toString('latin1')
        .replace(/[\0 ]+$/, '')
        .split(/[\r\n]/);
      if (/^[ -~]*$/.test(line)) expect(text).toContain(line);
    }
  });
});
