import {
  formatDicomJson,
  formatNativeXml,
  writeDicomJson,
  writeNativeXml,
  type DicomJsonObject,
  type NumericStrings,
} from '../dicom/index.js';
import { MultipartWriter, type Representation } from '../dicomweb/index.js';

/** What is known of a dataset before it is written. */
interface ListedDataset {
  /** Of the resource that it is; results of a search are none. @see rule H-11 */
  readonly location?: string;
  readonly lengthBytes?: number;
}

/** Datasets one after the other as one body. */
export interface DatasetList {
  /** Tells the forms apart; of the same datasets each makes the same bytes every time. */
  readonly form: 'json' | 'xml';
  readonly contentType: string;
  /** Whether there can be a list of none. @see rule Q-31 */
  readonly canBeEmpty: boolean;
  /** Writes an instance. */
  readonly write: typeof writeDicomJson;
  /** Writes a row. */
  readonly format: (row: DicomJsonObject, numericStrings: NumericStrings) => string;
  /** What stands before the next dataset. */
  before(dataset: ListedDataset): string;
  /** What stands behind the last one, to be written only when all of them are whole. */
  end(): string;
}

/** One top-level array. @see PS3.18 F.2 */
class JsonArray implements DatasetList {
  readonly form = 'json';
  readonly contentType = 'application/dicom+json';
  readonly canBeEmpty = true;
  readonly write = writeDicomJson;
  readonly format = formatDicomJson;
  #begun = false;

  before(): string {
    const separator = this.#begun ? ',\n' : '[';
    this.#begun = true;
    return separator;
  }

  end(): string {
    return this.#begun ? ']' : '[]';
  }
}

const dicomXml = 'application/dicom+xml';
/**
 * Always the same, so that an entity tag can name the bytes of a body. It needs no secret: the writer of Native XML never
 * begins a line with two hyphens.
 */
const boundary = 'dicomweb-gateway-native-dicom-model';

/** One part for each dataset. @see PS3.18 8.7.3.2 */
class XmlParts implements DatasetList {
  readonly form = 'xml';
  readonly #multipart = new MultipartWriter(dicomXml, boundary);
  readonly contentType = this.#multipart.contentType;
  readonly canBeEmpty = false;
  readonly write = writeNativeXml;
  readonly format = (row: DicomJsonObject): string => formatNativeXml(row);

  before({ location, lengthBytes }: ListedDataset): string {
    const headers = {
      contentType: dicomXml,
      ...(location === undefined ? {} : { contentLocation: location }),
      ...(lengthBytes === undefined ? {} : { contentLength: lengthBytes }),
    };
    return this.#multipart.part(headers).toString('latin1');
  }

  end(): string {
    return this.#multipart.end().toString('latin1');
  }
}

/** The list of the first of `representations` that the client takes. */
export function datasetList([first]: readonly Representation[]): DatasetList {
  return first?.mediaType === dicomXml ? new XmlParts() : new JsonArray();
}

/** The same for no datasets at all, which not every representation can say; undefined when none of them can. */
export function emptyList(representations: readonly Representation[]): DatasetList | undefined {
  return representations.map((one) => datasetList([one])).find((list) => list.canBeEmpty);
}
