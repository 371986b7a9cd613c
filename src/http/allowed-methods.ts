/** The value of an `Allow` header for what is at `path`. @see rules S-01, H-13 */
export function allowedMethods(path: string, isReadOnly: boolean): string {
  if (path.endsWith('/preload')) return 'GET, HEAD, POST, DELETE';
  if (/\/commitment-requests\/[^/]+$/.test(path)) return 'GET, HEAD, POST';
  const isStore = /\/studies(?:\/[^/]+)?$/.test(path);
  return isStore && !isReadOnly ? 'GET, HEAD, POST' : 'GET, HEAD';
}
