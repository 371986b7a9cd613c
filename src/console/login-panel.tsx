import type { JSX } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { epoch } from './api.js';
import { beginLogin } from './login.js';
import { failedLogin, logIn, refusal } from './session.js';
import { settings } from './settings.js';
import { texts } from './texts.js';
import { fieldText, Foreign } from './ui.js';

const t = texts.login;

/** Stands in front of everything while the gateway wants to know who asks. */
export function LoginPanel(): JSX.Element {
  const panel = useRef<HTMLElement>(null);
  useEffect(() => panel.current?.querySelector<HTMLElement>('input, button')?.focus(), []);
  const isWrong = refusal.value === 'wrong';
  const failed = failedLogin.value;
  const { oidc } = settings.value;
  const leave = (): void => {
    beginLogin().catch((thrown: unknown) => {
      failedLogin.value = thrown instanceof Error ? thrown.message : t.failed;
    });
  };
  return (
    <section class="card login" aria-label={t.title} ref={panel}>
      <h1>{t.title}</h1>
      <p>{t.needed}</p>
      {isWrong && failed === undefined && (
        <p class="notice bad" role="alert">
          {t.wrong}
        </p>
      )}
      {failed !== undefined && (
        <p class="notice bad" role="alert">
          <span>
            {t.failed} <Foreign>{failed}</Foreign>
          </span>
        </p>
      )}
      {oidc ? (
        <button type="button" class="primary" onClick={leave}>
          {t.go}
        </button>
      ) : (
        <OtherWays />
      )}
      {failed !== undefined && refusal.value === undefined && (
        <button type="button" class="quiet" onClick={goOn}>
          {t.without}
        </button>
      )}
    </section>
  );
}

/** What is for anybody is so for whoever could not log in. */
function goOn(): void {
  failedLogin.value = undefined;
}

function use(header: string): void {
  logIn({ header });
  epoch.value += 1;
}

/** `Basic` takes text in UTF-8. @see RFC 7617 2.1 */
function basic(user: string, password: string): string {
  const bytes = new TextEncoder().encode(`${user}:${password}`);
  return `Basic ${btoa(String.fromCharCode(...bytes))}`;
}

/** Where no issuer is configured: what the gateway takes as it is. */
function OtherWays(): JSX.Element {
  const submit =
    (headerOf: (form: FormData) => string) =>
    (event: SubmitEvent): void => {
      event.preventDefault();
      if (event.currentTarget instanceof HTMLFormElement) use(headerOf(new FormData(event.currentTarget)));
    };
  return (
    <>
      <form onSubmit={submit((form) => basic(fieldText(form, 'user'), fieldText(form, 'password')))}>
        <label>
          {t.user}
          <input name="user" autocomplete="username" required />
        </label>
        <label>
          {t.password}
          <input name="password" type="password" autocomplete="current-password" required />
        </label>
        <button type="submit">{t.withPassword}</button>
      </form>
      <form onSubmit={submit((form) => `Bearer ${fieldText(form, 'token')}`)}>
        <label>
          {t.token}
          <input name="token" type="password" autocomplete="off" required />
        </label>
        <button type="submit">{t.withToken}</button>
      </form>
    </>
  );
}
