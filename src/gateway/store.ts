import { abortReason, GatewayError, type Observe } from '../core/index.js';
import { formatDicomJson, formatNativeXml, type DicomJsonObject } from '../dicom/index.js';
import {
  commonStudyUrl,
  failureTexts,
  storeResponse,
  warningTexts,
  type StoreForm,
} from '../dicomweb/index.js';
import { InstanceSender, type InstanceSenderOptions } from './instance-sender.js';
import { MetadataParts } from './metadata-parts.js';
import { Part10Parts, type StoreParts } from './part10-parts.js';
import type { StoredAbout } from './stored-about.js';
import { departure, failuresOf } from './store-log.js';
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
  /** URL of the study that all stored instances are of, if there is one. @see rule S-11 */
  readonly location: string | undefined;
  /** Which peers have what others lack, and what the PACS says of what it has stored. */
  readonly warnings: readonly string[];
  /** Why instances were not so much as sent. */
  readonly unsent: readonly string[];
  /** Set when not one instance was stored because nothing of the body could be read, or it has nothing. */
  readonly malformed: GatewayError | undefined;
}

/** How the answer is written. */
const RESPONSES = {
  json: (body: DicomJsonObject) => ({ contentType: 'application/dicom+json', body: formatDicomJson(body) }),
  xml: (body: DicomJsonObject) => ({ contentType: 'application/dicom+xml', body: formatNativeXml(body) }),
} as const;

export interface StoreSessionOptions extends InstanceSenderOptions {
  /** Of the peer or group. */
  readonly name: string;
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

  /** Whose instances have come so far. */
  get about(): StoredAbout {
    return this.#sender.about;
  }

  /** Says what the parts are; comes first. */
  begin(form: StoreForm): void {
    const { spools, settings, serviceUrl, framePool, context } = this.#options;
    this.#parts =
      form === 'part10'
        ? new Part10Parts(spools, settings, this.#sender)
        : new MetadataParts({ form, spools, framePool, context, settings, serviceUrl }, this.#sender);
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

  /** The body broke off because of `error`: waits for the parts before, and counts the broken one as a failure. */
  breakOff(error: GatewayError): Promise<StoreAnswer> {
    this.#parts?.breakOff(error);
    return this.finish();
  }

  /** Drops what is not sent yet, because of `error`. */
  abandon(error: GatewayError): void {
    this.#parts?.abandon();
    // How the end of its connection is told depends on who reads from it.
    if (error.code !== 'cancelled' && !this.#options.context.signal.aborted) return;
    void this.#sender.results().then((results) => {
      this.#warn(departure(results));
    });
  }

  /** Waits for the peer's word on everything that was sent. */
  async finish(): Promise<StoreAnswer> {
    await this.#parts?.end();
    const results = await this.#sender.results();
    this.#tell(results);
    this.#options.coercer?.tell();
    const stored = results.flatMap((result) => (result.kind === 'stored' ? [result.instance] : []));
    const failures = results.flatMap((result) => (result.kind === 'failed' ? [result] : []));
    const failed = failures.map(({ instance }) => instance);
    const { serviceUrl, form, targets } = this.#options;
    const { status, body } = storeResponse(serviceUrl, { stored, failed, otherFailures: [] });
    const unavailable = stored.length > 0 ? undefined : everyUnavailable(failures);
    const malformed = stored.length > 0 ? undefined : this.#everyMalformed(failures);
    const warnings = [...targets.warnings, ...warningTexts(stored)];
    const location = commonStudyUrl(serviceUrl, stored);
    const unsent = failureTexts(failed);
    return { status, ...RESPONSES[form](body), location, unavailable, malformed, warnings, unsent };
  }

  #everyMalformed(failures: readonly { readonly error?: GatewayError }[]): GatewayError | undefined {
    if (failures.length === 0)
      return new GatewayError('bad-request', 'There is nothing to store in the body.');
    const { malformed = [] } = this.#parts ?? {};
    return failures.every(({ error }) => error !== undefined && malformed.includes(error))
      ? malformed[0]
      : undefined;
  }

  /** The answer has a number for each failure; the words are in the log. A client that has left gets no answer. */
  #tell(results: readonly PartResult[]): void {
    const { context } = this.#options;
    if (context.signal.aborted) this.#warn(departure(results));
    else for (const { message, error } of failuresOf(results)) this.#warn(message, error);
  }

  #warn(message: string, error?: GatewayError): void {
    const { observe, context, name } = this.#options;
    const { requestId } = context;
    observe({ kind: 'log', level: 'warn', message, requestId, peer: name, ...(error ? { error } : {}) });
  }
}

function everyUnavailable(failures: readonly { readonly error?: GatewayError }[]): GatewayError | undefined {
  const [first] = failures;
  return failures.every(({ error }) => error !== undefined && UNAVAILABLE.has(error.code))
    ? first?.error
    : undefined;
}
