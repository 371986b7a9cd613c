import { BYTES, DICOM_JSON, DICOM_XML, FILES, PICTURES, type ApiAnswer, type ApiRoute } from './api-route.js';

const STUDY = '/studies/:study';
const SERIES = `${STUDY}/series/:series`;
const INSTANCE = `${SERIES}/instances/:instance`;

/** Levels of what can be retrieved, by the name that operations have of them. */
const LEVELS = [
  ['Study', STUDY, 'a study'],
  ['Series', SERIES, 'a series'],
  ['Instance', INSTANCE, 'an instance'],
] as const;
const PARTIAL: ApiAnswer = {
  is: 'What the PACS delivers of it; a Warning names how much is missing.',
};

const whole = (is: string, ...types: readonly string[]): ApiRoute['answers'] => ({
  200: { is, types },
  206: { ...PARTIAL, types },
  304: { is: 'It is what the client has.' },
});

const bytes = (is: string, types: readonly string[]): ApiRoute['answers'] => ({
  200: { is, types },
  206: { is: 'The range that was asked for.', types },
  304: { is: 'It is what the client has; of what is one thing, without parts.' },
});

function levelRoutes([name, path, what]: (typeof LEVELS)[number]): readonly ApiRoute[] {
  const one = name === 'Instance' ? ['application/dicom'] : [];
  return [
    {
      method: 'get',
      path,
      id: `Retrieve${name}`,
      summary:
        `The instances of ${what}, as they are stored or in a transfer syntax that the client takes.`.replace(
          'The instances of an instance',
          'An instance',
        ),
      clause: '10.4.1.1.1',
      answers: whole('All of it; its bulk data alone as bytes.', FILES, ...one, 'application/zip', BYTES),
    },
    {
      method: 'get',
      path: `${path}/metadata`,
      id: `Retrieve${name}Metadata`,
      summary: `All attributes of ${what} but bulk data, which is named by URI.`,
      clause: '10.4.1.1.2',
      answers: whole('Attributes of all instances.', DICOM_JSON, DICOM_XML),
    },
  ];
}

const PICTURED = [...LEVELS, ['Frames', `${INSTANCE}/frames/:frames`, 'frames'] as const];

function pictureRoutes([name, path, what]: (typeof PICTURED)[number]): readonly ApiRoute[] {
  const parts = `multipart/related; type="image/jpeg"`;
  const documents = name === 'Instance' ? ['text/html', 'application/pdf', 'video/mp4'] : [];
  return [
    {
      method: 'get',
      path: `${path}/rendered`,
      id: `Retrieve${name}Rendered`,
      summary: `Pictures of ${what}; reports and documents in their own form.`,
      clause: '10.4.1.1.3',
      query: 'rendered',
      answers: whole('All of them.', ...PICTURES, parts, ...documents),
    },
    {
      method: 'get',
      path: `${path}/thumbnail`,
      id: `Retrieve${name}Thumbnail`,
      summary: `One small picture of ${what}.`,
      clause: '10.4.1.1.4',
      query: 'thumbnail',
      answers: whole('The picture.', ...PICTURES),
    },
  ];
}

const frames: ApiRoute = {
  method: 'get',
  path: `${INSTANCE}/frames/:frames`,
  id: 'RetrieveFrames',
  summary: 'Frames by their numbers, from 1 on, with commas between.',
  clause: '10.4.1.1.6',
  answers: bytes('The frames, a part for each; a single one also without parts.', [
    BYTES,
    'application/octet-stream',
    'multipart/related; type="image/jpeg"',
    'multipart/related; type="image/jp2"',
  ]),
};

const bulkData: ApiRoute = {
  method: 'get',
  path: `${INSTANCE}/bulkdata/*path`,
  id: 'RetrieveBulkdata',
  summary: 'What a BulkDataURI names: tags and numbers of items, with slashes between.',
  clause: '10.4.1.1.5',
  answers: bytes('The value.', [BYTES, 'application/octet-stream', 'application/pdf', 'video/mp4']),
};

/** All values of one kind. */
function valueRoutes([name, path, what]: (typeof LEVELS)[number]): readonly ApiRoute[] {
  const is = 'A part for each value, and for each frame of encapsulated pixel data.';
  const all = { 200: { is, types: [BYTES] }, 206: { ...PARTIAL, types: [BYTES] } };
  return [
    {
      method: 'get',
      path: `${path}/bulkdata`,
      id: `Retrieve${name}Bulkdata`,
      summary: `Everything of ${what} that its metadata name by URI.`,
      clause: '10.4.1.1.5',
      answers: all,
    },
    {
      method: 'get',
      path: `${path}/pixeldata`,
      id: `Retrieve${name}PixelData`,
      summary: `The pixel data of ${what}.`,
      clause: '10.4.1.1.5',
      answers: name === 'Instance' ? bytes('All frames.', [BYTES, 'application/octet-stream']) : all,
    },
  ];
}

/** What is retrieved by WADO-RS and WADO-URI. */
export const retrieveRoutes: readonly ApiRoute[] = [
  ...LEVELS.flatMap(levelRoutes),
  frames,
  bulkData,
  ...LEVELS.flatMap(valueRoutes),
  ...PICTURED.flatMap(pictureRoutes),
  {
    method: 'get',
    path: '/wado',
    id: 'WadoUri',
    summary: 'WADO-URI: a picture of an instance, or its file.',
    clause: '9',
    query: 'wado',
    answers: whole('The picture or the file.', ...PICTURES, 'application/dicom'),
  },
];
