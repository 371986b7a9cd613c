import type { ComponentChildren, JSX } from 'preact';
import type { Refused } from './api.js';
import { visibleText } from './visible-text.js';
import { texts } from './texts.js';

/** Text that comes from elsewhere, in any script: kept apart from what stands around it, with nothing in it unseen. */
export function Foreign({ children }: { readonly children: string }): JSX.Element {
  return <bdi>{children === '' ? texts.none : visibleText(children)}</bdi>;
}

/** What went wrong, in words, with a way to try again. */
export function Failure({
  error,
  onRetry,
}: {
  readonly error: Refused;
  readonly onRetry?: (() => void) | undefined;
}): JSX.Element {
  return (
    <div class="notice bad" role="alert">
      <div>
        <strong>{texts.failed}.</strong> <Foreign>{error.message}</Foreign>
        {error.status > 0 && <span class="faint"> ({[error.status, error.code].join(' ').trim()})</span>}
      </div>
      {onRetry && (
        <button type="button" onClick={onRetry}>
          {texts.again}
        </button>
      )}
    </div>
  );
}

/** What an answer warns of. */
export function Warnings({ of }: { readonly of: readonly string[] }): JSX.Element | null {
  if (of.length === 0) return null;
  return (
    <ul class="notice warn" role="status">
      {of.map((text, index) => (
        <li key={index}>
          <Foreign>{text}</Foreign>
        </li>
      ))}
    </ul>
  );
}

export function Loading(): JSX.Element {
  return (
    <p class="faint loading" role="status">
      {texts.loading}
    </p>
  );
}

/** A part of a whole; without a whole it only shows that something goes on. */
export function Progress({
  value,
  label,
}: {
  readonly value: number | undefined;
  readonly label: string;
}): JSX.Element {
  return <progress aria-label={label} max={1} {...(value === undefined ? {} : { value })} />;
}

export function Badge({
  kind,
  children,
}: {
  readonly kind: string;
  readonly children: ComponentChildren;
}): JSX.Element {
  return <span class={`badge ${kind}`}>{children}</span>;
}

/** A heading with what it is about. */
export function Head({
  title,
  lead,
  children,
}: {
  readonly title: string;
  readonly lead?: string;
  readonly children?: ComponentChildren;
}): JSX.Element {
  return (
    <header class="head">
      <div>
        <h1>{title}</h1>
        {lead !== undefined && <p class="faint">{lead}</p>}
      </div>
      {children}
    </header>
  );
}

/** What stands in a field of a form, without blanks around it. */
export function fieldText(form: FormData, name: string): string {
  const value = form.get(name);
  return typeof value === 'string' ? value.trim() : '';
}
