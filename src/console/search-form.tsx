import type { JSX, RefObject } from 'preact';
import { useLayoutEffect, useRef } from 'preact/hooks';
import { epoch } from './api.js';
import { useLoaded } from './hooks.js';
import { askOverviewAside } from './peers-data.js';
import { go, hrefOf } from './route.js';
import { fields, type Field } from './search-query.js';
import { settings } from './settings.js';
import { texts } from './texts.js';
import { fieldText } from './ui.js';

const t = texts.search;

const MODALITIES = ['CR', 'CT', 'DX', 'MG', 'MR', 'NM', 'OT', 'PT', 'RF', 'SC', 'SM', 'SR', 'US', 'XA'];

/** Peers and groups that can be asked, the one behind the base path first. */
export function usePeers(): { readonly names: readonly string[]; readonly chosen: string } {
  const { defaultPeer } = settings.value;
  const { data } = useLoaded('peer names', askOverviewAside);
  const all = [...(data?.groups ?? []), ...(data?.peers ?? [])].map(({ name }) => name);
  return { names: [defaultPeer, ...all.filter((name) => name !== defaultPeer)], chosen: defaultPeer };
}

export interface PeerSelectProps {
  readonly label: string;
  readonly names: readonly string[];
  readonly chosen: string;
  readonly onChange?: (name: string) => void;
}

/** Which peer or group it is about. */
export function PeerSelect({ label, names, chosen, onChange }: PeerSelectProps): JSX.Element {
  return (
    <label>
      {label}
      <select
        name="peer"
        onChange={({ currentTarget }) => {
          onChange?.(currentTarget.value);
        }}
      >
        {[...new Set([chosen, ...names])].map((name) => (
          <option key={name} value={name} selected={name === chosen}>
            {name}
          </option>
        ))}
      </select>
    </label>
  );
}

export interface SearchFormProps {
  readonly params: URLSearchParams;
  readonly peers: readonly string[];
  readonly chosen: string;
}

/** What is typed stays what it is, with the keyboard in it, until something else is searched for. */
function useFields(params: URLSearchParams): RefObject<HTMLFormElement | null> {
  const form = useRef<HTMLFormElement>(null);
  useLayoutEffect(() => {
    for (const name of fields) {
      const input = form.current?.elements.namedItem(name);
      if (input instanceof HTMLInputElement) input.value = params.get(name) ?? '';
    }
  }, [params.toString()]);
  return form;
}

/** What is known of a study. */
export function SearchForm({ params, peers, chosen }: SearchFormProps): JSX.Element {
  const submit = (event: SubmitEvent): void => {
    event.preventDefault();
    if (!(event.currentTarget instanceof HTMLFormElement)) return;
    const form = new FormData(event.currentTarget);
    const given = ['peer', ...fields].map((name) => [name, fieldText(form, name)]);
    const to = Object.fromEntries(given) as Record<string, string>;
    // The same search once more is one as well.
    if (hrefOf('search', to) === location.hash) epoch.value += 1;
    go('search', to);
  };
  const form = useFields(params);
  const of = (field: Field): string => params.get(field) ?? '';
  return (
    <form ref={form} class="card search-form" onSubmit={submit} role="search">
      <PeerSelect label={t.peer} names={peers} chosen={chosen} />
      <label class="wide">
        {t.name}
        <input name="name" dir="auto" defaultValue={of('name')} placeholder={t.nameHint} autocomplete="off" />
      </label>
      <label>
        {t.id}
        <input name="id" dir="auto" defaultValue={of('id')} autocomplete="off" />
      </label>
      <label>
        {t.accession}
        <input name="accession" dir="auto" defaultValue={of('accession')} autocomplete="off" />
      </label>
      <Moment label={t.from} field="from" time={t.fromTime} timeField="fromTime" of={of} />
      <Moment label={t.until} field="until" time={t.untilTime} timeField="untilTime" of={of} />
      <Modality value={of('modality')} />
      <div class="actions">
        <button type="submit" class="primary">
          {t.go}
        </button>
        <button
          type="button"
          class="quiet"
          onClick={() => {
            go('search');
          }}
        >
          {t.clear}
        </button>
      </div>
    </form>
  );
}

function Modality({ value }: { readonly value: string }): JSX.Element {
  return (
    <label>
      {t.modality}
      <input name="modality" list="modalities" defaultValue={value} maxLength={16} autocomplete="off" />
      <datalist id="modalities">
        {MODALITIES.map((name) => (
          <option key={name} value={name} />
        ))}
      </datalist>
    </label>
  );
}

interface MomentProps {
  readonly label: string;
  readonly field: Field;
  readonly time: string;
  readonly timeField: Field;
  readonly of: (field: Field) => string;
}

/** A date, and perhaps a time of that day. */
function Moment({ label, field, time, timeField, of }: MomentProps): JSX.Element {
  return (
    <fieldset class="moment">
      <label>
        {label}
        <input type="date" name={field} defaultValue={of(field)} />
      </label>
      <label>
        {time}
        <input type="time" step="1" name={timeField} defaultValue={of(timeField)} />
      </label>
    </fieldset>
  );
}
