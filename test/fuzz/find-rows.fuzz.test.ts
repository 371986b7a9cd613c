import { describe, expect, test } from '@jest/globals';
import { GatewayError } from '../../src/core/index.js';
import { decodeDataset, formatDicomJson, type Dataset, type TransferSyntax } from '../../src/dicom/index.js';
import { parseSearch, retrieveUrl, type SearchLevel } from '../../src/dicomweb/index.js';
import {
  defaultPeerQueryProfile,
  planSearch,
  requireUniqueKey,
  type SearchPlan,
} from '../../src/query/index.js';
import { latin, row, validRow } from '../helpers/find-rows.js';
import { fuzz } from '../helpers/fuzz.js';
import { EBE, ELE, ILE, UNDEFINED, element, header, item, sequence } from '../unit/dicom/dataset-bytes.js';

const plans: readonly (readonly [SearchLevel, SearchPlan])[] = [
  [
    'STUDY',
    'StudyDate=20220101-&StudyTime=1000-&ModalitiesInStudy=CT,MR&StudyDescription=M*&TimezoneOffsetFromUTC=%2B0200&ProcedureCodeSequence.CodeValue=C1&ProcedureCodeSequence.CodeMeaning=*&PatientName=%E5%B1%B1&00230010=ACME&00231001=ab&includefield=PatientWeight,ProcedureCodeSequence',
  ],
  ['SERIES', 'RequestAttributesSequence.ScheduledProcedureStepID=S1&SeriesDescription=x&includefield=all'],
  ['IMAGE', 'InstanceNumber=7&Rows=512&AcquisitionDateTime=2022-2023&includefield=all'],
].map(([level, query]) => {
  const path =
    level === 'STUDY' ? {} : { study: '1.2.3', ...(level === 'IMAGE' ? { series: '1.2.3.4' } : {}) };
  const request = parseSearch(level as SearchLevel, path, query ?? '');
  const profile = { ...defaultPeerQueryProfile, characterSets: ['ISO_IR 100'], timezoneOffset: '+0100' };
  return [level as SearchLevel, planSearch(request, profile)] as const;
});

/** A row as `Peer.find` gives it; undefined when it cannot be read. */
function decode(bytes: Buffer, syntax: TransferSyntax): Dataset | undefined {
  try {
    return decodeDataset(bytes, syntax, { fallbackCharacterSet: 'ISO_IR 100' });
  } catch (error) {
    if (error instanceof GatewayError && error.code === 'malformed-dataset') return undefined;
    throw error;
  }
}

/** Everything that becomes of a row before it is sent to the client. */
function answer(dataset: Dataset): void {
  for (const [level, plan] of plans) {
    const step = plan.steps.at(-1);
    if (step === undefined) throw new Error('no step');
    try {
      requireUniqueKey(level, dataset);
    } catch (error) {
      if (!(error instanceof GatewayError && error.code === 'peer-protocol')) throw error;
    }
    step.accepts(dataset, { studyInstanceUid: '1.2.3', seriesInstanceUid: '1.2.3.4' });
    step.unverified(dataset);
    const rows = plan.steps.map(() => dataset);
    const text = formatDicomJson(plan.project(rows, (target) => retrieveUrl('http://gateway', target)));
    expect(text).not.toMatch(/\p{Surrogate}/u);
    const keys = Object.keys(JSON.parse(text) as object);
    expect(keys).toEqual([...keys].sort());
    expect(keys.filter((key) => /^0000|^0002|^....0000$/.test(key))).toEqual([]);
  }
}

describe('R-12: rows of a C-FIND, whatever is in them', () => {
  fuzz('are decoded, filtered and written, or refused as malformed', row, ({ bytes, syntax }) => {
    const dataset = decode(bytes, syntax);
    if (dataset !== undefined) answer(dataset);
  });

  test.each([ELE, ILE, EBE])('the row that they are made of is read whole', (syntax) => {
    const dataset = decode(validRow(syntax, 'ISO_IR 100'), syntax);
    expect(dataset?.size).toBe(19);
    if (dataset !== undefined) answer(dataset);
  });

  test.each([
    [
      'nested 100,000 deep',
      Buffer.concat(
        Array.from({ length: 50_000 }, () =>
          Buffer.concat([header(0x00081032, 'SQ', UNDEFINED), header(0xfffee000, '', UNDEFINED)]),
        ),
      ),
    ],
    [
      'of 100,000 items',
      sequence(
        0x00081032,
        Array.from({ length: 100_000 }, () => item(Buffer.alloc(0))),
      ),
    ],
    ['of 100,000 values', element(0x00080061, 'UN', latin('CT\\'.repeat(100_000)))],
    ['of 1,000,000 escapes', element(0x00104000, 'UT', latin('\x1B$B'.repeat(300_000)))],
    ['of one long name', element(0x00100010, 'UN', latin('='.repeat(1_000_000)))],
    [
      'of one element again and again',
      Buffer.concat(Array.from({ length: 100_000 }, () => element(0x00100010, 'PN', 'A^'))),
    ],
  ])('a row %s takes no time to speak of', (_what, bytes) => {
    for (const syntax of [ELE, ILE]) {
      const dataset = decode(bytes, syntax);
      if (dataset !== undefined) answer(dataset);
    }
  });
});
