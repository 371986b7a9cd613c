import { listing, selected, type ListingOptions } from './listing.js';
import {
  final,
  startRoguePeer,
  store,
  type RogueInstance,
  type RoguePeer,
  type Script,
  type Step,
} from './rogue-peer.js';
import { peerYaml, startTestGateway, type TestGateway } from './test-gateway.js';

export interface SceneOptions extends ListingOptions {
  readonly instances: readonly RogueInstance[];
  /** Configuration beside the peer's, or below it where it is indented by four. */
  readonly yaml?: string;
  /** In place of one step for each instance and a final response. */
  readonly onGet?: (wanted: readonly RogueInstance[]) => readonly Step[];
  readonly onFind?: Script;
}

/** A scripted PACS that lists and delivers `instances`, and a gateway in front of it. */
export interface Scene {
  readonly peer: RoguePeer;
  readonly gateway: TestGateway;
  /** SOP Instance UIDs in the order in which the PACS was asked for them. */
  readonly asked: readonly string[];
  readonly url: (path: string) => string;
  readonly close: () => Promise<void>;
}

export async function startScene(options: SceneOptions): Promise<Scene> {
  const { instances, yaml = '', onFind, onGet } = options;
  const asked: string[] = [];
  const peer = await startRoguePeer({
    onFind: onFind ?? listing(instances, options),
    onGet: (_request, identifier) => {
      const list = (identifier.get(0x00080018) ?? '').split('\\');
      const place = (one: RogueInstance): number => list.indexOf(one.sopInstanceUid);
      const wanted = [...selected(instances, identifier)].sort((a, b) => place(a) - place(b));
      asked.push(...wanted.map(({ sopInstanceUid }) => sopInstanceUid));
      return onGet ? onGet(wanted) : [...wanted.map((one) => store(one)), final()];
    },
  });
  const gateway = await startTestGateway(
    peerYaml(`${peer.address.aeTitle}@127.0.0.1:${peer.address.port}`, yaml),
  );
  return {
    peer,
    gateway,
    asked,
    url: (path) => `${gateway.service}${path}`,
    close: async () => {
      await gateway.close();
      await peer.close();
    },
  };
}
