import { toGatewayError, type GatewayError } from '../core/index.js';
import { NativeXmlReader, readDicomJson, type DicomJsonDocument } from '../dicom/index.js';

/** A part of metadata, read while it comes where its form allows that. */
export interface MetadataDocument {
  push(bytes: Buffer): void;
  /** The datasets in it, and why others cannot be read: where none can be told from the others, one for all of it. */
  end(): DicomJsonDocument;
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
        if (problem === undefined) return reader.end();
      } catch (thrown) {
        problem = malformed(thrown);
      }
      return { objects: [], unread: [{ problem, identity: {} }] };
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
  end(): DicomJsonDocument;
}

function xmlReader(): Reader {
  const reader = new NativeXmlReader({ maxBytes: Infinity });
  return {
    push: (bytes) => {
      reader.push(bytes);
    },
    end: () => ({ objects: [reader.end()], unread: [] }),
  };
}

function jsonReader(): Reader {
  const chunks: Buffer[] = [];
  return {
    push: (bytes) => {
      // The bytes are the reader's, which uses them again.
      chunks.push(Buffer.from(bytes));
    },
    end: () => readDicomJson(Buffer.concat(chunks)),
  };
}
