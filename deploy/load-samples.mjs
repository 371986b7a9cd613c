// usage: node load-samples.mjs URL   stores the generated studies of the demo at the PACS behind the DICOMweb service URL
// They are computed: no patient was ever near them.
import { part10Header } from '../dist/dicom/index.js';
import { demoStudies } from '../dist/demo/index.js';

const [service] = process.argv.slice(2);
if (service === undefined) {
  console.error('usage: node load-samples.mjs http://gateway:8080/dicomweb');
  process.exit(2);
}

const studies = demoStudies();
const boundary = 'samples';
const parts = studies.flatMap((instance) => [
  Buffer.from(`--${boundary}\r\nContent-Type: application/dicom\r\n\r\n`),
  part10Header(instance),
  instance.dataset,
  Buffer.from('\r\n'),
]);
const response = await fetch(`${service}/studies`, {
  method: 'POST',
  headers: { 'content-type': `multipart/related; type="application/dicom"; boundary=${boundary}` },
  body: Buffer.concat([...parts, Buffer.from(`--${boundary}--\r\n`)]),
});
const answer = await response.text();
if (response.status !== 200) {
  console.error(`${response.status}: ${answer.slice(0, 1000)}`);
  process.exit(1);
}
console.log(`${studies.length} instances are stored.`);
