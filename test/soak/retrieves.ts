import {
  archiveIs,
  fileIs,
  filesAre,
  metadataAre,
  partsAre,
  pictureIs,
  rowsAre,
  transcodedAre,
} from './checks.js';
import { instancePath, seriesPath, studyPath, type Client } from './context.js';
import type { KnownInstance } from './world.js';

const JPEG_LS = '1.2.840.10008.1.2.4.80';
const THUMBNAIL_PIXELS = 256;

/** Files in whatever transfer syntax they are stored. */
export const AS_STORED = { accept: 'multipart/related; type="application/dicom"; transfer-syntax=*' };
const OCTETS = { accept: 'multipart/related; type="application/octet-stream"; transfer-syntax=*' };

export async function wholeStudy(client: Client): Promise<void> {
  const study = client.study();
  await client.ask('study', studyPath(study), filesAre(study.instances), { headers: AS_STORED });
}

export async function wholeSeries(client: Client): Promise<void> {
  const { instances } = client.series();
  if (!instances[0]) return;
  await client.ask('series', seriesPath(instances[0]), filesAre(instances), { headers: AS_STORED });
}

export async function oneInstance(client: Client): Promise<void> {
  const instance = client.instance();
  const headers = { accept: 'application/dicom; transfer-syntax=*' };
  await client.ask('instance', instancePath(instance), fileIs(instance), { headers });
}

export async function archive(client: Client): Promise<void> {
  const { instances } = client.series();
  if (!instances[0]) return;
  const headers = { accept: 'application/zip; transfer-syntax=*' };
  await client.ask('archive', seriesPath(instances[0]), archiveIs(instances), { headers });
}

export async function metadata(client: Client): Promise<void> {
  const study = client.study();
  await client.ask('metadata', `${studyPath(study)}/metadata`, metadataAre(study.instances));
}

async function frameOf(client: Client, instance: KnownInstance): Promise<void> {
  const number = client.below(instance.frames.length);
  const expected = instance.frames[number] ?? '';
  const path = `${instancePath(instance)}/frames/${number + 1}`;
  await client.ask('frame', path, partsAre([expected]), { headers: OCTETS });
}

export const frame = (client: Client): Promise<void> => frameOf(client, client.instance());

export async function bulkData(client: Client): Promise<void> {
  const instance = client.instance();
  const path = `${instancePath(instance)}/bulkdata/7FE00010`;
  await client.ask('bulk data', path, partsAre([instance.pixels]), { headers: OCTETS });
}

export async function rendered(client: Client): Promise<void> {
  const instance = client.instance();
  const path = `${instancePath(instance)}${instance.frames.length > 1 ? '/frames/1' : ''}/rendered`;
  await client.ask('rendered', path, pictureIs(instance), { headers: { accept: 'image/jpeg' } });
}

export async function thumbnail(client: Client): Promise<void> {
  const instance = client.instance();
  const check = pictureIs(instance, THUMBNAIL_PIXELS);
  await client.ask('thumbnail', `${instancePath(instance)}/thumbnail`, check);
}

export async function transcoded(client: Client): Promise<void> {
  const [, second] = client.study().series;
  const first = second?.instances[0];
  if (!second || !first) return;
  const headers = { accept: `multipart/related; type="application/dicom"; transfer-syntax=${JPEG_LS}` };
  await client.ask('to JPEG-LS', seriesPath(first), transcodedAre(second.instances, JPEG_LS), { headers });
}

export async function wadoUri(client: Client): Promise<void> {
  const instance = client.instance();
  const isFile = client.below(2) === 0;
  const query = new URLSearchParams({
    requestType: 'WADO',
    studyUID: instance.studyUid,
    seriesUID: instance.seriesUid,
    objectUID: instance.sopUid,
    contentType: isFile ? 'application/dicom' : 'image/jpeg',
  });
  const check = isFile ? fileIs(instance) : pictureIs(instance);
  await client.ask('WADO-URI', `/wado?${query.toString()}`, check);
}

/** As OHIF does: the series of a study, all their metadata at once, then frames over six connections. */
export async function viewer(client: Client): Promise<void> {
  const study = client.study();
  const path = studyPath(study);
  const uids = study.series.map(({ uid }) => uid);
  await client.ask('viewer: series', `${path}/series`, rowsAre('0020000E', uids));
  await Promise.all(
    study.series.map(({ uid, instances }) =>
      client.ask('viewer: metadata', `${path}/series/${uid}/metadata`, metadataAre(instances)),
    ),
  );
  const [series] = study.series;
  await Promise.all((series?.instances ?? []).map((instance) => frameOf(client, instance)));
}
