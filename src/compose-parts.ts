import type { Observing } from './compose-observing.js';
import type { OpenedAudit } from './compose-audit.js';
import type { Cache, HotBytes } from './cache/index.js';
import type { Peer, StorageScp } from './dimse/index.js';
import type { Commitments, Gateway, InstanceRecord } from './gateway/index.js';
import type { ListeningServer } from './http/index.js';
import type { PeerFile } from './peer-file.js';
import type { Certificates } from './tls/index.js';
import type { FramePool } from './transcode/index.js';

/** What the parts of a gateway are made of. */
export interface Parts {
  readonly cache: Cache<InstanceRecord>;
  readonly hotFrames: HotBytes;
  readonly hotPictures: HotBytes;
  readonly framePool: FramePool;
  readonly peers: ReadonlyMap<string, Peer>;
  readonly storageScp: StorageScp | undefined;
  readonly commitments: Commitments | undefined;
  readonly certificates: Certificates;
  /** By peer: whether its latest association could be opened. */
  readonly reachable: ReadonlyMap<string, 'up' | 'down'>;
}

/** Whether the gateway stops, which every new request is told. */
export interface Stopping {
  now: boolean;
}

/** What is open so far; it is filled as parts open, so that a start that fails can close them. */
export interface Opened {
  certificates?: Certificates;
  cache?: Parts['cache'];
  audit?: OpenedAudit | undefined;
  observing?: Observing;
  framePool?: FramePool;
  commitments?: Commitments | undefined;
  unlockCommitments?: () => Promise<void>;
  storageScp?: StorageScp | undefined;
  readonly peers: Map<string, Peer>;
  readonly peerFiles: PeerFile[];
  readonly stopping: Stopping;
  gateway?: Gateway;
  main?: ListeningServer;
  /** Where it is not the main one. */
  admin?: ListeningServer;
}
