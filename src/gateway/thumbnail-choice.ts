import { isImageClass, mayBeImage } from '../dicom/index.js';
import type { ListedInstance, ListedSeries } from './listing.js';

/** Modalities of series that hold no images to show, or none that stand for the study. @see PS3.3 C.7.3.1.1.1 */
const withoutImages: ReadonlySet<string> = new Set(
  'ASMT AU AUDIO CTPROTOCOL DOC ECG EEG EMG EOG EPS FID HD KER KO LEN M3D OPV OSS PLAN PR REG RESP RTINTENT RTPLAN RTRAD RTRECORD RTSEGANN RTSTRUCT RWV SMR SR SRF STAIN TEXTUREMAP VA'.split(
    ' ',
  ),
);

/** An archive's own order, for numbers that it does not return. */
const last = Number.MAX_SAFE_INTEGER;

/** Made of other images: what it is of says more. */
const isSegmentation = ({ modality }: ListedSeries): number => Number(modality === 'SEG');

/**
 * The series that may stand for a study, the likeliest first: by number, segmentations last, those of reports and the like
 * never.
 */
export const likelySeries = (series: readonly ListedSeries[]): readonly ListedSeries[] =>
  series
    .filter(({ modality, instances }) => !withoutImages.has(modality ?? '') && instances !== 0)
    .sort((a, b) => isSegmentation(a) - isSegmentation(b) || (a.number ?? last) - (b.number ?? last));

/**
 * The instances that may stand for a series, the likeliest first: the image in the middle by Instance Number, then those
 * around it. Where no image is certain those of which nothing is known come in their place.
 */
export function likelyInstances(list: readonly ListedInstance[]): readonly ListedInstance[] {
  const isImage = ({ sopClassUid }: ListedInstance): boolean =>
    sopClassUid !== undefined && isImageClass(sopClassUid);
  const images = list.filter(isImage);
  const chosen = images.length > 0 ? images : list.filter(({ sopClassUid }) => mayBeImage(sopClassUid));
  const sorted = [...chosen].sort((a, b) => (a.instanceNumber ?? last) - (b.instanceNumber ?? last));
  const middle = (sorted.length - 1) / 2;
  return sorted
    .map((one, at) => ({ one, away: Math.abs(at - middle) }))
    .sort((a, b) => a.away - b.away)
    .map(({ one }) => one);
}
