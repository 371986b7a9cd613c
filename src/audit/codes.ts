import type { AuditKind } from '../core/index.js';

/** A coded value of an audit message. @see PS3.15 A.5.1.1 (CodedValueType) */
export interface Code {
  readonly code: string;
  readonly system: 'DCM' | 'IHE Transactions' | 'RFC-3881';
  readonly meaning: string;
}

const dcm = (code: number, meaning: string): Code => ({ code: String(code), system: 'DCM', meaning });
const ihe = (code: string, meaning: string): Code => ({ code, system: 'IHE Transactions', meaning });

/** What an event is called. @see PS3.15 A.5.3 */
export interface EventCodes {
  readonly id: Code;
  readonly type: Code;
  /** C create, R read, E execute. */
  readonly action: 'C' | 'R' | 'E';
}

const transferred = dcm(110104, 'DICOM Instances Transferred');
const alert = dcm(110113, 'Security Alert');
const activity = dcm(110100, 'Application Activity');

/** The codes of every kind of event; docs/adr/0009 says why these. @see PS3.15 A.5.3, PS3.16 CID 400 to 403 */
export const eventCodes: Readonly<Record<AuditKind, EventCodes>> = {
  search: { id: dcm(110112, 'Query'), type: ihe('RAD-129', 'QIDO-RS Query'), action: 'E' },
  retrieve: { id: transferred, type: ihe('RAD-107', 'WADO-RS Retrieve'), action: 'R' },
  'wado-uri': { id: transferred, type: ihe('RAD-55', 'WADO Retrieve'), action: 'R' },
  store: { id: transferred, type: ihe('RAD-108', 'STOW-RS Store'), action: 'C' },
  'login-failure': { id: dcm(110114, 'User Authentication'), type: dcm(110122, 'Login'), action: 'E' },
  'access-denied': { id: alert, type: dcm(110132, 'Use of Restricted Function'), action: 'E' },
  // The gateway has the PACS send to it; nothing goes to who asks.
  preload: {
    id: dcm(110102, 'Begin Transferring DICOM Instances'),
    type: ihe('RAD-16', 'Retrieve Images'),
    action: 'E',
  },
  purge: { id: alert, type: dcm(110132, 'Use of Restricted Function'), action: 'E' },
  'configuration-change': { id: alert, type: dcm(110131, 'Software Configuration'), action: 'E' },
  'application-start': { id: activity, type: dcm(110120, 'Application Start'), action: 'E' },
  'application-stop': { id: activity, type: dcm(110121, 'Application Stop'), action: 'E' },
  'recording-stopped': { id: alert, type: dcm(110133, 'Audit Recording Stopped'), action: 'E' },
  'recording-started': { id: alert, type: dcm(110134, 'Audit Recording Started'), action: 'E' },
};

export const roles = {
  application: dcm(110150, 'Application'),
  destination: dcm(110152, 'Destination Role ID'),
  source: dcm(110153, 'Source Role ID'),
} as const;

export const objectTypes = {
  study: dcm(110180, 'Study Instance UID'),
  node: dcm(110182, 'Node ID'),
  patient: { code: '2', system: 'RFC-3881', meaning: 'Patient Number' },
} as const satisfies Readonly<Record<string, Code>>;

/** Event Outcome Indicator. @see PS3.15 A.5.1.1 */
export const outcomeIndicators = { success: '0', minor: '4', serious: '8' } as const;
