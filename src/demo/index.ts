/** The embedded demo PACS and its generated studies. */
export { createDemoPacs, type DemoPacs, type DemoPacsOptions } from './pacs.js';
export { demoStudies, demoUpload, type DemoInstance } from './studies.js';
