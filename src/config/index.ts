/** Turns a file and the environment into one validated, frozen, printable value. */
export { ConfigError } from './config-error.js';
export { configReference, dumpConfig } from './dump.js';
export { loadConfig, type Config, type PeerConfig } from './load.js';
export { allowsAnonymous, BUILT_IN_ROLES } from './rules-access.js';
