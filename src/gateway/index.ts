/** The use cases, one for each DICOMweb transaction, over ports that `main.ts` fills in. */
export type { BodyPart, DocumentAnswer, PartsAnswer, Shown } from './answer.js';
export type { CommitmentAnswer, CommitmentDocument } from './commitment-answer.js';
export { negotiationLines } from './check-negotiation.js';
export { checkSteps } from './check-steps.js';
export { tellLines } from './check-tell.js';
export {
  checkEcho,
  checkPeer,
  type CheckReport,
  type CheckStep,
  type CheckSubject,
  type Untried,
} from './check.js';
export { factLines, fixedLines } from './fact-words.js';
export type { CommitmentFiles } from './commitment-ledger.js';
export { Commitments } from './commitments.js';
export { createGateway } from './gateway.js';
export type { PreloadJob, PreloadStatus } from './preload-job.js';
export type { PurgeTarget } from './purge.js';
export { withPatients } from './patient-root.js';
export { recordBytes, recordCodec } from './instance-record.js';
export type { GroupBinding, InstanceRecord, PeerBinding, SearchSettings } from './ports.js';
export type { StoredAbout } from './stored-about.js';
export type { StoreAnswer, StoreSession } from './store.js';
export type { CoercionAction, CoercionRule } from './coercion-rules.js';
export type { StorePolicy } from './store-policy.js';
export type { Common, Gateway, RenderedCall } from './use-cases.js';
