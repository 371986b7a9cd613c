import { describe, expect, test } from '@jest/globals';
import { TransferSyntaxes as Syntax, type TransferSyntax } from '../../../src/dicom/index.js';
import {
  chooseForBulkData,
  chooseForFrames,
  chooseForInstance,
  negotiate,
  parseAccept,
  type Representation,
  type RetrieveResource,
} from '../../../src/dicomweb/index.js';
import { codeOf, errorOf } from './code-of.js';

const ele = Syntax.ExplicitVrLittleEndian.uid;
const ask = (
  resource: RetrieveResource,
  accept: string | undefined,
  items?: 'one' | 'many',
): readonly Representation[] => negotiate(resource, parseAccept(accept), items);
const first = (resource: RetrieveResource, accept: string | undefined, items?: 'one' | 'many'): string => {
  const [best] = ask(resource, accept, items);
  if (best === undefined) return 'nothing';
  return `${best.multipart ? 'multipart ' : ''}${best.mediaType} ${best.transferSyntax ?? 'unsaid'}`;
};

describe('resources of datasets as text', () => {
  test.each<[string | undefined, string]>([
    [undefined, 'application/dicom+json'],
    ['*/*', 'application/dicom+json'],
    ['application/*', 'application/dicom+json'],
    ['application/dicom+json', 'application/dicom+json'],
    ['application/json', 'application/json'],
    ['application/dicom+json, application/json', 'application/dicom+json'],
    ['application/json;q=0.9, application/dicom+json', 'application/dicom+json'],
    ['application/json, text/plain, */*', 'application/json'],
    ['application/dicom+json; charset=utf-8', 'application/dicom+json'],
    ['multipart/related; type="application/dicom+xml";q=0.5, application/json', 'application/json'],
    ['multipart/related; type="application/dicom+xml";q=0, */*', 'application/dicom+json'],
    ['application/xml, application/json', 'application/json'],
    [
      'application/dicom+json, multipart/related; type=application/octet-stream; transfer-syntax=*',
      'application/dicom+json',
    ],
    ['text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8', 'application/dicom+json'],
    ['application/dicom+json;q=0, */*', 'application/json'],
  ])('Q-30, W-02: Accept %s gets %s', (accept, mediaType) => {
    for (const resource of ['search', 'metadata', 'store-response'] as const) {
      expect(ask(resource, accept)[0]).toMatchObject({ mediaType, multipart: false });
    }
  });

  test.each([
    'multipart/related; type="application/dicom+xml"',
    'multipart/related; type=application/dicom+xml',
    'multipart/related;type="application/dicom+xml";boundary=x',
    'MULTIPART/RELATED; TYPE="Application/DICOM+XML"',
    'multipart/related; type="application/dicom+xml", application/dicom+json;q=0.1',
    'application/dicom+json;q=0.1, multipart/related; type="application/dicom+xml"; q=0.2',
    'multipart/related; type="application/*"',
    'multipart/related',
    'multipart/*, application/json;q=0.9',
    '*/*, application/dicom+json;q=0, application/json;q=0',
  ])('Q-30, W-02, H-10: Accept %s gets XML, in parts', (accept) => {
    for (const resource of ['search', 'metadata'] as const) {
      expect(ask(resource, accept)[0]).toMatchObject({
        mediaType: 'application/dicom+xml',
        multipart: true,
      });
    }
  });

  test('S-09: a store response is a single XML document, for it is one dataset', () => {
    const response = { mediaType: 'application/dicom+xml', multipart: false };
    for (const accept of [
      'application/dicom+xml',
      'application/dicom+xml, application/dicom+json;q=0.5',
      'application/dicom+json;q=0, application/json;q=0, */*',
    ])
      expect(ask('store-response', accept)[0]).toMatchObject(response);
    expect(codeOf(() => ask('store-response', 'multipart/related; type="application/dicom+xml"'))).toBe(
      'not-acceptable',
    );
  });

  test.each(['application/dicom', 'application/dicom+xml', 'image/*', 'text/html', 'nonsense', '*/*;q=0'])(
    'H-07: Accept %s is not acceptable, and the answer lists what there is',
    (accept) => {
      const error = errorOf(() => ask('search', accept));
      expect(error.code).toBe('not-acceptable');
      expect(error.message).toContain('application/dicom+json');
      expect(error.message).toContain('multipart/related; type="application/dicom+xml"');
    },
  );

  test('H-05: the accept parameter has priority over the header', () => {
    const [best] = negotiate('search', parseAccept('application/dicom+json', 'application/json;q=0.1'));
    expect(best?.mediaType).toBe('application/json');
  });

  test('H-07: what the accept parameter asks and is not there leaves it to the header', () => {
    expect(negotiate('search', parseAccept('*/*', 'image/gif'))[0]?.mediaType).toBe('application/dicom+json');
    expect(codeOf(() => negotiate('search', parseAccept('text/html', 'image/gif')))).toBe('not-acceptable');
  });
});

describe('instances', () => {
  test.each<[string | undefined, string]>([
    [undefined, 'multipart application/dicom *'],
    ['*/*', 'multipart application/dicom *'],
    ['multipart/related', 'multipart application/dicom *'],
    ['multipart/*', 'multipart application/dicom *'],
    ['multipart/related; type="*/*"', 'multipart application/dicom *'],
    ['multipart/related; type="application/*"', 'multipart application/dicom *'],
    ['multipart/related; type="application/dicom"', 'multipart application/dicom unsaid'],
    ['multipart/related; type=application/dicom; transfer-syntax=*', 'multipart application/dicom *'],
    ['multipart/related;type="application/dicom";transfer-syntax=*', 'multipart application/dicom *'],
    [
      'multipart/related; type="application/dicom"; transfer-syntax=1.2.840.10008.1.2.4.80',
      'multipart application/dicom 1.2.840.10008.1.2.4.80',
    ],
    ['multipart/related; type="*/*"; transfer-syntax=1.2.3', 'multipart application/dicom 1.2.3'],
    ['application/dicom, multipart/related; type="application/dicom"', 'multipart application/dicom unsaid'],
    [
      'application/dicom, image/jpeg, multipart/related; type="application/dicom"',
      'multipart application/dicom unsaid',
    ],
  ])('W-01, W-21: Accept %s gets %s', (accept, expected) => {
    expect(first('instances', accept)).toBe(expected);
  });

  test.each([
    '*/json',
    'multipart/mixed',
    'multipart/related; type="image/*"',
    'multipart/related; type="a/b"',
  ])('H-07: Accept %s matches nothing', (accept) => {
    expect(codeOf(() => ask('instances', accept, 'one'))).toBe('not-acceptable');
  });

  test('H-07: a transfer syntax with a lower q comes later and leaves the others of its type as they are', () => {
    const dicom = 'multipart/related; type="application/dicom"';
    expect(
      ask('instances', `${dicom}, ${dicom}; transfer-syntax=*; q=0.5`).map((one) => one.transferSyntax),
    ).toEqual([undefined, '*']);
    expect(
      ask('instances', `${dicom}, ${dicom}; transfer-syntax=1.2; q=0.5`).map((one) => one.transferSyntax),
    ).toEqual([undefined, '1.2']);
  });

  test('W-12: a single part is for one instance only', () => {
    expect(codeOf(() => ask('instances', 'application/dicom', 'many'))).toBe('not-acceptable');
    expect(first('instances', 'application/dicom', 'one')).toBe('application/dicom unsaid');
    expect(first('instances', 'application/dicom; transfer-syntax=*', 'one')).toBe('application/dicom *');
    expect(first('instances', 'application/*', 'one')).toBe('application/dicom *');
    expect(first('instances', '*/*', 'one')).toBe('multipart application/dicom *');
  });

  test('an archive is what those get who ask for it, at every level', () => {
    for (const items of ['one', 'many'] as const) {
      expect(first('instances', 'application/zip', items)).toBe('application/zip unsaid');
      expect(first('instances', 'application/zip; transfer-syntax=*', items)).toBe('application/zip *');
      const both = 'application/zip;q=0.5, multipart/related; type="application/dicom"';
      expect(first('instances', both, items)).toBe('multipart application/dicom unsaid');
      expect(first('instances', '*/*', items)).toBe('multipart application/dicom *');
    }
    expect(codeOf(() => ask('instances', 'application/*'))).toBe('not-acceptable');
    expect(codeOf(() => ask('frames', 'application/zip'))).toBe('not-acceptable');
  });

  test('H-06: a rendered type is no more than not available on a resource without a rendered form', () => {
    expect(first('instances', 'image/jpeg, multipart/related; type="application/dicom"')).toBe(
      'multipart application/dicom unsaid',
    );
    expect(codeOf(() => ask('instances', 'image/jpeg', 'one'))).toBe('not-acceptable');
  });

  test('H-07: q first, then the more specific range, then the order of the client', () => {
    const dicom = 'multipart/related; type="application/dicom"';
    const order = (accept: string): (string | undefined)[] =>
      ask('instances', accept).map((one) => one.transferSyntax);
    expect(order(`${dicom}; transfer-syntax=1.2.1; q=0.5, ${dicom}; transfer-syntax=1.2.2`)).toEqual([
      '1.2.2',
      '1.2.1',
    ]);
    expect(order(`*/*, ${dicom}, ${dicom}; transfer-syntax=1.2.2`)).toEqual(['1.2.2', undefined, '*']);
    expect(order(`${dicom}; transfer-syntax=1.2.2, ${dicom}; transfer-syntax=1.2.1`)).toEqual([
      '1.2.2',
      '1.2.1',
    ]);
    expect(order(`${dicom}, ${dicom}`)).toEqual([undefined]);
  });

  test('H-07: the most specific range alone decides, so q=0 excludes what a wildcard would take', () => {
    expect(codeOf(() => ask('instances', '*/*, multipart/related; type="application/dicom"; q=0'))).toBe(
      'not-acceptable',
    );
    expect(first('instances', '*/*, multipart/related; type="application/dicom"; q=0', 'one')).toBe(
      'application/dicom *',
    );
    expect(ask('instances', '*/*, multipart/related; type="application/dicom"; q=0.3')).toEqual([
      { mediaType: 'application/dicom', multipart: true, transferSyntax: undefined, rank: 0 },
    ]);
  });
});

describe('chooseForInstance', () => {
  const given = (accept: string, stored: TransferSyntax): string => {
    const choice = chooseForInstance(ask('instances', accept), stored);
    return choice ? `${choice.transferSyntaxUid}${choice.reencode ? ' re-encoded' : ''}` : 'nothing';
  };
  const unsaid = 'multipart/related; type="application/dicom"';
  const any = `${unsaid}; transfer-syntax=*`;
  const named = (uid: string): string => `${unsaid}; transfer-syntax=${uid}`;

  test.each<[string, string, TransferSyntax, string]>([
    ['W-21: any', any, Syntax.ExplicitVrLittleEndian, ele],
    ['W-21: any', any, Syntax.JpegLsLossless, Syntax.JpegLsLossless.uid],
    ['W-21: any', any, Syntax.JpegBaseline, Syntax.JpegBaseline.uid],
    ['W-27: any', any, Syntax.DeflatedExplicitVrLittleEndian, Syntax.DeflatedExplicitVrLittleEndian.uid],
    ['W-23: any', any, Syntax.ImplicitVrLittleEndian, `${ele} re-encoded`],
    ['W-23: any', any, Syntax.ExplicitVrBigEndian, `${ele} re-encoded`],
    ['W-20: unsaid', unsaid, Syntax.ExplicitVrLittleEndian, ele],
    ['W-20: unsaid', unsaid, Syntax.ImplicitVrLittleEndian, `${ele} re-encoded`],
    ['W-20: unsaid', unsaid, Syntax.ExplicitVrBigEndian, `${ele} re-encoded`],
    ['W-20: unsaid', unsaid, Syntax.DeflatedExplicitVrLittleEndian, `${ele} re-encoded`],
    ['W-20: unsaid, lossy only', unsaid, Syntax.JpegBaseline, Syntax.JpegBaseline.uid],
    ['W-20: unsaid, pixels elsewhere', unsaid, Syntax.JpipReferenced, Syntax.JpipReferenced.uid],
    ['W-12: unsaid, lossless', unsaid, Syntax.JpegLsLossless, 'nothing'],
    ['named as stored', named(Syntax.JpegLsLossless.uid), Syntax.JpegLsLossless, Syntax.JpegLsLossless.uid],
    ['named, uncompressed', named(ele), Syntax.ImplicitVrLittleEndian, `${ele} re-encoded`],
    ['named, compressed', named(ele), Syntax.JpegBaseline, 'nothing'],
    ['named, other', named(Syntax.JpegLsLossless.uid), Syntax.ExplicitVrLittleEndian, 'nothing'],
    ['W-23: named', named(Syntax.ImplicitVrLittleEndian.uid), Syntax.ImplicitVrLittleEndian, 'nothing'],
    ['W-23: named', named(Syntax.ExplicitVrBigEndian.uid), Syntax.ExplicitVrBigEndian, 'nothing'],
    ['the next best', `${named(ele)}, ${any};q=0.5`, Syntax.Jpeg2000Lossless, Syntax.Jpeg2000Lossless.uid],
    ['anything', '*/*', Syntax.JpegLsLossless, Syntax.JpegLsLossless.uid],
    [
      'H-07: any but this',
      `${any}, ${named(Syntax.JpegLsLossless.uid)};q=0`,
      Syntax.JpegLsLossless,
      'nothing',
    ],
    [
      'H-07: any but another',
      `${any}, ${named(Syntax.JpegLsLossless.uid)};q=0`,
      Syntax.Jpeg2000,
      Syntax.Jpeg2000.uid,
    ],
    [
      'H-07: unsaid but this',
      `${unsaid}, ${named(Syntax.JpegBaseline.uid)};q=0`,
      Syntax.JpegBaseline,
      'nothing',
    ],
  ])('%s: Accept %s of %o', (_rule, accept, stored, expected) => {
    expect(given(accept, stored)).toBe(expected);
  });
});

describe('frames', () => {
  const microscopy =
    'multipart/related; type="image/jls"; transfer-syntax=1.2.840.10008.1.2.4.80, ' +
    'multipart/related; type="image/jls"; transfer-syntax=1.2.840.10008.1.2.4.81, ' +
    'multipart/related; type="image/jp2"; transfer-syntax=1.2.840.10008.1.2.4.90, ' +
    'multipart/related; type="image/jp2"; transfer-syntax=1.2.840.10008.1.2.4.91, ' +
    'multipart/related; type="image/jpx"; transfer-syntax=1.2.840.10008.1.2.4.92, ' +
    'multipart/related; type="image/jpx"; transfer-syntax=1.2.840.10008.1.2.4.93, ' +
    'multipart/related; type="application/octet-stream"; transfer-syntax=*, ' +
    'multipart/related; type="image/jpeg"; transfer-syntax=1.2.840.10008.1.2.4.50';
  const viewers: readonly string[] = [
    'multipart/related; type=application/octet-stream; transfer-syntax=*',
    'multipart/related; type="application/octet-stream"; transfer-syntax="*"',
    'multipart/related; type="*/*"',
    'multipart/related; type="*/*"; transfer-syntax=*',
    'multipart/related',
    '*/*',
    microscopy,
  ];
  const given = (accept: string, stored: TransferSyntax, items?: 'one' | 'many'): string => {
    const choice = chooseForFrames(ask('frames', accept, items), stored);
    if (choice === undefined) return 'nothing';
    const packing = choice.representation.multipart ? 'multipart ' : '';
    return `${packing}${choice.mediaType} ${choice.transferSyntaxUid}`;
  };

  test.each(viewers)('W-21: what viewers send gets the stored frames: %s', (accept) => {
    const expected = (stored: TransferSyntax): string => `multipart ${stored.frameMediaType} ${stored.uid}`;
    for (const stored of [
      Syntax.JpegBaseline,
      Syntax.JpegLsLossless,
      Syntax.Jpeg2000,
      Syntax.RleLossless,
      Syntax.HtJ2kLossless,
      Syntax.Mpeg4HighProfile41,
      Syntax.HevcMainProfile51,
      Syntax.DeflatedImageFrameCompression,
    ]) {
      expect(given(accept, stored)).toBe(expected(stored));
    }
    for (const stored of [
      Syntax.ExplicitVrLittleEndian,
      Syntax.ImplicitVrLittleEndian,
      Syntax.ExplicitVrBigEndian,
      Syntax.DeflatedExplicitVrLittleEndian,
    ]) {
      expect(given(accept, stored)).toBe(`multipart application/octet-stream ${ele}`);
    }
  });

  const octets = 'multipart/related; type="application/octet-stream"';
  test.each<[string, string, TransferSyntax, string]>([
    [
      'W-03: dicomweb-client',
      octets,
      Syntax.ExplicitVrLittleEndian,
      `multipart application/octet-stream ${ele}`,
    ],
    [
      'W-03: native frames in fragments',
      octets,
      Syntax.EncapsulatedUncompressedExplicitVrLittleEndian,
      `multipart application/octet-stream ${ele}`,
    ],
    ['W-12: the general type means native frames', octets, Syntax.JpegLsLossless, 'nothing'],
    ['W-12: the general type means native frames', octets, Syntax.JpegBaseline, 'nothing'],
    ['W-12: the general type means native frames', octets, Syntax.DeflatedImageFrameCompression, 'nothing'],
    [
      'named native',
      `${octets}; transfer-syntax=${ele}`,
      Syntax.ImplicitVrLittleEndian,
      `multipart application/octet-stream ${ele}`,
    ],
    ['named native', `${octets}; transfer-syntax=${ele}`, Syntax.JpegBaseline, 'nothing'],
    [
      'named as stored',
      `${octets}; transfer-syntax=1.2.840.10008.1.2.4.80`,
      Syntax.JpegLsLossless,
      'multipart image/jls 1.2.840.10008.1.2.4.80',
    ],
    [
      'compressed type',
      'multipart/related; type="image/jls"',
      Syntax.JpegLsNearLossless,
      'multipart image/jls 1.2.840.10008.1.2.4.81',
    ],
    [
      'W-29: aliases',
      'multipart/related; type="image/x-jls"',
      Syntax.JpegLsLossless,
      'multipart image/jls 1.2.840.10008.1.2.4.80',
    ],
    [
      'W-29: aliases',
      'multipart/related; type="image/x-dicom-rle"',
      Syntax.RleLossless,
      'multipart image/dicom-rle 1.2.840.10008.1.2.5',
    ],
    [
      'a family of types',
      'multipart/related; type="image/*"',
      Syntax.Jpeg2000,
      'multipart image/jp2 1.2.840.10008.1.2.4.91',
    ],
    ['a family of types', 'multipart/related; type="image/*"', Syntax.ExplicitVrLittleEndian, 'nothing'],
    ['another compressed type', 'multipart/related; type="image/jls"', Syntax.JpegBaseline, 'nothing'],
    [
      'another transfer syntax',
      'multipart/related; type="image/jls"; transfer-syntax=1.2.840.10008.1.2.4.80',
      Syntax.JpegLsNearLossless,
      'nothing',
    ],
    [
      'video in any case',
      'multipart/related; type="VIDEO/h265"',
      Syntax.HevcMainProfile51,
      'multipart video/H265 1.2.840.10008.1.2.4.107',
    ],
    [
      'H-07: excluded',
      'image/jpeg;q=0, multipart/related; type=image/jpeg;q=0, */*',
      Syntax.JpegBaseline,
      'nothing',
    ],
    [
      'H-07: something else excluded',
      'multipart/related; type=image/jpeg;q=0, */*',
      Syntax.JpegLsLossless,
      'multipart image/jls 1.2.840.10008.1.2.4.80',
    ],
    [
      'H-07: any but its type',
      `${octets}; transfer-syntax=*, multipart/related; type="image/jp2";q=0`,
      Syntax.Jpeg2000Lossless,
      'nothing',
    ],
    [
      'H-07: any but its family',
      `${octets}; transfer-syntax=*, multipart/related; type="image/*";q=0`,
      Syntax.Jpeg2000Lossless,
      'nothing',
    ],
    [
      'H-07: any but its transfer syntax',
      'multipart/related; type="image/jls", multipart/related; type="image/jls"; transfer-syntax=1.2.840.10008.1.2.4.81;q=0',
      Syntax.JpegLsNearLossless,
      'nothing',
    ],
    [
      'H-07: any but the family of its type, which is taken',
      `${octets}; transfer-syntax=*, multipart/related; type="image/*";q=0, multipart/related; type="image/jp2";q=0.5`,
      Syntax.Jpeg2000Lossless,
      'multipart image/jp2 1.2.840.10008.1.2.4.90',
    ],
    [
      'H-07: nothing else',
      `${octets}; transfer-syntax=*, */*;q=0`,
      Syntax.Jpeg2000Lossless,
      'multipart image/jp2 1.2.840.10008.1.2.4.90',
    ],
  ])('%s: Accept %s of %o', (_rule, accept, stored, expected) => {
    expect(given(accept, stored)).toBe(expected);
  });

  test('W-12: a single part is for one frame only', () => {
    expect(given('application/octet-stream; transfer-syntax=*', Syntax.JpegBaseline, 'one')).toBe(
      'image/jpeg 1.2.840.10008.1.2.4.50',
    );
    expect(given('image/jphc', Syntax.HtJ2k, 'one')).toBe('image/jphc 1.2.840.10008.1.2.4.203');
    expect(given('image/*', Syntax.JpegLsLossless, 'one')).toBe('image/jls 1.2.840.10008.1.2.4.80');
    expect(codeOf(() => ask('frames', 'image/jphc', 'many'))).toBe('not-acceptable');
    expect(given('*/*', Syntax.JpegLsLossless, 'one')).toBe('multipart image/jls 1.2.840.10008.1.2.4.80');
  });

  test('W-01: bulk data stand beside instances for who names them, in parts', () => {
    const octets = 'multipart/related; type="application/octet-stream"';
    for (const items of ['one', 'many'] as const) {
      expect(first('instances', octets, items)).toBe('multipart application/octet-stream unsaid');
      for (const accept of [undefined, '*/*', 'multipart/*', 'multipart/related; type="application/*"'])
        expect(ask('instances', accept, items).map(({ mediaType }) => mediaType)).not.toContain(
          'application/octet-stream',
        );
      expect(codeOf(() => ask('instances', 'application/octet-stream', items))).toBe('not-acceptable');
    }
  });

  test('W-05: a video element asks pixel data by the accept parameter alone', () => {
    const representations = negotiate('pixeldata', parseAccept('*/*', 'video/mp4'), 'one');
    expect(chooseForFrames(representations, Syntax.Mpeg4HighProfile41)).toMatchObject({
      mediaType: 'video/mp4',
      representation: { multipart: false },
    });
  });
});

describe('bulk data', () => {
  const given = (accept: string | undefined): string => {
    const chosen = chooseForBulkData(ask('bulkdata', accept, 'one'));
    return chosen ? `${chosen.multipart ? 'multipart ' : ''}${chosen.mediaType}` : 'nothing';
  };
  test.each<[string | undefined, string]>([
    ['multipart/related; type="application/octet-stream"', 'multipart application/octet-stream'],
    [
      'multipart/related; type="application/pdf", multipart/related; type="application/octet-stream"',
      'multipart application/octet-stream',
    ],
    ['application/octet-stream', 'application/octet-stream'],
    [undefined, 'application/octet-stream'],
    ['*/*', 'application/octet-stream'],
    ['multipart/related; type="*/*"', 'multipart application/octet-stream'],
    ['image/jpeg', 'nothing'],
  ])('W-04: Accept %s gets %s', (accept, expected) => {
    expect(given(accept)).toBe(expected);
  });
});
