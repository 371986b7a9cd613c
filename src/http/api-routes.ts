import { DICOM_JSON, DICOM_XML, JSON_TYPE, type ApiRoute } from './api-route.js';
import { retrieveRoutes } from './api-retrieve.js';

const SEARCHES: readonly (readonly [path: string, id: string, what: string])[] = [
  ['/studies', 'SearchForStudies', 'Studies'],
  ['/series', 'SearchForAllSeries', 'Series of all studies'],
  ['/instances', 'SearchForAllInstances', 'Instances of all studies'],
  ['/studies/:study/series', 'SearchForStudySeries', 'Series of a study'],
  ['/studies/:study/instances', 'SearchForStudyInstances', 'Instances of a study'],
  ['/studies/:study/series/:series/instances', 'SearchForStudySeriesInstances', 'Instances of a series'],
];

const searchRoutes: readonly ApiRoute[] = SEARCHES.map(([path, id, what]) => ({
  method: 'get',
  path,
  id,
  summary: `${what} that match.`,
  clause: '10.6',
  query: 'search',
  answers: {
    200: { is: 'A list of them, which may be empty.', types: [DICOM_JSON, DICOM_XML] },
    204: { is: 'There is none, where the list would be XML, or search.emptyResponse is 204.' },
  },
}));

const STORE_BODIES: readonly string[] = [
  'multipart/related; type="application/dicom"',
  'application/dicom',
  'multipart/related; type="application/dicom+json"',
  'multipart/related; type="application/dicom+xml"',
];
const STORED = [DICOM_JSON, 'application/dicom+xml'];

const storeRoutes: readonly ApiRoute[] = (['/studies', '/studies/:study'] as const).flatMap((path) => {
  const name = path === '/studies' ? 'Instances' : 'StudyInstances';
  const store: ApiRoute = {
    method: 'post',
    path,
    id: `Store${name}`,
    summary: 'Stores instances at the PACS; the answer comes when that has taken or refused each of them.',
    clause: '10.5',
    body: STORE_BODIES,
    stores: true,
    answers: {
      200: { is: 'All are stored.', types: STORED },
      202: { is: 'Some are stored, or all with warnings: see each of them.', types: STORED },
      409: { is: 'None is stored: see why for each of them.', types: STORED },
    },
  };
  const methods: ApiRoute = {
    method: 'options',
    path,
    id: `Methods${name}`,
    summary: 'What may be done here.',
    answers: { 204: { is: 'Allow names the methods.' } },
  };
  return [store, methods];
});

const COMMITMENT = '/commitment-requests/:transaction';
const RESULT = {
  200: { is: 'What the PACS commits to, and what not.', types: [DICOM_JSON, 'application/dicom+xml'] },
  202: { is: 'The PACS has not reported yet; Retry-After says when to ask again.' },
};

const commitmentRoutes: readonly ApiRoute[] = [
  {
    method: 'post',
    path: COMMITMENT,
    id: 'RequestStorageCommitment',
    summary: 'Asks the PACS to commit itself to keep instances.',
    clause: '13',
    body: [DICOM_JSON, 'application/dicom+xml'],
    answers: RESULT,
  },
  {
    method: 'get',
    path: COMMITMENT,
    id: 'ResultOfStorageCommitment',
    summary: 'What came of it.',
    clause: '13',
    answers: RESULT,
  },
];

const REPORT = [JSON_TYPE, 'text/event-stream'];

const preloadRoutes: readonly ApiRoute[] = (
  [
    ['/studies/:study/preload', 'Study', 'a study'],
    ['/studies/:study/series/:series/preload', 'Series', 'a series'],
  ] as const
).flatMap(([path, name, what]): readonly ApiRoute[] => [
  {
    method: 'post',
    path,
    id: `Preload${name}`,
    summary: `Brings ${what} into the cache before anybody opens it.`,
    answers: {
      200: { is: 'Its progress, as events.', types: ['text/event-stream'] },
      202: { is: 'It is being brought.', types: [JSON_TYPE] },
    },
  },
  {
    method: 'get',
    path,
    id: `Preload${name}Progress`,
    summary: `How far that is.`,
    answers: { 200: { is: 'Its progress.', types: REPORT } },
  },
  {
    method: 'delete',
    path,
    id: `Preload${name}Cancel`,
    summary: 'Gives it up.',
    answers: { 200: { is: 'How far it came.', types: [JSON_TYPE] } },
  },
]);

export const WADL_TYPE = 'application/vnd.sun.wadl+xml';

const capabilityRoutes: readonly ApiRoute[] = [
  {
    method: 'options',
    path: '/',
    id: 'RetrieveCapabilities',
    isOpen: true,
    summary: 'What this service can do.',
    clause: '8.9',
    answers: {
      200: { is: 'A description in WADL.', types: [WADL_TYPE, JSON_TYPE] },
      304: { is: 'It is what the client has.' },
    },
  },
  {
    method: 'get',
    path: '/openapi.json',
    id: 'OpenApi',
    isOpen: true,
    summary: 'This document.',
    answers: {
      200: { is: 'A description in OpenAPI 3.1.', types: [JSON_TYPE] },
      304: { is: 'It is what the client has.' },
    },
  },
];

/** Every route of a DICOMweb service, below its base path. */
export const serviceRoutes: readonly ApiRoute[] = [
  ...searchRoutes,
  ...retrieveRoutes,
  ...storeRoutes,
  ...commitmentRoutes,
  ...preloadRoutes,
  ...capabilityRoutes,
];

/** Every route of the operator, at the root. */
export const operatorRoutes: readonly ApiRoute[] = [
  {
    method: 'get',
    path: '/healthz',
    id: 'Health',
    isOpen: true,
    summary: 'Whether the process is alive.',
    answers: { 200: { is: 'It is.', types: [JSON_TYPE] } },
  },
  {
    method: 'get',
    path: '/readyz',
    id: 'Readiness',
    isOpen: true,
    summary: 'Whether it should get requests, with the state of each peer.',
    answers: { 200: { is: 'It should.', types: [JSON_TYPE] } },
  },
  {
    method: 'get',
    path: '/metrics',
    id: 'Metrics',
    summary: 'Metrics for Prometheus.',
    answers: { 200: { is: 'The text format of Prometheus.', types: ['text/plain'] } },
  },
  {
    method: 'post',
    path: '/cache/purge',
    id: 'Purge',
    summary: 'Drops a study, the studies of a patient, or all from the cache.',
    body: [JSON_TYPE],
    answers: { 200: { is: 'How many instances were dropped.', types: [JSON_TYPE] } },
  },
];
