import { GatewayError, toGatewayError } from '../core/index.js';
import type { BulkGap, DicomJsonObject, UnreadDataset } from '../dicom/index.js';
import { bulkPartOf, isPicture, type BulkPart } from '../dicomweb/index.js';
import { BulkReader } from './bulk-reader.js';
import { plainValue, type BulkValue, type ReceivedBulk } from './bulk-value.js';
import type { InstanceSender } from './instance-sender.js';
import { metadataDocument } from './metadata-document.js';
import type { StoreParts } from './part10-parts.js';
import { isPixelData, PendingInstance } from './pending-instance.js';
import { pixelValue } from './pixel-value.js';
import type { UnpackDependencies } from './unpack-part.js';
import { failure, Reason, reasonOf } from './store-result.js';

export interface MetadataPartsOptions extends UnpackDependencies {
  readonly form: 'json' | 'xml';
  /** Base that relative references are resolved against. */
  readonly serviceUrl: string;
}

/** The part that is being read. */
interface OpenPart {
  push(bytes: Buffer): void | Promise<void>;
  end(): Promise<void>;
  discard(): void;
}

/** Who waits for a value of this name. */
interface Reference {
  readonly instance: PendingInstance;
  readonly gap: BulkGap;
}

/**
 * Parts that are metadata, in DICOM JSON or as Native DICOM Model, and bulk data that these name. An instance goes to
 * the peer once all its values have come, while later parts still arrive. Bulk data that no metadata before it have
 * named, and an instance of which some value never came, are failures.
 *
 * @see PS3.18 10.5.2, rules S-04, S-05
 */
export class MetadataParts implements StoreParts {
  readonly #options: MetadataPartsOptions;
  readonly #sender: InstanceSender;
  /** What waits for values, and its share of the bytes of the metadata that it came in. */
  readonly #pending = new Map<PendingInstance, number>();
  readonly #references = new Map<string, Reference>();
  /** Names of bulk data of instances that have failed: what comes of them is no failure of its own. */
  readonly #dropped = new Set<string>();
  readonly #malformed: GatewayError[] = [];
  #current: OpenPart | undefined;
  /** Has all its frames, and is sent when what comes next is no further one. */
  #whole: PendingInstance | undefined;

  constructor(options: MetadataPartsOptions, sender: InstanceSender) {
    this.#options = options;
    this.#sender = sender;
  }

  /** Why metadata could not be read, of the first of them; each is a failure too. */
  get malformed(): readonly GatewayError[] {
    return this.#malformed;
  }

  beginPart(headers: ReadonlyMap<string, string>): void {
    const part = bulkPartOf(headers, this.#options.form);
    if (part !== 'metadata') this.#refuseFurther(part);
    this.#current = part === 'metadata' ? this.#metadataPart() : this.#bulkPart(part);
  }

  partData(bytes: Buffer): void | Promise<void> {
    if (this.#whole === undefined) return this.#current?.push(bytes);
    return this.#sendWhole().then(() => this.#current?.push(bytes));
  }

  async endPart(): Promise<void> {
    const part = this.#current;
    this.#current = undefined;
    await this.#sendWhole();
    await part?.end();
  }

  breakOff(error: GatewayError): void {
    this.#sender.add(failure(undefined, Reason.cannotUnderstand, error));
    this.#current?.discard();
    this.#current = undefined;
  }

  abandon(): void {
    this.#current?.discard();
    this.#current = undefined;
    this.#whole = undefined;
    for (const instance of this.#pending.keys()) instance.discard();
    this.#pending.clear();
    this.#references.clear();
    this.#dropped.clear();
  }

  async end(): Promise<void> {
    try {
      await this.#sendWhole();
    } catch (thrown) {
      const error = toGatewayError(thrown);
      // What a client has left before it was sent was counted; whatever else happens, what was stored before is told.
      if (!this.#options.context.signal.aborted) this.#sender.add(failure(undefined, reasonOf(error), error));
    }
    const missing = new GatewayError('bad-request', 'Bulk data that the metadata name did not come.');
    for (const { meta, problem = missing } of this.#pending.keys())
      this.#sender.add(failure(meta, reasonOf(problem), problem));
    this.abandon();
  }

  #metadataPart(): OpenPart {
    const document = metadataDocument(this.#options.form);
    const { maxMetadataBytes } = this.#options.settings;
    const room = [...this.#pending.values()].reduce((left, bytes) => left - bytes, maxMetadataBytes);
    let length = 0;
    return {
      push: (bytes) => {
        length += bytes.length;
        if (length > room)
          throw new GatewayError(
            'payload-too-large',
            `Metadata that wait for their bulk data are larger than ${maxMetadataBytes} bytes.`,
          );
        document.push(bytes);
      },
      end: async () => {
        const { unread, objects } = document.end();
        for (const one of unread) this.#addUnread(one);
        for (const object of objects) await this.#instance(object, length / objects.length);
      },
      discard: () => undefined,
    };
  }

  #addUnread({ problem, identity }: UnreadDataset): void {
    if (this.#malformed.length < MOST_MALFORMED) this.#malformed.push(problem);
    // Of more of them the last that is kept stands for all: nobody is told of each.
    const told = this.#malformed.at(-1) ?? problem;
    this.#sender.add(failure(PendingInstance.metaOf(identity), Reason.cannotUnderstand, told));
  }

  async #instance(object: DicomJsonObject, bytes: number): Promise<void> {
    let instance: PendingInstance;
    try {
      instance = new PendingInstance(object);
    } catch (thrown) {
      const error = toGatewayError(thrown);
      this.#sender.add(failure(PendingInstance.metaOf(object), reasonOf(error), error));
      this.#drop(namesIn(object));
      return;
    }
    // Should they come they are read over.
    this.#drop(instance.unneeded);
    for (const gap of instance.gaps) {
      const name = this.#nameOf(gap.uri);
      // Of two that wait for the same bytes one alone could have them.
      if (this.#references.has(name))
        instance.problem ??= new GatewayError('bad-request', 'Two attributes name the same bulk data.');
      else this.#references.set(name, { instance, gap });
    }
    this.#pending.set(instance, bytes);
    await this.#sendIfWhole(instance);
  }

  #bulkPart(part: BulkPart): OpenPart {
    const reference = this.#find(part);
    if (reference === undefined) return this.#isOfFailed(part) ? this.#lostPart() : this.#strayPart();
    const { instance, gap } = reference;
    const isPixels = isPixelData(gap);
    if (part.refusal !== undefined)
      instance.problem ??= new GatewayError('unsupported-media-type', part.refusal);
    // Written as they are they would be taken for plain bytes: those of an icon for native pixels.
    if (!isPixels && (isPicture(part) || part.transferSyntaxUid !== undefined))
      instance.problem ??= new GatewayError(
        'unsupported-media-type',
        'A picture, or what is compressed as one, stands for an attribute that is not the pixels of an image.',
      );
    const { spools, settings } = this.#options;
    const reader = new BulkReader(spools, settings, (error) => {
      instance.problem ??= error;
    });
    return {
      push: (bytes) => reader.push(bytes),
      end: async () => {
        const spool = await reader.end();
        if (spool === undefined) return;
        const received = { part, spool, length: reader.length };
        const value = isPixels ? await this.#pixels(instance, received) : plainValue(received);
        if (value === undefined) return;
        instance.take(gap, value);
        if (isPixels && value.isFrame && instance.isWhole) this.#whole = instance;
        else await this.#sendIfWhole(instance);
      },
      discard: () => {
        reader.discard();
      },
    };
  }

  /** What a part has for an image; undefined when that is nothing that can be stored. */
  async #pixels(instance: PendingInstance, received: ReceivedBulk): Promise<BulkValue | undefined> {
    try {
      return await pixelValue(received, this.#options);
    } catch (thrown) {
      received.spool.discard();
      const error = toGatewayError(thrown);
      if (error.code === 'cancelled' || error.code === 'internal') throw error;
      instance.problem ??= error;
      return undefined;
    }
  }

  /** A part that belongs to what has failed: it is read over, and its failure is told once. */
  #lostPart(): OpenPart {
    return { push: () => undefined, end: () => Promise.resolve(), discard: () => undefined };
  }

  /** Of metadata that could not be read nobody knows what they named. */
  #isOfFailed({ location }: BulkPart): boolean {
    if (this.#malformed.length > 0) return true;
    return namesOf(location).some((name) => {
      const whole = this.#nameOf(name);
      return this.#dropped.has(whole) || this.#references.get(whole)?.instance.problem !== undefined;
    });
  }

  #drop(uris: Iterable<string>): void {
    for (const uri of uris) if (this.#dropped.size < MOST_DROPPED) this.#dropped.add(this.#nameOf(uri));
  }

  /** A part that nothing has named: it is read over, and is a failure of no instance. */
  #strayPart(): OpenPart {
    const error = new GatewayError('bad-request', 'Bulk data came that no metadata before it name.');
    return {
      push: () => undefined,
      end: () => {
        this.#sender.add(failure(undefined, Reason.cannotUnderstand, error));
        return Promise.resolve();
      },
      discard: () => undefined,
    };
  }

  #find({ location }: BulkPart): Reference | undefined {
    if (location === undefined) return undefined;
    const whole = this.#references.get(this.#nameOf(location));
    if (whole?.instance.expects(whole.gap)) return whole;
    const frame = FRAME.exec(location);
    const framed = frame && this.#references.get(this.#nameOf(frame[1] ?? ''));
    if (!framed?.instance.expects(framed.gap)) return undefined;
    return framed.instance.received(framed.gap) + 1 === Number(frame?.[2]) ? framed : undefined;
  }

  /** A frame more than the metadata say: what is stored without it would not be what was sent. */
  #refuseFurther({ location }: BulkPart): void {
    for (const name of namesOf(location)) {
      const { instance, gap } = this.#references.get(this.#nameOf(name)) ?? {};
      if (!instance || !gap || !isPixelData(gap)) continue;
      if (instance.problem !== undefined || instance.received(gap) === 0 || instance.expects(gap)) continue;
      instance.problem = new GatewayError('bad-request', 'More frames came than the metadata say.');
      if (this.#whole === instance) this.#whole = undefined;
    }
  }

  async #sendWhole(): Promise<void> {
    const whole = this.#whole;
    this.#whole = undefined;
    if (whole) await this.#sendIfWhole(whole);
  }

  async #sendIfWhole(instance: PendingInstance): Promise<void> {
    if (instance.problem !== undefined || !instance.isWhole) return;
    this.#pending.delete(instance);
    // What has left is held no longer, however many follow.
    for (const gap of instance.gaps) this.#references.delete(this.#nameOf(gap.uri));
    try {
      const missing = instance.complete();
      if (missing.length > 0 && this.#options.settings.requiresType1) this.#fail(instance, lacking(missing));
      else await this.#sender.send(instance.outgoing());
    } catch (thrown) {
      instance.discard();
      const error = toGatewayError(thrown);
      if (error.code !== 'bad-request') throw error;
      this.#fail(instance, { error, reason: reasonOf(error) });
    }
  }

  #fail(instance: PendingInstance, { error, reason, missing }: Problem): void {
    instance.discard();
    const failed = failure(instance.meta, reason, error);
    this.#sender.add(missing ? { ...failed, instance: { ...failed.instance, missing } } : failed);
    this.#drop(instance.gaps.map(({ uri }) => uri));
  }

  #nameOf(uri: string): string {
    return URL.canParse(uri, `${this.#options.serviceUrl}/`)
      ? new URL(uri, `${this.#options.serviceUrl}/`).href
      : uri;
  }
}

/** How a part names one frame of what the metadata name as a whole. */
const FRAME = /^(.*)\/frames\/(\d{1,9})$/;
/** Names of what has failed that are kept; parts of what failed beyond them are failures of their own. */
const MOST_DROPPED = 10_000;
/** Documents and datasets that cannot be read of which it is kept why. */
const MOST_MALFORMED = 20;

const namesOf = (location: string | undefined): readonly string[] =>
  location === undefined ? [] : [location, ...(FRAME.exec(location)?.slice(1, 2) ?? [])];

/** Everything that the metadata of an instance name. */
function* namesIn(object: DicomJsonObject): Generator<string> {
  for (const { vr, BulkDataURI, Value = [] } of Object.values(object)) {
    if (BulkDataURI !== undefined) yield BulkDataURI;
    if (vr === 'SQ') for (const item of Value as readonly DicomJsonObject[]) yield* namesIn(item);
  }
}

/** Why an instance is not stored, and what it lacks if that is why. */
interface Problem {
  readonly error: GatewayError;
  readonly reason: number;
  readonly missing?: readonly string[];
}

/** @see PS3.4 Table B.2-1: Data Set does not match SOP Class */
const lacking = (missing: readonly string[]): Problem => ({
  missing,
  error: new GatewayError('bad-request', `Attributes of type 1 are missing: ${missing.join(', ')}.`),
  reason: Reason.doesNotMatch,
});
