import { numberOf, tags, type Row } from './dicom.js';

/** Which values are shown from black to white. @see PS3.3 C.11.2.1.2 */
export interface WindowLevel {
  readonly center: number;
  readonly width: number;
}

/** Whether a window means anything for an image of these attributes. */
export const hasWindow = (metadata: Row): boolean => (numberOf(metadata, tags.samplesPerPixel) ?? 1) === 1;

/** The window that an image is stored with, else one of all the values that it may have. */
export function storedWindow(metadata: Row): WindowLevel {
  const center = numberOf(metadata, tags.windowCenter);
  const width = numberOf(metadata, tags.windowWidth);
  if (center !== undefined && width !== undefined && width >= 1) return { center, width };
  const values = 2 ** Math.min(16, numberOf(metadata, tags.bitsStored) ?? 8);
  const slope = numberOf(metadata, tags.rescaleSlope) ?? 1;
  const intercept = numberOf(metadata, tags.rescaleIntercept) ?? 0;
  return { center: (values / 2) * slope + intercept, width: Math.max(1, values * Math.abs(slope)) };
}

const rounded = (value: number, width: number): number => {
  const digits = width >= 20 ? 0 : 2;
  return Number(value.toFixed(digits));
};

/** What dragging over `across` and `down` pixels makes of a window: wider to the right, brighter upwards. */
export function draggedWindow({ center, width }: WindowLevel, across: number, down: number): WindowLevel {
  const wider = Math.max(1, width * Math.exp(across / 200));
  return { center: rounded(center + (down * width) / 300, width), width: Math.max(1, rounded(wider, width)) };
}

/** The rendering parameter of a window. @see PS3.18 8.3.5.1.4 */
export const windowQuery = (window: WindowLevel | undefined): string =>
  window === undefined ? '' : `?window=${window.center},${window.width},linear`;
