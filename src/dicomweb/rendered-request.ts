import { GatewayError } from '../core/index.js';
import {
  parseAnnotation,
  parseIccProfile,
  parseQuality,
  parseViewport,
  parseViewportSize,
  parseWindow,
  type Annotation,
  type IccProfile,
  type Viewport,
  type WindowAsked,
} from './picture-parameters.js';
import { singleValues, unknownWarnings } from './single-values.js';

/** What a client asks of a picture, beside its media type. */
export interface PictureAsked {
  /** The first one of the dataset when left out. */
  readonly window?: WindowAsked;
  /** The image in its own size when left out. */
  readonly viewport?: Viewport;
  /** 1 to 100. */
  readonly quality?: number;
  readonly annotation?: readonly Annotation[];
  readonly iccProfile?: IccProfile;
}

/** A request for pictures. */
export interface RenderedRequest {
  readonly picture: PictureAsked;
  /** What was passed over. */
  readonly warnings: readonly string[];
}

/** Parameters of the whole service: read elsewhere. */
const common = ['accept', 'charset'];
const rendering = ['annotation', 'quality', 'viewport', 'window', 'iccprofile'];
const known = new Set([...common, ...rendering]);

/**
 * The rendering parameters of an undecoded query without its question mark.
 *
 * @throws GatewayError `bad-request` for one that is ill-formed or given twice
 * @see PS3.18 8.3.5.1 (W-51..W-55, H-02, H-03)
 */
export function parseRendered(rawQuery: string): RenderedRequest {
  const { values, unknown } = singleValues(rawQuery, known);
  const of = <T>(name: string, parse: (text: string) => T): T | undefined => {
    const value = values.get(name);
    return value === undefined ? undefined : parse(value);
  };
  const window = of('window', parseWindow);
  const viewport = of('viewport', parseViewport);
  const quality = of('quality', parseQuality);
  const annotated = of('annotation', parseAnnotation);
  const iccProfile = of('iccprofile', parseIccProfile);
  return {
    picture: {
      ...(window && { window }),
      ...(viewport && { viewport }),
      ...(quality !== undefined && { quality }),
      ...(annotated && { annotation: annotated.annotation }),
      ...(iccProfile && { iccProfile }),
    },
    warnings: [...(annotated?.warnings ?? []), ...unknownWarnings(unknown)],
  };
}

/**
 * The parameters of a thumbnail: a viewport without a region, and no other of those of pictures.
 *
 * @throws GatewayError `bad-request`
 * @see PS3.18 8.3.5.2 (W-59)
 */
export function parseThumbnail(rawQuery: string): RenderedRequest {
  const { values, unknown } = singleValues(rawQuery, known);
  const refused = rendering.find((name) => name !== 'viewport' && values.has(name));
  if (refused !== undefined)
    throw new GatewayError('bad-request', `A thumbnail does not take the parameter "${refused}".`);
  const viewport = values.get('viewport');
  return {
    picture: viewport === undefined ? {} : { viewport: parseViewportSize(viewport) },
    warnings: unknownWarnings(unknown),
  };
}
