import { pathParametersOf, queryParametersOf, templateOf, type ApiParameter } from './api-parameters.js';
import type { ApiAnswer, ApiRoute } from './api-route.js';
import { securityOf, type WaysIn } from './security-schemes.js';

/** What a description is about. */
export interface Described {
  readonly version: string;
  /** Where the service is that was asked. */
  readonly serviceUrl: string;
  readonly ways: WaysIn;
  /** Below it. */
  readonly service: readonly ApiRoute[];
  /** At the root of the same listener; none where the operator has one of his own. */
  readonly operator: readonly ApiRoute[];
}

type Node = Readonly<Record<string, unknown>>;

const PROBLEM: Node = {
  description: 'It failed: the code says why, docs/errors.md what to do.',
  content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
};

const SCHEMAS: Node = {
  Problem: {
    type: 'object',
    required: ['type', 'title', 'status', 'code', 'detail', 'requestId'],
    properties: {
      type: { type: 'string' },
      title: { type: 'string' },
      status: { type: 'integer' },
      code: { type: 'string', description: 'Stable.' },
      detail: { type: 'string' },
      peer: { type: 'string', description: 'The configured name of the PACS.' },
      dimseStatus: { type: 'string', pattern: '^[0-9A-F]{4}$' },
      requestId: { type: 'string', description: 'Of the log lines.' },
    },
  },
  DicomJson: {
    description: 'A dataset in the DICOM JSON Model (PS3.18 F): attributes by their tags.',
    type: 'object',
    additionalProperties: { type: 'object', properties: { vr: { type: 'string' } } },
  },
};

function parameterNode(
  { name, is, type = 'string', values, required = false }: ApiParameter,
  where: 'path' | 'query',
): Node {
  const schema = { type, ...(values && { enum: values }) };
  return { name, in: where, description: is, ...(required && { required }), schema };
}

/** Attributes by which a search may ask are parameters whose names are theirs. */
const KEYS: Node = {
  name: 'keys',
  in: 'query',
  description: 'Attributes that must match, each by keyword or tag: PatientName=DOE*, 00080020=20240101-.',
  style: 'form',
  explode: true,
  schema: { type: 'object', additionalProperties: { type: 'string' } },
};

const schemaOf = (type: string): Node => {
  if (type === 'application/dicom+json')
    return { schema: { type: 'array', items: { $ref: '#/components/schemas/DicomJson' } } };
  return type === 'application/json' ? { schema: { type: 'object' } } : {};
};

const contentOf = (types: readonly string[]): Node =>
  Object.fromEntries(types.map((type) => [type, schemaOf(type)]));

const answerNode = ({ is, types }: ApiAnswer): Node => ({
  description: is,
  ...(types && { content: contentOf(types) }),
});

function operationNode(route: ApiRoute, tag: string): Node {
  const { path, id, summary, clause, body, answers, isOpen } = route;
  const parameters = [
    ...pathParametersOf(path).map((one) => parameterNode(one, 'path')),
    ...queryParametersOf(route).map((one) => parameterNode(one, 'query')),
    ...(route.query === 'search' ? [KEYS] : []),
  ];
  const responses = Object.entries(answers).map(([status, answer]) => [status, answerNode(answer)] as const);
  return {
    operationId: id,
    summary,
    tags: [tag],
    ...(isOpen && { security: [] }),
    ...(clause !== undefined && { description: `PS3.18 ${clause}.` }),
    ...(parameters.length > 0 && { parameters }),
    ...(body && { requestBody: { required: true, content: contentOf(body) } }),
    responses: { ...Object.fromEntries(responses), default: PROBLEM },
  };
}

/** The operations of each path, in the order of the routes. */
function pathNodes(routes: readonly ApiRoute[], tag: string, more: Node = {}): Record<string, Node> {
  const paths: Record<string, Node> = {};
  for (const route of routes) {
    const template = templateOf(route.path);
    paths[template] = { ...more, ...paths[template], [route.method]: operationNode(route, tag) };
  }
  return paths;
}

/** The service as OpenAPI 3.1. @see rule A-02 */
export function openApiOf({ version, serviceUrl, ways, service, operator }: Described): Node {
  const { schemes, security } = securityOf(ways);
  const root = { servers: [{ url: new URL(serviceUrl).origin }] };
  return {
    openapi: '3.1.0',
    info: {
      title: 'dicomweb-gateway',
      version,
      description:
        'DICOMweb (PS3.18) in front of a PACS that speaks only DIMSE. HEAD answers as GET, without the body.',
      license: { name: 'MIT', identifier: 'MIT' },
    },
    servers: [{ url: serviceUrl }],
    security,
    tags: [{ name: 'DICOMweb' }, ...(operator.length > 0 ? [{ name: 'Operator' }] : [])],
    paths: { ...pathNodes(service, 'DICOMweb'), ...pathNodes(operator, 'Operator', root) },
    components: { schemas: SCHEMAS, securitySchemes: schemes },
  };
}
