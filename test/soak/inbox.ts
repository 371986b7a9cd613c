import { ctSlice } from '../helpers/fixtures.js';
import { sha256 } from '../helpers/test-gateway.js';
import { FIRST_STUDY, type PeerName } from './world.js';

/** What is known of an instance that a client stored. */
export interface Sent {
  readonly peer: PeerName;
  readonly studyUid: string;
  readonly seriesUid: string;
  readonly sopUid: string;
  readonly digest: string;
  readonly file: Buffer;
  /** What the gateway said of it; `unknown` until it said something, or when its answer broke off. */
  state: 'unknown' | 'stored' | 'failed';
}

/** Studies that take what clients store, at each PACS; far from the numbers of those that are read. */
const INBOX_STUDIES = 10;
const INBOX_OFFSET = 500;
/** DCMTK's index takes ten thousand instances; what is stored beyond this is stored again. */
const MOST_AT_EACH = 5000;

/** Everything that was stored, so that the PACS can be asked for it in the end. */
export class Inbox {
  readonly sent = new Map<string, Sent>();
  readonly #counts: Record<PeerName, number> = { orthanc: 0, dcmqrscp: 0 };

  /** A tiny instance that nobody has sent yet. */
  next(peer: PeerName): Sent {
    const count = (this.#counts[peer] += 1) % MOST_AT_EACH;
    const study = FIRST_STUDY[peer] + INBOX_OFFSET + (count % INBOX_STUDIES);
    const { studyInstanceUid, seriesInstanceUid, sopInstanceUid, dataset, file } = ctSlice({
      study,
      series: 1,
      instance: count,
    });
    const before = this.sent.get(sopInstanceUid);
    if (before) return before;
    const sent: Sent = {
      peer,
      studyUid: studyInstanceUid,
      seriesUid: seriesInstanceUid,
      sopUid: sopInstanceUid,
      digest: sha256(dataset),
      file,
      state: 'unknown',
    };
    this.sent.set(sopInstanceUid, sent);
    return sent;
  }

  /** Whether a study is one of those that are stored into. */
  holds(studyUid: string): boolean {
    return [...this.sent.values()].some((one) => one.studyUid === studyUid);
  }

  of(peer: PeerName): readonly Sent[] {
    return [...this.sent.values()].filter((one) => one.peer === peer);
  }
}
