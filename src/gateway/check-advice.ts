import type { GatewayError, GatewayErrorCode } from '../core/index.js';

type Advice = Readonly<Partial<Record<GatewayErrorCode, string>>>;

const ADVICE: Advice = {
  'peer-unreachable':
    'Check host and port, that no firewall stands between, and whether TLS is spoken on this port.',
  'peer-rejected': 'Check the AE titles: the PACS must know the calling one, and answer to the called one.',
  'peer-unsupported': 'The PACS does not offer this service to the gateway; allow it for its AE title.',
  'peer-timeout': 'The PACS accepted the connection and did not answer in time.',
};

// Orthanc has no status for it: it logs that the AE title is not in DicomModalities, and aborts or answers C000.
const NO_ENTRY = 'So do archives that have no entry for the gateway, Orthanc among them.';
const ELSEWHERE = 'It may have another address for the gateway, or a firewall stands on the way back.';

/** Of a C-MOVE, with where the PACS is to send to behind it. */
const OF_MOVE: Advice = {
  'peer-aborted': NO_ENTRY,
  'peer-failed': NO_ENTRY,
  'peer-incomplete': ELSEWHERE,
  'peer-timeout': ELSEWHERE,
};

/** What to look at after a step of a check failed, in the words of whoever configures the PACS; empty for what says all itself. */
export function adviceOf(step: string, { code }: Pick<GatewayError, 'code'>, moveHint: string): string {
  if (code === 'peer-move-destination' || code === 'peer-not-authorized') return moveHint;
  const ofMove = step === 'C-MOVE' ? OF_MOVE[code] : undefined;
  return ofMove === undefined ? (ADVICE[code] ?? '') : `${ofMove} ${moveHint}`;
}
