import { retrieveUrl, type RetrieveTarget } from '../dicomweb/index.js';

/** What all pixel data of an instance go by. */
export const PIXEL_DATA = '7FE00010';

/** The URI of a value of an instance: what the metadata hand out, and every answer with the value has. @see rules W-05, W-49 */
export const bulkDataUri = (serviceUrl: string, instance: Required<RetrieveTarget>, path: string): string =>
  retrieveUrl(serviceUrl, instance) + bulkDataSuffix(path);

/** The same below the URL of the instance. */
export const bulkDataSuffix = (path: string): string =>
  path === PIXEL_DATA ? '/pixeldata' : `/bulkdata/${path}`;
