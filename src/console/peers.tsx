import type { JSX } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { askJson, askLines, posting, Refused } from './api.js';
import { FORBIDDEN, refusedOf, useEvery, useLoaded, type Loaded } from './hooks.js';
import {
  askOverview,
  type CheckLine,
  type CheckReport,
  type CheckStep,
  type Overview,
  type PeerInfo,
} from './peers-data.js';
import { texts } from './texts.js';
import { Badge, Failure, Foreign, Head, Loading } from './ui.js';

const t = texts.peers;
const REFRESH_MS = 3000;

/** What the archives behind the gateway are doing. */
export function Peers(): JSX.Element {
  const { data, error, isAsking, reload } = useKept();
  useEvery(REFRESH_MS, () => {
    // One that is slow would never come if it was asked for anew.
    if (error?.status !== FORBIDDEN && !isAsking()) reload();
    return undefined;
  });
  return (
    <>
      <Head title={t.title} lead={t.lead} />
      {error && <Failure error={error} onRetry={reload} />}
      {!data && !error && <Loading />}
      {data && <Tell self={data.self} />}
      {data?.peers.length === 0 && <p>{t.none}</p>}
      <div class="cards">
        {data?.peers.map((peer) => (
          <PeerCard key={peer.name} peer={peer} onChange={reload} />
        ))}
      </div>
      {data?.groups.map(({ name, members }) => (
        <p key={name} class="card group">
          <strong>
            <Foreign>{name}</Foreign>
          </strong>{' '}
          <span class="faint">{t.group}</span> <Foreign>{members.join(', ')}</Foreign>
        </p>
      ))}
    </>
  );
}

/** The overview, of which the last one stays while the next one is on its way. */
function useKept(): Loaded<Overview> {
  const [kept, setKept] = useState<Overview>();
  const loaded = useLoaded('peers', askOverview);
  const { data } = loaded;
  useEffect(() => {
    if (data) setKept(data);
  }, [data]);
  return { ...loaded, data: data ?? kept };
}

/** What an administrator enters at the PACS. */
function Tell({ self }: { readonly self: Overview['self'] }): JSX.Element {
  const isAny = self.host === undefined || ['0.0.0.0', '::'].includes(self.host);
  return (
    <section class="card tell" aria-label={t.tellTitle}>
      <h2>{t.tellTitle}</h2>
      <dl class="line">
        <div>
          <dt>{t.aeTitle}</dt>
          <dd>
            <code>{self.aeTitle}</code>
          </dd>
        </div>
        <div>
          <dt>{t.host}</dt>
          <dd>{isAny ? t.thisMachine : <code>{self.host}</code>}</dd>
        </div>
        <div>
          <dt>{t.port}</dt>
          <dd>{self.port === undefined ? t.noListener : <code>{self.port}</code>}</dd>
        </div>
      </dl>
    </section>
  );
}

/** What came of a C-ECHO, or why the gateway sent none. */
type Echo = CheckStep | Refused | 'asking' | undefined;

const isAnswer = (echo: Echo): echo is CheckStep =>
  echo !== undefined && echo !== 'asking' && !(echo instanceof Refused);

/**
 * What the gateway saw last: a C-ECHO of an hour ago says nothing of now. One that failed counts until the peer has come
 * back from it, also where associations are taken; one that the gateway did not send says nothing of the peer.
 */
function usePeerState(peer: PeerInfo, echo: Echo): PeerInfo['state'] {
  const wasDown = useRef<CheckStep | undefined>(undefined);
  if (!isAnswer(echo)) return peer.state;
  if (peer.state === 'down') wasDown.current = echo;
  if (echo.result !== 'ok') return wasDown.current === echo ? peer.state : 'down';
  return peer.state === 'unknown' ? 'up' : peer.state;
}

function PeerCard({
  peer,
  onChange,
}: {
  readonly peer: PeerInfo;
  readonly onChange: () => void;
}): JSX.Element {
  const [echo, setEcho] = useState<Echo>();
  const ask = (): void => {
    setEcho('asking');
    askJson<CheckStep>(`console/api/peers/${encodeURIComponent(peer.name)}/echo`, posting()).then(
      (step) => {
        setEcho(step);
        onChange();
      },
      (thrown: unknown) => {
        setEcho(refusedOf(thrown));
      },
    );
  };
  // Whoever opens the page wants to know now.
  useEffect(ask, [peer.name]);
  const state = usePeerState(peer, echo);
  return (
    <section class={`card peer ${state}`} data-peer={peer.name} data-state={state}>
      <header>
        <div>
          <h2>
            <Foreign>{peer.name}</Foreign>
          </h2>
          <code>{peer.address}</code>
        </div>
        <Badge kind={state}>
          {echo === 'asking' && state === 'unknown' ? t.state.asking : t.state[state]}
        </Badge>
      </header>
      <EchoLine echo={echo} />
      <PeerFacts peer={peer} />
      <Check name={peer.name} onEnd={onChange}>
        <button type="button" class="quiet" onClick={ask} disabled={echo === 'asking'}>
          {t.echo}
        </button>
      </Check>
    </section>
  );
}

function EchoLine({ echo }: { readonly echo: Echo }): JSX.Element {
  if (echo === undefined || echo === 'asking') return <p class="faint echo">{t.echoAsking}</p>;
  if (echo instanceof Refused)
    return (
      <p class="faint echo">
        {t.notSent} <Foreign>{echo.message}</Foreign>
      </p>
    );
  return (
    <p class={`echo ${echo.result}`}>
      <strong>{t.echoName}</strong> {t.result[echo.result]}: <Foreign>{echo.detail}</Foreign>{' '}
      <span class="faint">({t.milliseconds(echo.durationMs)})</span>
    </p>
  );
}

function PeerFacts({ peer }: { readonly peer: PeerInfo }): JSX.Element {
  const { associations, limit, configuredLimit } = peer;
  const isLowered = limit < configuredLimit;
  const busy = (associations['busy'] ?? 0) + (associations['opening'] ?? 0);
  return (
    <dl class="facts">
      {peer.lastError !== undefined && <Fact name={t.lastError} lines={[peer.lastError]} kind="bad" />}
      <Fact name={t.retrieves} lines={[t.retrieveWay(peer.retrieve.toUpperCase())]} />
      <Fact
        name={t.associations}
        lines={[
          t.busy(busy, associations['idle'] ?? 0, limit),
          ...(isLowered ? [t.lowered(limit, configuredLimit)] : []),
        ]}
      />
      <Fact name={t.waiting} lines={[t.ofQueue(peer.waiting, peer.queue)]} />
      <Fact
        name={t.breaker}
        lines={[t.breakerStates[peer.breaker]]}
        kind={peer.breaker === 'closed' ? '' : 'bad'}
      />
      <Fact name={t.learnt} lines={peer.facts.length > 0 ? peer.facts : [t.nothingLearnt]} />
      {peer.configured.length > 0 && <Fact name={t.configured} lines={peer.configured} />}
      {peer.isReadOnly && <Fact name={texts.nav.store} lines={[t.readOnly]} />}
    </dl>
  );
}

function Fact(props: {
  readonly name: string;
  readonly lines: readonly string[];
  readonly kind?: string;
}): JSX.Element {
  return (
    <>
      <dt>{props.name}</dt>
      <dd class={props.kind ?? ''}>
        {props.lines.map((line, index) => (
          <div key={index}>
            <Foreign>{line}</Foreign>
          </div>
        ))}
      </dd>
    </>
  );
}

interface Checked {
  readonly steps: readonly CheckStep[];
  readonly report?: CheckReport;
  readonly error?: Refused | undefined;
  readonly isOver: boolean;
}

function Check(props: {
  readonly name: string;
  readonly onEnd: () => void;
  readonly children: JSX.Element;
}): JSX.Element {
  const [checked, setChecked] = useState<Checked>();
  const run = async (): Promise<void> => {
    let now: Checked = { steps: [], isOver: false };
    const tell = (more: Partial<Checked>): void => {
      now = { ...now, ...more };
      setChecked(now);
    };
    tell({});
    try {
      const path = `console/api/peers/${encodeURIComponent(props.name)}/check`;
      for await (const line of askLines<CheckLine>(path, posting())) {
        if ('step' in line) tell({ steps: [...now.steps, line.step] });
        else if ('report' in line) tell({ report: line.report, isOver: true });
        else tell({ error: refusedOf(new Error(line.error.detail)), isOver: true });
      }
      // Steps without a verdict are no check.
      if (!now.isOver) throw new Refused(texts.connection.reset);
    } catch (thrown) {
      tell({ error: refusedOf(thrown), isOver: true });
    }
    props.onEnd();
  };
  const isRunning = checked?.isOver === false;
  return (
    <div class="check">
      <div class="actions">
        <button type="button" onClick={() => void run()} disabled={isRunning}>
          {isRunning ? t.checking : t.check}
        </button>
        {props.children}
      </div>
      {checked && <Steps checked={checked} />}
    </div>
  );
}

function Steps({ checked: { steps, report, error, isOver } }: { readonly checked: Checked }): JSX.Element {
  return (
    <div class="steps" aria-live="polite">
      <ol>
        {steps.map(({ step, result, detail, durationMs }, index) => (
          <li key={index} class={result}>
            <Badge kind={result}>{t.result[result]}</Badge> <strong>{step}</strong>{' '}
            <Foreign>{detail}</Foreign>
            {result !== 'skipped' && <span class="faint"> ({t.milliseconds(durationMs)})</span>}
          </li>
        ))}
        {!isOver && <li class="faint loading">{texts.loading}</li>}
      </ol>
      {error && <Failure error={error} />}
      {report && (
        <p class="verdict">
          <strong>{verdictOf(report)}</strong>{' '}
          {report.learnt.length > 0 && <Foreign>{report.learnt.join('; ')}</Foreign>}
        </p>
      )}
    </div>
  );
}

function verdictOf({ usable, retrieved }: CheckReport): string {
  if (!usable) return t.notUsable;
  return retrieved ? t.usable : t.partlyUsable;
}
