/** The use cases, one for each DICOMweb transaction, over ports that `main.ts` fills in. */
export type { BodyPart, JsonAnswer, PartsAnswer } from './answer.js';
export { checkPeer, type CheckReport, type CheckStep, type CheckSubject } from './check.js';
export { createGateway, type Common, type Gateway, type InstanceCall, type RetrieveCall } from './gateway.js';
export type {
  GatewayDependencies,
  InstanceRecord,
  PeerBinding,
  RetrieveSettings,
  SearchSettings,
  StoreSettings,
} from './ports.js';
export type { SearchAnswer } from './search.js';
export type { StoreAnswer, StoreSession } from './store.js';
