import type { SpoolStore } from '../cache/index.js';
import { GatewayError, toGatewayError } from '../core/index.js';
import {
  NativeXmlReader,
  parseDicomJson,
  transferSyntax,
  type BulkGap,
  type DicomJsonObject,
  type TransferSyntax,
} from '../dicom/index.js';
import { bulkPartOf, isPicture, type BulkPart } from '../dicomweb/index.js';
import { BulkReader } from './bulk-reader.js';
import type { InstanceSender } from './instance-sender.js';
import type { StoreParts } from './part10-parts.js';
import { PendingInstance } from './pending-instance.js';
import type { StoreSettings } from './ports.js';
import { failure, Reason, reasonOf } from './store-result.js';

export interface MetadataPartsOptions {
  readonly form: 'json' | 'xml';
  readonly spools: SpoolStore;
  readonly settings: StoreSettings;
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
  #current: OpenPart | undefined;

  constructor(options: MetadataPartsOptions, sender: InstanceSender) {
    this.#options = options;
    this.#sender = sender;
  }

  beginPart(headers: ReadonlyMap<string, string>): void {
    const part = bulkPartOf(headers, this.#options.form);
    this.#current = part === 'metadata' ? this.#metadataPart() : this.#bulkPart(part);
  }

  partData(bytes: Buffer): void | Promise<void> {
    return this.#current?.push(bytes);
  }

  async endPart(): Promise<void> {
    const part = this.#current;
    this.#current = undefined;
    await part?.end();
  }

  breakOff(): void {
    this.#sender.add(failure(undefined, Reason.cannotUnderstand));
    this.#current?.discard();
    this.#current = undefined;
  }

  abandon(): void {
    this.#current?.discard();
    this.#current = undefined;
    for (const instance of this.#pending.keys()) instance.discard();
    this.#pending.clear();
    this.#references.clear();
  }

  end(): void {
    const missing = new GatewayError('bad-request', 'Bulk data that the metadata name did not come.');
    for (const { meta, problem = missing } of this.#pending.keys())
      this.#sender.add(failure(meta, reasonOf(problem), problem));
    this.abandon();
  }

  #metadataPart(): OpenPart {
    const document = this.#options.form === 'xml' ? xmlDocument() : jsonDocument();
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
        const objects = document.end();
        for (const object of objects) await this.#instance(object, length / objects.length);
      },
      discard: () => undefined,
    };
  }

  async #instance(object: DicomJsonObject, bytes: number): Promise<void> {
    let instance: PendingInstance;
    try {
      instance = new PendingInstance(object);
    } catch (thrown) {
      const error = toGatewayError(thrown);
      this.#sender.add(failure(PendingInstance.metaOf(object), reasonOf(error), error));
      return;
    }
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
    if (reference === undefined) return this.#strayPart();
    const { instance, gap } = reference;
    const syntax = syntaxOf(part);
    if (isPicture(part) && syntax === undefined)
      instance.problem ??= new GatewayError(
        'unsupported-media-type',
        'A picture is in no transfer syntax that its part names.',
      );
    const reader = new BulkReader(this.#options.spools, this.#options.settings, (error) => {
      instance.problem ??= error;
    });
    return {
      push: (bytes) => reader.push(bytes),
      end: async () => {
        const spool = await reader.end();
        if (spool === undefined) return;
        instance.take(gap, { spool, length: reader.length, syntax });
        await this.#sendIfWhole(instance);
      },
      discard: () => {
        reader.discard();
      },
    };
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
    const frame = /^(.*)\/frames\/(\d{1,9})$/.exec(location);
    const framed = frame && this.#references.get(this.#nameOf(frame[1] ?? ''));
    if (!framed?.instance.expects(framed.gap)) return undefined;
    return framed.instance.received(framed.gap) + 1 === Number(frame?.[2]) ? framed : undefined;
  }

  async #sendIfWhole(instance: PendingInstance): Promise<void> {
    if (instance.problem !== undefined || !instance.isWhole) return;
    this.#pending.delete(instance);
    // What has left is held no longer, however many follow.
    for (const gap of instance.gaps) this.#references.delete(this.#nameOf(gap.uri));
    try {
      await this.#sender.send(instance.outgoing());
    } catch (thrown) {
      instance.discard();
      const error = toGatewayError(thrown);
      if (error.code !== 'bad-request') throw error;
      this.#sender.add(failure(instance.meta, reasonOf(error), error));
    }
  }

  #nameOf(uri: string): string {
    return URL.canParse(uri, `${this.#options.serviceUrl}/`)
      ? new URL(uri, `${this.#options.serviceUrl}/`).href
      : uri;
  }
}

const syntaxOf = ({ transferSyntaxUid }: BulkPart): TransferSyntax | undefined =>
  transferSyntaxUid === undefined ? undefined : transferSyntax(transferSyntaxUid);

interface MetadataDocument {
  push(bytes: Buffer): void;
  end(): readonly DicomJsonObject[];
}

function xmlDocument(): MetadataDocument {
  const reader = new NativeXmlReader({ maxBytes: Infinity });
  return {
    push: (bytes) => {
      reader.push(bytes);
    },
    end: () => [reader.end()],
  };
}

function jsonDocument(): MetadataDocument {
  const chunks: Buffer[] = [];
  return {
    push: (bytes) => {
      // The bytes are the reader's, which uses them again.
      chunks.push(Buffer.from(bytes));
    },
    end: () => parseDicomJson(Buffer.concat(chunks)),
  };
}
