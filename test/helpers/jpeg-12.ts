/** JPEG of 12 bits, which nothing here encodes: process 4, as DCMTK's dcmcjpeg made it of soft waves. */
import type { FrameShape } from '../../src/dicom/frame-shape.js';

export const jpeg12Shape: FrameShape = {
  rows: 24,
  columns: 20,
  samplesPerPixel: 1,
  bitsAllocated: 16,
  bitsStored: 12,
  signed: false,
  photometricInterpretation: 'MONOCHROME2',
  planar: false,
};

const base64 = [
  '/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAA0JCgsKCA0LCgsODg0PEyAVExISEyccHhcgLikxMC4pLSwzOko+MzZGNywtQFdB',
  'RkxOUlNSMj5aYVpQYEpRUk//wQALDAAYABQBAREA/8QAFgABAQEAAAAAAAAAAAAAAAAACQoI/8QAIRAAAAUEAwEBAAAAAAAA',
  'AAAAAQIDBAYFBwgRAAkSwTH/2gAIAQEAAD8A13249f8AGMQ7UVGSR+mINFW7cygGTIBfwN8ibv8A9wM7t9kItCWlcdJtyOxR',
  '8AqIBr1rjYYcXCdXmx5ok3qKplnD0xgMcw7EdFKP3j191eb8Syks1U6BGqg3crLtjEAqZwEdiHIEskurC4k4yYXl7KjuztjP',
  'RV9FTHWvW+PpgxBXlpsZKBD6omZJy0OYTFMGhDZSB84evTrnnKss7u02OyKpLukXDgqYlUOI/o65c/jx1JQCe45ozN5RWijg',
  '7MFvYpAI7874GWasAaWeyPrsKpqRUm7IpRKQoaANmMHzn//Z',
];

export const jpeg12 = (): Buffer => Buffer.from(base64.join(''), 'base64');
