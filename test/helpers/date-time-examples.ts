/** The worked examples of combined matching, as a table. */
import type { DateTimePolicy, Zones } from '../../src/query/index.js';

export const standard: DateTimePolicy = { upper: 'ceil', unknown: 'match', mixed: 'strict' };

/** The sample studies of the worked examples: date and time as a PACS holds them. */
export const studies: readonly (readonly [string, string])[] = [
  ['20211231', '2359'],
  ['20220101', '0930'],
  ['20220101', '1000'],
  ['20220101', '1230'],
  ['20220101', '2300'],
  ['20220102', '000000'],
  ['20220102', '0330'],
  ['20220102', '1100'],
  ['20220102', '235959.999'],
  ['20220103', '0800'],
  ['20220103', '160000'],
  ['20220103', '160030.5'],
  ['20220103', '1800'],
  ['20220104', '1200'],
  ['20220102', ''],
  ['20220103', ''],
  ['', ''],
];

/** `S3-S12,S15` as study numbers. */
export function numbers(list: string): number[] {
  if (list === '') return [];
  return list.split(',').flatMap((part) => {
    const [first = 0, last = first] = part.split('-').map((name) => Number(name.slice(1)));
    return Array.from({ length: last - first + 1 }, (_, index) => first + index);
  });
}

export interface Example {
  readonly da?: string;
  readonly tm?: string;
  readonly policy?: Partial<DateTimePolicy>;
  readonly zones?: Zones;
  readonly point: string;
  /** What the date-only plan asks: DA, or DA and TM joined by a middle dot. */
  readonly a: string;
  /** What the sliced plan asks. */
  readonly b: string;
  /** What the native plan asks. */
  readonly n: string;
  readonly drops: string;
  readonly match: string;
}

export const examples: readonly Example[] = [
  {
    da: '20220101-20220103',
    tm: '1000-1600',
    point: '1: three full windows would be wrong',
    a: '20220101-20220103',
    b: '20220101·1000- ∪ 20220102 ∪ 20220103·-160100',
    n: '20220101-20220103·100000-160100',
    drops: 'S2,S13',
    match: 'S3-S12,S15-S17',
  },
  {
    da: '20220101-20220103',
    tm: '1000-1600',
    policy: { upper: 'floor' },
    point: '2: floor policy',
    a: '20220101-20220103',
    b: '20220101·1000- ∪ 20220102 ∪ 20220103·-160000',
    n: '20220101-20220103·100000-160000',
    drops: 'S2,S12,S13',
    match: 'S3-S11,S15-S17',
  },
  {
    da: '20220101-20220103',
    tm: '100000-160030.500000',
    point: '3: fraction in the upper bound',
    a: '20220101-20220103',
    b: '20220101·1000- ∪ 20220102 ∪ 20220103·-160031',
    n: '20220101-20220103·100000-160031',
    drops: 'S2,S13',
    match: 'S3-S12,S15-S17',
  },
  {
    da: '20220101-20220102',
    tm: '2200-0600',
    point: '4: crosses midnight',
    a: '20220101-20220102',
    b: '20220101·2200- ∪ 20220102·-060100',
    n: '20220101-20220102·220000-060100',
    drops: 'S2-S4,S8,S9',
    match: 'S5-S7,S15,S17',
  },
  {
    da: '20220101-20220101',
    tm: '1000-1600',
    point: '5: range of one day',
    a: '20220101',
    b: '20220101·1000-160100',
    n: '20220101·1000-160100',
    drops: 'S2,S5',
    match: 'S3,S4,S17',
  },
  {
    da: '20220101',
    tm: '1000-1600',
    point: '6: single date',
    a: '20220101',
    b: '20220101·1000-160100',
    n: '20220101·1000-160100',
    drops: 'S2,S5',
    match: 'S3,S4,S17',
  },
  {
    da: '20220101-',
    tm: '1000-',
    point: '7: both open to the right',
    a: '20220101-',
    b: '20220101·1000- ∪ 20220102-',
    n: '20220101-·100000-',
    drops: 'S2',
    match: 'S3-S17',
  },
  {
    da: '-20220102',
    tm: '-0600',
    point: '8: both open to the left',
    a: '-20220102',
    b: '-20220101 ∪ 20220102·-060100',
    n: '-20220102·-060100',
    drops: 'S8,S9',
    match: 'S1-S7,S15,S17',
  },
  {
    da: '20220101-20220103',
    point: '9: no TM key',
    a: '20220101-20220103',
    b: '20220101-20220103',
    n: '20220101-20220103',
    drops: '',
    match: 'S2-S13,S15-S17',
  },
  {
    tm: '1000-1600',
    point: '10: no DA key, a daily window',
    a: '·1000-160100',
    b: '·1000-160100',
    n: '·1000-160100',
    drops: '',
    match: 'S3,S4,S8,S11,S12,S14-S17',
  },
  {
    da: '20220101-20220103',
    tm: '1000-',
    point: '11: mixed forms, strict',
    a: '20220101-20220103',
    b: '20220101-20220103·1000-',
    n: '20220101-20220103',
    drops: 'S2,S6,S7,S10',
    match: 'S3-S5,S8,S9,S11-S13,S15-S17',
  },
  {
    da: '20220101-20220103',
    tm: '1000-',
    policy: { mixed: 'natural' },
    point: '12: mixed forms, natural',
    a: '20220101-20220103',
    b: '20220101·1000- ∪ 20220102-20220103',
    n: '20220101-20220104·100000-000000',
    drops: 'S2',
    match: 'S3-S13,S15-S17',
  },
  {
    da: '20220101-20220103',
    tm: '-1600',
    point: '13: mixed forms, strict',
    a: '20220101-20220103',
    b: '20220101-20220103·-160100',
    n: '20220101-20220103',
    drops: 'S5,S9,S13',
    match: 'S2-S4,S6-S8,S10-S12,S15-S17',
  },
  {
    da: '20220101-20220103',
    tm: '160000',
    point: '14: range and single time',
    a: '20220101-20220103',
    b: '20220101-20220103·1600-160001',
    n: '20220101-20220103',
    drops: 'S2-S10,S12,S13',
    match: 'S11,S15-S17',
  },
  {
    da: '20220103',
    tm: '160000',
    point: '15: single and single',
    a: '20220103',
    b: '20220103·1600-160001',
    n: '20220103·1600-160001',
    drops: 'S10,S12,S13',
    match: 'S11,S16,S17',
  },
  {
    da: '20220101-20220103',
    tm: '0000-2359',
    point: '16: whole days',
    a: '20220101-20220103',
    b: '20220101-20220103',
    n: '20220101-20220104·000000-000000',
    drops: '',
    match: 'S2-S13,S15-S17',
  },
  {
    da: '20220102-20220103',
    tm: '0000-0000',
    point: '17: ends in a midnight minute',
    a: '20220102-20220103',
    b: '20220102 ∪ 20220103·-000100',
    n: '20220102-20220103·000000-000100',
    drops: 'S10-S13',
    match: 'S6-S9,S15-S17',
  },
  {
    da: '20220102',
    tm: '0000-0000',
    point: '18: midnight minute of one day',
    a: '20220102',
    b: '20220102·-000100',
    n: '20220102·-000100',
    drops: 'S7-S9',
    match: 'S6,S15,S17',
  },
  {
    da: '20220102',
    tm: '0000-0300',
    zones: { request: 120, source: 0 },
    point: '21: query in +0200, PACS in +0000',
    a: '20220101-20220102',
    b: '20220101·2200- ∪ 20220102·-010100',
    n: '20220101-20220102·220000-010100',
    drops: 'S2-S4,S7-S9',
    match: 'S5,S6,S15,S17',
  },
  {
    da: '20220102',
    zones: { request: -300, source: 60 },
    point: '22: date alone in -0500, PACS in +0100',
    a: '20220102-20220103',
    b: '20220102·0600- ∪ 20220103·-060000',
    n: '20220102-20220103·060000-060000',
    drops: 'S6,S7,S10-S13',
    match: 'S8,S9,S15-S17',
  },
  {
    da: '20220101-20220103',
    tm: '1000-1600',
    policy: { unknown: 'exclude' },
    point: '23: unknown values excluded',
    a: '20220101-20220103',
    b: '20220101·1000- ∪ 20220102 ∪ 20220103·-160100',
    n: '20220101-20220103·100000-160100',
    drops: 'S2,S13,S15-S17',
    match: 'S3-S12',
  },
  {
    da: '20211231-20220104',
    tm: '235900-120000',
    point: '24: tight ends',
    a: '20211231-20220104',
    b: '20211231·2359- ∪ 20220101-20220103 ∪ 20220104·-120001',
    n: '20211231-20220104·235900-120001',
    drops: '',
    match: 'S1-S17',
  },
];
