import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** What DCMTK makes of a file. */
export interface Dcm2xml {
  readonly xml: string;
  /** Whether it decoded the text; it has no converter for some character sets, and leaves their bytes. */
  readonly decoded: boolean;
}

/** A file as Native DICOM Model by DCMTK, or why it cannot read it. */
export async function dcm2xml(path: string): Promise<Dcm2xml | { readonly refused: string }> {
  const options = ['-nat', '+Xn', '-ll', 'warn', path];
  const convert = async (more: readonly string[]): Promise<Dcm2xml> => {
    const { stdout, stderr } = await run('dcm2xml', [...more, ...options], { maxBuffer: 2 ** 28 });
    // Its references to control characters are none in XML 1.0.
    const xml = stdout.replace(/&#(?:[0-8]|1[124-9]|2\d|3[01]);/g, '\uFFFD');
    return { xml, decoded: more.length > 0 && !stderr.includes('SpecificCharacterSet') };
  };
  try {
    return await convert(['+U8']).catch(() => convert([]));
  } catch (error) {
    const said = error instanceof Error && 'stderr' in error ? String(error.stderr) : String(error);
    return { refused: said.trim().split('\n').at(-1) ?? '' };
  }
}
