import { Tags, type Tag } from '../dicom/index.js';

/** Elements that say how frames are shown, of an image as of a presentation state. */
export const ShownTags: readonly Tag[] = [
  Tags.SOPClassUID,
  Tags.ShutterShape,
  Tags.ShutterLeftVerticalEdge,
  Tags.ShutterRightVerticalEdge,
  Tags.ShutterUpperHorizontalEdge,
  Tags.ShutterLowerHorizontalEdge,
  Tags.CenterOfCircularShutter,
  Tags.RadiusOfCircularShutter,
  Tags.VerticesOfThePolygonalShutter,
  Tags.ShutterPresentationValue,
  Tags.WindowCenter,
  Tags.WindowWidth,
  Tags.VOILUTFunction,
  Tags.RescaleIntercept,
  Tags.RescaleSlope,
  Tags.ICCProfile,
  Tags.LUTDescriptor,
  Tags.LUTData,
  Tags.PresentationLUTShape,
];

/** Elements that say how frames are shown, in the dataset or in the sequences below. */
export const LookTags: ReadonlySet<Tag> = new Set<Tag>([
  ...ShownTags,
  Tags.FrameTime,
  Tags.FrameTimeVector,
  Tags.CineRate,
  Tags.RecommendedDisplayFrameRate,
  Tags.ImagerPixelSpacing,
  Tags.PhotometricInterpretation,
  Tags.PixelSpacing,
  Tags.PixelAspectRatio,
  Tags.BitsStored,
  Tags.HighBit,
  Tags.PixelRepresentation,
  Tags.PixelPaddingValue,
  Tags.PixelPaddingRangeLimit,
  Tags.FloatPixelPaddingValue,
  Tags.DoubleFloatPixelPaddingValue,
  Tags.FloatPixelPaddingRangeLimit,
  Tags.DoubleFloatPixelPaddingRangeLimit,
  Tags.PixelIntensityRelationship,
  Tags.RedPaletteColorLookupTableDescriptor,
  Tags.GreenPaletteColorLookupTableDescriptor,
  Tags.BluePaletteColorLookupTableDescriptor,
  Tags.RedPaletteColorLookupTableData,
  Tags.GreenPaletteColorLookupTableData,
  Tags.BluePaletteColorLookupTableData,
  Tags.SegmentedRedPaletteColorLookupTableData,
  Tags.SegmentedGreenPaletteColorLookupTableData,
  Tags.SegmentedBluePaletteColorLookupTableData,
  Tags.OpticalPathIdentifier,
]);

/** Sequences that are looked into. */
export const LookSequences: ReadonlySet<Tag> = new Set<Tag>([
  Tags.ModalityLUTSequence,
  Tags.VOILUTSequence,
  Tags.OpticalPathSequence,
  Tags.OpticalPathIdentificationSequence,
  Tags.SharedFunctionalGroupsSequence,
  Tags.PixelMeasuresSequence,
  Tags.FrameVOILUTSequence,
  Tags.FrameDisplayShutterSequence,
  Tags.PixelValueTransformationSequence,
]);

/** Element numbers in a group of overlays. @see PS3.3 C.9.2 */
export const OVERLAY_DATA = 0x3000;
export const FIRST_OVERLAY_GROUP = 0x6000;
export const LAST_OVERLAY_GROUP = 0x601e;

/** Whether a tag is one of the sixteen repeating groups of overlays. @see PS3.5 7.6 */
export function isOverlay(tag: Tag): boolean {
  const group = tag >>> 16;
  return group >= FIRST_OVERLAY_GROUP && group <= LAST_OVERLAY_GROUP && group % 2 === 0;
}
