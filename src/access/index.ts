/** Who asks, and what that one may do: a decision that knows nothing of HTTP but its Authorization header. */
export type {
  AccessControl,
  AccessSettings,
  Admission,
  Asking,
  AttributeTemplate,
  ClientCertificate,
  Credentials,
  Issuer,
  Need,
  Role,
  ValueTemplate,
} from './contract.js';
export { createAccess, hashToken } from './create-access.js';
export { hashPassword, isPassword } from './passwords.js';
