import type { GatewayError } from '../core/index.js';

/** What to look at after a step of a check failed, in the words of whoever configures the PACS; empty for what says all itself. */
export function adviceOf(step: string, { code }: Pick<GatewayError, 'code'>, moveHint: string): string {
  switch (code) {
    case 'peer-unreachable':
      return 'Check host and port, that no firewall stands between, and whether TLS is spoken on this port.';
    case 'peer-rejected':
      return 'Check the AE titles: the PACS must know the calling one, and answer to the called one.';
    case 'peer-unsupported':
      return 'The PACS does not offer this service to the gateway; allow it for its AE title.';
    case 'peer-move-destination':
    case 'peer-not-authorized':
      return moveHint;
    case 'peer-timeout':
      return step === 'C-MOVE'
        ? sentElsewhere(moveHint)
        : 'The PACS accepted the connection and did not answer in time.';
    case 'peer-aborted':
    case 'peer-failed':
      // Orthanc has no status for it: it logs that the AE title is not in DicomModalities, and aborts or answers C000.
      return step === 'C-MOVE'
        ? `So do archives that have no entry for the gateway, Orthanc among them. ${moveHint}`
        : '';
    case 'peer-incomplete':
      return step === 'C-MOVE' ? sentElsewhere(moveHint) : '';
    default:
      return '';
  }
}

const sentElsewhere = (moveHint: string): string =>
  `It may have another address for the gateway, or a firewall stands on the way back. ${moveHint}`;
