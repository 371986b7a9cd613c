import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { eventCodes } from '../../../src/audit/codes.js';
import { auditMessage, type AuditSource } from '../../../src/audit/message.js';
import { syslogFrame } from '../../../src/audit/syslog-frame.js';
import type { AuditEvent, AuditKind } from '../../../src/core/index.js';
import { all, parseAuditMessage, summaryOf } from '../../helpers/audit-schema.js';

const source: AuditSource = {
  sourceId: 'GATEWAY@host',
  site: 'St. Elsewhere & Co',
  hostName: 'host',
  processId: '4711',
  aeTitle: 'GATEWAY',
  peers: new Map([['main', { aeTitle: 'ORTHANC', host: '192.0.2.20' }]]),
};
const time = '2024-05-06T07:08:09.123Z';
const kinds = Object.keys(eventCodes) as AuditKind[];
const requestor = {
  principal: { kind: 'token', name: 'dr.müller', issuer: 'https://idp.example' },
  address: '192.0.2.7',
} as const;

const messageOf = (event: AuditEvent): string => auditMessage({ time, ...event }, source);

describe('R-04: an audit message', () => {
  test.each(kinds)('of a %s is what the schema of PS3.15 A.5.1.1 allows', (kind) => {
    const full: AuditEvent = {
      kind,
      outcome: 'minor',
      reason: '502 peer-failed',
      requestor,
      requestId: 'r-1',
      peers: ['main', 'all'],
      request: 'GET /dicomweb/studies?PatientName=M%C3%BCller',
      studies: [{ studyInstanceUid: '1.2.3', seriesInstanceUid: '1.2.3.4' }],
      patients: [{ id: 'P"<1>&', issuer: 'A & B' }],
      bytes: 12,
      lost: 3,
      isPartialList: true,
    };
    const root = parseAuditMessage(messageOf(full));
    const [type] = all(root, 'EventTypeCode');
    expect(type?.attributes['csd-code']).toBe(eventCodes[kind].type.code);
    parseAuditMessage(messageOf({ kind, outcome: 'success' }));
  });

  test('of a preload says that data go from the peer to the gateway, for whom it is', () => {
    const root = parseAuditMessage(
      messageOf({ kind: 'preload', outcome: 'success', requestor, peers: ['main'] }),
    );
    const roles = all(root, 'ActiveParticipant').map((one) => [
      one.attributes['UserID'],
      all(one, 'RoleIDCode').map((role) => role.attributes['csd-code']),
    ]);
    expect(roles).toEqual([
      ['dr.müller', []],
      ['4711', ['110152']],
      ['main', ['110153']],
    ]);
  });

  test('stays within the schema whatever clients, tokens and archives put in it', () => {
    const text = fc.string({ unit: 'binary', maxLength: 40 });
    const event = fc.record({
      kind: fc.constantFrom(...kinds),
      outcome: fc.constantFrom('success', 'minor', 'serious'),
      requestor: fc.record({
        principal: fc.record({ kind: fc.constant('basic'), name: text, issuer: text }),
      }),
      request: text,
      patients: fc.array(fc.record({ id: text.map((id) => `P${id.trim()}P`) })),
      peers: fc.array(text),
    });
    fc.assert(
      fc.property(event, (value) => {
        parseAuditMessage(messageOf(value));
      }),
    );
  });

  test('of a search holds the query in base64 and names no patient beside it', () => {
    const request = 'GET /dicomweb/studies?PatientName=DOE%5EJANE';
    const xml = messageOf({ kind: 'search', outcome: 'success', requestor, peers: ['main'], request });
    expect(xml).not.toContain('DOE');
    expect(summaryOf(xml)).toEqual({
      event: '110112',
      type: 'RAD-129',
      outcome: '0',
      user: 'dr.müller',
      address: '192.0.2.7',
      studies: [],
      patients: [],
      query: request,
    });
    const peer = all(parseAuditMessage(xml), 'ActiveParticipant').at(-1);
    expect(peer?.attributes).toMatchObject({ UserID: 'main', AlternativeUserID: 'AETITLES=ORTHANC' });
  });

  test('of a retrieve that was partly done says so, with the study and the patient', () => {
    const xml = messageOf({
      kind: 'retrieve',
      outcome: 'minor',
      reason: '206',
      requestor: { principal: { kind: 'anonymous', name: '' } },
      request: 'GET /x',
      studies: [{ studyInstanceUid: '1.2.3', sopInstanceUid: '1.2.3.4.5' }],
      patients: [{ id: 'P1', issuer: 'HOSPITAL' }],
    });
    expect(summaryOf(xml)).toMatchObject({
      event: '110104',
      outcome: '4',
      user: 'anonymous',
      studies: ['1.2.3'],
      patients: ['P1^^^HOSPITAL'],
    });
    const [detail] = all(parseAuditMessage(xml), 'ParticipantObjectDetail');
    expect(detail?.attributes).toEqual({
      type: 'SOPInstanceUID',
      value: Buffer.from('1.2.3.4.5').toString('base64'),
    });
  });

  test('stands in a frame that counts bytes, with the severity of its outcome', () => {
    const head = {
      time,
      hostName: 'hôst name',
      processId: '4711',
      outcome: 'serious',
      number: 2 ** 31,
    } as const;
    const frame = syslogFrame(head, 'müller').toString('utf8');
    const message =
      '<83>1 2024-05-06T07:08:09.123Z hstname dicomweb-gateway 4711 DICOM+RFC3881 [meta sequenceId="1"] müller';
    expect(frame).toBe(`${Buffer.byteLength(message)} ${message}`);
  });
});
