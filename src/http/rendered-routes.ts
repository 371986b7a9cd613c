import {
  noneMatchNames,
  parseFrameList,
  parseRendered,
  parseRetrieveTarget,
  parseThumbnail,
  parseWado,
  requireUtf8,
  type RenderedRequest,
  type WadoRequest,
} from '../dicomweb/index.js';
import type { PartsAnswer, RenderedCall } from '../gateway/index.js';
import type { Call, HttpDependencies, On } from './route.js';
import { sendParts, type PartSent } from './send-answer.js';

const instance = '/studies/:study/series/:series/instances/:instance';

/** What pictures are made of. @see PS3.18 Table 10.4.1-3, 10.4.1-4 */
const TARGETS: readonly string[] = [
  '/studies/:study',
  '/studies/:study/series/:series',
  instance,
  `${instance}/frames/:frames`,
];

/** Hears of what went to a client. */
export type Sending = (peer: string, item: 'rendered' | 'thumbnail' | 'instance') => PartSent;

function renderedCall(call: Call, rendered: RenderedRequest): RenderedCall {
  const { common, params } = call;
  const target = parseRetrieveTarget(params);
  const frames = params['frames'] === undefined ? {} : { frames: parseFrameList(params['frames']) };
  return { ...common, target, rendered, ...frames, hasEtag: hasEtagOf(call) };
}

/** By name: whoever has any picture at all does not say that it can be made. */
const hasEtagOf = ({ request }: Call): ((etag: string) => boolean) => {
  const header = request.get('if-none-match');
  return (etag) => header?.trim() !== '*' && noneMatchNames(header, etag);
};

/** Pictures and thumbnails by WADO-RS, and WADO-URI. @see rules W-06, W-07, U-01..U-09 */
export function renderedRoutes(on: On, { gateway }: HttpDependencies, sending: Sending): void {
  for (const path of TARGETS) {
    on('get', `${path}/rendered`, 'retrieve', async (call) => {
      const { response, context, common, rawQuery } = call;
      const answer = await gateway.retrieveRendered(renderedCall(call, parseRendered(rawQuery)), context);
      await sendParts(response, await readable(answer, call), sending(common.peer, 'rendered'));
    });
    on('get', `${path}/thumbnail`, 'retrieve', async (call) => {
      const { response, context, common, rawQuery } = call;
      const answer = await gateway.retrieveThumbnail(renderedCall(call, parseThumbnail(rawQuery)), context);
      await sendParts(response, answer, sending(common.peer, 'thumbnail'));
    });
  }
  on('get', '/wado', 'retrieve', async (call) => {
    const { response, common, rawQuery } = call;
    const wado = parseWado(rawQuery, common.accept);
    const item = wado.kind === 'file' ? 'instance' : 'rendered';
    const answer = await wadoAnswer(gateway, wado, call);
    await sendParts(response, await readable(answer, call), sending(common.peer, item));
  });
}

/** An answer in a character set that the client takes: pictures have none. @throws GatewayError @see rules H-12, U-03 */
async function readable(answer: PartsAnswer, { request, rawQuery }: Call): Promise<PartsAnswer> {
  try {
    if (answer.isText === true) requireUtf8(rawQuery, request.get('accept-charset'));
    return answer;
  } catch (thrown) {
    await answer.close();
    throw thrown;
  }
}

async function wadoAnswer(
  gateway: HttpDependencies['gateway'],
  wado: WadoRequest,
  call: Call,
): Promise<PartsAnswer> {
  const { common, context } = call;
  const { target, warnings, accept } = wado;
  if (wado.kind === 'file') {
    const answer = await gateway.retrieveInstances({ ...common, accept, target }, context);
    return { ...answer, warnings: [...(answer.warnings ?? []), ...warnings] };
  }
  const { picture, frame, presentation } = wado;
  const frames = frame === undefined ? {} : { frames: [frame] };
  const rendered = { picture, warnings };
  const more = { ...frames, ...(presentation && { presentation }), single: true, hasEtag: hasEtagOf(call) };
  const asked = { ...common, target, accept, rendered, ...more };
  return gateway.retrieveRendered(asked, context);
}
