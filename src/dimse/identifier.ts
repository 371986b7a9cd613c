import { GatewayError } from '../core/index.js';
import { encodeDataset, Tags, transferSyntax, type Dataset, type TransferSyntax } from '../dicom/index.js';
import type { QueryRetrieveLevel } from './contract.js';
import type { AcceptedContext } from './negotiation.js';

/** The syntax that identifiers have in a context. @throws GatewayError `internal` when it is none of ours */
export function identifierSyntax(presentation: AcceptedContext): TransferSyntax {
  const syntax = transferSyntax(presentation.transferSyntaxUid);
  if (!syntax) throw new GatewayError('internal', 'The transfer syntax of the identifier is unknown.');
  return syntax;
}

/** The bytes of an identifier; its Query/Retrieve Level is set in it. */
export function encodeIdentifier(
  identifier: Dataset,
  level: QueryRetrieveLevel,
  presentation: AcceptedContext,
): Buffer {
  if (identifier.string(Tags.QueryRetrieveLevel) !== level)
    identifier.setString(Tags.QueryRetrieveLevel, level);
  return encodeDataset(identifier, identifierSyntax(presentation));
}
