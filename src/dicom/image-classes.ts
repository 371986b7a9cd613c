const storage = '1.2.840.10008.5.1.4.1.1.';

/** The SOP classes of still images, by what follows the root of the storage classes. @see PS3.4 B.5 */
const images: ReadonlySet<string> = new Set([
  ...['1', '1.1', '1.1.1', '1.2', '1.2.1', '1.3', '1.3.1'],
  ...['2', '2.1', '2.2', '3', '3.1', '4', '4.1', '4.3', '4.4', '5', '6', '6.1', '6.2', '6.3'],
  ...['7', '7.1', '7.2', '7.3', '7.4'],
  ...['12.1', '12.1.1', '12.2', '12.2.1', '12.3', '13.1.1', '13.1.2', '13.1.3', '13.1.4', '13.1.5'],
  ...['14.1', '14.2', '20', '30', '66.4', '66.7', '128', '128.1', '130'],
  ...['77.1.1', '77.1.2', '77.1.3', '77.1.4', '77.1.5.1', '77.1.5.2', '77.1.5.4', '77.1.5.5', '77.1.5.7'],
  ...['77.1.6', '77.1.7', '481.1', '481.2'],
]);

/**
 * Whether instances of a SOP class are still images for certain: not videos, reports, or anything private.
 *
 * @see PS3.6 A
 */
export const isImageClass = (sopClassUid: string): boolean =>
  sopClassUid.startsWith(storage) && images.has(sopClassUid.slice(storage.length));

/** Whether instances of a SOP class may hold pixels: of a standard one it is known. */
export const mayBeImage = (sopClassUid: string | undefined): boolean =>
  sopClassUid === undefined || !sopClassUid.startsWith('1.2.840.10008.') || isImageClass(sopClassUid);
