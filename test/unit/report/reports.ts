import { deflateRawSync } from 'node:zlib';
import type { ByteSource } from '../../../src/core/index.js';
import { TransferSyntaxes, type TransferSyntax } from '../../../src/dicom/index.js';
import { writeReport, type ReportType } from '../../../src/report/index.js';
import type { Write } from '../../helpers/fixtures-element.js';

export const sourceOf = (bytes: Buffer, chunk = 64 * 1024): ByteSource => ({
  size: bytes.length,
  async *read(start = 0, end = bytes.length) {
    for (let at = start; at < end; at += chunk)
      yield await Promise.resolve(bytes.subarray(at, Math.min(end, at + chunk)));
  },
});

export const encoded = (write: Write, syntax: TransferSyntax): Buffer =>
  syntax.deflated ? deflateRawSync(write(syntax)) : write(syntax);

export interface RenderOptions {
  readonly syntax?: TransferSyntax;
  readonly chunk?: number;
  readonly fallbackCharacterSet?: string;
}

/** A report as text of a type. */
export async function render(type: ReportType, write: Write, options: RenderOptions = {}): Promise<string> {
  const { syntax = TransferSyntaxes.ExplicitVrLittleEndian, chunk, fallbackCharacterSet } = options;
  const source = sourceOf(encoded(write, syntax), chunk);
  const chunks: Buffer[] = [];
  for await (const one of writeReport(type, source, syntax, { fallbackCharacterSet })) chunks.push(one);
  return Buffer.concat(chunks).toString('utf8');
}
