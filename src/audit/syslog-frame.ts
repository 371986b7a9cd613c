import type { AuditEvent } from '../core/index.js';

/** Security and authorization messages. @see RFC 5424 6.2.1 */
const FACILITY = 10;
/** Notice, warning, error. @see RFC 5424 6.2.1 */
const SEVERITY = { success: 5, minor: 4, serious: 3 } as const;
/** Sequence numbers begin anew after this one. @see RFC 5424 7.3.1 */
const LAST_NUMBER = 2 ** 31 - 1;

export interface SyslogHead {
  readonly time: string;
  readonly hostName: string;
  readonly processId: string;
  readonly outcome: AuditEvent['outcome'];
  /** The same for the same event whenever it is sent: by it a receiver sees what is missing, and what came twice. */
  readonly number: number;
}

const field = (text: string, most: number): string => text.replace(/[^\x21-\x7e]/g, '').slice(0, most) || '-';

/**
 * A syslog message in its frame: the number of its bytes, a blank, and the message.
 *
 * @see RFC 5424 6, RFC 5425 4.3 and RFC 6587 3.4.1 (octet counting), PS3.15 A.6.1 (MSGID)
 */
export function syslogFrame(head: SyslogHead, text: string): Buffer {
  const { time, hostName, processId, outcome, number } = head;
  const priority = FACILITY * 8 + SEVERITY[outcome];
  const sequence = ((number - 1) % LAST_NUMBER) + 1;
  const message = Buffer.from(
    `<${priority}>1 ${time} ${field(hostName, 255)} dicomweb-gateway ${field(processId, 128)} DICOM+RFC3881 ` +
      `[meta sequenceId="${sequence}"] ${text}`,
  );
  return Buffer.concat([Buffer.from(`${message.length} `), message]);
}
