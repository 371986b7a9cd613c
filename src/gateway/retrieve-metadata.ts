import { GatewayError, type OperationContext } from '../core/index.js';
import { transferSyntax, writeDicomJson } from '../dicom/index.js';
import { negotiate, retrieveUrl, type MediaRange, type RetrieveTarget } from '../dicomweb/index.js';
import type { JsonAnswer } from './answer.js';
import type { RetrieveSettings } from './ports.js';
import { openRetrieve, type RetrieveBinding } from './retrieve.js';
import type { HeldInstance } from './want.js';

export interface MetadataRequest {
  readonly target: RetrieveTarget;
  readonly accept: readonly MediaRange[];
  /** Base of BulkDataURI. */
  readonly serviceUrl: string;
}

const PIXEL_DATA = '7FE00010';

function jsonOf(
  instance: HeldInstance,
  serviceUrl: string,
  settings: RetrieveSettings,
): AsyncIterable<Buffer> {
  const { inlineBytes, fallbackCharacterSet, limits } = settings;
  const syntax = transferSyntax(instance.info.transferSyntaxUid);
  if (syntax === undefined) {
    throw new GatewayError(
      'malformed-dataset',
      'The instance is in a transfer syntax that the gateway does not know.',
    );
  }
  const url = retrieveUrl(serviceUrl, instance.key);
  return writeDicomJson(instance.source, syntax, {
    bulkDataUri: (path) => (path === PIXEL_DATA ? `${url}/pixeldata` : `${url}/bulkdata/${path}`),
    inlineLimitBytes: inlineBytes,
    limits,
    ...(fallbackCharacterSet === undefined ? {} : { fallbackCharacterSet }),
  });
}

/**
 * Retrieves the attributes of every instance at or below `target`, each written while it arrives and without its
 * bulk data.
 *
 * @throws GatewayError @see rules W-02, W-28, W-48, W-49
 */
export async function retrieveMetadata(
  side: RetrieveBinding,
  { target, accept, serviceUrl }: MetadataRequest,
  context: OperationContext,
): Promise<JsonAnswer> {
  negotiate('metadata', accept);
  const { refused, instances, stalled } = await openRetrieve(side, target, context);
  const body = (async function* (): AsyncGenerator<Buffer | string, void, undefined> {
    let separator = '[';
    for await (const instance of instances) {
      yield separator;
      yield* jsonOf(instance, serviceUrl, side.binding.retrieve);
      separator = ',\n';
    }
    yield ']';
  })();
  const close = async (): Promise<void> => {
    await instances.return();
  };
  return { kind: 'json', refused, warnings: [], body, stalled, close };
}
