import { isLoopback } from './loopback.js';
import { brokenAccess } from './rules-access.js';
import { brokenAudit } from './rules-audit.js';
import { brokenDimseSecurity } from './rules-dimse.js';
import { brokenConsole } from './rules-console.js';
import { brokenGroups } from './rules-groups.js';
import type { ParsedConfig } from './schema.js';

/** A name that stands in URLs and metric labels, and cannot be taken for a property of every object. */
const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;

/** The peer or group behind the base path: the one that is named, else the only peer. */
export function defaultPeerOf(config: Pick<ParsedConfig, 'peers' | 'defaultPeer'>): string | undefined {
  const names = Object.keys(config.peers);
  return config.defaultPeer ?? (names.length === 1 ? names[0] : undefined);
}

/** What is wrong between keys that are right by themselves. */
export function* brokenRules(config: ParsedConfig): Generator<string> {
  yield* brokenAccess(config);
  yield* exposure(config);
  yield* peers(config);
  yield* brokenGroups(config, NAME);
  yield* coercions(config);
  yield* listeners(config);
  yield* brokenAudit(config);
  yield* brokenDimseSecurity(config);
  yield* brokenConsole(config);
}

function* exposure({ http }: ParsedConfig): Generator<string> {
  if (isLoopback(http.listen.host)) return;
  const where = `http.listen: ${http.listen.host} can be reached from other machines`;
  if (http.publicUrl === undefined && http.trustProxy === false) {
    yield `${where}: the URLs in answers need http.publicUrl (what clients call the gateway, such as https://pacs.example) or http.trustProxy (whose X-Forwarded headers are believed).`;
  }
}

function* peers(config: ParsedConfig): Generator<string> {
  const names = Object.keys(config.peers);
  if (names.length === 0) {
    yield 'peers: takes at least one peer, such as peers: { main: { address: "ORTHANC@127.0.0.1:4242" } }, or DICOMGW_PEER=ORTHANC@127.0.0.1:4242';
    return;
  }
  for (const name of names) {
    if (!NAME.test(name)) {
      yield `peers.${name}: a peer's name takes letters, digits, dot, hyphen and underscore, 64 at most, beginning with a letter or digit`;
    }
    if (config.peers[name]?.retrieve === 'move' && config.dimse.listen === undefined) {
      yield `peers.${name}.retrieve: move needs dimse.listen, where the peer sends the instances`;
    }
  }
  const chosen = defaultPeerOf(config);
  const all = [...names, ...Object.keys(config.groups)];
  if (chosen === undefined || !all.includes(chosen)) {
    const what = all.length > names.length ? 'peers and groups' : 'peers';
    yield `defaultPeer: must name one of the ${what} where there are several: ${all.join(', ')}`;
  }
}

function* coercions({ store }: ParsedConfig): Generator<string> {
  for (const name of Object.keys(store.coercions)) {
    if (!NAME.test(name))
      yield `store.coercions.${name}: a rule's name takes letters, digits, dot, hyphen and underscore, 64 at most, beginning with a letter or digit`;
  }
}

function* listeners({ http, admin, dimse }: ParsedConfig): Generator<string> {
  const taken = new Map<string, string>();
  for (const [path, listen] of [
    ['http.listen', http.listen],
    ['admin.listen', admin.listen],
    ['dimse.listen', dimse.listen],
  ] as const) {
    if (listen === undefined || listen.port === 0) continue;
    const place = `${listen.host} ${listen.port}`;
    const other = taken.get(place);
    if (other !== undefined) yield `${path}: takes another port than ${other}`;
    taken.set(place, path);
  }
}
