import { type TransferSyntax, TransferSyntaxes } from './transfer-syntax-table.js';

export type { TransferSyntax };

/** Every transfer syntax that the gateway knows. */
export const allTransferSyntaxes: readonly TransferSyntax[] = Object.values(TransferSyntaxes);

const byUid: ReadonlyMap<string, TransferSyntax> = new Map(
  allTransferSyntaxes.map((syntax) => [syntax.uid, syntax]),
);

/** The transfer syntax with this UID, if the gateway knows it. */
export function transferSyntax(uid: string): TransferSyntax | undefined {
  return byUid.get(uid);
}

/** Whether all frames are one stream, which is delivered whole. @see PS3.5 8.2.5 to 8.2.13 */
export function isVideo(syntax: TransferSyntax): boolean {
  return syntax.frameMediaType.startsWith('video/');
}
