import { afterEach, describe, expect, test } from '@jest/globals';
import { Dataset, decodeDataset, encodeDataset, Tags, TransferSyntaxes } from '../../../src/dicom/index.js';
import { startDcmjsPeer, type DcmjsPeer, type DcmjsPeerOptions } from '../../helpers/dcmjs-peer.js';
import { allRows, anyStudy, contextOf, peerOf } from './peer-setup.js';

const SECONDARY_CAPTURE = '1.2.840.10008.5.1.4.1.1.7';
const { ExplicitVrLittleEndian } = TransferSyntaxes;
let dcmjs: DcmjsPeer;

async function start(options: DcmjsPeerOptions = {}) {
  dcmjs = await startDcmjsPeer(options);
  return peerOf(dcmjs.address).peer;
}

afterEach(() => dcmjs.close());

describe('against dcmjs-dimse', () => {
  test('C-ECHO', async () => {
    const peer = await start();
    expect(await peer.echo(contextOf())).toMatchObject({ status: 0 });
    await peer.close(2000);
  });

  test('C-FIND of fifty rows', async () => {
    const rows = Array.from({ length: 50 }, (_, index) => ({ StudyInstanceUID: `1.2.${index + 1}` }));
    const peer = await start({ rows });
    const { uids } = await allRows(peer.find('STUDY', anyStudy(), contextOf()));
    expect(uids).toEqual(rows.map(({ StudyInstanceUID }) => StudyInstanceUID));
    await peer.close(2000);
  });

  test('C-GET, with the role that we select', async () => {
    const instances = ['1.2.3.1', '1.2.3.2'].map((uid) => ({
      SOPClassUID: SECONDARY_CAPTURE,
      SOPInstanceUID: uid,
      Rows: 2,
    }));
    const peer = await start({ instances });
    const seen: (string | undefined)[] = [];
    const done = await peer.retrieve(
      {
        level: 'STUDY',
        identifier: new Dataset().setString(Tags.StudyInstanceUID, '1.2'),
        sopClassUids: [SECONDARY_CAPTURE],
      },
      () => {
        const chunks: Buffer[] = [];
        return {
          write: (chunk) => void chunks.push(Buffer.from(chunk)),
          end: () => {
            seen.push(
              decodeDataset(Buffer.concat(chunks), ExplicitVrLittleEndian).string(Tags.SOPInstanceUID),
            );
            return 0;
          },
          fail: () => undefined,
        };
      },
      contextOf(),
    );
    expect(done).toMatchObject({ status: 0, received: 2, completed: 2 });
    expect(seen).toEqual(['1.2.3.1', '1.2.3.2']);
    await peer.close(2000);
  });

  test('C-STORE', async () => {
    const peer = await start();
    const dataset = new Dataset()
      .setString(Tags.SOPClassUID, SECONDARY_CAPTURE)
      .setString(Tags.SOPInstanceUID, '1.2.3.9');
    async function* bytes(): AsyncGenerator<Buffer> {
      yield await Promise.resolve(encodeDataset(dataset, ExplicitVrLittleEndian));
    }
    const request = {
      sopClassUid: SECONDARY_CAPTURE,
      sopInstanceUid: '1.2.3.9',
      transferSyntaxUid: ExplicitVrLittleEndian.uid,
      bytes: bytes(),
    };
    expect(await peer.store(request, contextOf())).toEqual({ status: 0 });
    expect(dcmjs.stored).toEqual([expect.objectContaining({ SOPInstanceUID: '1.2.3.9' })]);
    await peer.close(2000);
  });
});
