/** Clients that go away, read slowly or not at all. */
import { filesAre, metadataAre } from './checks.js';
import { studyPath, type Client } from './context.js';
import { AS_STORED } from './retrieves.js';

/** Goes away somewhere in the body. */
export async function leavesInBody(client: Client): Promise<void> {
  const study = client.study();
  const pace = { leaveAfterBytes: 1 + client.below(1_500_000) };
  await client.ask('leaves in the body', studyPath(study), filesAre(study.instances), {
    headers: AS_STORED,
    pace,
  });
}

/** Goes away at some time, perhaps before the answer begins. */
export async function leavesSoon(client: Client): Promise<void> {
  const study = client.study();
  const pace = { leaveAfterMs: client.below(300) };
  const isFiles = client.below(2) === 0;
  const check = isFiles ? filesAre(study.instances) : metadataAre(study.instances);
  const path = `${studyPath(study)}${isFiles ? '' : '/metadata'}`;
  await client.ask('leaves soon', path, check, { pace, headers: isFiles ? AS_STORED : {} });
}

export async function readsSlowly(client: Client): Promise<void> {
  const study = client.study();
  const pace = { bytesPerSecond: 200_000 + client.below(800_000) };
  await client.ask('reads slowly', studyPath(study), filesAre(study.instances), { headers: AS_STORED, pace });
}

/** Reads nothing for some seconds, and then all of it or never any. */
export async function readsNothing(client: Client): Promise<void> {
  const study = client.study();
  const deafMs = 3000 + client.below(10_000);
  const pace = client.below(2) === 0 ? { deafMs } : { deafMs: 10 * deafMs, leaveAfterMs: deafMs };
  await client.ask('reads nothing', studyPath(study), filesAre(study.instances), {
    headers: AS_STORED,
    pace,
  });
}
