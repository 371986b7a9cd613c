import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { GatewayError } from '../../../src/core/index.js';
import { decodePdu, encodePdu, PduTypes, type AssociationPdu } from '../../../src/dimse/pdu.js';

const uid = fc.stringMatching(/^[12]\.[1-9][0-9]{0,8}\.[1-9][0-9]{0,20}$/);
const aeTitle = fc.stringMatching(/^[A-Z][A-Z0-9_ ]{0,13}[A-Z]$/);
const user = fc.record(
  {
    maxPduLength: fc.nat(0xffffffff),
    implementationClassUid: uid,
    implementationVersionName: fc.stringMatching(/^[A-Z0-9_]{1,16}$/),
    asyncWindow: fc.record({ invoked: fc.nat(0xffff), performed: fc.nat(0xffff) }),
    roles: fc.array(fc.record({ sopClassUid: uid, scu: fc.boolean(), scp: fc.boolean() }), { maxLength: 5 }),
    extendedNegotiations: fc.array(
      fc.record({
        sopClassUid: uid,
        information: fc.uint8Array({ maxLength: 8 }).map((bytes) => Buffer.from(bytes)),
      }),
      { maxLength: 3 },
    ),
  },
  { requiredKeys: ['maxPduLength', 'implementationClassUid', 'roles', 'extendedNegotiations'] },
);
const request = fc.record({
  kind: fc.constant('associate-request' as const),
  calledAeTitle: aeTitle,
  callingAeTitle: aeTitle,
  contexts: fc.array(
    fc.record({
      id: fc.nat(127).map((n) => 2 * n + 1),
      abstractSyntax: uid,
      transferSyntaxes: fc.array(uid, { maxLength: 4 }),
    }),
    { maxLength: 128 },
  ),
  user,
});
const accept = fc.record({
  kind: fc.constant('associate-accept' as const),
  calledAeTitle: aeTitle,
  callingAeTitle: aeTitle,
  contexts: fc.array(
    fc.record({
      id: fc.nat(127).map((n) => 2 * n + 1),
      result: fc.constant(0),
      transferSyntax: uid,
    }),
    { maxLength: 128 },
  ),
  user,
});
const small = fc.oneof(
  fc.constant({ kind: 'release-request' as const }),
  fc.constant({ kind: 'release-response' as const }),
  fc.record({ kind: fc.constant('abort' as const), source: fc.nat(255), reason: fc.nat(255) }),
  fc.record({
    kind: fc.constant('associate-reject' as const),
    result: fc.nat(255),
    source: fc.nat(255),
    reason: fc.nat(255),
  }),
);

function roundTrip(pdu: AssociationPdu): AssociationPdu {
  const bytes = encodePdu(pdu);
  expect(bytes.readUInt32BE(2)).toBe(bytes.length - 6);
  return decodePdu(bytes.readUInt8(0), bytes.subarray(6));
}

describe('association PDUs', () => {
  test('are read as they were written', () => {
    fc.assert(
      fc.property(fc.oneof(request, accept, small), (pdu) => {
        expect(roundTrip(pdu)).toMatchObject(pdu);
      }),
      { numRuns: 200 },
    );
  });

  test('any bytes are a PDU or a protocol error of the peer', () => {
    const types = fc.constantFrom(1, 2, 3, 5, 6, 7, 9);
    fc.assert(
      fc.property(types, fc.uint8Array({ maxLength: 300 }), (type, bytes) => {
        try {
          decodePdu(type, Buffer.from(bytes));
        } catch (error) {
          expect(error).toBeInstanceOf(GatewayError);
          expect(error).toMatchObject({ code: 'peer-protocol' });
        }
      }),
      { numRuns: 1000 },
    );
  });

  test('a changed byte of an A-ASSOCIATE-AC gives a PDU or a protocol error', () => {
    fc.assert(
      fc.property(accept, fc.nat(), fc.nat(255), (pdu, place, value) => {
        const bytes = encodePdu(pdu);
        bytes[6 + (place % (bytes.length - 6))] = value;
        try {
          decodePdu(PduTypes.associateAccept, bytes.subarray(6));
        } catch (error) {
          expect(error).toMatchObject({ code: 'peer-protocol' });
        }
      }),
      { numRuns: 300 },
    );
  });

  test('items that the gateway has no use for are passed over, 57H and 58H among them', () => {
    const bytes = encodePdu({
      kind: 'associate-accept',
      calledAeTitle: 'A',
      callingAeTitle: 'B',
      contexts: [],
      user: { maxPduLength: 5, implementationClassUid: '1.2', roles: [], extendedNegotiations: [] },
    });
    const extra = Buffer.from('580000020102' + '570000020102' + '5f00000101', 'hex');
    const body = Buffer.concat([bytes.subarray(6), extra]);
    // Into the user information item, which is the last.
    const userItem = body.lastIndexOf(Buffer.from('51000004', 'hex')) - 4;
    body.writeUInt16BE(body.readUInt16BE(userItem + 2) + extra.length, userItem + 2);
    expect(decodePdu(PduTypes.associateAccept, body)).toMatchObject({ user: { maxPduLength: 5 } });
  });

  test.each([
    [{ type: 2, responseRequested: true, primary: Buffer.from('user'), secondary: Buffer.from('passcode') }],
    [{ type: 3, responseRequested: false, primary: Buffer.alloc(40_000, 7), secondary: Buffer.alloc(0) }],
  ])('PS3.7 D.3.3.7: a user identity comes as it was sent', (userIdentity) => {
    const user = {
      maxPduLength: 5,
      implementationClassUid: '1.2',
      roles: [],
      extendedNegotiations: [],
      userIdentity,
    };
    const names = { calledAeTitle: 'A', callingAeTitle: 'B', contexts: [] };
    const bytes = encodePdu({ kind: 'associate-request', ...names, user });
    expect(decodePdu(PduTypes.associateRequest, bytes.subarray(6))).toMatchObject({ user: { userIdentity } });
  });

  test('PS3.7 D.3.3.7.2: an identity that was confirmed without more is told from one that was not', () => {
    const user = { maxPduLength: 5, implementationClassUid: '1.2', roles: [], extendedNegotiations: [] };
    const names = { calledAeTitle: 'A', callingAeTitle: 'B', contexts: [] };
    const responses = [Buffer.alloc(0), undefined].map((response) => {
      const bytes = encodePdu({
        ...{ kind: 'associate-accept', ...names },
        user: { ...user, ...(response && { userIdentityResponse: response }) },
      });
      const decoded = decodePdu(PduTypes.associateAccept, bytes.subarray(6));
      return decoded.kind === 'associate-accept' ? decoded.user.userIdentityResponse : 'no answer';
    });
    expect(responses).toEqual([Buffer.alloc(0), undefined]);
  });

  test('a refused context needs no transfer syntax', () => {
    const head = encodePdu({
      kind: 'associate-accept',
      calledAeTitle: 'A',
      callingAeTitle: 'B',
      contexts: [],
      user: { maxPduLength: 0, implementationClassUid: '1.2', roles: [], extendedNegotiations: [] },
    }).subarray(6);
    const refused = Buffer.from('2100000401000300', 'hex');
    expect(decodePdu(PduTypes.associateAccept, Buffer.concat([head, refused]))).toMatchObject({
      contexts: [{ id: 1, result: 3, transferSyntax: '' }],
    });
  });
});

test.each([
  ['role selections', 0x54, Buffer.of(0, 0, 1, 1)],
  ['extended negotiations', 0x56, Buffer.of(0, 0)],
])('R-03: a request full of %s is read in the time that its bytes take', (_what, type, value) => {
  const one = Buffer.concat([Buffer.of(type, 0, 0, value.length), value]);
  const items = Buffer.concat(Array.from({ length: Math.floor(60_000 / one.length) }, () => one));
  const body = Buffer.concat([
    Buffer.alloc(68),
    Buffer.of(0x50, 0, items.length >>> 8, items.length & 0xff),
    items,
  ]);
  const cpu = process.cpuUsage();
  for (let time = 0; time < 20; time += 1) decodePdu(1, body);
  const { user } = process.cpuUsage(cpu);
  // With a copy of all before it for each item it took two seconds.
  expect(user / 1000).toBeLessThan(1000);
});
