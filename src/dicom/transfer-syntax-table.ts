/** How the bytes of a dataset, and the frames in it, are encoded. */
export interface TransferSyntax {
  readonly uid: string;
  readonly name: string;
  readonly byteOrder: 'little' | 'big';
  readonly vr: 'implicit' | 'explicit';
  /** The whole dataset is a raw deflate stream. */
  readonly deflated: boolean;
  /** Pixel data comes in fragments. */
  readonly encapsulated: boolean;
  /** What is encoded so has, or may have, lost information. */
  readonly lossy: boolean;
  readonly retired: boolean;
  /** The media type of one frame (of the whole stream for video). @see PS3.18 8.7.3.3 */
  readonly frameMediaType: string;
}

const root = '1.2.840.10008.1.2';

function native(suffix: string, name: string): TransferSyntax {
  return {
    uid: root + suffix,
    name,
    byteOrder: 'little',
    vr: 'explicit',
    deflated: false,
    encapsulated: false,
    lossy: false,
    retired: false,
    frameMediaType: 'application/octet-stream',
  };
}

function lossless(suffix: string, name: string, frameMediaType: string): TransferSyntax {
  return { ...native(suffix, name), encapsulated: true, frameMediaType };
}

function lossy(suffix: string, name: string, frameMediaType: string): TransferSyntax {
  return { ...lossless(suffix, name, frameMediaType), lossy: true };
}

/** Pixel data stands elsewhere and may be lossy. */
function referenced(suffix: string, name: string): TransferSyntax {
  return { ...native(suffix, name), lossy: true };
}

function retired(syntax: TransferSyntax): TransferSyntax {
  return { ...syntax, retired: true };
}

/** The transfer syntaxes of PS3.6 Table A-1 in which instances are stored. @see PS3.5 A */
export const TransferSyntaxes = {
  ImplicitVrLittleEndian: { ...native('', 'Implicit VR Little Endian'), vr: 'implicit' },
  ExplicitVrLittleEndian: native('.1', 'Explicit VR Little Endian'),
  ExplicitVrBigEndian: { ...native('.2', 'Explicit VR Big Endian'), byteOrder: 'big', retired: true },
  DeflatedExplicitVrLittleEndian: {
    ...native('.1.99', 'Deflated Explicit VR Little Endian'),
    deflated: true,
  },
  EncapsulatedUncompressedExplicitVrLittleEndian: lossless(
    '.1.98',
    'Encapsulated Uncompressed Explicit VR Little Endian',
    'application/octet-stream',
  ),
  JpegBaseline: lossy('.4.50', 'JPEG Baseline (Process 1)', 'image/jpeg'),
  JpegExtended: lossy('.4.51', 'JPEG Extended (Process 2 & 4)', 'image/jpeg'),
  JpegExtended35: retired(lossy('.4.52', 'JPEG Extended (Process 3 & 5)', 'image/jpeg')),
  JpegSpectralSelection68: retired(
    lossy('.4.53', 'JPEG Spectral Selection, Non-Hierarchical (Process 6 & 8)', 'image/jpeg'),
  ),
  JpegSpectralSelection79: retired(
    lossy('.4.54', 'JPEG Spectral Selection, Non-Hierarchical (Process 7 & 9)', 'image/jpeg'),
  ),
  JpegFullProgression1012: retired(
    lossy('.4.55', 'JPEG Full Progression, Non-Hierarchical (Process 10 & 12)', 'image/jpeg'),
  ),
  JpegFullProgression1113: retired(
    lossy('.4.56', 'JPEG Full Progression, Non-Hierarchical (Process 11 & 13)', 'image/jpeg'),
  ),
  JpegLossless: lossless('.4.57', 'JPEG Lossless, Non-Hierarchical (Process 14)', 'image/jpeg'),
  JpegLossless15: retired(lossless('.4.58', 'JPEG Lossless, Non-Hierarchical (Process 15)', 'image/jpeg')),
  JpegExtendedHierarchical1618: retired(
    lossy('.4.59', 'JPEG Extended, Hierarchical (Process 16 & 18)', 'image/jpeg'),
  ),
  JpegExtendedHierarchical1719: retired(
    lossy('.4.60', 'JPEG Extended, Hierarchical (Process 17 & 19)', 'image/jpeg'),
  ),
  JpegSpectralSelectionHierarchical2022: retired(
    lossy('.4.61', 'JPEG Spectral Selection, Hierarchical (Process 20 & 22)', 'image/jpeg'),
  ),
  JpegSpectralSelectionHierarchical2123: retired(
    lossy('.4.62', 'JPEG Spectral Selection, Hierarchical (Process 21 & 23)', 'image/jpeg'),
  ),
  JpegFullProgressionHierarchical2426: retired(
    lossy('.4.63', 'JPEG Full Progression, Hierarchical (Process 24 & 26)', 'image/jpeg'),
  ),
  JpegFullProgressionHierarchical2527: retired(
    lossy('.4.64', 'JPEG Full Progression, Hierarchical (Process 25 & 27)', 'image/jpeg'),
  ),
  JpegLosslessHierarchical28: retired(
    lossless('.4.65', 'JPEG Lossless, Hierarchical (Process 28)', 'image/jpeg'),
  ),
  JpegLosslessHierarchical29: retired(
    lossless('.4.66', 'JPEG Lossless, Hierarchical (Process 29)', 'image/jpeg'),
  ),
  JpegLosslessSv1: lossless(
    '.4.70',
    'JPEG Lossless, Non-Hierarchical, First-Order Prediction (Process 14 [Selection Value 1])',
    'image/jpeg',
  ),
  JpegLsLossless: lossless('.4.80', 'JPEG-LS Lossless', 'image/jls'),
  JpegLsNearLossless: lossy('.4.81', 'JPEG-LS Lossy (Near-Lossless)', 'image/jls'),
  Jpeg2000Lossless: lossless('.4.90', 'JPEG 2000 (Lossless Only)', 'image/jp2'),
  Jpeg2000: lossy('.4.91', 'JPEG 2000', 'image/jp2'),
  Jpeg2000Part2Lossless: lossless('.4.92', 'JPEG 2000 Part 2 Multi-component (Lossless Only)', 'image/jpx'),
  Jpeg2000Part2: lossy('.4.93', 'JPEG 2000 Part 2 Multi-component', 'image/jpx'),
  JpipReferenced: referenced('.4.94', 'JPIP Referenced'),
  JpipReferencedDeflate: { ...referenced('.4.95', 'JPIP Referenced Deflate'), deflated: true },
  Mpeg2MainProfileMainLevel: lossy('.4.100', 'MPEG2 Main Profile / Main Level', 'video/mpeg'),
  FragmentableMpeg2MainProfileMainLevel: lossy(
    '.4.100.1',
    'Fragmentable MPEG2 Main Profile / Main Level',
    'video/mpeg',
  ),
  Mpeg2MainProfileHighLevel: lossy('.4.101', 'MPEG2 Main Profile / High Level', 'video/mpeg'),
  FragmentableMpeg2MainProfileHighLevel: lossy(
    '.4.101.1',
    'Fragmentable MPEG2 Main Profile / High Level',
    'video/mpeg',
  ),
  Mpeg4HighProfile41: lossy('.4.102', 'MPEG-4 AVC/H.264 High Profile / Level 4.1', 'video/mp4'),
  FragmentableMpeg4HighProfile41: lossy(
    '.4.102.1',
    'Fragmentable MPEG-4 AVC/H.264 High Profile / Level 4.1',
    'video/mp4',
  ),
  Mpeg4BdHighProfile41: lossy(
    '.4.103',
    'MPEG-4 AVC/H.264 BD-compatible High Profile / Level 4.1',
    'video/mp4',
  ),
  FragmentableMpeg4BdHighProfile41: lossy(
    '.4.103.1',
    'Fragmentable MPEG-4 AVC/H.264 BD-compatible High Profile / Level 4.1',
    'video/mp4',
  ),
  Mpeg4HighProfile42For2d: lossy(
    '.4.104',
    'MPEG-4 AVC/H.264 High Profile / Level 4.2 For 2D Video',
    'video/mp4',
  ),
  FragmentableMpeg4HighProfile42For2d: lossy(
    '.4.104.1',
    'Fragmentable MPEG-4 AVC/H.264 High Profile / Level 4.2 For 2D Video',
    'video/mp4',
  ),
  Mpeg4HighProfile42For3d: lossy(
    '.4.105',
    'MPEG-4 AVC/H.264 High Profile / Level 4.2 For 3D Video',
    'video/mp4',
  ),
  FragmentableMpeg4HighProfile42For3d: lossy(
    '.4.105.1',
    'Fragmentable MPEG-4 AVC/H.264 High Profile / Level 4.2 For 3D Video',
    'video/mp4',
  ),
  Mpeg4StereoHighProfile42: lossy('.4.106', 'MPEG-4 AVC/H.264 Stereo High Profile / Level 4.2', 'video/mp4'),
  FragmentableMpeg4StereoHighProfile42: lossy(
    '.4.106.1',
    'Fragmentable MPEG-4 AVC/H.264 Stereo High Profile / Level 4.2',
    'video/mp4',
  ),
  HevcMainProfile51: lossy('.4.107', 'HEVC/H.265 Main Profile / Level 5.1', 'video/H265'),
  HevcMain10Profile51: lossy('.4.108', 'HEVC/H.265 Main 10 Profile / Level 5.1', 'video/H265'),
  JpegXlLossless: lossless('.4.110', 'JPEG XL Lossless', 'image/jxl'),
  JpegXlJpegRecompression: lossy('.4.111', 'JPEG XL JPEG Recompression', 'image/jxl'),
  JpegXl: lossy('.4.112', 'JPEG XL', 'image/jxl'),
  HtJ2kLossless: lossless('.4.201', 'High-Throughput JPEG 2000 (Lossless Only)', 'image/jphc'),
  HtJ2kLosslessRpcl: lossless(
    '.4.202',
    'High-Throughput JPEG 2000 with RPCL Options (Lossless Only)',
    'image/jphc',
  ),
  HtJ2k: lossy('.4.203', 'High-Throughput JPEG 2000', 'image/jphc'),
  JpipHtJ2kReferenced: referenced('.4.204', 'JPIP HTJ2K Referenced'),
  JpipHtJ2kReferencedDeflate: { ...referenced('.4.205', 'JPIP HTJ2K Referenced Deflate'), deflated: true },
  RleLossless: lossless('.5', 'RLE Lossless', 'image/dicom-rle'),
  DeflatedImageFrameCompression: lossless(
    '.8.1',
    'Deflated Image Frame Compression',
    'application/octet-stream',
  ),
} as const satisfies Record<string, TransferSyntax>;

/**
 * The other transfer syntaxes of PS3.6 Table A-1, in which no instance is stored or exchanged by DIMSE: video over IP
 * (PS3.22), and withdrawn ones for media and mail.
 */
export const transferSyntaxesOfNoInstance: readonly Pick<TransferSyntax, 'uid' | 'name' | 'retired'>[] = [
  { uid: `${root}.6.1`, name: 'RFC 2557 MIME Encapsulation', retired: true },
  { uid: `${root}.6.2`, name: 'XML Encoding', retired: true },
  { uid: `${root}.7.1`, name: 'SMPTE ST 2110-20 Uncompressed Progressive Active Video', retired: false },
  { uid: `${root}.7.2`, name: 'SMPTE ST 2110-20 Uncompressed Interlaced Active Video', retired: false },
  { uid: `${root}.7.3`, name: 'SMPTE ST 2110-30 PCM Digital Audio', retired: false },
  { uid: '1.2.840.10008.1.20', name: 'Papyrus 3 Implicit VR Little Endian', retired: true },
];
