import { createRequire } from 'node:module';

interface DictionaryEntry {
  /** `(GGGG,EEEE)`; of a repeating group the first one. */
  readonly tag: string;
  /** Lower case where PS3.6 leaves a choice: `xs`, `ox`, `lt`, `up`; `na` for items and delimiters. */
  readonly vr: string;
  readonly vm: string;
  /** The keyword, with `RETIRED_` before it when retired. */
  readonly name: string;
}

interface Dcmjs {
  readonly data: {
    readonly DicomMetaDictionary: { readonly nameMap: Readonly<Record<string, DictionaryEntry>> };
  };
}

// `require` and not `import`: dcmjs-dimse requires dcmjs, and the ES build would be a second copy beside it.
const require = createRequire(import.meta.url);

/** The entries of PS3.6; the first call loads dcmjs. */
export function dictionaryEntries(): readonly DictionaryEntry[] {
  const dcmjs = require('dcmjs') as Dcmjs;
  return Object.values(dcmjs.data.DicomMetaDictionary.nameMap);
}
