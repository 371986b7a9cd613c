import { describe, expect, test } from '@jest/globals';
import { GatewayError } from '../../../src/core/index.js';
import { failure, type PartResult } from '../../../src/gateway/store-result.js';
import { together } from '../../../src/gateway/store-targets.js';

const meta = { sopClassUid: '1.2', sopInstanceUid: '1.2.3', transferSyntaxUid: '1.2.840.10008.1.2.1' };
const instance = { ...meta, studyInstanceUid: '1', seriesInstanceUid: '1.2' };
const stored: PartResult = { kind: 'stored', instance };
const warned: PartResult = { kind: 'stored', instance: { ...instance, warningReason: 0xb006 } };
const refused = failure(meta, 0xa900);
const away = failure(meta, 0xa700, new GatewayError('peer-unreachable', 'gone'));

/** Kind, reason and error code of what the members' results come to. */
function outcome(requires: 'all' | 'any', ...results: readonly PartResult[]): readonly unknown[] {
  const result = together(
    results.map((one, index) => ({ peer: `p${index}`, result: one })),
    requires,
  );
  return result.kind === 'stored'
    ? ['stored', result.instance.warningReason]
    : ['failed', result.instance.failureReason, result.error?.code];
}

describe('results of several peers as one (S-13)', () => {
  test.each<readonly [string, readonly PartResult[], readonly unknown[], readonly unknown[]]>([
    ['all', [stored, stored], ['stored', undefined], ['stored', undefined]],
    ['all, one with a warning', [stored, warned], ['stored', 0xb006], ['stored', 0xb006]],
    ['one', [stored, refused], ['failed', 0xa900, 'peer-failed'], ['stored', 0xb001]],
    ['one with a warning', [away, warned], ['failed', 0xa700, 'peer-failed'], ['stored', 0xb006]],
    ['one of three', [away, stored, refused], ['failed', 0xa900, 'peer-failed'], ['stored', 0xb001]],
    ['none', [refused, refused], ['failed', 0xa900, undefined], ['failed', 0xa900, undefined]],
    ['none, one away', [away, refused], ['failed', 0xa900, undefined], ['failed', 0xa900, undefined]],
    [
      'none, all away',
      [away, away],
      ['failed', 0xa700, 'peer-unreachable'],
      ['failed', 0xa700, 'peer-unreachable'],
    ],
  ])('%s', (_what, results, all, any) => {
    expect(outcome('all', ...results)).toEqual(all);
    expect(outcome('any', ...results)).toEqual(any);
  });

  test('one of which nobody knows whether a peer has it is told so, whatever another says', () => {
    const result = together(
      [
        { peer: 'north', result: { ...failure(meta, 0x0110), isBrokenOff: true } },
        { peer: 'south', result: refused },
        { peer: 'east', result: { ...away, isBrokenOff: false } },
      ].reverse(),
      'all',
    );
    expect(result).toMatchObject({ kind: 'failed', instance: { failureReason: 0xa900 }, isBrokenOff: true });
  });

  test('what is there at some says where, without naming the instance', () => {
    const result = together(
      [
        { peer: 'north', result: stored },
        { peer: 'south', result: refused },
      ],
      'all',
    );
    expect(result.kind === 'failed' && result.error?.message).toBe(
      'The instance is stored at north, and not at south.',
    );
  });
});
