import type { ApiQuery, ApiRoute } from './api-route.js';

/** A parameter of a route as both descriptions have it. */
export interface ApiParameter {
  readonly name: string;
  readonly is: string;
  readonly type?: 'string' | 'integer' | 'boolean';
  /** The only values that it takes. */
  readonly values?: readonly string[];
  readonly required?: boolean;
}

const NEGOTIATION: readonly ApiParameter[] = [
  { name: 'accept', is: 'Media types, as in the Accept header, which it has priority over; no wildcards.' },
  { name: 'charset', is: 'Character sets of the answer; it is UTF-8.' },
];

const VIEWPORT: ApiParameter = {
  name: 'viewport',
  is: 'Width and height of the picture in pixels, and the region of the image: vw,vh,sx,sy,sw,sh.',
};
const ANNOTATION: ApiParameter = {
  name: 'annotation',
  is: 'What is written into the picture: patient, technique, with a comma between.',
};
const ICC_PROFILE: ApiParameter = {
  name: 'iccprofile',
  is: 'The colour space of the picture.',
  values: ['no', 'yes', 'srgb', 'adobergb', 'rommrgb'],
};

/** Query parameters, in the order in which people look for them. */
const QUERIES: Readonly<Record<ApiQuery, readonly ApiParameter[]>> = {
  search: [
    { name: 'limit', is: 'Most results.', type: 'integer' },
    { name: 'offset', is: 'How many results are passed over.', type: 'integer' },
    {
      name: 'includefield',
      is: 'Attributes to be returned, by keyword or tag, with commas between; or all.',
    },
    {
      name: 'fuzzymatching',
      is: 'Whether names match that sound alike, where the PACS can.',
      type: 'boolean',
    },
    { name: 'emptyvaluematching', is: 'Whether "" matches what has no value.', type: 'boolean' },
  ],
  rendered: [
    VIEWPORT,
    { name: 'window', is: 'Centre, width and function of the window: c,w,linear.' },
    { name: 'quality', is: 'Quality of JPEG and WebP, from 1 to 100.', type: 'integer' },
    ANNOTATION,
    ICC_PROFILE,
  ],
  thumbnail: [{ ...VIEWPORT, is: 'Width and height of the picture in pixels: vw,vh.' }],
  wado: [
    { name: 'requestType', is: 'The service.', values: ['WADO'], required: true },
    { name: 'studyUID', is: 'The study.', required: true },
    { name: 'seriesUID', is: 'The series.', required: true },
    { name: 'objectUID', is: 'The instance.', required: true },
    { name: 'contentType', is: 'Media types, the best first; application/dicom for the file.' },
    { name: 'transferSyntax', is: 'Of the file.' },
    { name: 'frameNumber', is: 'The frame of a picture, from 1 on.', type: 'integer' },
    { name: 'rows', is: 'Most rows of the picture.', type: 'integer' },
    { name: 'columns', is: 'Most columns of the picture.', type: 'integer' },
    { name: 'region', is: 'Part of the image, its sides between 0 and 1: left,top,right,bottom.' },
    { name: 'windowCenter', is: 'With windowWidth.' },
    { name: 'windowWidth', is: 'With windowCenter.' },
    { name: 'imageQuality', is: 'Quality of JPEG, from 1 to 100.', type: 'integer' },
    ANNOTATION,
    { name: 'presentationSeriesUID', is: 'With presentationUID.' },
    { name: 'presentationUID', is: 'The presentation state by which the image is shown.' },
  ],
};

/** The query parameters of a route that have a name of their own. */
export const queryParametersOf = ({ query, clause }: ApiRoute): readonly ApiParameter[] => [
  ...(query === undefined ? [] : QUERIES[query]),
  ...(clause === undefined || query === 'wado' ? [] : NEGOTIATION),
];

/** Parameters of a path, by the names that Express has of them. */
const PATHS: Readonly<Record<string, string>> = {
  study: 'Study Instance UID.',
  series: 'Series Instance UID.',
  instance: 'SOP Instance UID.',
  frames: 'Numbers of frames, from 1 on, with commas between.',
  path: 'A tag, or tag/item/tag and so on; it may hold slashes.',
  transaction: 'Transaction UID, which the client makes.',
};

/** The parameters of a path. */
export const pathParametersOf = (path: string): readonly ApiParameter[] =>
  [...path.matchAll(/[:*](\w+)/g)].map(([, name = '']) => ({
    name,
    is: PATHS[name] ?? '',
    required: true,
  }));

/** A path of Express as a template of URIs. */
export const templateOf = (path: string): string => path.replace(/[:*](\w+)/g, '{$1}');
