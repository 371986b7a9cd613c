import { describe, expect } from '@jest/globals';
import fc from 'fast-check';
import { GatewayError } from '../../src/core/index.js';
import { encodeDataset, TransferSyntaxes } from '../../src/dicom/index.js';
import { parseSearch, requireUtf8, type SearchLevel, type SearchPath } from '../../src/dicomweb/index.js';
import { statusOf } from '../../src/http/status.js';
import { defaultPeerQueryProfile, planSearch, type PeerQueryProfile } from '../../src/query/index.js';
import { fuzz } from '../helpers/fuzz.js';
import { query } from '../helpers/search-queries.js';
import { syntaxes } from '../helpers/fixtures.js';
import { readElements } from '../helpers/independent-reader.js';

const resources: readonly (readonly [SearchLevel, SearchPath])[] = [
  ['STUDY', {}],
  ['SERIES', {}],
  ['IMAGE', {}],
  ['SERIES', { study: '1.2' }],
  // Where keys of all levels are right.
  ['IMAGE', {}],
  ['IMAGE', {}],
  ['IMAGE', { study: '1.2' }],
  ['IMAGE', { study: '1.2', series: '1.2.3' }],
];

const profile: fc.Arbitrary<PeerQueryProfile> = fc.record({
  characterSets: fc.constantFrom<readonly string[]>(
    ['ISO_IR 100', 'ISO_IR 192'],
    ['ISO_IR 6'],
    ['\\ISO 2022 IR 87'],
    ['GBK'],
    ['ISO_IR 13'],
  ),
  unencodable: fc.constantFrom('wildcard' as const, 'reject' as const),
  characterSetReturnKey: fc.boolean(),
  dateTime: fc.constant(defaultPeerQueryProfile.dateTime),
});

/** What is never a key: C-FIND forbids it, or it is no element of a dataset. */
const forbidden = /^(?:0000|0002|FFF[CEF])|^....0000$|^00080056$|^00080054$/;

/** Everything that happens before the peer is asked. */
function ask(text: string, [level, path]: (typeof resources)[number], peer: PeerQueryProfile): void {
  requireUtf8(text, undefined);
  const plan = planSearch(parseSearch(level, path, text), peer);
  for (const step of plan.steps) {
    const identifier = step.identifier({ studyInstanceUid: '1.2', seriesInstanceUid: '1.2.3' });
    encodeDataset(identifier, TransferSyntaxes.ImplicitVrLittleEndian);
    const bytes = encodeDataset(identifier, TransferSyntaxes.ExplicitVrLittleEndian);
    const elements = readElements(bytes, syntaxes.explicitLittle);
    const tags = elements.map((element) => element.path);
    expect(tags.filter((one) => forbidden.test(one.slice(-8)))).toEqual([]);
    expect(tags).toEqual([...new Set(tags)]);
    const charset = elements.find((element) => element.path === '00080005');
    const texts = elements.filter(({ vr }) => !/^(?:AT|FD|FL|SL|SS|SV|UL|US|UV)$/.test(vr));
    const isPlain = texts.every(({ value }) => value.every((byte) => byte < 0x80 && byte !== 0x1b));
    if (isPlain && charset !== undefined)
      expect([peer.characterSetReturnKey, charset.value.length]).toEqual([true, 0]);
    if (!isPlain) expect(charset?.value.length).toBeGreaterThan(0);
  }
}

describe('AS-3: whatever is in a query', () => {
  fuzz(
    'is an identifier that can be sent, or the client’s error',
    fc.tuple(query, fc.constantFrom(...resources), profile),
    ([text, resource, peer]) => {
      try {
        ask(text, resource, peer);
      } catch (error) {
        if (!(error instanceof GatewayError)) throw error;
        expect(Math.floor(statusOf[error.code] / 100)).toBe(4);
        // No value in a message: it may be a patient's.
        expect(error.message.length).toBeLessThan(500);
      }
    },
  );
});
