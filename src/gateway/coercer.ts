import { GatewayError, toGatewayError, type Observe, type OperationContext } from '../core/index.js';
import {
  attributeByTag,
  changeCuts,
  fitsVr,
  formatTag,
  surveyDataset,
  surveyedDataset,
  Tags,
  textFor,
  transferSyntax,
  withCuts,
  type TransferSyntax,
} from '../dicom/index.js';
import { changedTexts, tagsOf, type ChangedText, type CoercionRule } from './coercion-rules.js';
import type { OutgoingInstance } from './outgoing-instance.js';
import type { DatasetLimits } from './ports.js';
import { failure, Reason, reasonOf, type PartResult } from './store-result.js';

/** Warning: coercion of data elements. @see PS3.4 Table B.2-1, rule S-15 */
const COERCED = 0xb000;

export interface CoercerOptions {
  /** In the order in which they count. */
  readonly rules: readonly CoercionRule[];
  /** Who changes the instances, for these to say so. */
  readonly system: string;
  /** For instances that name no character set, best first. */
  readonly characterSets: readonly string[];
  readonly limits: DatasetLimits;
  /** Of the peer or group. */
  readonly name: string;
  readonly observe: Observe;
  readonly context: OperationContext;
}

/** Changes the instances of one request by rule, and counts how many; each is read twice. @see rule S-15 */
export class Coercer {
  readonly #options: CoercerOptions;
  readonly #counts = new Map<string, number>();

  private constructor(options: CoercerOptions) {
    this.#options = options;
  }

  /** Undefined where no rule holds. */
  static of(options: CoercerOptions): Coercer | undefined {
    const rules = options.rules.filter(({ peers }) => peers?.includes(options.name) ?? true);
    return rules.length === 0 ? undefined : new Coercer({ ...options, rules });
  }

  /** Stores an instance as the rules make it; one of which they cannot is a failure and not begun. */
  async store(
    outgoing: OutgoingInstance,
    send: (changed: OutgoingInstance) => Promise<PartResult>,
  ): Promise<PartResult> {
    const { meta } = outgoing;
    const changed = await this.#changed(outgoing).catch((thrown: unknown) => toGatewayError(thrown));
    if (changed instanceof GatewayError) return failure(meta, reasonFor(changed), changed);
    const result = await send(changed.instance);
    if (changed.rules.size === 0 || result.kind !== 'stored') return result;
    for (const rule of changed.rules) this.#counts.set(rule, (this.#counts.get(rule) ?? 0) + 1);
    return { ...result, instance: { warningReason: COERCED, ...result.instance } };
  }

  /** Logs what the rules have done. */
  tell(): void {
    const { observe, name, context } = this.#options;
    for (const [rule, count] of this.#counts) {
      const message = `rule ${rule} of store.coercions changed instances that were stored: ${count}`;
      observe({ kind: 'log', level: 'info', message, peer: name, requestId: context.requestId });
    }
  }

  async #changed(
    outgoing: OutgoingInstance,
  ): Promise<{ readonly instance: OutgoingInstance; readonly rules: ReadonlySet<string> }> {
    const { rules, limits, system, characterSets } = this.#options;
    const syntax = syntaxOf(outgoing);
    const wanted = [...tagsOf(rules), Tags.SpecificCharacterSet];
    const survey = await surveyDataset(outgoing.bytes(), syntax, wanted, limits);
    const dataset = surveyedDataset(survey, syntax);
    const texts = changedTexts(rules, dataset);
    if (texts.length === 0) return { instance: outgoing, rules: new Set() };
    texts.forEach(requireFitting);
    const { isAscii } = survey;
    const changes = textFor(texts, { dataset, isAscii, characterSets });
    const cuts = changeCuts(survey, changes, { dateTime: now(), system }, syntax);
    const { meta, uids, isWritten = false } = outgoing;
    const instance: OutgoingInstance = {
      meta,
      uids,
      isWritten,
      bytes: () => withCuts(outgoing.bytes(), syntax, cuts),
      discard: () => {
        outgoing.discard();
      },
    };
    return { instance, rules: new Set(texts.map(({ rule }) => rule)) };
  }
}

function syntaxOf({ meta }: OutgoingInstance): TransferSyntax {
  const syntax = transferSyntax(meta.transferSyntaxUid);
  if (syntax) return syntax;
  throw new GatewayError(
    'malformed-dataset',
    'The instance is in a transfer syntax that the gateway does not know.',
  );
}

/** A value that was good may not be with a prefix. */
function requireFitting({ rule, tag, vr, text }: ChangedText): void {
  if (text === undefined || fitsVr(text, vr)) return;
  const what = attributeByTag(tag)?.keyword ?? formatTag(tag);
  throw new GatewayError(
    'bad-request',
    `Rule ${rule} would make ${what} longer than ${vr} can be, or no ${vr}.`,
  );
}

/** It is the rules that cannot be followed, where the dataset can be understood. */
const reasonFor = (error: GatewayError): number =>
  error.code === 'bad-request' ? Reason.processingFailure : reasonOf(error);

/** A value of VR DT, in UTC. */
const now = (): string => new Date().toISOString().replace(/[-:TZ]/g, '') + '+0000';
