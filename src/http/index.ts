/** Binds the gateway to Express: routes, headers, streams and status codes. */
export { StageBook } from './stage-book.js';
export type { AdminDependencies } from './admin-routes.js';
export { createAdminApp, createApp } from './app.js';
export { listen, type ListeningServer } from './server.js';
