import { transferSyntax, TransferSyntaxes, type TransferSyntax } from '../dicom/index.js';
import { plainTransferSyntaxes } from './context-sets.js';
import type { RoleSelection } from './pdu-items.js';
import { ContextResults, type AssociateRequest, type ContextProposal, type ContextResult } from './pdu.js';
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

/** What is welcome on an association now. */
export interface Welcome {
  /** Instances. */
  readonly storage: boolean;
  /** Reports of storage commitment. */
  readonly events?: boolean;
  /** What the requestor says of its roles. */
  readonly roles?: readonly RoleSelection[];
}

/** The answer to each proposed presentation context. */
export function answerContexts(
  proposals: readonly ContextProposal[],
  welcome: Welcome,
): readonly ContextResult[] {
  const seen = new Set<number>();
  return proposals.map((proposal) => {
    const isValid = proposal.id % 2 === 1 && !seen.has(proposal.id);
    seen.add(proposal.id);
    return isValid ? answerContext(proposal, welcome) : refused(proposal, ContextResults.noReason);
  });
}

/**
 * The answer to the role selections of an association on which reports of storage commitment are taken: who opens it is
 * the SCP, as far as it has said so. Of other SOP classes the default roles stay.
 *
 * @see PS3.7 D.3.3.4, PS3.4 J.3.3.1.3
 */
export function answerRoles(proposed: readonly RoleSelection[], events: boolean): readonly RoleSelection[] {
  return proposed
    .filter(({ sopClassUid }) => events && sopClassUid === SopClasses.storageCommitment)
    .map(({ sopClassUid, scp }) => ({ sopClassUid, scu: false, scp }));
}

/**
 * Reports come from the SCP of storage commitment. Peers that forget to say that they are it are taken for it; one that
 * says that it is an SCU alone wants what the gateway does not do.
 */
function answerEvents(proposal: ContextProposal, { events, roles = [] }: Welcome): ContextResult {
  if (!events) return refused(proposal, ContextResults.userRejected);
  const role = roles.find(({ sopClassUid }) => sopClassUid === SopClasses.storageCommitment);
  if (role && !role.scp) return refused(proposal, ContextResults.abstractSyntaxRejected);
  const chosen = plainTransferSyntaxes.find((uid) => proposal.transferSyntaxes.includes(uid));
  if (chosen === undefined) return refused(proposal, ContextResults.transferSyntaxesRejected);
  return { id: proposal.id, result: ContextResults.accepted, transferSyntax: chosen };
}

function answerContext(proposal: ContextProposal, welcome: Welcome): ContextResult {
  if (proposal.abstractSyntax === SopClasses.storageCommitment) return answerEvents(proposal, welcome);
  const isEcho = proposal.abstractSyntax === SopClasses.verification;
  if (!isEcho && !isStorageSopClass(proposal.abstractSyntax)) {
    return refused(proposal, ContextResults.abstractSyntaxRejected);
  }
  if (!isEcho && !welcome.storage) return refused(proposal, ContextResults.userRejected);
  const chosen = chooseTransferSyntax(proposal.transferSyntaxes);
  if (chosen === undefined) return refused(proposal, ContextResults.transferSyntaxesRejected);
  return { id: proposal.id, result: ContextResults.accepted, transferSyntax: chosen };
}

/** A refused context still carries a transfer syntax, which says nothing: some peers cannot read an item without. */
function refused({ id, transferSyntaxes }: ContextProposal, result: number): ContextResult {
  return { id, result, transferSyntax: transferSyntaxes[0] ?? TransferSyntaxes.ImplicitVrLittleEndian.uid };
}

/** Ids of the contexts in which storage commitment is proposed. */
export function eventContextIds({ contexts }: AssociateRequest): readonly number[] {
  return contexts.flatMap(({ id, abstractSyntax }) =>
    abstractSyntax === SopClasses.storageCommitment ? [id] : [],
  );
}
