import { serviceOf } from './api.js';
import { basePath, settings } from './settings.js';

/** Where a viewer finds the service of a peer. */
function serviceUrl(peer: string): string {
  const { publicUrl } = settings.value;
  const path = serviceOf(peer);
  return publicUrl === undefined ? basePath(path) : `${publicUrl.replace(/\/+$/, '')}/${path}`;
}

/** The address of a study in a viewer of the site: what the template says, with what it leaves open. */
export function viewerLink(
  template: string,
  { peer, study, series }: { readonly peer: string; readonly study: string; readonly series: string },
): string {
  const values: Readonly<Record<string, string>> = { study, series, service: serviceUrl(peer) };
  return template.replace(/\{(study|series|service)\}/g, (_all, name: string) =>
    encodeURIComponent(values[name] ?? ''),
  );
}
