import { GatewayError } from '../core/index.js';
import {
  attributeByTag,
  formatTag,
  type DicomJsonElement,
  type DicomJsonObject,
  type DicomJsonValue,
  type Tag,
} from '../dicom/index.js';

type Agrees = (given: DicomJsonValue) => boolean;

/** An attribute as what came in a part has it. */
export interface Derived {
  readonly tag: Tag;
  readonly vr: string;
  readonly value: readonly (string | number)[];
  /** Whether a value that the metadata have is as true; left out for what nothing contradicts. */
  readonly agrees?: Agrees;
}

/** Nothing but this value; IS and DS may be text. */
export const same =
  (value: string | number): Agrees =>
  (given) =>
    typeof value === 'number' ? Number(given) === value : given === value;

/** One of these values. */
export const anyOf =
  (...values: readonly (string | number)[]): Agrees =>
  (given) =>
    values.some((value) => same(value)(given));

/** Whether an attribute has a value that is more than nothing. */
export const hasValue = (element: DicomJsonElement | undefined): boolean =>
  element !== undefined &&
  (element.BulkDataURI !== undefined ||
    element.InlineBinary !== undefined ||
    (element.Value ?? []).some((value) => value !== null && value !== ''));

/**
 * `object` with the attributes that it does not have.
 *
 * @throws GatewayError `bad-request` that names those which it has otherwise
 */
export function withDerived(object: DicomJsonObject, attributes: readonly Derived[]): DicomJsonObject {
  const whole = { ...object };
  const wrong: string[] = [];
  for (const { tag, vr, value, agrees } of attributes) {
    const name = formatTag(tag);
    const given = object[name];
    if (!hasValue(given)) whole[name] = { vr, Value: [...value] };
    else if (agrees && !(given?.Value?.length === 1 && agrees(given.Value[0] ?? null)))
      wrong.push(attributeByTag(tag)?.keyword ?? name);
  }
  if (wrong.length === 0) return whole;
  throw new GatewayError('bad-request', `The bulk data are not as the metadata say in ${wrong.join(', ')}.`);
}
