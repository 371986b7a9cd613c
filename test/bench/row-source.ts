/** A peer that answers every C-FIND with made-up studies, in a process of its own. */
import { createInterface } from 'node:readline';
import { encodeAttributes, pdu, pdv, startRoguePeer, type Step } from '../helpers/rogue-peer.js';
import { encodeCommand, encodingOf, Uids } from '../helpers/rogue-peer-wire.js';
import { end, start } from './process.js';

/** What the answers are like. */
export interface RowShape {
  readonly rows: number;
  /** Rows a second; 0: as fast as they are taken. */
  readonly rate: number;
}

/** A peer that runs. */
export interface RowSource {
  readonly port: number;
  readonly aeTitle: string;
  /** When the first row of the latest answer went out, in milliseconds of the calendar. */
  readonly firstRowAt: () => number;
  stop(): Promise<void>;
}

/** Rows that are written together. */
const TOGETHER = 100;
const AE_TITLE = 'ROWS';

/** Starts it; throws when it ends before it listens. */
export async function startRowSource({ rows, rate }: RowShape): Promise<RowSource> {
  const args = ['--import', 'tsx', import.meta.filename, `${rows}`, `${rate}`];
  const child = start(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  if (!child.stdout) throw new Error('the source of rows did not start');
  let firstRowAt = 0;
  const lines = createInterface({ input: child.stdout });
  const port = await new Promise<number>((resolve, reject) => {
    child.once('exit', () => {
      reject(new Error('the source of rows ended before it was ready'));
    });
    lines.on('line', (line) => {
      const [what, value] = line.split(' ');
      if (what === 'port') resolve(Number(value));
      else firstRowAt = Number(value);
    });
  });
  return { port, aeTitle: AE_TITLE, firstRowAt: () => firstRowAt, stop: () => end(child) };
}

/** UIDs that differ in their last digits alone, so that a row is made by writing these. */
const UID_DIGITS = 8;
const uidStart = '2.25.1234567890.';

/** Everything that a viewer's list shows of a study, as a PACS that counts itself returns it. */
function rowOf(encoding: ReturnType<typeof encodingOf>): Buffer {
  return encodeAttributes(
    {
      QueryRetrieveLevel: 'STUDY',
      StudyDate: '20240229',
      StudyTime: '121314.000000',
      AccessionNumber: 'A1234567',
      ModalitiesInStudy: 'CT\\SR',
      ReferringPhysicianName: 'Referrer^Any',
      PatientName: 'Name^Some^Middle',
      PatientID: 'P1234567',
      PatientBirthDate: '19700101',
      PatientSex: 'O',
      StudyInstanceUID: uidStart.padEnd(uidStart.length + UID_DIGITS, '0'),
      StudyID: 'S1',
      NumberOfStudyRelatedSeries: '4',
      NumberOfStudyRelatedInstances: '400',
    },
    encoding,
  );
}

function answer({ rows, rate }: RowShape): Step {
  return async (operation) => {
    const { association, contextId, request } = operation;
    const syntax = association.accepted.get(contextId)?.transferSyntax ?? Uids.implicitLittleEndian;
    const command = encodeCommand({
      affectedSopClassUid: Uids.studyRootFind,
      commandField: 0x8020,
      messageIdRespondedTo: request.messageId ?? 1,
      dataSetType: 1,
      status: 0xff00,
    });
    const template = Buffer.concat([
      pdu(4, pdv(contextId, 3, command)),
      pdu(4, pdv(contextId, 2, rowOf(encodingOf(syntax)))),
    ]);
    const digits = template.indexOf(uidStart) + uidStart.length;
    for (let row = 0; row < rows && !operation.isCancelled; row += TOGETHER) {
      const all = Buffer.concat(Array.from({ length: Math.min(TOGETHER, rows - row) }, () => template));
      for (let at = 0; at * template.length < all.length; at += 1)
        all.write(`${10 ** (UID_DIGITS - 1) + row + at}`, at * template.length + digits, 'latin1');
      if (row === 0) console.log(`first ${Date.now()}`);
      await association.write(all);
      if (rate > 0) await new Promise((resolve) => setTimeout(resolve, (TOGETHER / rate) * 1000));
    }
  };
}

async function serve(shape: RowShape): Promise<void> {
  const peer = await startRoguePeer({
    aeTitle: AE_TITLE,
    onFind: [answer(shape), (operation) => operation.respond({ status: 0 })],
  });
  console.log(`port ${peer.address.port}`);
}

if (process.argv[1] === import.meta.filename)
  await serve({ rows: Number(process.argv[2]), rate: Number(process.argv[3]) });
