import { pdu, type RogueOperation } from './rogue-peer.js';
import { encodeCommand, pdvs } from './rogue-peer-wire.js';

/** The bytes of a C-STORE response with success. */
export function storeResponse({ contextId, request }: RogueOperation): Buffer {
  const command = encodeCommand({
    dataSetType: 0x0101,
    commandField: 0x8001,
    messageIdRespondedTo: request.messageId,
    affectedSopClassUid: request.affectedSopClassUid,
    affectedSopInstanceUid: request.affectedSopInstanceUid,
    status: 0,
  });
  return pdu(4, Buffer.concat([...pdvs(contextId, 'command', [command], {})]));
}
