import { Tags, type Dataset } from '../dicom/index.js';
import type { StudyProbe } from './study-probe.js';

const DATE = /^(\d{4})(\d{2})(\d{2})$/;

/** A date some days later. */
function shifted(date: string, days: number): string | undefined {
  const [, year, month, day] = DATE.exec(date) ?? [];
  if (day === undefined) return undefined;
  const time = new Date(Date.UTC(Number(year), Number(month) - 1, Number(day) + days));
  return time.toISOString().slice(0, 10).replaceAll('-', '');
}

/**
 * Whether a peer that accepted combined date-time matching does so: it finds the study in a span of days around it
 * although its time is not between the two of the range, and not in one that begins on its day after its time. Undefined
 * when it did not accept it, or the study has no time to try it with.
 *
 * @see PS3.4 C.2.2.2.5.4
 */
export async function provesDateTime(probe: StudyProbe, row: Dataset): Promise<boolean | undefined> {
  const options = await probe.peer.queryOptions(probe.context);
  const [date = '', time = ''] = [row.string(Tags.StudyDate), row.string(Tags.StudyTime)];
  const [before, after] = [shifted(date, -1), shifted(date, 1)];
  // Late in the evening there is no room for a range of times after it.
  if (!options.dateTime || before === undefined || after === undefined || !(time >= '00' && time < '23'))
    return undefined;
  const planned = { ...options, fuzzy: false };
  const finds = (dates: string, times: string): Promise<boolean | undefined> =>
    probe.finds(
      [
        [Tags.StudyInstanceUID, probe.study.studyInstanceUid],
        [Tags.StudyDate, dates],
        [Tags.StudyTime, times],
      ],
      { ...probe.context, planned },
    );
  const around = await finds(`${before}-${after}`, time >= '12' ? '000000-010000' : '230000-233000');
  const later = await finds(`${date}-${after}`, '233000-235900');
  return around === undefined || later === undefined ? undefined : around && !later;
}
