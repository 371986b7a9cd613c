import { GatewayError, type OperationContext } from '../core/index.js';
import { Tags } from '../dicom/index.js';
import type { Peer } from '../dimse/index.js';
import { listingIdentifier, retrieveIdentifier } from '../query/index.js';
import { drain } from './arrival-writer.js';
import { NameReader } from './name-reader.js';

/** The UIDs of some instance of the peer, the first it names. */
export interface Sample {
  readonly studyInstanceUid: string;
  readonly seriesInstanceUid: string;
  readonly sopInstanceUid: string;
  readonly sopClassUid: string | undefined;
  /** Another one of its series, if there is one. */
  readonly second: string | undefined;
}

/** The first rows of an answer; the rest is not asked for. */
async function firstRows(
  peer: Peer,
  level: 'STUDY' | 'SERIES' | 'IMAGE',
  target: Parameters<typeof listingIdentifier>[1],
  context: OperationContext,
): Promise<readonly ReturnType<typeof listingIdentifier>[]> {
  const rows = [];
  for await (const row of peer.find(level, listingIdentifier(level, target), context)) {
    rows.push(row);
    if (rows.length === (level === 'IMAGE' ? 2 : 1)) break;
  }
  return rows;
}

/**
 * An instance to try retrieves with: of `study` if that is given and there, else of the first that the peer names.
 * @throws GatewayError
 */
export async function findSample(
  peer: Peer,
  study: string | undefined,
  context: OperationContext,
): Promise<Sample | undefined> {
  const given = study === undefined ? undefined : await sampleOf(peer, study, context);
  if (given) return given;
  const [row] = await firstRows(peer, 'STUDY', {}, context);
  const first = row?.string(Tags.StudyInstanceUID);
  return first === undefined ? undefined : sampleOf(peer, first, context);
}

async function sampleOf(
  peer: Peer,
  studyInstanceUid: string,
  context: OperationContext,
): Promise<Sample | undefined> {
  const [series] = await firstRows(peer, 'SERIES', { studyInstanceUid }, context);
  const seriesInstanceUid = series?.string(Tags.SeriesInstanceUID);
  // A peer that passes over UIDs shows series of others.
  const isOther = (series?.string(Tags.StudyInstanceUID) ?? studyInstanceUid) !== studyInstanceUid;
  if (seriesInstanceUid === undefined || isOther) return undefined;
  const [image, other] = await firstRows(peer, 'IMAGE', { studyInstanceUid, seriesInstanceUid }, context);
  const sopInstanceUid = image?.string(Tags.SOPInstanceUID);
  if (sopInstanceUid === undefined) return undefined;
  const sopClassUid = image?.string(Tags.SOPClassUID);
  const second = other?.string(Tags.SOPInstanceUID);
  return { studyInstanceUid, seriesInstanceUid, sopInstanceUid, sopClassUid, second };
}

/** What came of a retrieve of one instance. */
export interface Retrieved {
  /** In words. */
  readonly text: string;
  /** The patient's name as it is stored, where it could be read. Never to be told. */
  readonly name: string | undefined;
}

/** Retrieves the instance. @throws GatewayError `peer-incomplete` when it does not come, or why it does not */
export async function retrieveSample(
  peer: Peer,
  sample: Sample,
  context: OperationContext,
): Promise<Retrieved> {
  let bytes = 0;
  let transferSyntaxUid = '';
  let names: NameReader | undefined;
  const { level, identifier } = retrieveIdentifier(sample);
  const sopClassUids = sample.sopClassUid === undefined ? [] : [sample.sopClassUid];
  const completion = await peer.retrieve(
    { level, identifier, sopClassUids },
    (incoming) => {
      transferSyntaxUid = incoming.transferSyntaxUid;
      const reader = new NameReader(transferSyntaxUid);
      names = reader;
      const write = (chunk: Buffer): void => {
        bytes += chunk.length;
        reader.push(chunk);
      };
      return { ...drain, write };
    },
    context,
  );
  if (completion.received > 0)
    return { text: `one instance, ${bytes} bytes in ${transferSyntaxUid}`, name: names?.name };
  throw new GatewayError(
    'peer-incomplete',
    'The PACS reported the end of the retrieve and sent no instance.',
  );
}
