import { expect, test } from '@jest/globals';
import type { Spool } from '../../../src/cache/index.js';
import { GatewayError, type GatewayErrorCode } from '../../../src/core/index.js';
import { TransferSyntaxes } from '../../../src/dicom/index.js';
import { storeAt, type StoreAtOptions } from '../../../src/gateway/store-at.js';
import type { StoreTarget } from '../../../src/gateway/store-targets.js';

const meta = {
  sopClassUid: '1.2.840.10008.5.1.4.1.1.2',
  sopInstanceUid: '1.2.3.4',
  transferSyntaxUid: TransferSyntaxes.JpegLsLossless.uid,
};

/** What becomes of a compressed instance at a peer that takes none, when decoding it ends so. */
async function decoding(code: GatewayErrorCode): Promise<unknown> {
  const spool: Partial<Spool> = {
    write: () => Promise.reject(new GatewayError(code, 'It did not work.')),
    fail: () => undefined,
    discard: () => undefined,
  };
  const target = {
    binding: {
      peer: {
        name: 'main',
        store: () =>
          Promise.resolve({ status: 0xc122, takes: [TransferSyntaxes.ExplicitVrLittleEndian.uid] }),
      },
      store: { transcode: 'lossless', limits: { maxDepth: 8, maxElements: 100, maxCollectedBytes: 1000 } },
    },
  } as unknown as StoreTarget;
  const options = {
    spools: { create: () => spool },
    framePool: { decodes: () => true },
    context: { requestId: 'request-1', signal: new AbortController().signal },
  } as unknown as StoreAtOptions;
  const outgoing = {
    meta,
    uids: { ...meta, studyInstanceUid: '1.2', seriesInstanceUid: '1.2.3' },
    bytes: async function* () {
      yield await Promise.resolve(Buffer.from('0800160055490200312e', 'hex'));
    },
    discard: () => undefined,
  };
  const result = await storeAt(target, outgoing, options);
  return result.kind === 'failed' && result.instance.failureReason;
}

test.each<readonly [GatewayErrorCode, string, number]>([
  ['not-acceptable', 'C122: there is no lossless way', 0xc122],
  ['malformed-dataset', 'C122', 0xc122],
  ['internal', '0110, for it is the own failure of the gateway', 0x0110],
  ['cache-failed', '0110', 0x0110],
  ['overloaded', 'A700, for it may fare better later', 0xa700],
])('S-12: an instance whose decoding ends in %s fails with %s', async (code, _what, reason) => {
  expect(await decoding(code)).toBe(reason);
});
