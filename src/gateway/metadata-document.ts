import { toGatewayError, type GatewayError } from '../core/index.js';
import { NativeXmlReader, parseDicomJson, type DicomJsonObject } from '../dicom/index.js';

/** A part of metadata, read while it comes where its form allows that. */
export interface MetadataDocument {
  push(bytes: Buffer): void;
  /** The datasets in it, or why it cannot be read. */
  end(): MetadataContent;
}

interface MetadataContent {
  readonly objects: readonly DicomJsonObject[];
  readonly problem?: GatewayError;
}

/** A document that is only known not to be metadata is read to its end all the same: others follow. */
export function metadataDocument(form: 'json' | 'xml'): MetadataDocument {
  const reader = form === 'xml' ? xmlReader() : jsonReader();
  let problem: GatewayError | undefined;
  return {
    push: (bytes) => {
      if (problem) return;
      try {
        reader.push(bytes);
      } catch (thrown) {
        problem = malformed(thrown);
      }
    },
    end: () => {
      try {
        if (problem === undefined) return { objects: reader.end() };
      } catch (thrown) {
        problem = malformed(thrown);
      }
      return { objects: [], problem };
    },
  };
}

/** @throws what is no fault of the document */
function malformed(thrown: unknown): GatewayError {
  const error = toGatewayError(thrown);
  if (error.code !== 'bad-request') throw error;
  return error;
}

interface Reader {
  push(bytes: Buffer): void;
  end(): readonly DicomJsonObject[];
}

function xmlReader(): Reader {
  const reader = new NativeXmlReader({ maxBytes: Infinity });
  return {
    push: (bytes) => {
      reader.push(bytes);
    },
    end: () => [reader.end()],
  };
}

function jsonReader(): Reader {
  const chunks: Buffer[] = [];
  return {
    push: (bytes) => {
      // The bytes are the reader's, which uses them again.
      chunks.push(Buffer.from(bytes));
    },
    end: () => parseDicomJson(Buffer.concat(chunks)),
  };
}
