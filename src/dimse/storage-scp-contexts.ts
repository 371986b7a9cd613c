import { transferSyntax, TransferSyntaxes, type TransferSyntax } from '../dicom/index.js';
import { ContextResults, type ContextProposal, type ContextResult } from './pdu.js';
import { SopClasses } from './uids.js';

const DICOM_ROOT = '1.2.840.10008.';
/** The storage SOP classes are below the first; the others hold non-patient and delivery objects. @see PS3.4 B.5, GG */
const STORAGE_ROOTS = [
  '1.2.840.10008.5.1.4.1.1.',
  '1.2.840.10008.5.1.4.34.7',
  '1.2.840.10008.5.1.4.34.10',
  '1.2.840.10008.5.1.4.38.1',
  '1.2.840.10008.5.1.4.39.1',
  '1.2.840.10008.5.1.4.43.1',
  '1.2.840.10008.5.1.4.44.1',
  '1.2.840.10008.5.1.4.45.1',
];

/** Whether an abstract syntax can be one of instances: a storage SOP class, or a private one, which nobody lists. */
export function isStorageSopClass(uid: string): boolean {
  return !uid.startsWith(DICOM_ROOT) || STORAGE_ROOTS.some((root) => uid.startsWith(root));
}

/**
 * The transfer syntax for one presentation context; undefined when none of the proposed ones is known.
 *
 * An acceptor picks one for all instances of the context. One encapsulated syntax among plain ones is how the instance
 * is stored, so it is picked, lest the peer decompress. Several are a list of what the peer can make: then Explicit
 * Little Endian comes first, lest it compress, then the peer's own order, and Implicit Little Endian last.
 */
export function chooseTransferSyntax(proposed: readonly string[]): string | undefined {
  const known = proposed
    .map(transferSyntax)
    .filter((syntax): syntax is TransferSyntax => syntax !== undefined);
  const [stored, another] = known.filter((syntax) => syntax.encapsulated);
  if (stored && !another) return stored.uid;
  const { ExplicitVrLittleEndian, ImplicitVrLittleEndian } = TransferSyntaxes;
  const chosen =
    known.find(({ uid }) => uid === ExplicitVrLittleEndian.uid) ??
    known.find(({ uid }) => uid !== ImplicitVrLittleEndian.uid) ??
    known[0];
  return chosen?.uid;
}

/** The answer to each proposed presentation context; `storage` says whether instances are welcome now. */
export function answerContexts(
  proposals: readonly ContextProposal[],
  storage: boolean,
): readonly ContextResult[] {
  const seen = new Set<number>();
  return proposals.map((proposal) => {
    const isValid = proposal.id % 2 === 1 && !seen.has(proposal.id);
    seen.add(proposal.id);
    return isValid ? answerContext(proposal, storage) : refused(proposal, ContextResults.noReason);
  });
}

function answerContext(proposal: ContextProposal, storage: boolean): ContextResult {
  const isEcho = proposal.abstractSyntax === SopClasses.verification;
  if (!isEcho && !isStorageSopClass(proposal.abstractSyntax)) {
    return refused(proposal, ContextResults.abstractSyntaxRejected);
  }
  if (!isEcho && !storage) return refused(proposal, ContextResults.userRejected);
  const chosen = chooseTransferSyntax(proposal.transferSyntaxes);
  if (chosen === undefined) return refused(proposal, ContextResults.transferSyntaxesRejected);
  return { id: proposal.id, result: ContextResults.accepted, transferSyntax: chosen };
}

/** A refused context still carries a transfer syntax, which says nothing: some peers cannot read an item without. */
function refused({ id, transferSyntaxes }: ContextProposal, result: number): ContextResult {
  return { id, result, transferSyntax: transferSyntaxes[0] ?? TransferSyntaxes.ImplicitVrLittleEndian.uid };
}
