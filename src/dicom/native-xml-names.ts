import type { DicomJsonName } from './dicom-json-value.js';
import { nameComponents, nameGroups } from './native-xml.js';
import { trimTrailing } from './value-text.js';
import { misplaced, TextNode, type XmlNode } from './xml-node.js';

/** A component group of a name. */
class NameGroupNode implements XmlNode {
  readonly holdsText = false;
  readonly #components: string[] = [];
  readonly #ended: (text: string) => void;

  constructor(ended: (text: string) => void) {
    this.#ended = ended;
  }

  child(name: string): XmlNode {
    const index = nameComponents.findIndex((component) => component === name);
    if (index < 0 || this.#components[index] !== undefined) throw misplaced();
    return new TextNode((text) => {
      this.#components[index] = text;
    });
  }

  end(): void {
    const components = Array.from(this.#components, (component: string | undefined) => component ?? '');
    this.#ended(trimTrailing(components.join('^'), '^'));
  }
}

/** One person's name. */
export class PersonNameNode implements XmlNode {
  readonly holdsText = false;
  readonly #name: DicomJsonName = {};
  readonly #ended: (name: DicomJsonName | null) => void;

  constructor(ended: (name: DicomJsonName | null) => void) {
    this.#ended = ended;
  }

  child(name: string): XmlNode {
    const group = nameGroups.find((one) => one === name);
    if (group === undefined || this.#name[group] !== undefined) throw misplaced();
    return new NameGroupNode((text) => {
      if (text !== '') this.#name[group] = text;
    });
  }

  end(): void {
    this.#ended(Object.keys(this.#name).length === 0 ? null : this.#name);
  }
}
