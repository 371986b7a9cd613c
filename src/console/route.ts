import { signal } from '@preact/signals';

export type View = 'peers' | 'search' | 'study' | 'pulls' | 'store' | 'health';

/** Where one is on the page; it stands behind the # of the address, so that links, reloads and "back" work. */
export interface Route {
  readonly view: View;
  readonly params: URLSearchParams;
}

const views: ReadonlySet<string> = new Set(['peers', 'search', 'study', 'pulls', 'store', 'health']);
const isView = (text: string): text is View => views.has(text);

function parse(hash: string): Route {
  const [path = '', query = ''] = hash.replace(/^#\/?/, '').split('?', 2);
  return { view: isView(path) ? path : 'peers', params: new URLSearchParams(query) };
}

export const route = signal<Route>(parse(location.hash));
addEventListener('hashchange', () => {
  route.value = parse(location.hash);
});

/** The address of a view; parameters without a value are left out. */
export function hrefOf(
  view: View,
  params: Readonly<Record<string, string | number | undefined>> = {},
): string {
  const given = Object.entries(params).filter(([, value]) => value !== undefined && value !== '');
  const query = new URLSearchParams(given.map(([key, value]) => [key, String(value)])).toString();
  return `#/${view}${query === '' ? '' : `?${query}`}`;
}

/** Goes to a view, as a link to it does. */
export function go(...to: Parameters<typeof hrefOf>): void {
  location.hash = hrefOf(...to);
}

/** Goes to an address of the page without a step for "back". */
export function replace(url: string): void {
  history.replaceState(null, '', url);
  route.value = parse(location.hash);
}

/** Goes to a view without a step for "back": for what moves while one looks. */
export function move(...to: Parameters<typeof hrefOf>): void {
  replace(hrefOf(...to));
}

/** Goes to where nothing stands in the address of what was looked for or at. */
export function leave(): void {
  const { view } = route.value;
  move(view === 'study' ? 'search' : view);
}
