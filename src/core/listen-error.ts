const REASONS: Readonly<Record<string, string>> = {
  EADDRINUSE: 'another program does',
  EADDRNOTAVAIL: 'this machine does not have the address',
  EACCES: 'its user may not (ports below 1024 need the capability NET_BIND_SERVICE)',
};

/** Why a listener could not be opened, as the end of a sentence; empty where the system says what nobody can act on. */
export function listenReason(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  const reason = REASONS[code] ?? code;
  return reason && `: ${reason}`;
}
