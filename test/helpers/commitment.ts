/** Documents of storage commitment (PS3.18 annex J), written and read for tests. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { CommitmentPayload } from '../../src/dicomweb/index.js';
import {
  openReporting,
  startRoguePeer,
  type RogueAssociation,
  type RoguePeer,
  type RoguePeerOptions,
} from './rogue-peer.js';
import { peerYaml, request, startTestGateway, type RawResponse, type TestGateway } from './test-gateway.js';

const CT = '1.2.840.10008.5.1.4.1.1.2';

/** An instance that is asked for. */
export interface Wanted {
  readonly study: string;
  readonly series: string;
  readonly sopInstanceUid: string;
}

type Items = Readonly<Record<string, { readonly vr: string; readonly Value: readonly unknown[] }>>;

const uid = (tag: string, value: string): Items => ({ [tag]: { vr: 'UI', Value: [value] } });
const sequence = (tag: string, items: readonly unknown[]): Items => ({ [tag]: { vr: 'SQ', Value: items } });

/** An item of the flat shape. */
export const instanceItem = (sopInstanceUid: string, sopClassUid = CT): Items => ({
  ...uid('00081150', sopClassUid),
  ...uid('00081155', sopInstanceUid),
});

/** A request for CT images in DICOM JSON; those of a study, and of a series, stand together. */
export function commitmentJson(wanted: readonly Wanted[], shape: CommitmentPayload['shape']): Items {
  if (shape === 'flat')
    return sequence(
      '00081199',
      wanted.map(({ sopInstanceUid }) => instanceItem(sopInstanceUid)),
    );
  const of = (key: 'study' | 'series', all: readonly Wanted[]): readonly (readonly Wanted[])[] =>
    [...new Set(all.map((one) => one[key]))].map((value) => all.filter((one) => one[key] === value));
  return sequence(
    '00081110',
    of('study', wanted).map((study) => ({
      ...uid('0020000D', study[0]?.study ?? ''),
      ...sequence(
        '00081115',
        of('series', study).map((series) => ({
          ...uid('0020000E', series[0]?.series ?? ''),
          ...(shape === 'by-series'
            ? sequence(
                '00081199',
                series.map(({ sopInstanceUid }) => instanceItem(sopInstanceUid)),
              )
            : sequence('00081112', [
                {
                  ...uid('00081150', CT),
                  ...sequence(
                    '0008114A',
                    series.map(({ sopInstanceUid }) => uid('00081155', sopInstanceUid)),
                  ),
                },
              ])),
        })),
      ),
    })),
  );
}

/** SOP Instance UIDs of a sequence of the flat result, with their failure reasons. */
export function resultOf(
  response: RawResponse,
  tag: '00081199' | '00081198',
): readonly (readonly [string, number?])[] {
  const body = JSON.parse(response.body.toString()) as Items;
  return ((body[tag]?.Value ?? []) as Items[]).map((item) => {
    const reason = item['00081197']?.Value[0];
    const instance = String(item['00081155']?.Value[0]);
    return typeof reason === 'number' ? [instance, reason] : [instance];
  });
}

/** A gateway that takes reports of storage commitment, before a scripted PACS; both are closed by `close`. */
export interface CommitmentScene {
  readonly peer: RoguePeer;
  /** The gateway of now: `restart` puts another in its place. */
  gateway: TestGateway;
  /** Where requests are kept. */
  readonly directory: string;
  post(uid: string, wanted: readonly Wanted[], shape?: CommitmentPayload['shape']): Promise<RawResponse>;
  get(uid: string, accept?: string): Promise<RawResponse>;
  /** An association of the PACS's own, by AE title. */
  report(callingAeTitle?: string): Promise<RogueAssociation>;
  restart(): Promise<void>;
  close(): Promise<void>;
}

export interface CommitmentSceneOptions extends RoguePeerOptions {
  /** Keys of `commitment` beside its directory. */
  readonly commitment?: string;
  /** Keys of the peer, indented by four. */
  readonly peerKeys?: string;
  /** Further lines of the configuration. */
  readonly yaml?: string;
}

export async function startCommitmentScene({
  commitment = 'answerWithin: 0',
  peerKeys = '',
  yaml = '',
  ...options
}: CommitmentSceneOptions = {}): Promise<CommitmentScene> {
  const directory = mkdtempSync(join(tmpdir(), 'commitments-'));
  const peer = await startRoguePeer(options);
  const { aeTitle, port } = peer.address;
  const configuration = [
    'dimse: { aeTitle: GATEWAY, listen: "127.0.0.1:0" }',
    `commitment: { directory: ${directory}, ${commitment} }`,
    yaml,
    peerYaml(`${aeTitle}@127.0.0.1:${port}`, peerKeys),
  ].join('\n');
  const start = (): Promise<TestGateway> => startTestGateway(configuration);
  const scene: CommitmentScene = {
    peer,
    directory,
    gateway: await start(),
    post: (uid, wanted, shape = 'flat') =>
      request(`${scene.gateway.service}/commitment-requests/${uid}`, {
        method: 'POST',
        headers: { 'content-type': 'application/dicom+json' },
        body: JSON.stringify(commitmentJson(wanted, shape)),
      }),
    get: (uid, accept = '*/*') =>
      request(`${scene.gateway.service}/commitment-requests/${uid}`, { headers: { accept } }),
    report: (callingAeTitle = aeTitle) =>
      openReporting({ ...listenerOf(scene.gateway), callingAeTitle, record: peer.record }),
    restart: async () => {
      await scene.gateway.close();
      scene.gateway = await start();
    },
    close: async () => {
      await scene.gateway.close();
      await peer.close();
      rmSync(directory, { recursive: true, force: true });
    },
  };
  return scene;
}

function listenerOf({ running }: TestGateway): { readonly host: string; readonly port: number } {
  if (!running.storageScp) throw new Error('the gateway does not listen');
  return running.storageScp.listening;
}
