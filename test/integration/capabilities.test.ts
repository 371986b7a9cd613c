import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Validator } from '@seriousme/openapi-schema-validator';
import { SaxesParser } from 'saxes';
import { adminRoutes } from '../../src/http/admin-routes.js';
import { operatorRoutes, serviceRoutes } from '../../src/http/api-routes.js';
import { dicomwebRoutes } from '../../src/http/dicomweb-routes.js';
import { purgeRoute } from '../../src/http/purge-route.js';
import { makeInstance } from '../helpers/rogue-peer.js';
import { startScene, type Scene } from '../helpers/scene.js';
import { request, startTestGateway } from '../helpers/test-gateway.js';

const WADL = 'application/vnd.sun.wadl+xml';

interface Operation {
  readonly operationId: string;
  readonly responses: Readonly<Record<string, { readonly content?: Readonly<Record<string, unknown>> }>>;
}

interface OpenApi {
  readonly openapi: string;
  readonly servers: readonly { readonly url: string }[];
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
}

/** What a router answers: its methods and paths, as Express has them. */
const routesOf = (router: unknown): readonly string[] =>
  (
    router as {
      stack: readonly { route?: { path: string; stack: readonly { method: string | undefined }[] } }[];
    }
  ).stack.flatMap(({ route }) => {
    // One of every method refuses all but those that come before it.
    const answered = route?.stack.filter(({ method }) => method !== undefined) ?? [];
    return answered.map(({ method }) => `${String(method)} ${route?.path ?? ''}`);
  });

const named = (routes: typeof serviceRoutes): readonly string[] =>
  routes.map(({ method, path }) => `${method} ${path}`);

/** Whatever the handlers would need: nobody calls them. */
const nothing = {} as never;

describe('the description of the routes', () => {
  test('A-01, A-02: has every route that Express has, and no other', () => {
    const options = { storeBody: {}, capabilities: {} } as Parameters<typeof dicomwebRoutes>[1];
    const service = routesOf(dicomwebRoutes({ gateway: nothing } as never, options, () => ''));
    expect([...named(serviceRoutes)].sort()).toEqual([...new Set(service)].sort());
    const operator = [adminRoutes(nothing, nothing), purgeRoute(nothing)].flatMap((router) =>
      routesOf(router),
    );
    expect([...named(operatorRoutes)].sort()).toEqual([...new Set(operator)].sort());
  });

  test('has a name of its own for each', () => {
    const ids = [...serviceRoutes, ...operatorRoutes].map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
  });
});

interface Node {
  readonly name: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly children: Node[];
}

function parseXml(text: string): Node {
  const parser = new SaxesParser();
  const root: Node = { name: '', attributes: {}, children: [] };
  const open = [root];
  parser.on('error', (error) => {
    throw error;
  });
  parser.on('opentag', ({ name, attributes }) => {
    const node = { name, attributes: attributes as Record<string, string>, children: [] };
    open.at(-1)?.children.push(node);
    open.push(node);
  });
  parser.on('closetag', () => open.pop());
  parser.write(text).close();
  return root;
}

const all = (node: Node, name: string): readonly Node[] => [
  ...node.children.filter((child) => child.name === name),
  ...node.children.flatMap((child) => all(child, name)),
];

/** PS3.18 G.2: attributes with @, elements that may be repeated as arrays. */
function annexG({ attributes, children }: Node): Record<string, unknown> {
  const json: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(attributes)) json[`@${key}`] = value;
  for (const name of new Set(children.map((child) => child.name))) {
    const same = children.filter((child) => child.name === name).map(annexG);
    json[name] = ['application', 'resources', 'request'].includes(name) ? same[0] : same;
  }
  return json;
}

/** Methods and paths of a tree of resources. */
const methodsOf = (node: Node, path: string): readonly string[] =>
  node.children.flatMap((child) => {
    if (child.name === 'method') return [`${child.attributes['name'] ?? ''} ${path}`];
    const below = child.attributes['path'] ?? '';
    return child.name === 'resource' ? methodsOf(child, below === '' ? path : `${path}/${below}`) : [];
  });

describe('a service that runs', () => {
  const instance = makeInstance({ pixelBytes: 512 });
  let scene: Scene;
  let origin = '';

  beforeAll(async () => {
    scene = await startScene({ instances: [instance] });
    origin = scene.gateway.origin;
  });
  afterAll(() => scene.close());

  const options = (path: string, headers: Record<string, string> = {}) =>
    request(origin + path, { method: 'OPTIONS', headers });

  const openApi = async (path = '/dicomweb'): Promise<OpenApi> => {
    const { status, headers, body } = await request(`${origin}${path}/openapi.json`);
    expect([status, headers['content-type']]).toEqual([200, 'application/json']);
    return JSON.parse(body.toString()) as OpenApi;
  };

  test('A-02: describes itself in OpenAPI 3.1 that a validator takes, for each path with URLs of its own', async () => {
    for (const path of ['/dicomweb', '/peers/main/dicomweb']) {
      const document = await openApi(path);
      const result = await new Validator().validate(structuredClone({ ...document }));
      expect(result).toMatchObject({ valid: true });
      expect(document).toMatchObject({ openapi: '3.1.0', servers: [{ url: origin + path }] });
    }
    const broken = { ...(await openApi()), paths: { studies: {} } };
    expect(await new Validator().validate(broken)).toMatchObject({ valid: false });
  });

  test('A-01: describes itself in WADL, with one application, one base and all its methods', async () => {
    const { status, headers, body } = await options('/dicomweb/');
    expect([status, headers['content-type']]).toEqual([200, WADL]);
    const root = parseXml(body.toString());
    expect(all(root, 'application')).toHaveLength(1);
    const [resources, ...more] = all(root, 'resources');
    expect([more, resources?.attributes]).toEqual([[], { base: `${origin}/dicomweb/` }]);
    const wanted = serviceRoutes.map(({ method, path }) => {
      const template = path.replace(/[:*](\w+)/g, '{$1}');
      return `${method.toUpperCase()} ${template === '/' ? '' : template}`;
    });
    expect(
      [
        ...methodsOf({ name: '', attributes: {}, children: resources ? [...resources.children] : [] }, ''),
      ].sort(),
    ).toEqual([...wanted].sort());
  });

  test('A-01: the same in JSON, as PS3.18 G has it', async () => {
    const xml = parseXml((await options('/dicomweb')).body.toString());
    const { headers, body } = await options('/dicomweb', { accept: 'application/json' });
    expect(headers['content-type']).toBe('application/json');
    expect(JSON.parse(body.toString())).toEqual(annexG(xml));
  });

  test('says 304 to who has it, 406 to who takes neither, 404 where there is no such service', async () => {
    const { headers } = await options('/dicomweb/');
    const etag = headers.etag ?? '';
    expect((await options('/dicomweb/', { 'if-none-match': etag })).status).toBe(304);
    expect((await options('/dicomweb/', { accept: 'text/html' })).status).toBe(406);
    expect((await options('/peers/nobody/dicomweb/')).status).toBe(404);
    expect((await request(`${origin}/peers/nobody/dicomweb/openapi.json`)).status).toBe(404);
  });

  test('answers with what it says that it answers with', async () => {
    const { paths } = await openApi();
    const { studyInstanceUid: study, seriesInstanceUid: series, sopInstanceUid: sop } = instance;
    const values: Record<string, string> = { study, series, instance: sop, frames: '1', path: '7FE00010' };
    const asked = ['SearchFor', 'Retrieve', 'OpenApi'];
    const operations = Object.entries(paths).flatMap(([path, { get }]) =>
      get && asked.some((start) => get.operationId.startsWith(start)) ? [[path, get] as const] : [],
    );
    expect(operations.length).toBeGreaterThan(20);
    for (const [path, operation] of operations) {
      const target = path.replace(/\{(\w+)\}/g, (_, name: string) => values[name] ?? '');
      const search =
        path.startsWith('/series') || path.startsWith('/instances') ? `?StudyInstanceUID=${study}` : '';
      const { status, headers } = await request(`${origin}/dicomweb${target}${search}`);
      const media = (headers['content-type'] ?? '').replace(/;\s*(?:boundary|transfer-syntax)=[^;]*/g, '');
      const described = Object.keys(operation.responses[String(status)]?.content ?? {});
      expect([operation.operationId, status, described]).toEqual([
        operation.operationId,
        200,
        expect.arrayContaining([media]),
      ]);
    }
  });
});

test('what a peer does not take is not described', async () => {
  const gateway = await startTestGateway(
    'peers: { main: { address: "NOBODY@127.0.0.1:1", readOnly: true } }\nadmin: { listen: "127.0.0.1:0" }',
  );
  try {
    const document = JSON.parse(
      (await request(`${gateway.service}/openapi.json`)).body.toString(),
    ) as OpenApi;
    expect(Object.keys(document.paths['/studies'] ?? {})).toEqual(['get', 'options']);
    expect(document.paths['/healthz']).toBeUndefined();
    const { body } = await request(`${gateway.service}/`, { method: 'OPTIONS' });
    expect(body.toString()).not.toContain('StoreInstances');
  } finally {
    await gateway.close();
  }
});

test('the document says how to show who asks, and what anybody may have', async () => {
  const token = 'a-token-that-is-long-enough-for-anybody';
  const gateway = await startTestGateway(
    [
      'peers: { main: { address: "NOBODY@127.0.0.1:1" } }',
      'access:',
      `  tokens: { viewer: { token: ${token}, roles: [read] } }`,
      '  issuers: { hospital: { issuer: "http://127.0.0.1:9/realm", audience: [dicomweb-gateway] } }',
    ].join('\n'),
  );
  try {
    const text = (await request(`${gateway.service}/openapi.json`)).body.toString();
    expect(text).not.toContain(token);
    const document = JSON.parse(text) as OpenApi;
    expect(await new Validator().validate(JSON.parse(text) as Record<string, unknown>)).toMatchObject({
      valid: true,
    });
    expect(document).toMatchObject({
      security: [{ bearer: [] }, { 'oidc-hospital': [] }],
      components: {
        securitySchemes: {
          bearer: { type: 'http', scheme: 'bearer' },
          'oidc-hospital': {
            type: 'openIdConnect',
            openIdConnectUrl: 'http://127.0.0.1:9/realm/.well-known/openid-configuration',
          },
        },
      },
    });
    for (const path of ['/openapi.json', '/healthz', '/readyz'])
      expect([path, document.paths[path]?.['get']]).toMatchObject([path, { security: [] }]);
    expect(document.paths['/studies']?.['get']).not.toHaveProperty('security');
  } finally {
    await gateway.close();
  }
});

test('where anybody may ask, the document wants nothing', async () => {
  const gateway = await startTestGateway('peers: { main: { address: "NOBODY@127.0.0.1:1" } }');
  try {
    const document = JSON.parse((await request(`${gateway.service}/openapi.json`)).body.toString()) as object;
    expect(document).toMatchObject({ security: [{}] });
  } finally {
    await gateway.close();
  }
});
