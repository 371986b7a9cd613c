import { pathParametersOf, queryParametersOf, templateOf, type ApiParameter } from './api-parameters.js';
import type { ApiAnswer, ApiRoute } from './api-route.js';

/** An element of WADL with its attributes and what is in it. */
interface Element {
  readonly name: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly children: readonly Element[];
}

const NAMESPACE = 'http://wadl.dev.java.net/2009/02';
/** Elements of which another one may have one alone: objects in JSON, where the others are arrays. @see PS3.18 G.2 */
const UNIQUE = new Set(['application', 'resources', 'request']);

const element = (
  name: string,
  attributes: Element['attributes'],
  children: readonly Element[] = [],
): Element => ({ name, attributes, children });

const TYPES = { string: 'xsd:string', integer: 'xsd:int', boolean: 'xsd:boolean' } as const;

const parameterOf = (style: 'query' | 'template') => {
  return ({ name, type = 'string', values = [], required = false }: ApiParameter): Element =>
    element(
      'param',
      { name, style, type: TYPES[type], ...(required && { required: 'true' }) },
      values.map((value) => element('option', { value })),
    );
};

const representation = (mediaType: string): Element => element('representation', { mediaType });

function responseOf([status, { types = [] }]: readonly [string, ApiAnswer]): Element {
  return element('response', { status }, types.map(representation));
}

/** What a client may put into the Accept header. */
function acceptOf({ answers }: ApiRoute): readonly Element[] {
  const types = [...new Set(Object.values(answers).flatMap(({ types: all = [] }) => all))];
  if (types.length === 0) return [];
  const options = types.map((value) => element('option', { value }));
  return [element('param', { name: 'Accept', style: 'header', type: TYPES.string }, options)];
}

function methodOf(route: ApiRoute): Element {
  const { method, id, body = [], answers } = route;
  const contentTypes = body.map((value) => element('option', { value }));
  const request = [
    ...acceptOf(route),
    ...(body.length > 0
      ? [element('param', { name: 'Content-Type', style: 'header', type: TYPES.string }, contentTypes)]
      : []),
    ...queryParametersOf(route).map(parameterOf('query')),
    ...body.map(representation),
  ];
  const responses = Object.entries(answers).map(responseOf);
  return element('method', { name: method.toUpperCase(), id }, [
    ...(request.length > 0 ? [element('request', {}, request)] : []),
    ...responses,
  ]);
}

/** The methods of one path below another, and the paths below it. */
interface Place {
  readonly methods: Element[];
  readonly below: Map<string, Place>;
}

const newPlace = (): Place => ({ methods: [], below: new Map() });

/** The routes as the tree that their paths are. */
function treeOf(routes: readonly ApiRoute[]): Place {
  const root = newPlace();
  for (const route of routes) {
    let place = root;
    for (const part of route.path.split('/').filter((text) => text !== '')) {
      const next = place.below.get(part) ?? newPlace();
      place.below.set(part, next);
      place = next;
    }
    place.methods.push(methodOf(route));
  }
  return root;
}

function resourceOf(path: string, { methods, below }: Place): Element {
  return element('resource', { path: templateOf(path) }, [
    ...pathParametersOf(path).map(parameterOf('template')),
    ...methods,
    ...[...below].map(([part, place]) => resourceOf(part, place)),
  ]);
}

function applicationOf(base: string, routes: readonly ApiRoute[]): Element {
  const { methods, below } = treeOf(routes);
  const root = methods.length > 0 ? [element('resource', { path: '' }, methods)] : [];
  const resources = [...root, ...[...below].map(([part, place]) => resourceOf(part, place))];
  const namespaces = { xmlns: NAMESPACE, 'xmlns:xsd': 'http://www.w3.org/2001/XMLSchema' };
  return element('application', namespaces, [element('resources', { base: `${base}/` }, resources)]);
}

const ESCAPES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };
const escape = (text: string): string => text.replace(/[&<>"]/g, (one) => ESCAPES[one] ?? one);

function xmlOf({ name, attributes, children }: Element): string {
  const written = Object.entries(attributes).map(([key, value]) => ` ${key}="${escape(value)}"`);
  const start = `<${name}${written.join('')}`;
  return children.length === 0 ? `${start}/>` : `${start}>${children.map(xmlOf).join('')}</${name}>`;
}

function jsonOf({ attributes, children }: Element): Record<string, unknown> {
  const node: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(attributes)) node[`@${key}`] = value;
  for (const child of children) {
    const json = jsonOf(child);
    const others = node[child.name];
    if (UNIQUE.has(child.name)) node[child.name] = json;
    else if (Array.isArray(others)) others.push(json);
    else node[child.name] = [json];
  }
  return node;
}

/** The service below `base` as WADL. @see PS3.18 8.9.2, H */
export const wadlXmlOf = (base: string, routes: readonly ApiRoute[]): string =>
  `<?xml version="1.0" encoding="UTF-8"?>\n${xmlOf(applicationOf(base, routes))}\n`;

/** The same in JSON. @see PS3.18 G */
export const wadlJsonOf = (base: string, routes: readonly ApiRoute[]): string =>
  JSON.stringify({ application: jsonOf(applicationOf(base, routes)) });
