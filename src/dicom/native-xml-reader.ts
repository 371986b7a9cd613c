import { SaxesParser } from 'saxes';
import type { GatewayError } from '../core/index.js';
import type { DicomJsonObject } from './dicom-json-value.js';
import { nativeXmlNamespace } from './native-xml.js';
import { DocumentNode } from './native-xml-nodes.js';
import { invalid, type NodeBudget, type XmlNode } from './xml-node.js';

/** What a document may be at most. */
export interface NativeXmlLimits {
  readonly maxBytes: number;
  /** Sequences within sequences. */
  readonly maxDepth: number;
  /** XML elements, and values that stand for gaps in their numbers. */
  readonly maxElements: number;
  /** UTF-16 code units of one value, and of anything else that has no end. */
  readonly maxTextLength: number;
  /** UTF-16 code units of the value of an XML attribute, of which an element has `maxAttributes` at most. */
  readonly maxAttributeLength: number;
  readonly maxAttributes: number;
}

const defaults: NativeXmlLimits = {
  maxBytes: 64 << 20,
  maxDepth: 64,
  maxElements: 1_000_000,
  maxTextLength: 16 << 20,
  maxAttributeLength: 4096,
  maxAttributes: 16,
};

/** The parser is given so many code units at once, and looked after between. */
const sliceLength = 64 * 1024;

class Budget implements NodeBudget {
  readonly #limits: NativeXmlLimits;
  #elements = 0;

  constructor(limits: NativeXmlLimits) {
    this.#limits = limits;
  }

  take(count: number): void {
    this.#elements += count;
    const { maxElements } = this.#limits;
    if (this.#elements > maxElements) throw invalid(`The XML has more than ${maxElements} elements.`);
  }

  checkDepth(depth: number): void {
    const { maxDepth } = this.#limits;
    if (depth > maxDepth) throw invalid(`Sequences are nested more than ${maxDepth} deep.`);
  }
}

/**
 * Reads a document of the Native DICOM Model, piece by piece as it comes, as a DICOM JSON object.
 *
 * UTF-8 only, with the namespace or without. There is no document type, no entity but the five and character
 * references, and no processing instruction: nothing in a document can name anything outside of it or grow. What
 * is not of the model, what comes twice and what a VR cannot hold is refused, never passed over; messages hold no value.
 * Group lengths and what is not of a dataset (groups 0000 and 0002) are left out (S-04).
 * IS and DS are strings where they are not spelled as JavaScript would, bulk data by UUID is `urn:uuid:`. Private
 * attributes come into the blocks of their creators (J-18). After an error the reader is of no use.
 *
 * @see PS3.19 A.1
 */
export class NativeXmlReader {
  readonly #limits: NativeXmlLimits;
  readonly #decoder = new TextDecoder('utf-8', { fatal: true });
  readonly #parser = new SaxesParser({ xmlns: true, position: false });
  readonly #budget: Budget;
  readonly #document: DocumentNode;
  readonly #nodes: XmlNode[];
  #bytes = 0;
  #text = '';
  #attributes = 0;
  /** Code units since the parser told of something. */
  #pending = 0;

  constructor(limits: Partial<NativeXmlLimits> = {}) {
    this.#limits = { ...defaults, ...limits };
    this.#budget = new Budget(this.#limits);
    this.#document = new DocumentNode(this.#budget);
    this.#nodes = [this.#document];
    this.#listen();
  }

  /** @throws GatewayError `bad-request` */
  push(chunk: Buffer): void {
    this.#bytes += chunk.length;
    const { maxBytes } = this.#limits;
    if (this.#bytes > maxBytes) throw invalid(`The XML is longer than ${maxBytes} bytes.`);
    this.#parse(this.#decode(chunk));
  }

  /** The dataset, when all of the document has come. @throws GatewayError `bad-request` when it is not whole */
  end(): DicomJsonObject {
    this.#parse(this.#decode());
    this.#parser.close();
    const { model } = this.#document;
    if (model === undefined) throw invalid('The XML is not whole.');
    return model;
  }

  #decode(chunk?: Buffer): string {
    try {
      return chunk === undefined ? this.#decoder.decode() : this.#decoder.decode(chunk, { stream: true });
    } catch {
      throw invalid('The XML is not in UTF-8.');
    }
  }

  /** What the parser gathers, for a text, a name or a comment, is bounded although it does not bound it itself. */
  #parse(text: string): void {
    for (let at = 0; at < text.length; at += sliceLength) {
      const slice = text.slice(at, at + sliceLength);
      this.#pending += slice.length;
      this.#parser.write(slice);
      const { maxTextLength } = this.#limits;
      if (this.#pending > maxTextLength + sliceLength) throw this.#tooLong();
    }
  }

  #tooLong(): GatewayError {
    return invalid(`A value of the XML is longer than ${this.#limits.maxTextLength} characters.`);
  }

  #listen(): void {
    const parser = this.#parser;
    parser.on('error', () => {
      // What the parser says may quote the document.
      throw invalid('The XML is not well-formed.');
    });
    parser.on('xmldecl', ({ version, encoding }) => {
      if (version !== '1.0' || !/^(?:utf-8|us-ascii)$/i.test(encoding ?? 'utf-8'))
        throw invalid('The XML is not version 1.0 in UTF-8.');
    });
    parser.on('doctype', () => {
      throw invalid('The XML has a document type, which is not taken.');
    });
    parser.on('processinginstruction', () => {
      throw invalid('The XML has a processing instruction, which is not taken.');
    });
    parser.on('comment', () => {
      this.#pending = 0;
    });
    parser.on('attribute', ({ value }) => {
      this.#pending = 0;
      const { maxAttributes, maxAttributeLength } = this.#limits;
      this.#attributes += 1;
      if (this.#attributes > maxAttributes || value.length > maxAttributeLength)
        throw invalid('An XML element has too many attributes, or one that is too long.');
    });
    parser.on('opentag', ({ uri, local, attributes }) => {
      if (uri !== '' && uri !== nativeXmlNamespace)
        throw invalid('The XML has an element that is not of the Native DICOM Model.');
      this.#open(local, (name) => attributes[name]?.value);
    });
    parser.on('text', (text) => {
      this.#add(text);
    });
    parser.on('cdata', (text) => {
      this.#add(text);
    });
    parser.on('closetag', () => {
      this.#close();
    });
  }

  #open(name: string, attributes: (name: string) => string | undefined): void {
    this.#pending = 0;
    this.#attributes = 0;
    this.#endOfText();
    this.#budget.take(1);
    const node = this.#nodes.at(-1)?.child(name, attributes);
    if (node !== undefined) this.#nodes.push(node);
  }

  #add(text: string): void {
    this.#pending = 0;
    if (this.#nodes.at(-1)?.holdsText !== true) {
      if (/[^ \t\r\n]/.test(text)) throw invalid('The XML has text where the Native DICOM Model has none.');
      return;
    }
    this.#text += text;
    if (this.#text.length > this.#limits.maxTextLength) throw this.#tooLong();
  }

  #close(): void {
    this.#pending = 0;
    this.#nodes.pop()?.end(this.#endOfText());
  }

  #endOfText(): string {
    const text = this.#text;
    this.#text = '';
    return text;
  }
}
