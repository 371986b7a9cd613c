import { rowsAre } from './checks.js';
import { seriesPath, studyPath, type Client } from './context.js';

const STUDY = '0020000D';
const SERIES = '0020000E';
const INSTANCE = '00080018';

/** All studies: those of the world and, beside them, only those that clients stored into. */
export async function allStudies(client: Client): Promise<void> {
  const uids = client.shared.world[client.peer].map(({ uid }) => uid);
  const check = rowsAre(STUDY, uids, (uid) => client.shared.inbox.holds(uid));
  await client.ask('search: all studies', '/studies', check);
}

export async function oneStudy(client: Client): Promise<void> {
  const study = client.study();
  const key = client.pick([
    `PatientID=${study.patientId}`,
    `AccessionNumber=${study.accessionNumber}`,
    `StudyInstanceUID=${study.uid}`,
  ]);
  await client.ask('search: one study', `/studies?${key}`, rowsAre(STUDY, [study.uid]));
}

/** What is not there is an empty list only when the PACS said so. */
export async function noStudy(client: Client): Promise<void> {
  await client.ask('search: no study', `/studies?PatientID=NOBODY${client.below(1000)}`, rowsAre(STUDY, []));
}

export async function seriesOfStudy(client: Client): Promise<void> {
  const study = client.study();
  const check = rowsAre(
    SERIES,
    study.series.map(({ uid }) => uid),
  );
  await client.ask('search: series', `${studyPath(study)}/series`, check);
}

export async function instancesOfSeries(client: Client): Promise<void> {
  const { instances } = client.series();
  const [first] = instances;
  if (!first) return;
  const uids = instances.map(({ sopUid }) => sopUid);
  await client.ask('search: instances', `${seriesPath(first)}/instances`, rowsAre(INSTANCE, uids));
}

export async function instancesOfStudy(client: Client): Promise<void> {
  const study = client.study();
  const uids = study.instances.map(({ sopUid }) => sopUid);
  await client.ask('search: instances', `${studyPath(study)}/instances`, rowsAre(INSTANCE, uids));
}
