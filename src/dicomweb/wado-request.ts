import { GatewayError } from '../core/index.js';
import { allTransferSyntaxes, isUid, isVideo } from '../dicom/index.js';
import { parseAccept, type MediaRange } from './media-type.js';
import {
  parseAnnotation,
  parseCount,
  parsePixels,
  parseQuality,
  parseRegion,
  windowOf,
  type Viewport,
  type WindowAsked,
} from './picture-parameters.js';
import type { PictureAsked } from './rendered-request.js';
import { pictureTypes } from './rendered-types.js';
import { requireUid, type RetrieveTarget } from './resource.js';
import { singleValues, unknownWarnings } from './single-values.js';

/** A presentation state that is named beside the image. */
export interface PresentationAsked {
  readonly seriesInstanceUid: string;
  readonly sopInstanceUid: string;
}

/** A WADO-URI request: an instance as a file, or pictures of it. */
export type WadoRequest = {
  readonly target: Required<RetrieveTarget>;
  readonly warnings: readonly string[];
} & (
  | {
      readonly kind: 'file';
      /** The transfer syntaxes in which it is asked for. */
      readonly accept: readonly MediaRange[];
    }
  | {
      readonly kind: 'rendered';
      /** The types of `contentType` in place of those of the header. */
      readonly accept: readonly MediaRange[];
      readonly picture: PictureAsked;
      /** Counted from 1. */
      readonly frame?: number;
      readonly presentation?: PresentationAsked;
    }
);

const dicom = 'application/dicom';
const explicitLittleEndian = '1.2.840.10008.1.2.1';
/** Number of Frames is an IS. */
const mostFrames = 2 ** 31 - 1;

/** Parameters that say how a picture is made. */
const rendering = [
  'annotation',
  'imageAnnotation',
  'frameNumber',
  'imageQuality',
  'rows',
  'columns',
  'region',
  'windowCenter',
  'windowWidth',
  'presentationSeriesUID',
  'presentationUID',
] as const;
const ofFiles = ['transferSyntax', 'anonymize'] as const;
const named = ['requestType', 'studyUID', 'seriesUID', 'objectUID', 'contentType', 'charset', 'accept'];
const known = new Set<string>([...named, ...rendering, ...ofFiles]);

type Values = ReadonlyMap<string, string>;

const bad = (message: string): GatewayError => new GatewayError('bad-request', message);

/**
 * Reads a WADO-URI request from an undecoded query without its question mark; `header` is what the client accepts, for
 * where `contentType` does not say.
 *
 * @throws GatewayError `bad-request` for what the standard forbids, `not-implemented` for `anonymize=yes`
 * @see PS3.18 9.4 (U-01..U-09)
 */
export function parseWado(rawQuery: string, header: readonly MediaRange[]): WadoRequest {
  const { values, unknown } = singleValues(rawQuery, known);
  if (values.get('requestType') !== 'WADO') throw bad('The parameter "requestType" must be WADO.');
  const target = targetOf(values);
  refuseAnonymize(values.get('anonymize'));
  const types = parseContentType(values.get('contentType'));
  const isFile = types ? types.includes(dicom) : prefersFile(header);
  const warnings = unknownWarnings(unknown);
  if (isFile) return { kind: 'file', target, warnings, accept: parseFile(values) };
  const { picture, warnings: more } = parsePicture(values);
  const frame = values.get('frameNumber');
  const presentation = parsePresentation(values);
  return {
    kind: 'rendered',
    target,
    accept: types ? parseAccept(types.join(',')) : header,
    picture,
    warnings: [...more, ...warnings],
    ...(frame === undefined ? {} : { frame: parseCount(frame, '"frameNumber"', mostFrames) }),
    ...(presentation && { presentation }),
  };
}

/** The instance that a WADO-URI request names, whatever it asks of it. @throws GatewayError `bad-request` */
export function parseWadoTarget(rawQuery: string): Required<RetrieveTarget> {
  return targetOf(singleValues(rawQuery, known).values);
}

const targetOf = (values: Values): Required<RetrieveTarget> => ({
  studyInstanceUid: requireUid(values.get('studyUID') ?? '', '"studyUID"'),
  seriesInstanceUid: requireUid(values.get('seriesUID') ?? '', '"seriesUID"'),
  sopInstanceUid: requireUid(values.get('objectUID') ?? '', '"objectUID"'),
});

/** Half anonymised would be worse than not at all. @see rule U-05 */
function refuseAnonymize(value: string | undefined): void {
  if (value === undefined) return;
  if (value !== 'yes') throw bad('The parameter "anonymize" can be "yes" alone.');
  throw new GatewayError('not-implemented', 'The gateway does not anonymise what it hands out.');
}

/** Lower case. @throws GatewayError `bad-request` for parameters, wildcards, or a file and pictures at once (U-02) */
function parseContentType(text: string | undefined): readonly string[] | undefined {
  if (text === undefined) return undefined;
  const types = text.split(',').map((one) => one.trim().toLowerCase());
  if (!types.every((one) => /^[a-z0-9][\w!#$&.+^-]*\/[a-z0-9][\w!#$&.+^-]*$/.test(one)))
    throw bad('The parameter "contentType" must be media types without parameters, separated by commas.');
  if (types.length > 1 && types.includes(dicom))
    throw bad('The parameter "contentType" asks for DICOM and for something else.');
  return types;
}

/** What is rendered, that is, what there may be of an instance beside its file. @see PS3.18 8.7.4 */
const renderedTypes = [
  ...pictureTypes,
  ...allTransferSyntaxes.filter(isVideo).map(({ frameMediaType }) => frameMediaType.toLowerCase()),
  ...['text/html', 'text/plain', 'text/xml', 'application/pdf', 'model/stl', 'model/obj', 'model/mtl'],
];

/** Types that nobody has, and ranges that files are in as well, say nothing (H-09). */
const isOfRendered = ({ type, subtype }: MediaRange): boolean =>
  renderedTypes.some(
    (name) =>
      name === `${type}/${subtype}` ||
      (subtype === '*' && type !== 'application' && name.startsWith(`${type}/`)),
  );

/**
 * Whether the header names DICOM files, and nothing else as dear.
 *
 * @throws GatewayError `bad-request` for a header that names files and pictures both
 * @see PS3.18 8.7.5, rules U-02, H-06
 */
function prefersFile(header: readonly MediaRange[]): boolean {
  const taken = header.filter(({ q }) => q > 0);
  const isFile = ({ type, subtype }: MediaRange): boolean => `${type}/${subtype}` === dicom;
  if (taken.some(isFile) && taken.some(isOfRendered))
    throw bad(
      'The Accept header asks for DICOM and for pictures. Say with the parameter "contentType" which.',
    );
  const dearest = Math.max(0, ...taken.map(({ q }) => q));
  const [first] = taken.filter(({ q }) => q === dearest);
  return first !== undefined && isFile(first);
}

/**
 * The transfer syntax of a file; Explicit VR Little Endian when left out, or what is given to who names none where that
 * cannot be made.
 *
 * @throws GatewayError `bad-request` (U-04, U-09, W-20)
 */
function parseFile(values: Values): readonly MediaRange[] {
  const refused = rendering.find((name) => values.has(name));
  if (refused !== undefined) throw bad(`The parameter "${refused}" does not go with ${dicom}.`);
  const transferSyntax = values.get('transferSyntax');
  if (transferSyntax === undefined)
    return parseAccept(`${dicom}; transfer-syntax=${explicitLittleEndian}, ${dicom}; q=0.5`);
  if (transferSyntax === '*' || isUid(transferSyntax))
    return parseAccept(`${dicom}; transfer-syntax=${transferSyntax}`);
  throw bad('The parameter "transferSyntax" is not a UID.');
}

function parsePicture(values: Values): {
  readonly picture: PictureAsked;
  readonly warnings: readonly string[];
} {
  if (values.has('transferSyntax'))
    throw bad(`The parameter "transferSyntax" goes with ${dicom} and nothing else.`);
  const quality = values.get('imageQuality');
  // The standard calls it by both names.
  const annotation = values.get('annotation') ?? values.get('imageAnnotation');
  if (values.has('annotation') && values.has('imageAnnotation'))
    throw bad('The parameters "annotation" and "imageAnnotation" are the same.');
  const annotated = annotation === undefined ? undefined : parseAnnotation(annotation);
  const window = parseUriWindow(values);
  const viewport = parseUriViewport(values);
  return {
    picture: {
      ...(window && { window }),
      ...(viewport && { viewport }),
      ...(quality === undefined ? {} : { quality: parseQuality(quality) }),
      ...(annotated && { annotation: annotated.annotation }),
    },
    warnings: annotated?.warnings ?? [],
  };
}

/** @throws GatewayError `bad-request` for one without the other (U-07) */
function parseUriWindow(values: Values): WindowAsked | undefined {
  const [center, width] = [values.get('windowCenter'), values.get('windowWidth')];
  if (center === undefined && width === undefined) return undefined;
  if (center === undefined || width === undefined)
    throw bad('The parameters "windowCenter" and "windowWidth" stand together.');
  return windowOf(center, width, 'linear');
}

/** Rows or columns alone are taken: the text contradicts itself there (U-09). */
function parseUriViewport(values: Values): Viewport | undefined {
  const [rows, columns, region] = ['rows', 'columns', 'region'].map((name) => values.get(name));
  if (rows === undefined && columns === undefined && region === undefined) return undefined;
  return {
    ...(columns === undefined ? {} : { width: parsePixels(columns, '"columns"') }),
    ...(rows === undefined ? {} : { height: parsePixels(rows, '"rows"') }),
    ...(region === undefined ? {} : { region: parseRegion(region) }),
  };
}

/** @throws GatewayError `bad-request` for one UID without the other, or what a presentation state decides itself (U-08) */
function parsePresentation(values: Values): PresentationAsked | undefined {
  const [series, object] = [values.get('presentationSeriesUID'), values.get('presentationUID')];
  if (series === undefined && object === undefined) return undefined;
  if (series === undefined || object === undefined)
    throw bad('The parameters "presentationSeriesUID" and "presentationUID" stand together.');
  const refused = ['windowCenter', 'windowWidth', 'region'].find((name) => values.has(name));
  if (refused !== undefined) throw bad(`The parameter "${refused}" does not go with a presentation state.`);
  return {
    seriesInstanceUid: requireUid(series, '"presentationSeriesUID"'),
    sopInstanceUid: requireUid(object, '"presentationUID"'),
  };
}
