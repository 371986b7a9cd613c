import type { WindowFunction } from './image-look.js';

export type PictureMediaType = 'image/jpeg' | 'image/png' | 'image/gif' | 'image/webp';

/** Colours of the answer: as they are without or with a profile, or turned into those of a profile. @see PS3.18 8.3.5.1.5 */
export type ColourProfile = 'no' | 'yes' | 'srgb' | 'adobergb' | 'rommrgb';

/** What part of the image is wanted and how large it is at most. @see PS3.18 8.3.5.1.3 */
export interface Viewport {
  /** Most pixels of a row of the picture; any when left out. */
  readonly width?: number;
  readonly height?: number;
  /** Most pixels of a side that is left out and follows from the other; any when left out. */
  readonly mostSide?: number;
  /** In pixels of the image, from its upper left; what is left out goes to its edge. */
  readonly source?: {
    readonly x?: number;
    readonly y?: number;
    readonly width?: number;
    readonly height?: number;
  };
  /** Left and right change places. */
  readonly flipHorizontal?: boolean;
  /** Top and bottom change places. */
  readonly flipVertical?: boolean;
}

/** One frame of an animated GIF. Its blocks follow one another, and `GIF_END` follows the last. */
export interface Animation {
  /** The first one begins the stream. */
  readonly isFirst: boolean;
  readonly delayMs: number;
}

/** What a client asks of a picture. */
export interface PictureRequest {
  readonly mediaType: PictureMediaType;
  /** 1 to 100, for JPEG and WebP. */
  readonly quality?: number;
  /** In place of what the dataset says. */
  readonly window?: Omit<WindowFunction, 'kind'>;
  /** Pixels stay as they are when it is left out. */
  readonly viewport?: Viewport;
  /** Lines of text that are drawn into the picture. */
  readonly annotation?: readonly string[];
  /** `no` when left out. */
  readonly iccProfile?: ColourProfile;
  /** For image/gif. */
  readonly animation?: Animation;
}

/** A picture as it is sent. */
export interface Picture {
  readonly bytes: Uint8Array;
  readonly width: number;
  readonly height: number;
}
