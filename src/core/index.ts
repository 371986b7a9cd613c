/** What every module needs and no module owns. */
export type { AttributeTest, Permission, Restriction, ValueTest } from './access.js';
export { formatAeAddress, isAeTitle, parseAeAddress, parseHostPort, type AeAddress } from './ae-address.js';
export type { AuditedStudy, AuditEvent, AuditKind, AuditTrail, PatientIdentity } from './audit-event.js';
export { ByteBudget } from './byte-budget.js';
export type { ByteSource } from './bytes.js';
export { Channel } from './channel.js';
export { nextCrc32 } from './checksum.js';
export { systemClock, type Clock } from './clock.js';
export { abortReason, GatewayError, toGatewayError, type GatewayErrorCode } from './errors.js';
export { KeySet } from './key-set.js';
export { LazySet } from './lazy-set.js';
export { listenReason } from './listen-error.js';
export type { Observation, Observe, OperationContext, Priority } from './observation.js';
export { baselineQueryOptions, type QueryOptions, type QueryRoot } from './query-options.js';
export type { Principal } from './principal.js';
export { Semaphore } from './semaphore.js';
export { wait } from './wait.js';
