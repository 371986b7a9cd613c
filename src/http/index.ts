/** Binds the gateway to Express: routes, headers, streams and status codes. */
export type { AdminDependencies } from './admin-routes.js';
export { createAdminApp, createApp } from './app.js';
export type { BrowserOptions } from './browsers.js';
export { createDoor, type Door } from './door.js';
export { listen, type ListeningServer, type ServerOptions } from './server.js';
export type { TlsOptions } from './tls-certificate.js';
