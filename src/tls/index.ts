/** Certificates that are renewed while the gateway runs, the TLS profiles of DICOM, and what failures of TLS mean. */
export { tlsFailure } from './failure.js';
export type { CertificateFiles, CertificateMaterial } from './material.js';
export { secureContextOptions, type TlsSettings } from './profile.js';
export { Certificates, type WatchedCertificates } from './watch.js';
