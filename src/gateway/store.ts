import { abortReason, type GatewayError, type Observe } from '../core/index.js';
import { formatDicomJson, formatNativeXml, type DicomJsonObject } from '../dicom/index.js';
import { storeResponse, type StoreForm } from '../dicomweb/index.js';
import type { SpoolStore } from '../cache/index.js';
import { InstanceSender, type InstanceSenderOptions } from './instance-sender.js';
import { MetadataParts } from './metadata-parts.js';
import { Part10Parts, type StoreParts } from './part10-parts.js';
import { UNAVAILABLE, type PartResult } from './store-result.js';

/** What became of everything that was to be stored. @see rules S-07..S-13 */
export interface StoreAnswer {
  /** All stored without a warning, some of it (or with warnings), or none. */
  readonly status: 'all' | 'some' | 'none';
  readonly contentType: string;
  /** The response dataset. */
  readonly body: string;
  /** Set when not one instance was stored because the peer could not be reached or is full. */
  readonly unavailable: GatewayError | undefined;
  /** Which peers have what others lack. */
  readonly warnings: readonly string[];
}

/** How the answer is written. */
const RESPONSES = {
  json: (body: DicomJsonObject) => ({ contentType: 'application/dicom+json', body: formatDicomJson(body) }),
  xml: (body: DicomJsonObject) => ({ contentType: 'application/dicom+xml', body: formatNativeXml(body) }),
} as const;

/** Most failures of one request that are logged one by one. */
const MOST_TOLD = 20;

export interface StoreSessionOptions extends InstanceSenderOptions {
  /** Of the peer or group. */
  readonly name: string;
  readonly spools: SpoolStore;
  /** Base of the URLs in the answer. */
  readonly serviceUrl: string;
  /** What the answer is written in: DICOM JSON, or Native DICOM Model. @see rule S-09 */
  readonly form: 'json' | 'xml';
  readonly observe: Observe;
}

/** Stores what a request brings, part by part. */
export class StoreSession {
  readonly #options: StoreSessionOptions;
  readonly #sender: InstanceSender;
  #parts: StoreParts | undefined;

  constructor(options: StoreSessionOptions) {
    this.#options = options;
    this.#sender = new InstanceSender(options);
  }

  /** Says what the parts are; comes first. */
  begin(form: StoreForm): void {
    const { spools, settings, serviceUrl } = this.#options;
    this.#parts =
      form === 'part10'
        ? new Part10Parts(spools, settings, this.#sender)
        : new MetadataParts({ form, spools, settings, serviceUrl }, this.#sender);
  }

  /** A part begins; names of `headers` are lower case. */
  beginPart(headers: ReadonlyMap<string, string>): void {
    this.#parts?.beginPart(headers);
  }

  /** Bytes of the part; the promise is back-pressure. */
  async partData(bytes: Buffer): Promise<void> {
    const { signal } = this.#options.context;
    if (signal.aborted) throw abortReason(signal);
    await this.#parts?.partData(bytes);
  }

  /** The part is whole: what it completes goes to the peer, beside what went before and not more at once than configured. */
  async endPart(): Promise<void> {
    await this.#parts?.endPart();
  }

  /** The body broke off: waits for the parts before, and counts the broken one as a failure. */
  breakOff(): Promise<StoreAnswer> {
    this.#parts?.breakOff();
    return this.finish();
  }

  /** Drops what is not sent yet. */
  abandon(): void {
    this.#parts?.abandon();
  }

  /** Waits for the peer's word on everything that was sent. */
  async finish(): Promise<StoreAnswer> {
    this.#parts?.end();
    const results = await this.#sender.results();
    this.#tell(results);
    this.#options.coercer?.tell();
    const stored = results.flatMap((result) => (result.kind === 'stored' ? [result.instance] : []));
    const failures = results.flatMap((result) => (result.kind === 'failed' ? [result] : []));
    const failed = failures.map(({ instance }) => instance);
    const { serviceUrl, form, targets } = this.#options;
    const { status, body } = storeResponse(serviceUrl, { stored, failed, otherFailures: [] });
    const unavailable = stored.length > 0 ? undefined : everyUnavailable(failures);
    return { status, ...RESPONSES[form](body), unavailable, warnings: targets.warnings };
  }

  /** The answer has a number for each failure; the words are in the log. */
  #tell(results: readonly PartResult[]): void {
    const { observe, context, name } = this.#options;
    const failures = [...results.entries()].flatMap(([index, result]) =>
      result.kind === 'failed' ? [{ part: index + 1, result }] : [],
    );
    for (const { part, result } of failures.slice(0, MOST_TOLD)) {
      const reason = result.instance.failureReason.toString(16).toUpperCase().padStart(4, '0');
      observe({
        kind: 'log',
        level: 'warn',
        message: `part ${part} of ${results.length} was not stored, failure reason ${reason}`,
        requestId: context.requestId,
        peer: name,
        ...(result.error ? { error: result.error } : {}),
      });
    }
  }
}

function everyUnavailable(failures: readonly { readonly error?: GatewayError }[]): GatewayError | undefined {
  const [first] = failures;
  return failures.every(({ error }) => error !== undefined && UNAVAILABLE.has(error.code))
    ? first?.error
    : undefined;
}
