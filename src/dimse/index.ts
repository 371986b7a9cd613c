/** Speaks DIMSE to remote application entities, over associations that it owns. */
export type {
  CommitmentEvents,
  CommitmentListener,
  CommitmentReport,
  EchoReport,
  FindCompletion,
  IncomingInstance,
  InstanceReceiver,
  InstanceWriter,
  Peer,
  PeerOptions,
  QueryRetrieveLevel,
  RetrieveCompletion,
  RetrieveProgress,
  RetrieveRequest,
  CommitmentRequest,
  StoreRequest,
} from './contract.js';
export { readPeerFacts, type FixedFacts, type PeerFacts } from './peer-facts.js';
export { createPeer } from './peer.js';
export { createTlsClient, type TlsClient } from './secure-link.js';
export { UserIdentityTypes, type IdentityJudge, type UserIdentity } from './user-identity.js';
export type { KnownCaller } from './storage-scp-callers.js';
export type { ServerTlsOptions } from './storage-scp-doorway.js';
export { createStorageScp, type StorageScp } from './storage-scp.js';
