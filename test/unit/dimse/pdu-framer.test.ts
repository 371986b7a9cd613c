import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { PduFramer, type PdvHeader } from '../../../src/dimse/pdu-framer.js';
import { encodePdu } from '../../../src/dimse/pdu.js';

const limits = { maxDataPduLength: 1000, maxAssociationPduLength: 500 };

function pdv(contextId: number, control: number, data: Buffer): Buffer {
  const header = Buffer.alloc(6);
  header.writeUInt32BE(data.length + 2);
  header[4] = contextId;
  header[5] = control;
  return Buffer.concat([header, data]);
}

function pdu(type: number, body: Buffer): Buffer {
  const header = Buffer.alloc(6);
  header[0] = type;
  header.writeUInt32BE(body.length, 2);
  return Buffer.concat([header, body]);
}

interface Seen {
  readonly log: string[];
  readonly framer: PduFramer;
}

/** Joins what belongs to one PDV, so that the way of cutting does not show. */
function framer(wait?: () => Promise<void> | undefined): Seen {
  const log: string[] = [];
  let data = '';
  return {
    log,
    framer: new PduFramer(
      {
        pdu: (type, body) => log.push(`${type} ${body.toString('hex')}`),
        fragment: ({ contextId, isCommand, isLast }: PdvHeader, bytes, ended) => {
          data += bytes.toString('hex');
          if (ended) {
            log.push(`pdv ${contextId} ${isCommand} ${isLast} ${data}`);
            data = '';
          }
          return wait?.();
        },
      },
      limits,
    ),
  };
}

const stream = Buffer.concat([
  pdu(4, Buffer.concat([pdv(1, 3, Buffer.from('aabb', 'hex')), pdv(1, 0, Buffer.from('01', 'hex'))])),
  pdu(4, pdv(1, 0, Buffer.alloc(0))),
  encodePdu({ kind: 'release-request' }),
  pdu(4, pdv(1, 2, Buffer.from('0203040506', 'hex'))),
  encodePdu({ kind: 'abort', source: 2, reason: 1 }),
]);

describe('the framer', () => {
  test('finds the same PDUs and PDVs however the bytes are cut (R-12)', () => {
    const whole = framer();
    void whole.framer.push(stream);
    expect(whole.log).toEqual([
      'pdv 1 true true aabb',
      'pdv 1 false false 01',
      'pdv 1 false false ',
      '5 00000000',
      'pdv 1 false true 0203040506',
      '7 00000201',
    ]);
    expect(whole.framer.betweenPdus).toBe(true);
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1 }), (sizes) => {
        const cut = framer();
        for (let offset = 0, index = 0; offset < stream.length; index += 1) {
          const size = sizes[index % sizes.length] ?? 1;
          void cut.framer.push(stream.subarray(offset, offset + size));
          offset += size;
        }
        expect(cut.log).toEqual(whole.log);
      }),
    );
  });

  test('hands nothing on while the handler waits, and goes on in the same chunk', async () => {
    const gates: (() => void)[] = [];
    const seen = framer(() => new Promise((resolve) => gates.push(resolve)));
    const done = seen.framer.push(stream);
    expect(seen.log).toHaveLength(1);
    for (let count = 0; count < 4; count += 1) {
      gates.shift()?.();
      await Promise.resolve();
      await new Promise((resolve) => setImmediate(resolve));
    }
    await done;
    expect(seen.log).toHaveLength(6);
  });

  test.each([
    ['a PDU of unknown type', pdu(8, Buffer.alloc(4))],
    ['a P-DATA longer than announced', pdu(4, pdv(1, 0, Buffer.alloc(1000)))],
    ['an association PDU over its bound, before it is there', Buffer.from('01007fffffff', 'hex')],
    ['a P-DATA without a PDV', pdu(4, Buffer.alloc(0))],
    ['a PDV beyond its PDU', pdu(4, Buffer.from('00000008' + '0100' + '0000', 'hex'))],
    ['a PDV of one byte', pdu(4, Buffer.from('00000001' + '0100', 'hex'))],
    ['bytes after the last PDV', pdu(4, Buffer.concat([pdv(1, 0, Buffer.alloc(2)), Buffer.alloc(3)]))],
  ])('refuses %s', (_, bytes) => {
    expect(() => framer().framer.push(bytes)).toThrow(expect.objectContaining({ code: 'peer-protocol' }));
  });
});
