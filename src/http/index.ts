/** Binds the gateway to Express: routes, headers, streams and status codes. */
export type { AdminDependencies } from './admin-routes.js';
export { createAdminApp, createApp, type AppOptions } from './app.js';
export type { DicomwebOptions, HttpDependencies } from './dicomweb-routes.js';
export type { PeerState, ReadyReport } from './readiness.js';
export type { StoreBodyLimits } from './read-store-body.js';
export { listen, type ListeningServer, type ServerOptions } from './server.js';
export type { ServiceUrlOptions } from './service-url.js';
