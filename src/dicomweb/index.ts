/** The HTTP grammar of PS3.18: parses and checks requests, negotiates representations, frames multipart bodies. */
export { levelOf, type AttributeLevel, type SearchLevel } from './attribute-level.js';
export { matchNames, noneMatchNames, parseRange, rangeApplies, type ByteSpan } from './conditional.js';
export {
  chooseForBulkData,
  chooseForFrames,
  chooseForInstance,
  frameConversions,
  instanceConversions,
  prefersStored,
  storedInstead,
  type FrameChoice,
  type FrameConversion,
  type InstanceChoice,
  type InstanceConversion,
} from './choose.js';
export {
  parseCommitmentRequest,
  type CommitmentPayload,
  type CommitmentReference,
} from './commitment-request.js';
export { commitmentResponse } from './commitment-response.js';
export { requireUtf8 } from './charset.js';
export type { MatchingKey } from './matching-key.js';
export { parseAccept, type MediaRange } from './media-type.js';
export { MultipartReader, type MultipartHandler, type MultipartLimits } from './multipart-reader.js';
export { MultipartWriter, newBoundary } from './multipart-writer.js';
export { negotiate, negotiateTypes, type Representation, type RetrieveResource } from './negotiate.js';
export { combineCrc32 } from './crc32-combine.js';
export type { Annotation, Viewport } from './picture-parameters.js';
export { acceptParameter } from './query-string.js';
export { parseRendered, parseThumbnail, type RenderedRequest } from './rendered-request.js';
export {
  carriesIccProfile,
  chooseRendered,
  isPictureType,
  negotiateRendered,
  type RenderedKind,
  type RenderedRepresentation,
} from './rendered-types.js';
export {
  parseBulkDataPath,
  parseFrameList,
  parseRetrieveTarget,
  requireUid,
  retrieveUrl,
  type RetrieveTarget,
} from './resource.js';
export { parseSearch, type SearchPath, type SearchRequest } from './search-request.js';
export { parseStoreContentType, type StoreForm } from './store-content-type.js';
export { bulkPartOf, isPicture, type BulkPart } from './store-part.js';
export {
  commonStudyUrl,
  storeResponse,
  type FailedInstance,
  type StoredInstance,
  type StoreOutcome,
  failureTexts,
  warningTexts,
} from './store-response.js';
export { parseWado, parseWadoTarget, type WadoRequest } from './wado-request.js';
export { formatWarning } from './warning.js';
export { ZipWriter } from './zip-writer.js';
