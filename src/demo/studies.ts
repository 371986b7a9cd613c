import { deflateRawSync } from 'node:zlib';
import {
  Dataset,
  encodeDataset,
  Tags,
  TransferSyntaxes,
  type Tag,
  type TransferSyntax,
} from '../dicom/index.js';
import { chestSlice, cineFrame, colourChart, headSlice } from './phantom.js';

/** One instance as a PACS keeps it: what it is, and the bytes of its dataset in its transfer syntax. */
export interface DemoInstance {
  readonly sopClassUid: string;
  readonly sopInstanceUid: string;
  readonly seriesInstanceUid: string;
  readonly studyInstanceUid: string;
  readonly transferSyntaxUid: string;
  readonly dataset: Buffer;
}

/** A UUID as a number, made once for the demo; everything generated stands under it. */
const ROOT = '2.25.302043790172249692526321623266752743501';

const sopClasses = {
  ct: '1.2.840.10008.5.1.4.1.1.2',
  mr: '1.2.840.10008.5.1.4.1.1.4',
  ultrasoundMultiFrame: '1.2.840.10008.5.1.4.1.1.3.1',
  secondaryCapture: '1.2.840.10008.5.1.4.1.1.7',
  basicTextSr: '1.2.840.10008.5.1.4.1.1.88.11',
};

type Values = readonly (readonly [Tag, string | readonly string[]])[];

interface Place {
  readonly study: number;
  readonly series: number;
  readonly instance: number;
}

interface Study {
  readonly number: number;
  readonly patientName: string;
  readonly patientId: string;
  readonly date: string;
  readonly time: string;
  readonly description: string;
}

const uidOf = (...numbers: readonly number[]): string => [ROOT, ...numbers].join('.');

function setAll(dataset: Dataset, values: Values): Dataset {
  for (const [tag, value] of values) dataset.setString(tag, value);
  return dataset;
}

function headerOf(study: Study, sopClassUid: string, { series, instance }: Place): Dataset {
  return setAll(new Dataset(), [
    [Tags.SOPClassUID, sopClassUid],
    [Tags.SOPInstanceUID, uidOf(study.number, series, instance)],
    [Tags.StudyDate, study.date],
    [Tags.SeriesDate, study.date],
    [Tags.StudyTime, study.time],
    [Tags.SeriesTime, study.time],
    [Tags.AccessionNumber, `DEMO-A${study.number}`],
    [Tags.Manufacturer, 'dicomweb-gateway demo'],
    [Tags.ReferringPhysicianName, 'DEMO^REFERRER'],
    [Tags.StudyDescription, study.description],
    [Tags.PatientName, study.patientName],
    [Tags.PatientID, study.patientId],
    [Tags.PatientBirthDate, '19700101'],
    [Tags.PatientSex, 'O'],
    [Tags.StudyInstanceUID, uidOf(study.number)],
    [Tags.SeriesInstanceUID, uidOf(study.number, series)],
    [Tags.StudyID, String(study.number)],
    [Tags.SeriesNumber, String(series)],
    [Tags.InstanceNumber, String(instance)],
  ]);
}

interface PixelFormat {
  readonly rows: number;
  readonly columns: number;
  readonly colour: boolean;
  readonly pixels: Buffer;
}

function setPixels(dataset: Dataset, { rows, columns, colour, pixels }: PixelFormat): Dataset {
  const bits = colour ? 8 : 16;
  if (colour) dataset.setString(Tags.PlanarConfiguration, '0');
  return setAll(dataset, [
    [Tags.SamplesPerPixel, colour ? '3' : '1'],
    [Tags.PhotometricInterpretation, colour ? 'RGB' : 'MONOCHROME2'],
    [Tags.Rows, String(rows)],
    [Tags.Columns, String(columns)],
    [Tags.BitsAllocated, String(bits)],
    [Tags.BitsStored, String(bits)],
    [Tags.HighBit, String(bits - 1)],
    [Tags.PixelRepresentation, colour ? '0' : '1'],
  ]).setBytes(Tags.PixelData, colour ? 'OB' : 'OW', pixels);
}

function finish(
  dataset: Dataset,
  syntax: TransferSyntax = TransferSyntaxes.ExplicitVrLittleEndian,
): DemoInstance {
  const plain = encodeDataset(dataset, TransferSyntaxes.ExplicitVrLittleEndian);
  const bytes = syntax.deflated ? deflateRawSync(plain) : plain;
  return {
    sopClassUid: dataset.string(Tags.SOPClassUID) ?? '',
    sopInstanceUid: dataset.string(Tags.SOPInstanceUID) ?? '',
    seriesInstanceUid: dataset.string(Tags.SeriesInstanceUID) ?? '',
    studyInstanceUid: dataset.string(Tags.StudyInstanceUID) ?? '',
    transferSyntaxUid: syntax.uid,
    dataset: bytes.length % 2 === 0 ? bytes : Buffer.concat([bytes, Buffer.alloc(1)]),
  };
}

interface Volume {
  readonly slices: number;
  readonly size: number;
  readonly spacing: number;
  readonly thickness: number;
}

function setSlice(dataset: Dataset, { study, series, instance }: Place, volume: Volume): Dataset {
  const { size, spacing, thickness } = volume;
  const edge = String((-size * spacing) / 2);
  return setAll(dataset, [
    [Tags.SliceThickness, String(thickness)],
    [Tags.PatientPosition, 'HFS'],
    [Tags.FrameOfReferenceUID, uidOf(study, series, 0)],
    [Tags.ImagePositionPatient, [edge, edge, String((instance - 1) * thickness)]],
    [Tags.ImageOrientationPatient, ['1', '0', '0', '0', '1', '0']],
    [Tags.PixelSpacing, [String(spacing), String(spacing)]],
  ]);
}

const chest: Study = {
  number: 1,
  patientName: 'DEMO^CT',
  patientId: 'DEMO-1',
  date: '20240115',
  time: '093012',
  description: 'Demo chest CT with report',
};
const heart: Study = {
  number: 2,
  patientName: 'DEMO^ULTRASOUND',
  patientId: 'DEMO-2',
  date: '20240220',
  time: '141503.25',
  description: 'Demo heart ultrasound',
};
const colours: Study = {
  number: 3,
  patientName: 'DEMO^COLOUR',
  patientId: 'DEMO-3',
  date: '20240302',
  time: '080000',
  description: 'Demo colour chart',
};
const head: Study = {
  number: 4,
  patientName: 'DEMO^MR=演示^磁共振',
  patientId: 'DEMO-4',
  date: '20240302',
  time: '235959',
  description: 'Demo head MR',
};

function chestInstance(instance: number, volume: Volume): DemoInstance {
  const place = { study: chest.number, series: 1, instance };
  const dataset = setAll(headerOf(chest, sopClasses.ct, place), [
    [Tags.ImageType, ['DERIVED', 'PRIMARY', 'AXIAL']],
    [Tags.Modality, 'CT'],
    [Tags.SeriesDescription, 'Chest phantom'],
    [Tags.BodyPartExamined, 'CHEST'],
    [Tags.KVP, '120'],
    [Tags.WindowCenter, '40'],
    [Tags.WindowWidth, '400'],
    [Tags.RescaleIntercept, '0'],
    [Tags.RescaleSlope, '1'],
  ]);
  const pixels = chestSlice(volume.size, (instance - 1) / (volume.slices - 1), instance);
  setPixels(setSlice(dataset, place, volume), {
    rows: volume.size,
    columns: volume.size,
    colour: false,
    pixels,
  });
  return finish(dataset);
}

function headInstance(instance: number, volume: Volume): DemoInstance {
  const place = { study: head.number, series: 1, instance };
  const dataset = setAll(headerOf(head, sopClasses.mr, place), [
    [Tags.ImageType, ['DERIVED', 'PRIMARY', 'OTHER']],
    [Tags.Modality, 'MR'],
    [Tags.SeriesDescription, 'Head phantom, deflated'],
    [Tags.BodyPartExamined, 'HEAD'],
    [Tags.WindowCenter, '450'],
    [Tags.WindowWidth, '900'],
  ]);
  const pixels = headSlice(volume.size, (instance - 1) / (volume.slices - 1), instance);
  setPixels(setSlice(dataset, place, volume), {
    rows: volume.size,
    columns: volume.size,
    colour: false,
    pixels,
  });
  return finish(dataset, TransferSyntaxes.DeflatedExplicitVrLittleEndian);
}

function heartInstance(): DemoInstance {
  const [columns, rows, frames] = [320, 240, 20];
  const dataset = setAll(
    headerOf(heart, sopClasses.ultrasoundMultiFrame, { study: 2, series: 1, instance: 1 }),
    [
      [Tags.ImageType, ['DERIVED', 'PRIMARY']],
      [Tags.Modality, 'US'],
      [Tags.SeriesDescription, 'Beating phantom'],
      [Tags.FrameTime, '50'],
      [Tags.NumberOfFrames, String(frames)],
      [Tags.FrameIncrementPointer, '00181063'],
    ],
  );
  const pictures = Array.from({ length: frames }, (_, index) =>
    cineFrame(columns, rows, index / frames, index + 1),
  );
  return finish(setPixels(dataset, { rows, columns, colour: true, pixels: Buffer.concat(pictures) }));
}

function chartInstance(study: Study, instance: number): DemoInstance {
  const size = 384;
  const dataset = setAll(
    headerOf(study, sopClasses.secondaryCapture, { study: study.number, series: 1, instance }),
    [
      [Tags.ConversionType, 'SYN'],
      [Tags.Modality, 'OT'],
      [Tags.SeriesDescription, 'Hues and greys'],
    ],
  );
  return finish(setPixels(dataset, { rows: size, columns: size, colour: true, pixels: colourChart(size) }));
}

const sr = {
  relationshipType: 0x0040a010,
  valueType: 0x0040a040,
  conceptName: 0x0040a043,
  continuity: 0x0040a050,
  text: 0x0040a160,
  performedProcedure: 0x0040a372,
  completion: 0x0040a491,
  verification: 0x0040a493,
  content: 0x0040a730,
} as const;

function code(value: string, scheme: string, meaning: string): Dataset {
  return setAll(new Dataset(), [
    [Tags.CodeValue, value],
    [Tags.CodingSchemeDesignator, scheme],
    [Tags.CodeMeaning, meaning],
  ]);
}

function textItem(name: Dataset, text: string): Dataset {
  return new Dataset()
    .setString(sr.relationshipType, 'CONTAINS', 'CS')
    .setString(sr.valueType, 'TEXT', 'CS')
    .setItems(sr.conceptName, [name])
    .setString(sr.text, text, 'UT');
}

function reportInstance(): DemoInstance {
  const dataset = setAll(
    headerOf(chest, sopClasses.basicTextSr, { study: chest.number, series: 2, instance: 1 }),
    [
      [Tags.Modality, 'SR'],
      [Tags.SeriesDescription, 'Report'],
      [Tags.ContentDate, chest.date],
      [Tags.ContentTime, '100000'],
    ],
  )
    .setString(sr.valueType, 'CONTAINER', 'CS')
    .setItems(sr.conceptName, [code('18748-4', 'LN', 'Diagnostic imaging report')])
    .setString(sr.continuity, 'SEPARATE', 'CS')
    .setString(sr.completion, 'COMPLETE', 'CS')
    .setString(sr.verification, 'UNVERIFIED', 'CS')
    .setItems(Tags.ReferencedPerformedProcedureStepSequence, [])
    .setItems(sr.performedProcedure, [])
    .setItems(sr.content, [
      textItem(code('121071', 'DCM', 'Finding'), 'A computed chest: two lungs, a heart, ten ribs a slice.'),
      textItem(code('121077', 'DCM', 'Conclusion'), 'Demonstration data. No patient was ever near it.'),
    ]);
  return finish(dataset);
}

/** The generated studies of the demo: a CT series with a report, an ultrasound cine, a colour chart, an MR series. */
export function demoStudies(): readonly DemoInstance[] {
  const chestVolume: Volume = { slices: 40, size: 256, spacing: 1.4, thickness: 6 };
  const headVolume: Volume = { slices: 12, size: 192, spacing: 1.2, thickness: 8 };
  const numbers = ({ slices }: Volume): number[] => Array.from({ length: slices }, (_, index) => index + 1);
  return [
    ...numbers(chestVolume).map((instance) => chestInstance(instance, chestVolume)),
    reportInstance(),
    heartInstance(),
    chartInstance(colours, 1),
    ...numbers(headVolume).map((instance) => headInstance(instance, headVolume)),
  ];
}

/** An instance that the demo PACS does not hold: something to store. */
export function demoUpload(): DemoInstance {
  return chartInstance({ ...colours, number: 5, patientName: 'DEMO^UPLOAD', patientId: 'DEMO-5' }, 1);
}
