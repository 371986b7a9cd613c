/** Binds the gateway to Express: routes, headers, streams and status codes. */
export { StageBook } from './stage-book.js';
export type { AdminDependencies } from './admin-routes.js';
export { createAdminApp, createApp, type AppOptions } from './app.js';
export type { BrowserOptions } from './browsers.js';
export type { ConsoleData, ConsolePeer, ConsoleSelf } from './console-api.js';
export { readConsoleFiles } from './console-files.js';
export type { ConsolePage, ConsoleSettings } from './console-routes.js';
export { createDoor, type Door } from './door.js';
export type { PeerState } from './readiness.js';
export type { WaysIn } from './security-schemes.js';
export { listen, type ListeningServer, type ServerOptions, type ServerTls } from './server.js';
