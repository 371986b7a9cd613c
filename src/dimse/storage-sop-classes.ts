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
