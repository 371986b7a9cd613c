/** The audit trail: events as DICOM audit messages or JSON lines, over a spool on the disk. @see PS3.15 A.5, A.6 */
export { createAudit, type Audit } from './audit.js';
export { FileSink, StreamSink } from './lines-sink.js';
export type { Sink } from './sender.js';
export { SyslogSink } from './syslog-sink.js';
