import { serviceRoutes } from './api-routes.js';

/** What a service has, below its base. */
const resources = serviceRoutes.map(({ path }) => {
  const pattern = path.replace(/\./g, '\\.').replace(/:\w+/g, '[^/]+').replace(/\*\w+/g, '.+');
  return new RegExp(`^${pattern}/?$`);
});

const OPERATORS = /^\/(?:healthz|readyz|metrics|cache\/purge)?$/;

/** Whether there is something at `path` for some method, with services at `basePath` and below `/peers`, or without. */
export function isResource(path: string, basePath: string | undefined): boolean {
  if (OPERATORS.test(path)) return true;
  if (basePath === undefined) return false;
  const base = path.startsWith(`${basePath}/`) ? basePath : /^\/peers\/[^/]+\/dicomweb(?=\/)/.exec(path)?.[0];
  return base !== undefined && resources.some((pattern) => pattern.test(path.slice(base.length)));
}

/** The value of an `Allow` header for what is at `path`. @see rules S-01, H-13 */
export function allowedMethods(path: string, isReadOnly: boolean): string {
  if (path.endsWith('/preload')) return 'GET, HEAD, POST, DELETE';
  if (/\/commitment-requests\/[^/]+$/.test(path)) return 'GET, HEAD, POST';
  const isStore = /\/studies(?:\/[^/]+)?$/.test(path);
  return isStore && !isReadOnly ? 'GET, HEAD, POST' : 'GET, HEAD';
}
