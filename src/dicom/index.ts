/** PS3.5, PS3.6 and PS3.10 as functions of bytes: no sockets, no files, no clock. */
export { BitJoiner } from './bit-joiner.js';
export { DatasetIndexer, type DatasetIndex, type DatasetUids } from './dataset-index.js';
export {
  allKeywords,
  attributeByKeyword,
  attributeByTag,
  isKeywordInAnyCase,
  type AttributeInfo,
} from './dictionary.js';
export { frameCount, requireDeclaredFrames, frameLength, frameRanges, readFrame } from './frames.js';
export { indexForFrame } from './frames-so-far.js';
export { deflate } from './deflate.js';
export {
  MOST_PIXELS,
  nativeFrameBytes,
  sampleBytes,
  uncompressedFrameBytes,
  type EncodedFrame,
  type FrameShape,
  type NativeFrame,
} from './frame-shape.js';
export { withOwnChrominance } from './shared-chrominance.js';
export { isImageClass, mayBeImage } from './image-classes.js';
export { inflate } from './inflate.js';
export { Part10Reader, part10Header, type DatasetSink, type Part10Meta } from './part10.js';
export { toExplicitLittleEndian, toImplicitLittleEndian } from './re-encode.js';
export {
  encapsulatedPixelHeader,
  fitsNative,
  fragmentAround,
  headerWith,
  nativePixelHeader,
  offsetTags,
  pixelDelimiter,
} from './pixel-edit.js';
export { decodedEdits, derivedEdits, lossyEdits, lossyMethod, newInstanceEdits } from './lossy-attributes.js';
export type { ElementEdit } from './element-edit.js';
export { changeCuts, withCuts, type AttributeChange } from './coercion.js';
export { surveyDataset } from './survey.js';
export { surveyedDataset, textFor } from './surveyed-text.js';
export { fitsVr } from './vr-form.js';
export type { RepeatedElements } from './repeated-elements.js';
export { readAttributes } from './read-attributes.js';
export { InflatedSource } from './inflated-source.js';
export { readRanges } from './read-ranges.js';
export type { ByteRange } from './dataset-index-pixel-data.js';
export { missingAttributes, requiredAttributes } from './required-attributes.js';
export { requireStandardVrs } from './standard-vrs.js';
export { readSource } from './read-source.js';
export {
  DatasetReader,
  type DatasetVisitor,
  type ElementHeader,
  type ReaderLimits,
  type ValueMode,
} from './reader.js';
export { formatTag, isGroupLength, isPrivateTag, parseTag, type Tag } from './tag.js';
export { Tags } from './tags.js';
export { allTransferSyntaxes, isVideo, transferSyntax } from './transfer-syntax.js';
export {
  TransferSyntaxes,
  transferSyntaxesOfNoInstance,
  type TransferSyntax,
} from './transfer-syntax-table.js';
export { implementationClassUid, implementationVersionName, isArchivedUid, isUid } from './uid.js';
export { textValues, trimTrailing } from './value-text.js';
export { isVr, vrTraits, type Vr } from './vr.js';
export { documentMediaType, locateDocument, type EncapsulatedDocument } from './encapsulated-document.js';
export {
  readContentTree,
  type ContentItem,
  type ContentOptions,
  type ContentVisitor,
} from './content-tree.js';
export { escapeXmlAttribute, escapeXmlText } from './xml-text.js';
export { locateElement } from './bulk-data.js';
export { listBulkData, MOST_BULK_DATA, type BulkDataOptions } from './bulk-data-list.js';
export {
  defaultCharacterSets,
  encodeText,
  isAsciiText,
  holdsText,
  preferredCharacterSets,
  seenSetsWith,
  unencodable,
  usualCharacterSets,
} from './character-set-encode.js';
export { bareCodes, isCutInRun } from './character-set-bare.js';
export { decodeText } from './character-set.js';
export { foldTwins } from './character-twins.js';
export { Dataset } from './dataset.js';
export { DatasetBuilder, decodeDataset } from './decode-dataset.js';
export type {
  DicomJsonElement,
  DicomJsonObject,
  DicomJsonValue,
  NumericStrings,
} from './dicom-json-value.js';
export { writeDicomJson } from './dicom-json-writer.js';
export type { MetadataOptions } from './metadata-visitor.js';
export { datasetToJson, formatDicomJson } from './dicom-json.js';
export { encapsulatedFrames } from './encapsulate.js';
export { encodeDataset } from './encode-dataset.js';
export { formatNativeXml } from './native-xml.js';
export { writeNativeXml } from './native-xml-writer.js';
export {
  elementHeader,
  encodeDicomJson,
  requireUnits,
  type BulkGap,
  type DatasetPiece,
} from './json-encoder.js';
export { parseDicomJson, readDicomJson, type DicomJsonDocument, type UnreadDataset } from './json-model.js';
export { NativeXmlReader, type NativeXmlLimits } from './native-xml-reader.js';
export type { LocatedElement } from './value-places.js';
