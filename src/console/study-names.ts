import { useEffect, useState } from 'preact/hooks';
import { askList, serviceOf } from './api.js';
import { dateText, nameText, tags, textOf, type Row } from './dicom.js';
import { onLogOut } from './session.js';

/** What studies were seen to be called; the longest ago are forgotten first. */
const names = new Map<string, string>();
const MOST = 500;
onLogOut(() => {
  names.clear();
});

const keyOf = (peer: string, study: string): string => `${peer} ${study}`;

/** A study as it is called in one line. */
function studyLabel(row: Row): string {
  const parts = [
    nameText(row[tags.patientName]?.Value?.[0]),
    textOf(row, tags.studyDescription),
    dateText(textOf(row, tags.studyDate)),
  ];
  return parts.filter((part) => part !== '').join(' · ');
}

export function rememberStudy(peer: string, study: string, row: Row): void {
  const key = keyOf(peer, study);
  names.delete(key);
  names.set(key, studyLabel(row));
  const [oldest] = names.keys();
  if (names.size > MOST && oldest !== undefined) names.delete(oldest);
}

/** Forgets everything. */
export function forgetStudies(): void {
  names.clear();
}

/** What a study is called, which the archive is asked for once; its UID until then. */
export function useStudyLabel(peer: string, study: string): string {
  const [label, setLabel] = useState(names.get(keyOf(peer, study)));
  useEffect(() => {
    if (names.has(keyOf(peer, study))) return undefined;
    const controller = new AbortController();
    void find(peer, study, controller.signal).then((row) => {
      if (row === undefined || controller.signal.aborted) return;
      rememberStudy(peer, study, row);
      setLabel(studyLabel(row));
    });
    return () => {
      controller.abort();
    };
  }, [peer, study]);
  return label ?? study;
}

/** A study that cannot be found goes by its UID. */
async function find(peer: string, study: string, signal: AbortSignal): Promise<Row | undefined> {
  try {
    const query = `StudyInstanceUID=${study}&includefield=${tags.studyDescription}&limit=1`;
    const { rows } = await askList<Row>(`${serviceOf(peer)}/studies?${query}`, { signal });
    for await (const [row] of rows) return row;
  } catch {
    return undefined;
  }
  return undefined;
}
