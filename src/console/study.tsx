import type { JSX } from 'preact';
import { useMemo, useState } from 'preact/hooks';
import { askJson, posting, serviceOf, type Refused } from './api.js';
import { dateText, mayHavePicture, numberOf, nameText, tags, textOf, timeText, type Row } from './dicom.js';
import { refusedOf } from './hooks.js';
import { forgetMetadata } from './metadata.js';
import { forgetPictures } from './pictures.js';
import { hrefOf, move, route } from './route.js';
import { useRows } from './rows.js';
import { SeriesPanel } from './series.js';
import { settings } from './settings.js';
import { rememberStudy } from './study-names.js';
import { texts } from './texts.js';
import { Thumbnail } from './thumbnail.js';
import { Failure, Foreign, Loading, Warnings } from './ui.js';
import { viewerLink } from './viewer-link.js';

const t = texts.study;

const studyFields = [tags.studyDescription, tags.patientBirthDate, tags.patientSex].map(
  (tag) => `&includefield=${tag}`,
);
const seriesFields = [tags.seriesDescription, tags.instancesInSeries].map((tag) => `includefield=${tag}`);

/** One study: its series, and what is in the one that is chosen. */
export function Study(): JSX.Element {
  const { params } = route.value;
  const peer = params.get('peer') ?? settings.value.defaultPeer;
  const study = params.get('study') ?? '';
  const service = serviceOf(peer);
  const path = `${service}/studies/${encodeURIComponent(study)}`;
  const found = useRows(
    `${service}/studies?StudyInstanceUID=${encodeURIComponent(study)}${studyFields.join('')}&limit=1`,
  );
  const [row] = found.rows;
  if (row) rememberStudy(peer, study, row);
  return (
    <>
      <a class="back" href={`#/search${params.get('from') ? `?${params.get('from') ?? ''}` : ''}`}>
        ‹ {t.back}
      </a>
      <Warnings of={found.warnings} />
      {found.error && <Failure error={found.error} onRetry={found.reload} />}
      <StudyHead row={row} />
      {found.isWhole && !row && <p class="notice warn">{t.notListed}</p>}
      <StudyActions key={path} peer={peer} study={study} series={params.get('series') ?? ''} path={path} />
      <StudyBody path={path} params={params} />
    </>
  );
}

function StudyHead({ row }: { readonly row: Row | undefined }): JSX.Element {
  const of = (tag: string): string => (row ? textOf(row, tag) : '');
  const born = dateText(of(tags.patientBirthDate));
  const about = [of(tags.patientId), of(tags.patientSex), born === '' ? '' : `${t.born} ${born}`];
  const what = [
    `${dateText(of(tags.studyDate))} ${timeText(of(tags.studyTime))}`.trim(),
    of(tags.studyDescription),
    of(tags.accessionNumber),
  ];
  return (
    <header class="study-head">
      <h1>
        <Foreign>{row ? nameText(row[tags.patientName]?.Value?.[0]) : t.title}</Foreign>
      </h1>
      <Line of={about} />
      <Line of={what} />
    </header>
  );
}

function Line({ of }: { readonly of: readonly string[] }): JSX.Element {
  return (
    <p class="faint dots">
      {of
        .filter((part) => part !== '')
        .map((part, index) => (
          <span key={index}>
            <Foreign>{part}</Foreign>
          </span>
        ))}
    </p>
  );
}

interface ActionsProps {
  readonly peer: string;
  readonly study: string;
  readonly series: string;
  readonly path: string;
}

function StudyActions({ peer, study, series, path }: ActionsProps): JSX.Element {
  const [said, setSaid] = useState<string>();
  const [error, setError] = useState<Refused>();
  const doing = (run: () => Promise<string>) => (): void => {
    setError(undefined);
    run().then(setSaid, (thrown: unknown) => {
      setError(refusedOf(thrown));
    });
  };
  const preload = async (): Promise<string> => {
    await askJson(`${path}/preload`, { method: 'POST' });
    return t.preloading;
  };
  const drop = async (): Promise<string> => {
    const { dropped } = await askJson<{ dropped: number }>('cache/purge', posting({ study, peer }));
    forgetPictures();
    forgetMetadata();
    return t.dropped(dropped);
  };
  return (
    <div class="actions study-actions">
      <button type="button" onClick={doing(preload)}>
        {t.preload}
      </button>
      <button type="button" onClick={doing(drop)}>
        {t.drop}
      </button>
      {settings.value.viewers.map(({ name, url }) => (
        <a
          key={name}
          class="button"
          href={viewerLink(url, { peer, study, series })}
          target="_blank"
          rel="noopener noreferrer"
        >
          {t.openIn(name)}
        </a>
      ))}
      {said !== undefined && (
        <span role="status">
          {said} {said === t.preloading && <a href={hrefOf('pulls')}>{texts.nav.pulls}</a>}
        </span>
      )}
      {error && <Failure error={error} />}
    </div>
  );
}

const bySeriesNumber = (a: Row, b: Row): number =>
  (numberOf(a, tags.seriesNumber) ?? Infinity) - (numberOf(b, tags.seriesNumber) ?? Infinity) || 0;

function StudyBody({
  path,
  params,
}: {
  readonly path: string;
  readonly params: URLSearchParams;
}): JSX.Element {
  const { rows, warnings, error, isWhole, reload } = useRows(`${path}/series?${seriesFields.join('&')}`);
  const chosen = params.get('series');
  const choose = (series: string): void => {
    move('study', { ...Object.fromEntries(params), series });
  };
  const sorted = useMemo(() => rows.toSorted(bySeriesNumber), [rows]);
  const one = sorted.find((row) => textOf(row, tags.seriesInstanceUid) === chosen);
  return (
    <div class="study-body">
      <section aria-label={t.series} class="series-list">
        <Warnings of={warnings} />
        {error && <Failure error={error} onRetry={reload} />}
        {sorted.map((row, index) => (
          <SeriesCard
            key={textOf(row, tags.seriesInstanceUid) || index}
            row={row}
            path={path}
            isChosen={row === one}
            onChoose={choose}
          />
        ))}
        {!isWhole && !error && <Loading />}
        {isWhole && rows.length === 0 && <p>{t.noSeries}</p>}
      </section>
      {one && chosen !== null ? (
        <SeriesPanel key={chosen} path={`${path}/series/${encodeURIComponent(chosen)}`} />
      ) : (
        <p class="faint choose">{isWhole && rows.length > 0 ? t.choose : ''}</p>
      )}
    </div>
  );
}

interface CardProps {
  readonly row: Row;
  readonly path: string;
  readonly isChosen: boolean;
  readonly onChoose: (series: string) => void;
}

function SeriesCard({ row, path, isChosen, onChoose }: CardProps): JSX.Element {
  const series = textOf(row, tags.seriesInstanceUid);
  const modality = textOf(row, tags.modality);
  const count = textOf(row, tags.instancesInSeries);
  const title = t.seriesNumber(textOf(row, tags.seriesNumber));
  return (
    <button
      type="button"
      class="series-card"
      aria-pressed={isChosen}
      onClick={() => {
        onChoose(series);
      }}
    >
      {mayHavePicture(modality) ? (
        <Thumbnail path={`${path}/series/${encodeURIComponent(series)}`} />
      ) : (
        <span class="thumbnail sign">{modality}</span>
      )}
      <span class="series-text">
        <strong>
          {modality} · {title}
        </strong>
        <Foreign>{textOf(row, tags.seriesDescription)}</Foreign>
        {count !== '' && <span class="faint">{t.instanceCount(count)}</span>}
      </span>
    </button>
  );
}
