import { signal } from '@preact/signals';
import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import { askText, type Refused } from './api.js';
import { bytesText, numberText, secondsText, shareText } from './format.js';
import { figuresBetween, type FigureName, type Figures, type Reading } from './health-figures.js';
import { FORBIDDEN, refusedOf, useEvery } from './hooks.js';
import { parseMetrics } from './metrics.js';
import { Plot } from './plot.js';
import { settings } from './settings.js';
import { texts } from './texts.js';
import { Failure, Head } from './ui.js';

const t = texts.health;
const EVERY_MS = 2000;
/** Ten minutes. */
const MOST = 300;

/** What was read since the page was opened; it stays while other views are looked at. */
const history = signal<readonly Figures[]>([]);
let latest: Reading | undefined;

const perSecond =
  (text: (value: number) => string) =>
  (value: number): string =>
    t.perSecond(text(value));

const units: Readonly<Record<FigureName, (value: number) => string>> = {
  requests: perSecond(numberText),
  firstByte: secondsText,
  latency: secondsText,
  errors: perSecond(numberText),
  hits: shareText,
  cache: bytesText,
  bytesOut: perSecond(bytesText),
  bytesIn: perSecond(bytesText),
  associations: numberText,
  waiting: numberText,
  memory: bytesText,
  eventLoop: secondsText,
};

const noFigures = Object.fromEntries(Object.keys(units).map((name) => [name, undefined])) as Figures;

async function read(): Promise<void> {
  const samples = parseMetrics(await askText('metrics'));
  const reading = { at: performance.now(), samples };
  if (latest) {
    // What was not looked at is a gap.
    const gap = reading.at - latest.at > 3 * EVERY_MS ? [noFigures] : [];
    history.value = [...history.value, ...gap, figuresBetween(latest, reading)].slice(-MOST);
  }
  latest = reading;
}

/** Figures of the gateway, as small plots. */
export function Health(): JSX.Element {
  const [error, setError] = useState<Refused>();
  useEvery(EVERY_MS, async () => {
    if (error?.status === FORBIDDEN) return;
    try {
      await read();
      setError(undefined);
    } catch (thrown) {
      setError(refusedOf(thrown));
    }
  });
  const { grafanaUrl } = settings.value;
  const names = Object.keys(units) as FigureName[];
  return (
    <>
      <Head title={t.title} lead={t.lead}>
        {grafanaUrl !== undefined && (
          <a class="button" href={grafanaUrl} target="_blank" rel="noopener noreferrer">
            {t.grafana}
          </a>
        )}
      </Head>
      {error && <Failure error={error} />}
      <div class="plots">
        {names
          .filter(() => error?.status !== FORBIDDEN)
          .map((name) => (
            <Plot
              key={name}
              title={t.plots[name]}
              values={history.value.map((figures) => figures[name])}
              text={units[name]}
              most={name === 'hits' ? 1 : undefined}
            />
          ))}
      </div>
    </>
  );
}
