import { allTransferSyntaxes, isVideo, TransferSyntaxes, type TransferSyntax } from '../dicom/index.js';

const STORAGE = '1.2.840.10008.5.1.4.1.1.';

/**
 * Storage SOP classes proposed when nobody knows which will come, the common ones first: pictures, then what viewers
 * need beside them, then the rest.
 */
export const commonStorageSopClasses: readonly string[] = [
  '2', // CT
  '4', // MR
  '1', // CR
  '1.1', // DX for presentation
  '7', // secondary capture
  '6.1', // US
  '3.1', // US multi-frame
  '128', // PET
  '12.1', // XA
  '1.2', // MG for presentation
  '20', // NM
  '88.22', // enhanced SR
  '88.33', // comprehensive SR
  '11.1', // grayscale softcopy presentation state
  '88.59', // key object selection
  '104.1', // encapsulated PDF
  '66.4', // segmentation
  '2.1', // enhanced CT
  '4.1', // enhanced MR
  '13.1.3', // breast tomosynthesis
  '7.4', // multi-frame true colour secondary capture
  '7.2', // multi-frame grayscale byte secondary capture
  '7.3', // multi-frame grayscale word secondary capture
  '12.2', // RF
  '77.1.4', // VL photographic
  '77.1.1', // VL endoscopic
  '77.1.6', // VL whole slide microscopy
  '77.1.4.1', // video photographic
  '77.1.1.1', // video endoscopic
  '77.1.5.1', // ophthalmic photography 8 bit
  '77.1.5.4', // ophthalmic tomography
  '481.1', // RT image
  '481.2', // RT dose
  '481.3', // RT structure set
  '481.5', // RT plan
  '88.11', // basic text SR
  '88.67', // X-ray radiation dose SR
  '130', // enhanced PET
  '12.1.1', // enhanced XA
  '1.1.1', // DX for processing
  '1.2.1', // MG for processing
  '1.3', // intra-oral DX
  '9.1.1', // 12-lead ECG
  '66', // raw data
  '66.1', // spatial registration
].map((suffix) => STORAGE + suffix);

const RARE =
  '3 6 5 12.3 1.3.1 2.2 4.2 4.3 4.4 6.2 6.3 7.1 9.1.2 9.1.3 9.1.4 9.2.1 9.3.1 9.4.1 9.4.2 9.5.1 9.6.1 ' +
  '9.6.2 9.7.1 9.7.2 9.7.3 9.7.4 9.8.1 11.2 11.3 11.4 11.5 11.6 11.7 11.8 11.9 11.10 11.11 11.12 13.1.1 ' +
  '13.1.2 13.1.4 13.1.5 14.1 14.2 30 66.2 66.3 66.5 66.6 66.7 66.8 67 68.1 68.2 77.1.2 77.1.2.1 77.1.3 ' +
  '77.1.5.2 77.1.5.3 77.1.5.5 77.1.5.6 77.1.5.7 77.1.5.8 77.1.7 77.1.8 77.1.9 78.1 78.2 78.3 78.4 78.5 ' +
  '78.6 78.7 78.8 79.1 80.1 81.1 82.1 88.34 88.35 88.40 88.50 88.65 88.68 88.69 88.70 88.71 88.72 88.73 ' +
  '88.74 88.75 88.76 88.77 90.1 91.1 104.2 104.3 104.4 104.5 128.1 131 200.2 481.4 481.6 481.7 481.8 ' +
  '481.9 481.10 481.11 481.12 481.13 481.14 481.15 481.16 481.17 481.18 481.19 481.20 481.21 481.23 8 9 ' +
  '10 11 129';

/**
 * The other storage SOP classes, retired ones among them, for what the common ones did not bring: a peer that does not
 * name SOP classes in its listings (dcmqrscp) gives no other way to learn them.
 * @see PS3.4 B.5
 */
export const rareStorageSopClasses: readonly string[] = RARE.split(' ').map((suffix) => STORAGE + suffix);

/** Beginnings of the SOP classes whose datasets hold no pixels, so that their syntaxes are few. */
const WITHOUT_PIXELS = [
  '9.',
  '11.',
  '66.1',
  '66.2',
  '66.3',
  '66.5',
  '67',
  '88.',
  '104.',
  '481.3',
  '481.5',
  '481.8',
].map((suffix) => STORAGE + suffix);

/**
 * Transfer syntaxes in the order in which they get a presentation context: the plain ones that everybody can send,
 * then how archives compress, by how common that is, then all others: pictures, video, and what is retired. Where there are many SOP classes the
 * end of the list is left out.
 */
const preferred: readonly string[] = [
  TransferSyntaxes.ExplicitVrLittleEndian.uid,
  TransferSyntaxes.ImplicitVrLittleEndian.uid,
  '1.2.840.10008.1.2.4.70', // JPEG lossless, first-order prediction
  '1.2.840.10008.1.2.4.90', // JPEG 2000 lossless
  '1.2.840.10008.1.2.4.50', // JPEG baseline
  '1.2.840.10008.1.2.4.80', // JPEG-LS lossless
  '1.2.840.10008.1.2.4.91', // JPEG 2000
  '1.2.840.10008.1.2.5', // RLE
  '1.2.840.10008.1.2.4.51', // JPEG extended
  '1.2.840.10008.1.2.4.81', // JPEG-LS near-lossless
  '1.2.840.10008.1.2.4.201', // HTJ2K lossless
  '1.2.840.10008.1.2.4.57', // JPEG lossless
  TransferSyntaxes.DeflatedExplicitVrLittleEndian.uid,
  TransferSyntaxes.ExplicitVrBigEndian.uid,
];

function inOrder(): readonly string[] {
  const rank = (syntax: TransferSyntax): number => (syntax.retired ? 2 : isVideo(syntax) ? 1 : 0);
  const others = allTransferSyntaxes.filter(({ uid }) => !preferred.includes(uid));
  const sorted = [...others].sort((left, right) => rank(left) - rank(right));
  return [...preferred, ...sorted.map(({ uid }) => uid)];
}

const all = inOrder();
const withoutPixels = [
  TransferSyntaxes.ExplicitVrLittleEndian.uid,
  TransferSyntaxes.ImplicitVrLittleEndian.uid,
  TransferSyntaxes.DeflatedExplicitVrLittleEndian.uid,
  TransferSyntaxes.ExplicitVrBigEndian.uid,
];

/** The transfer syntaxes that instances of a SOP class may be stored in, those to propose first before the others. */
export function storageTransferSyntaxes(sopClassUid: string): readonly string[] {
  return WITHOUT_PIXELS.some((start) => sopClassUid.startsWith(start)) ? withoutPixels : all;
}
