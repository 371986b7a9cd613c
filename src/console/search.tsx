import type { JSX } from 'preact';
import { rememberStudy } from './study-names.js';
import { dateText, nameText, tags, textOf, textsOf, timeText, type Row } from './dicom.js';
import { serviceOf } from './api.js';
import { useRows, type Rows } from './rows.js';
import { go, hrefOf, route } from './route.js';
import { SearchForm, usePeers } from './search-form.js';
import { offsetOf, PAGE, searchQuery } from './search-query.js';
import { texts } from './texts.js';
import { Failure, Foreign, Head, Warnings } from './ui.js';

const t = texts.search;

/** Studies of an archive. */
export function Search(): JSX.Element {
  const { params } = route.value;
  const peers = usePeers();
  const peer = params.get('peer') ?? peers.chosen;
  const isAsked = params.has('peer');
  const found = useRows(isAsked ? `${serviceOf(peer)}/studies?${searchQuery(params)}` : undefined);
  return (
    <>
      <Head title={t.title} />
      <SearchForm params={params} peers={peers.names} chosen={peer} />
      {isAsked ? <Results peer={peer} params={params} found={found} /> : <p class="faint">{t.begin}</p>}
    </>
  );
}

interface ResultsProps {
  readonly peer: string;
  readonly params: URLSearchParams;
  readonly found: Rows & { readonly reload: () => void };
}

/** How far a search is, in words. */
function progressOf({ rows, warnings, error, isWhole }: Rows, offset: number): string {
  if (error) return rows.length > 0 ? t.broken(rows.length) : '';
  if (!isWhole) return t.running(rows.length);
  if (rows.length === 0) return offset > 0 ? t.noMore : warnings.length > 0 ? t.nothingSeen : t.nothing;
  return t.found(offset + 1, offset + rows.length);
}

function Results({ peer, params, found }: ResultsProps): JSX.Element {
  const { rows, warnings, error, isWhole, reload } = found;
  const offset = offsetOf(params);
  return (
    <section aria-busy={!isWhole && !error} class="results">
      <Warnings of={warnings} />
      {error && <Failure error={error} onRetry={reload} />}
      {rows.length > 0 && <Table peer={peer} rows={rows} params={params} />}
      <footer class="pages">
        <span role="status">{progressOf(found, offset)}</span>
        <Pages params={params} isMore={rows.length >= PAGE} />
      </footer>
    </section>
  );
}

function Pages({
  params,
  isMore,
}: {
  readonly params: URLSearchParams;
  readonly isMore: boolean;
}): JSX.Element {
  const offset = offsetOf(params);
  const to = (start: number): void => {
    go('search', { ...Object.fromEntries(params), offset: start === 0 ? undefined : start });
  };
  return (
    <span class="actions">
      <button
        type="button"
        disabled={offset === 0}
        onClick={() => {
          to(Math.max(0, offset - PAGE));
        }}
      >
        {t.previous}
      </button>
      <button
        type="button"
        disabled={!isMore}
        onClick={() => {
          to(offset + PAGE);
        }}
      >
        {t.next}
      </button>
    </span>
  );
}

interface TableProps {
  readonly peer: string;
  readonly rows: readonly Row[];
  readonly params: URLSearchParams;
}

function Table({ peer, rows, params }: TableProps): JSX.Element {
  const from = params.toString();
  return (
    <table class="studies">
      <thead>
        <tr>
          {Object.entries(t.columns).map(([name, text]) => (
            <th key={name} class={name} scope="col">
              {text}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {rows.map((row, index) => (
          <StudyRow key={index} peer={peer} row={row} from={from} />
        ))}
      </tbody>
    </table>
  );
}

function StudyRow({
  peer,
  row,
  from,
}: {
  readonly peer: string;
  readonly row: Row;
  readonly from: string;
}): JSX.Element {
  const study = textOf(row, tags.studyInstanceUid);
  const name = nameText(row[tags.patientName]?.Value?.[0]);
  const href = hrefOf('study', { peer, study, from });
  rememberStudy(peer, study, row);
  const counts = [tags.seriesInStudy, tags.instancesInStudy].map((tag) => textOf(row, tag) || texts.none);
  return (
    <tr
      onClick={({ target }) => {
        // A link does by itself what its user wants of it, in another tab perhaps.
        if (!(target instanceof Element && target.closest('a'))) location.hash = href;
      }}
    >
      <td class="patient">
        <a href={href}>
          <Foreign>{name}</Foreign>
        </a>
        <small class="faint">
          <Foreign>{textOf(row, tags.patientId)}</Foreign>
        </small>
      </td>
      <td class="date">
        {dateText(textOf(row, tags.studyDate))}{' '}
        <span class="faint">{timeText(textOf(row, tags.studyTime))}</span>
      </td>
      <td class="modality">{textsOf(row, tags.modalitiesInStudy).join(' ')}</td>
      <td class="description">
        <Foreign>{textOf(row, tags.studyDescription)}</Foreign>
      </td>
      <td class="accession">
        <Foreign>{textOf(row, tags.accessionNumber)}</Foreign>
      </td>
      <td class="count">{counts.join(' / ')}</td>
    </tr>
  );
}
