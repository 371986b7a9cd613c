import type { JSX } from 'preact';
import { useRef, useState } from 'preact/hooks';
import { ask, askEvents, askJson, posting, serviceOf, type Refused } from './api.js';
import { bytesText, secondsText } from './format.js';
import { refusedOf, useFollowed } from './hooks.js';
import { PullRates } from './pull-rates.js';
import { hrefOf } from './route.js';
import { useStudyLabel } from './study-names.js';
import { texts } from './texts.js';
import { Badge, Failure, Foreign, Head, Loading, Progress } from './ui.js';

const t = texts.pulls;

interface StudyPull {
  readonly peer: string;
  readonly studyInstanceUid: string;
  readonly priority: keyof typeof t.kinds;
  readonly asked: number;
  readonly complete: number;
  readonly failed: number;
  readonly bytes: number;
  readonly elapsedSeconds: number;
}

interface Preload {
  readonly peer: string;
  readonly state: keyof typeof t.states;
  readonly studyInstanceUid: string;
  readonly seriesInstanceUid?: string;
  readonly listed: number | null;
  readonly complete: number;
  readonly failed: number;
  readonly dropped: number;
  readonly bytes: number;
  readonly elapsedSeconds: number;
  readonly error?: { readonly detail: string };
}

/** A preload, or what is fetched for other reasons. */
interface Shown {
  readonly id: string;
  readonly peer: string;
  readonly study: string;
  readonly series: string | undefined;
  readonly kind: string;
  readonly state: keyof typeof t.states;
  readonly of: number | null;
  readonly complete: number;
  readonly failed: number;
  readonly dropped: number;
  readonly bytes: number;
  readonly elapsed: number;
  readonly bytesPerSecond: number;
  readonly remaining: number | undefined;
  readonly error: string | undefined;
  readonly isPreload: boolean;
}

interface Told {
  readonly studies: readonly StudyPull[];
  readonly preloads: readonly Preload[];
}

type Counted = Omit<Shown, 'bytesPerSecond' | 'remaining'>;

const fromPreload = (preload: Preload): Counted => ({
  id: ['preload', preload.peer, preload.studyInstanceUid, preload.seriesInstanceUid ?? ''].join(' '),
  peer: preload.peer,
  study: preload.studyInstanceUid,
  series: preload.seriesInstanceUid,
  kind: t.kinds.bulk,
  state: preload.state,
  of: preload.listed,
  complete: preload.complete,
  failed: preload.failed,
  dropped: preload.dropped,
  bytes: preload.bytes,
  elapsed: preload.elapsedSeconds,
  error: preload.error?.detail,
  isPreload: true,
});

const fromStudy = (study: StudyPull): Counted => ({
  id: ['study', study.peer, study.studyInstanceUid].join(' '),
  peer: study.peer,
  study: study.studyInstanceUid,
  series: undefined,
  kind: t.kinds[study.priority],
  state: 'running',
  of: study.asked,
  complete: study.complete,
  failed: study.failed,
  dropped: 0,
  bytes: study.bytes,
  elapsed: study.elapsedSeconds,
  error: undefined,
  isPreload: false,
});

/** What a preload brings is not told twice; what is under way stands first. */
function shownOf({ studies, preloads }: Told, rates: PullRates): readonly Shown[] {
  const now = performance.now();
  const isPreloaded = (study: StudyPull): boolean =>
    study.priority === 'bulk' &&
    preloads.some(
      (one) =>
        one.state === 'running' && one.peer === study.peer && one.studyInstanceUid === study.studyInstanceUid,
    );
  const counted = [
    ...studies.filter((study) => !isPreloaded(study)).map(fromStudy),
    ...preloads.map(fromPreload),
  ];
  rates.keep(new Set(counted.map(({ id }) => id)));
  const order = (state: string): number => ['running', 'waiting'].indexOf(state) >>> 0;
  return counted
    .map((one) => {
      const done = one.complete + one.failed;
      const left = Math.max(0, (one.of ?? 0) - done);
      const rate = rates.told(one.id, { at: now, bytes: one.bytes, done }, left);
      return { ...one, ...rate, remaining: one.of === null ? undefined : rate.remaining };
    })
    .sort((a, b) => order(a.state) - order(b.state));
}

/** What is being fetched now. */
export function Pulls(): JSX.Element {
  const [shown, setShown] = useState<readonly Shown[]>();
  const [error, setError] = useState<Refused>();
  const rates = useRef(new PullRates()).current;
  useFollowed('pulls', async (signal) => {
    try {
      for await (const { data } of askEvents('console/api/pulls', { signal })) {
        setShown(shownOf(JSON.parse(data) as Told, rates));
        setError(undefined);
      }
      return undefined;
    } catch (thrown) {
      const refused = refusedOf(thrown);
      setError(refused);
      return refused;
    }
  });
  return (
    <>
      <Head title={t.title} lead={t.lead} />
      {error && <Failure error={error} />}
      {!shown && !error && <Loading />}
      {shown?.length === 0 && <p class="empty">{t.nothing}</p>}
      <div class="pulls" aria-live="off">
        {shown?.map((one) => (
          <Pull key={one.id} pull={one} />
        ))}
      </div>
    </>
  );
}

function Pull({ pull }: { readonly pull: Shown }): JSX.Element {
  const label = useStudyLabel(pull.peer, pull.study);
  const done = pull.complete + pull.failed;
  const isRunning = pull.state === 'running' || pull.state === 'waiting';
  const share = pull.of === null || pull.of === 0 ? undefined : done / pull.of;
  return (
    <article class={`card pull ${pull.state}`} data-study={pull.study} data-state={pull.state}>
      <header>
        <a href={hrefOf('study', { peer: pull.peer, study: pull.study })}>
          <Foreign>{label}</Foreign>
        </a>
        <span>
          <span class="faint">
            <Foreign>{pull.peer}</Foreign> · {pull.kind}
            {pull.series !== undefined && ` · ${t.series}`}
          </span>{' '}
          <Badge kind={pull.state}>{t.states[pull.state]}</Badge>
        </span>
      </header>
      {isRunning && <Progress value={share} label={label} />}
      <p class="dots">
        {figuresOf(pull, isRunning).map((text, index) => (
          <span key={index}>{text}</span>
        ))}
      </p>
      {pull.error !== undefined && (
        <p class="bad">
          <Foreign>{pull.error}</Foreign>
        </p>
      )}
      <PullActions pull={pull} isRunning={isRunning} />
    </article>
  );
}

function figuresOf(pull: Shown, isRunning: boolean): readonly string[] {
  const { remaining, bytesPerSecond, elapsed } = pull;
  return [
    t.progress(pull.complete, pull.of),
    bytesText(pull.bytes),
    ...(isRunning && bytesPerSecond > 0 ? [t.rate(bytesText(bytesPerSecond))] : []),
    ...(isRunning && remaining !== undefined ? [t.remaining(secondsText(remaining))] : []),
    ...(isRunning
      ? []
      : [t.took(secondsText(elapsed)), ...(elapsed > 0 ? [t.rate(bytesText(pull.bytes / elapsed))] : [])]),
    ...(pull.failed > 0 ? [t.failed(pull.failed)] : []),
    ...(pull.dropped > 0 ? [t.dropped(pull.dropped)] : []),
  ];
}

function PullActions({
  pull,
  isRunning,
}: {
  readonly pull: Shown;
  readonly isRunning: boolean;
}): JSX.Element {
  const [said, setSaid] = useState<string>();
  const [error, setError] = useState<Refused>();
  const series = pull.series === undefined ? '' : `/series/${pull.series}`;
  const cancel = (): void => {
    ask(`${serviceOf(pull.peer)}/studies/${pull.study}${series}/preload`, { method: 'DELETE' }).catch(
      (thrown: unknown) => {
        setError(refusedOf(thrown));
      },
    );
  };
  const drop = (): void => {
    askJson<{ dropped: number }>('cache/purge', posting({ study: pull.study, peer: pull.peer })).then(
      ({ dropped }) => {
        setSaid(texts.study.dropped(dropped));
      },
      (thrown: unknown) => {
        setError(refusedOf(thrown));
      },
    );
  };
  return (
    <div class="actions">
      {isRunning && pull.isPreload && (
        <button type="button" onClick={cancel}>
          {t.cancel}
        </button>
      )}
      {!isRunning && (
        <button type="button" class="quiet" onClick={drop}>
          {t.drop}
        </button>
      )}
      {said !== undefined && <span role="status">{said}</span>}
      {error && <Failure error={error} />}
    </div>
  );
}
