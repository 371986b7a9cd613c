import { GatewayError } from '../core/index.js';

/** The value of an XML attribute without a namespace. */
export type XmlAttributes = (name: string) => string | undefined;

/** What a document may take of memory. */
export interface NodeBudget {
  /** Counts elements, and values that are there by a gap in the numbers. @throws GatewayError `bad-request` */
  take(count: number): void;
  /** @throws GatewayError `bad-request` when sequences are nested deeper than allowed */
  checkDepth(depth: number): void;
}

/** An element of the Native DICOM Model that is open. */
export interface XmlNode {
  /** An element begins in this one. @throws GatewayError `bad-request` when it has no place here */
  child(name: string, attributes: XmlAttributes): XmlNode;
  /** Whether text other than white space may stand here. */
  readonly holdsText: boolean;
  end(text: string): void;
}

/** The refusal of a document, in words that hold nothing of it. */
export const invalid = (message: string): GatewayError => new GatewayError('bad-request', message);
/** The refusal of an element that has no place where it is. */
export const misplaced = (): GatewayError =>
  invalid('The XML has an element where the Native DICOM Model has none of its kind.');

/** An element of text alone. */
export class TextNode implements XmlNode {
  readonly holdsText = true;
  readonly end: (text: string) => void;

  constructor(end: (text: string) => void) {
    this.end = end;
  }

  child(): XmlNode {
    throw misplaced();
  }
}
