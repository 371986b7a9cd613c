import { describe, expect, test } from '@jest/globals';
import {
  commonStudyUrl,
  storeResponse,
  warningTexts,
  type StoredInstance,
  type StoreOutcome,
} from '../../../src/dicomweb/index.js';

const base = 'https://pacs.example/dicomweb';
const ct = '1.2.840.10008.5.1.4.1.1.2';
const stored = (instance: string, study = '1.2', more: Partial<StoredInstance> = {}): StoredInstance => ({
  sopClassUid: ct,
  sopInstanceUid: instance,
  studyInstanceUid: study,
  seriesInstanceUid: `${study}.1`,
  ...more,
});
const outcome = (parts: Partial<StoreOutcome>): StoreOutcome => ({
  stored: [],
  failed: [],
  otherFailures: [],
  ...parts,
});
const failed = { sopClassUid: ct, sopInstanceUid: '1.9', failureReason: 0xa700 };

describe('store responses', () => {
  test('S-10: what was stored is referenced with its URL, and the study has one', () => {
    expect(storeResponse(base, outcome({ stored: [stored('1.5')] }))).toEqual({
      status: 'all',
      body: {
        '00081190': { vr: 'UR', Value: [`${base}/studies/1.2`] },
        '00081199': {
          vr: 'SQ',
          Value: [
            {
              '00081150': { vr: 'UI', Value: [ct] },
              '00081155': { vr: 'UI', Value: ['1.5'] },
              '00081190': { vr: 'UR', Value: [`${base}/studies/1.2/series/1.2.1/instances/1.5`] },
            },
          ],
        },
      },
    });
  });

  test('S-10: the study URL stays empty when several studies came, and sequences without items are absent', () => {
    const { body } = storeResponse(base, outcome({ stored: [stored('1.5'), stored('1.6', '1.3')] }));
    expect(body['00081190']).toEqual({ vr: 'UR' });
    expect(Object.keys(body)).toEqual(['00081190', '00081199']);
    expect(storeResponse(base, outcome({ failed: [failed] })).body['00081190']).toEqual({ vr: 'UR' });
  });

  test('S-10: a failure that no instance can be made of is among the other failures', () => {
    const { body } = storeResponse(
      base,
      outcome({
        failed: [
          failed,
          { sopClassUid: ct, failureReason: 0x0122 },
          { sopInstanceUid: '1.9', failureReason: 0xc122 },
          { failureReason: 0x0110 },
        ],
        otherFailures: [0xc000],
      }),
    );
    expect(body['00081198']).toEqual({
      vr: 'SQ',
      Value: [
        {
          '00081150': { vr: 'UI', Value: [ct] },
          '00081155': { vr: 'UI', Value: ['1.9'] },
          '00081197': { vr: 'US', Value: [42752] },
        },
      ],
    });
    expect(body['0008119A']).toEqual({
      vr: 'SQ',
      Value: [290, 49442, 272, 49152].map((reason) => ({ '00081197': { vr: 'US', Value: [reason] } })),
    });
    expect(Object.keys(body)).toEqual(['00081190', '00081198', '0008119A']);
  });

  test('S-08: a warning makes it less than all, and is in the item', () => {
    const { status, body } = storeResponse(
      base,
      outcome({ stored: [stored('1.5', '1.2', { warningReason: 0xb000 }), stored('1.6')] }),
    );
    expect(status).toBe('some');
    expect(body['00081199']?.Value?.[0]).toMatchObject({ '00081196': { vr: 'US', Value: [45056] } });
    expect(body['00081199']?.Value?.[1]).not.toHaveProperty('00081196');
  });

  test.each<[StoreOutcome, string]>([
    [outcome({ stored: [stored('1.5')] }), 'all'],
    [outcome({ stored: [stored('1.5')], failed: [failed] }), 'some'],
    [outcome({ stored: [stored('1.5')], otherFailures: [0xc000] }), 'some'],
    [outcome({ failed: [failed] }), 'none'],
    [outcome({ otherFailures: [0xc000] }), 'none'],
    [outcome({}), 'none'],
  ])('S-08: outcome %# is told as %2$s', (given, status) => {
    expect(storeResponse(base, given).status).toBe(status);
  });

  test('S-11: where all that was stored can be had, if that is one study', () => {
    expect(commonStudyUrl(base, [stored('1.5'), stored('1.6')])).toBe(`${base}/studies/1.2`);
    expect(commonStudyUrl(base, [stored('1.5'), stored('1.6', '1.3')])).toBeUndefined();
    expect(commonStudyUrl(base, [])).toBeUndefined();
  });

  test('S-11: warnings are put into words, once for each reason', () => {
    const warned = [0xb000, 0xb007, 0xb000, 0xb123].map((warningReason, index) =>
      stored(`1.${index}`, '1.2', { warningReason }),
    );
    expect(warningTexts([stored('1.9'), ...warned])).toEqual([
      '2 instances are stored with warning B000 (coercion of data elements).',
      '1 instance is stored with warning B007 (data set does not match SOP class).',
      '1 instance is stored with warning B123.',
    ]);
  });
});
