import { Tags, type Tag } from '../dicom/index.js';
import type { Collected } from './look-collector.js';
import { ShownTags } from './look-tags.js';

/** What a presentation state says of how its images are shown. @see PS3.3 A.33.1, A.33.2 */
export const StateContents: Collected = {
  tags: new Set<Tag>([
    ...ShownTags,
    Tags.SpecificCharacterSet,
    Tags.StudyInstanceUID,
    Tags.SeriesInstanceUID,
    Tags.ReferencedSOPClassUID,
    Tags.ReferencedSOPInstanceUID,
    Tags.ReferencedFrameNumber,
    Tags.BoundingBoxAnnotationUnits,
    Tags.AnchorPointAnnotationUnits,
    Tags.GraphicAnnotationUnits,
    Tags.UnformattedTextValue,
    Tags.BoundingBoxTopLeftHandCorner,
    Tags.BoundingBoxBottomRightHandCorner,
    Tags.BoundingBoxTextHorizontalJustification,
    Tags.AnchorPoint,
    Tags.AnchorPointVisibility,
    Tags.GraphicData,
    Tags.GraphicType,
    Tags.GraphicFilled,
    Tags.ImageHorizontalFlip,
    Tags.ImageRotation,
    Tags.DisplayedAreaTopLeftHandCorner,
    Tags.DisplayedAreaBottomRightHandCorner,
    Tags.PresentationPixelSpacing,
    Tags.PresentationPixelAspectRatio,
  ]),
  sequences: new Set<Tag>([
    Tags.ReferencedSeriesSequence,
    Tags.ReferencedImageSequence,
    Tags.ModalityLUTSequence,
    Tags.SoftcopyVOILUTSequence,
    Tags.VOILUTSequence,
    Tags.MaskSubtractionSequence,
    Tags.GraphicAnnotationSequence,
    Tags.TextObjectSequence,
    Tags.GraphicObjectSequence,
    Tags.CompoundGraphicSequence,
    Tags.DisplayedAreaSelectionSequence,
    Tags.PresentationLUTSequence,
  ]),
};
