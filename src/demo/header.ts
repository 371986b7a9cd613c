import { Dataset, DatasetReader, inflate, transferSyntax, type ElementHeader } from '../dicom/index.js';

/** Longest value that is kept to be searched. */
const MAX_VALUE_BYTES = 1024;

async function* once(bytes: Buffer): AsyncGenerator<Buffer> {
  yield await Promise.resolve(bytes);
}

/**
 * The short elements of an instance's top level.
 * @throws GatewayError `malformed-dataset`
 */
export async function readHeader(bytes: Buffer, transferSyntaxUid: string): Promise<Dataset | undefined> {
  const syntax = transferSyntax(transferSyntaxUid);
  // The searched values are kept as they are written, which is little endian.
  if (syntax?.byteOrder !== 'little') return undefined;
  const header = new Dataset();
  const reader = new DatasetReader(syntax, {
    element: ({ depth, length }: ElementHeader) =>
      depth === 0 && length >= 0 && length <= MAX_VALUE_BYTES ? 'collect' : 'skip',
    value: ({ tag, vr }: ElementHeader, value: Buffer) => {
      header.setBytes(tag, vr, Buffer.from(value));
    },
  });
  for await (const chunk of syntax.deflated ? inflate(once(bytes)) : once(bytes)) reader.push(chunk);
  reader.end();
  return header;
}
