/** Speaks DIMSE to remote application entities, over associations that it owns. */
export type {
  EchoReport,
  FindCompletion,
  IncomingInstance,
  InstanceReceiver,
  InstanceWriter,
  Peer,
  PeerOptions,
  PeerStats,
  PeerTimeouts,
  QueryRetrieveLevel,
  RetrieveCompletion,
  RetrieveProgress,
  RetrieveRequest,
  StoreCompletion,
  StoreRequest,
} from './contract.js';
export { createPeer, type PeerDependencies } from './peer.js';
export { createStorageScp, type StorageScp, type StorageScpOptions } from './storage-scp.js';
