import type { OperationContext } from '../core/index.js';
import { surveyDataset, surveyedDataset, Tags, transferSyntax } from '../dicom/index.js';
import { passesWholly, restrictionTags } from '../query/index.js';
import type { OutgoingInstance } from './outgoing-instance.js';
import type { DatasetLimits } from './ports.js';
import type { StoreTarget } from './store-targets.js';

/**
 * Whether who asks may store the instance: what it says itself is of a study that may be seen, and no peer that it goes to
 * has the study as one that may not.
 *
 * @throws GatewayError of a dataset that cannot be read, and of a peer that cannot be asked
 */
export async function mayStore(
  { meta, uids, bytes }: Pick<OutgoingInstance, 'meta' | 'uids' | 'bytes'>,
  members: readonly Pick<StoreTarget, 'guard'>[],
  limits: DatasetLimits,
  context: OperationContext,
): Promise<boolean> {
  const { restriction } = context;
  if (restriction === undefined) return true;
  const syntax = transferSyntax(meta.transferSyntaxUid);
  if (syntax === undefined) return false;
  const tags = restrictionTags(restriction);
  const survey = await surveyDataset(bytes(), syntax, [...tags, Tags.SpecificCharacterSet], limits);
  // Of an attribute that stands there twice nobody knows which one the peer goes by.
  if ([...survey.elements.values()].some((found) => found.length > 1)) return false;
  if (!passesWholly(surveyedDataset(survey, syntax), restriction)) return false;
  const { studyInstanceUid = '' } = uids;
  const standings = await Promise.all(
    members.map(({ guard }) => guard.ask(studyInstanceUid, restriction, context)),
  );
  return !standings.includes('forbidden');
}
