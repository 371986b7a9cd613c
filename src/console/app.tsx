import type { JSX } from 'preact';
import { useEffect, useErrorBoundary, useRef, useState } from 'preact/hooks';
import { ask, connection } from './api.js';
import { Health } from './health.js';
import { refusedOf, useEvery } from './hooks.js';
import { LoginPanel } from './login-panel.js';
import { forgetMetadata } from './metadata.js';
import { forgetPictures } from './pictures.js';
import { Peers } from './peers.js';
import { Pulls } from './pulls.js';
import { hrefOf, leave, route, type View } from './route.js';
import { Search } from './search.js';
import { credentials, failedLogin, logins, logOut, refusal } from './session.js';
import { settings } from './settings.js';
import { Store } from './store.js';
import { Study } from './study.js';
import { forgetStudies } from './study-names.js';
import { texts } from './texts.js';
import { Failure } from './ui.js';

const views: Readonly<Record<View, () => JSX.Element>> = {
  peers: Peers,
  search: Search,
  study: Study,
  pulls: Pulls,
  store: Store,
  health: Health,
};

/** Where somebody goes to may be for anybody; whoever logs out is led away without going. */
addEventListener('hashchange', () => {
  refusal.value = undefined;
  failedLogin.value = undefined;
});

/** The whole page. */
export function App(): JSX.Element {
  const { view } = route.value;
  useEffect(forgetAll, [logins.value]);
  useArrival(view);
  const isRefused = refusal.value !== undefined || failedLogin.value !== undefined;
  return (
    <>
      <a class="skip" href="#content" onClick={skip}>
        {texts.skip}
      </a>
      <TopBar view={view} />
      <Connection />
      <main id="content" tabIndex={-1} class={view}>
        {isRefused ? <LoginPanel /> : <Shown key={view} view={view} />}
      </main>
    </>
  );
}

/** What one account was shown is not for the next one. */
function forgetAll(): void {
  forgetPictures();
  forgetMetadata();
  forgetStudies();
}

/** What goes with another view: its title, and that keyboard and screen reader are there too. */
function useArrival(view: View): void {
  const before = useRef(view);
  useEffect(() => {
    document.title = `${view === 'study' ? texts.study.title : texts.nav[view]} – ${texts.product}`;
    if (before.current === view) return;
    before.current = view;
    focusContent();
    scrollTo(0, 0);
  }, [view]);
}

/** A view; one that breaks says so, and the page stays. */
function Shown({ view }: { readonly view: View }): JSX.Element {
  const boundary: readonly [unknown, () => void] = useErrorBoundary();
  const [thrown, again] = boundary;
  const Chosen = views[view];
  const error = thrown === undefined ? undefined : refusedOf(thrown);
  return error ? <Failure error={error} onRetry={again} /> : <Chosen />;
}

const focusContent = (): void => document.getElementById('content')?.focus({ preventScroll: true });

/** The address behind the # is that of the view. */
function skip(event: MouseEvent): void {
  event.preventDefault();
  focusContent();
}

function TopBar({ view }: { readonly view: View }): JSX.Element {
  const isUp = connection.value === 'up';
  const shown = view === 'study' ? 'search' : view;
  const names = Object.entries(texts.nav) as [keyof typeof texts.nav, string][];
  return (
    <header class="bar">
      <a class="brand" href={hrefOf('peers')}>
        <svg viewBox="0 0 32 32" width="24" height="24" aria-hidden="true">
          <rect width="32" height="32" rx="7" />
          <path d="M7 21v-8a5 5 0 0 1 5-5h1M25 11v8a5 5 0 0 1-5 5h-1" />
          <circle cx="16" cy="16" r="4.4" />
        </svg>
        <span>{texts.product}</span>
      </a>
      <nav aria-label={texts.product}>
        {names.map(([name, text]) => (
          <a key={name} href={hrefOf(name)} aria-current={name === shown ? 'page' : undefined}>
            {text}
          </a>
        ))}
      </nav>
      <span class={`dot ${connection.value}`} title={isUp ? texts.connection.up : texts.connection.down}>
        <span>{isUp ? texts.connection.up : texts.connection.down}</span>
        <small>{settings.value.version}</small>
      </span>
      {credentials.value && (
        <button
          type="button"
          class="quiet"
          onClick={() => {
            logOut();
            leave();
          }}
        >
          {texts.login.out}
        </button>
      )}
    </header>
  );
}

const BACK_MS = 5000;
/** How soon it shows that the gateway has gone where nothing is asked of it. */
const ALIVE_MS = 5000;

/** Says that the gateway has gone, and that it is back. */
function Connection(): JSX.Element | null {
  const isDown = connection.value === 'down';
  const [wasDown, setWasDown] = useState(false);
  useEvery(ALIVE_MS, async () => {
    if (!isDown) await ask('healthz', { cache: 'no-store' }).catch(() => undefined);
  });
  useEffect(() => {
    if (isDown) {
      setWasDown(true);
      return undefined;
    }
    const timer = setTimeout(() => {
      setWasDown(false);
    }, BACK_MS);
    return () => {
      clearTimeout(timer);
    };
  }, [isDown]);
  if (!isDown && !wasDown) return null;
  return <Banner isDown={isDown} />;
}

/** A line below the bar. */
export function Banner({ isDown }: { readonly isDown: boolean }): JSX.Element {
  return (
    <p class={`banner ${isDown ? 'bad' : 'good'}`} role="status">
      {isDown ? texts.connection.lost : texts.connection.back}
    </p>
  );
}
