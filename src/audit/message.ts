import type { AuditEvent, AuditedStudy, PatientIdentity } from '../core/index.js';
import { eventCodes, objectTypes, outcomeIndicators, roles, type Code } from './codes.js';
import { element, textOf, type Attributes } from './xml.js';

/** An event with when it was. */
export interface AuditRecord extends AuditEvent {
  /** RFC 3339, with the milliseconds. */
  readonly time: string;
}

/** Where a peer is, for the participant that it is. */
export interface AuditedPeer {
  readonly aeTitle: string;
  readonly host: string;
}

/** Who reports. */
export interface AuditSource {
  readonly sourceId: string;
  readonly site?: string | undefined;
  /** Of the machine. */
  readonly hostName: string;
  readonly processId: string;
  readonly aeTitle: string;
  /** By their configured names; groups are none of them. */
  readonly peers: ReadonlyMap<string, AuditedPeer>;
}

const coded = (name: string, { code, system, meaning }: Code): string =>
  element(name, { 'csd-code': code, codeSystemName: system, originalText: meaning });
const base64 = (text: string): string => Buffer.from(text).toString('base64');

/** The roles of who asks, of the gateway and of a peer: data go from the source to the destination. */
interface Roles {
  readonly asks?: Code;
  readonly gateway?: Code;
  readonly peer?: Code;
}

const answered = (asks: Code, answers: Code): Roles => ({ asks, gateway: answers, peer: answers });

function rolesOf({ kind }: AuditEvent): Roles {
  if (kind === 'search' || kind === 'store') return answered(roles.source, roles.destination);
  if (kind === 'retrieve' || kind === 'wado-uri') return answered(roles.destination, roles.source);
  if (kind === 'preload') return { gateway: roles.destination, peer: roles.source };
  if (kind === 'application-start' || kind === 'application-stop') return { gateway: roles.application };
  return {};
}

const MACHINE = '1';
const ADDRESS = '2';
const isAddress = (host: string): boolean => /^[\d.]+$|:/.test(host);

const participant = (attributes: Attributes, role: Code | undefined): string =>
  element('ActiveParticipant', attributes, role ? coded('RoleIDCode', role) : '');

/** @see PS3.15 A.5.2.1, A.5.2.2 for what identifies processes, and AE titles */
function* participants(record: AuditRecord, source: AuditSource): Generator<string> {
  const by = rolesOf(record);
  const { requestor, peers = [] } = record;
  if (requestor) {
    const { principal, address } = requestor;
    const who = principal.name === '' ? principal.kind : principal.name;
    const issued = principal.issuer === undefined ? undefined : `<${who}@${principal.issuer}>`;
    const place =
      address === undefined ? {} : { NetworkAccessPointID: address, NetworkAccessPointTypeCode: ADDRESS };
    yield participant({ UserID: who, UserName: issued, UserIsRequestor: 'true', ...place }, by.asks);
  }
  const gateway = {
    UserID: source.processId,
    AlternativeUserID: `AETITLES=${source.aeTitle}`,
    UserName: 'dicomweb-gateway',
    UserIsRequestor: requestor ? 'false' : 'true',
    NetworkAccessPointID: source.hostName,
    NetworkAccessPointTypeCode: MACHINE,
  };
  yield participant(gateway, by.gateway);
  for (const name of peers) {
    const peer = source.peers.get(name);
    const place = peer && {
      AlternativeUserID: `AETITLES=${peer.aeTitle}`,
      NetworkAccessPointID: peer.host,
      NetworkAccessPointTypeCode: isAddress(peer.host) ? ADDRESS : MACHINE,
    };
    yield participant({ UserID: name, ...place, UserIsRequestor: 'false' }, by.peer);
  }
}

/** Details are in base64, whatever they hold. @see PS3.15 A.5.1.1 (ValuePair) */
function* details(values: Readonly<Record<string, string | number | undefined>>): Generator<string> {
  for (const [type, value] of Object.entries(values)) {
    if (value !== undefined) yield element('ParticipantObjectDetail', { type, value: base64(String(value)) });
  }
}

interface ParticipantObject {
  readonly id: string;
  readonly idType: Code;
  readonly type: '1' | '2';
  readonly role: '1' | '3' | '13' | '24';
  /** Has to be there, or a name, which may be empty. */
  readonly query?: string | undefined;
  readonly details?: Iterable<string>;
}

function participantObject({ id, idType, type, role, query, details: more = [] }: ParticipantObject): string {
  return element(
    'ParticipantObjectIdentification',
    { ParticipantObjectID: id, ParticipantObjectTypeCode: type, ParticipantObjectTypeCodeRole: role },
    coded('ParticipantObjectIDTypeCode', idType),
    query === undefined
      ? element('ParticipantObjectName', {})
      : element('ParticipantObjectQuery', {}, base64(query)),
    ...more,
  );
}

const ofStudy = (study: AuditedStudy, record: AuditRecord): string =>
  participantObject({
    id: study.studyInstanceUid,
    idType: objectTypes.study,
    type: '2',
    role: '3',
    query: record.request,
    details: details({
      SeriesInstanceUID: study.seriesInstanceUid,
      SOPInstanceUID: study.sopInstanceUid,
      RequestID: record.requestId,
      Bytes: record.bytes,
    }),
  });

const ofPatient = ({ id, issuer }: PatientIdentity): string =>
  participantObject({
    id: issuer === undefined ? id : `${id}^^^${issuer}`,
    idType: objectTypes.patient,
    type: '1',
    role: '1',
  });

/** The object of a query is what was asked; of an alert, and of what names nothing, the gateway itself. */
function* objects(record: AuditRecord, source: AuditSource): Generator<string> {
  const { kind, studies = [], patients = [], request, requestId, lost, isPartialList } = record;
  if (kind === 'search') {
    const more = details({ QueryEncoding: 'UTF-8', RequestID: requestId });
    const idType = eventCodes.search.type;
    yield participantObject({ id: 'QIDO-RS', idType, type: '2', role: '24', query: request, details: more });
    return;
  }
  for (const study of studies) yield ofStudy(study, record);
  for (const patient of patients) yield ofPatient(patient);
  const isAboutItself =
    eventCodes[kind].id.code === '110113' || (request !== undefined && studies.length === 0);
  if (!isAboutItself && isPartialList === undefined) return;
  const more = details({ RequestID: requestId, LostEvents: lost, MoreObjects: isPartialList && 'true' });
  const { sourceId: id } = source;
  yield participantObject({
    id,
    idType: objectTypes.node,
    type: '2',
    role: '13',
    query: request,
    details: more,
  });
}

/** The audit message of an event. @see PS3.15 A.5.1.1 */
export function auditMessage(record: AuditRecord, source: AuditSource): string {
  const { id, type, action } = eventCodes[record.kind];
  const event = element(
    'EventIdentification',
    {
      EventActionCode: action,
      EventDateTime: record.time,
      EventOutcomeIndicator: outcomeIndicators[record.outcome],
    },
    coded('EventID', id),
    coded('EventTypeCode', type),
    record.reason === undefined ? '' : element('EventOutcomeDescription', {}, textOf(record.reason)),
  );
  // 4: an application server. The meaning of the digits is in the schema itself.
  const origin = element(
    'AuditSourceIdentification',
    { AuditEnterpriseSiteID: source.site, AuditSourceID: source.sourceId },
    element('AuditSourceTypeCode', { 'csd-code': '4' }),
  );
  const content = [event, ...participants(record, source), origin, ...objects(record, source)];
  return `<?xml version="1.0" encoding="UTF-8"?>${element('AuditMessage', {}, ...content)}`;
}
