/** What a dataset, or a presentation state in its place, says of how samples become a picture: plain data, for one frame. */

/** Stored values times `slope`, plus `intercept`. @see PS3.3 C.11.1.1.2 */
export interface Rescale {
  readonly kind: 'rescale';
  readonly slope: number;
  readonly intercept: number;
}

/** A look-up table; what lies below or above it maps to its first or last entry. @see PS3.3 C.11.1.1 */
export interface LookUpTable {
  readonly kind: 'table';
  /** The input that maps to the first entry. */
  readonly first: number;
  /** Bits of an entry. */
  readonly bits: number;
  readonly entries: Uint16Array;
}

export type WindowShape = 'linear' | 'linear-exact' | 'sigmoid';

/** What part of the values is shown, from black to white. @see PS3.3 C.11.2.1.2, C.11.2.1.3 */
export interface WindowFunction {
  readonly kind: 'window';
  readonly center: number;
  readonly width: number;
  readonly shape: WindowShape;
}

/** Colours of stored values. @see PS3.3 C.7.6.3.1.5 */
export interface Palette {
  readonly red: LookUpTable;
  readonly green: LookUpTable;
  readonly blue: LookUpTable;
}

/** Stored values, from one to the other, that are no part of the image. @see PS3.3 C.7.5.1.1.2 */
export interface PixelPadding {
  readonly from: number;
  readonly to: number;
}

/** One frame of an overlay of graphics. @see PS3.3 C.9.2 */
export interface OverlayPlane {
  /** The group that it is in, 0x6000 to 0x601e: presentation states name it so. */
  readonly group: number;
  readonly rows: number;
  readonly columns: number;
  /** Row and column of the image at which it begins; 1 is the first, and it may begin outside. */
  readonly origin: { readonly row: number; readonly column: number };
  /** One bit for each pixel, the first in the lowest bit; or the bit of each sample that is one. */
  readonly bits: Uint8Array | number;
}

/** The part of the image that is shown; pixels that are counted from 1. @see PS3.3 C.7.6.11 */
export type Shutter =
  | {
      readonly kind: 'rectangle';
      readonly left: number;
      readonly right: number;
      readonly upper: number;
      readonly lower: number;
    }
  | { readonly kind: 'circle'; readonly row: number; readonly column: number; readonly radius: number }
  | {
      readonly kind: 'polygon';
      readonly vertices: readonly { readonly row: number; readonly column: number }[];
    };

/** The height of a pixel to its width. @see PS3.3 C.7.6.3.1.7 */
export interface PixelAspect {
  readonly vertical: number;
  readonly horizontal: number;
}

/** A place on a picture. */
export interface Point {
  readonly x: number;
  readonly y: number;
}

/**
 * What the numbers of a graphic count: pixels of the image from the upper left corner of its first one, or parts of the
 * displayed area as it is seen. @see PS3.3 C.10.5.1.1
 */
export type GraphicUnits = 'pixel' | 'display';

export type GraphicKind = 'point' | 'polyline' | 'interpolated' | 'circle' | 'ellipse';

/** A figure that is drawn over the image. @see PS3.3 C.10.5.1.2 */
export interface Figure {
  readonly kind: GraphicKind;
  readonly units: GraphicUnits;
  readonly points: readonly Point[];
  readonly filled: boolean;
}

/** Text over the image: in a box, or beside an anchor, or both. @see PS3.3 C.10.5 */
export interface TextObject {
  readonly kind: 'text';
  readonly lines: readonly string[];
  readonly box?: {
    readonly units: GraphicUnits;
    readonly from: Point;
    readonly to: Point;
    readonly justification: 'left' | 'center' | 'right';
  };
  readonly anchor?: { readonly units: GraphicUnits; readonly at: Point; readonly isVisible: boolean };
}

export type Graphic = Figure | TextObject;

/** What a presentation state shows of a frame beside its pixels. */
export interface Presented {
  /** In pixels from the upper left of the image, before it is turned; it may reach beyond the image. @see PS3.3 C.10.4 */
  readonly area: {
    readonly left: number;
    readonly top: number;
    readonly width: number;
    readonly height: number;
  };
  /** Degrees clockwise, before it is flipped. @see PS3.3 C.10.6 */
  readonly rotation: 0 | 90 | 180 | 270;
  /** Left and right change places. */
  readonly flip: boolean;
  readonly graphics: readonly Graphic[];
}

/** How one frame is to be shown. A presentation state makes another one of the same frame. */
export interface ImageLook {
  /** From stored to modality values. @see PS3.3 C.11.1 */
  readonly modality?: Rescale | LookUpTable;
  /** What may be shown of modality values, the first of them if nothing else is asked for; none: all of the frame. @see PS3.3 C.11.2 */
  readonly voi: readonly (WindowFunction | LookUpTable)[];
  /** What becomes of what is shown; it stands for MONOCHROME1 as well. @see PS3.3 C.11.4, C.11.6 */
  readonly presentation: 'identity' | 'inverse' | LookUpTable;
  readonly palette?: Palette;
  readonly padding?: PixelPadding;
  readonly overlays: readonly OverlayPlane[];
  readonly shutters: readonly Shutter[];
  /** How bright what is shut out is, from 0 to 1. */
  readonly shutterValue: number;
  readonly pixelAspect: PixelAspect;
  /** Of colours as they are stored. @see PS3.3 C.11.15 */
  readonly iccProfile?: Uint8Array;
  /** The lowest bit of a sample, where those are not the lowest of what is allocated. */
  readonly lowestBit: number;
  /** Where a presentation state decides. */
  readonly presented?: Presented;
  /** Samples that are no integers. @see PS3.3 C.7.6.24 */
  readonly floating: boolean;
}
