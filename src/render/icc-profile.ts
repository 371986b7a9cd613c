import { Tags, type Dataset } from '../dicom/index.js';
import { bytesOf } from './look-values.js';
import type { LookDatasets } from './look-datasets.js';

/** The profile of the colours of a frame: of the image, or of its optical path. @see PS3.3 C.11.15, C.8.12.5 */
export function iccProfileOf(groups: LookDatasets): Uint8Array | undefined {
  const own = bytesOf(groups.dataset, Tags.ICCProfile);
  const profile = own.length > 0 ? own : opticalPathProfile(groups);
  return profile && profile.length > 0 ? new Uint8Array(profile) : undefined;
}

function opticalPathProfile({ dataset, shared, own }: LookDatasets): Buffer | undefined {
  const paths = dataset.items(Tags.OpticalPathSequence);
  const identified = [own, shared]
    .map((groups) => groups?.items(Tags.OpticalPathIdentificationSequence)[0])
    .map((item) => item?.string(Tags.OpticalPathIdentifier))
    .find((identifier) => identifier !== undefined);
  const isIts = (path: Dataset): boolean => path.string(Tags.OpticalPathIdentifier) === identified;
  const path = paths.length === 1 ? paths[0] : paths.find(isIts);
  return path && bytesOf(path, Tags.ICCProfile);
}
