import type { JSX } from 'preact';
import { useMemo, useState } from 'preact/hooks';
import { askBlob, askJson, type Refused } from './api.js';
import { attributeRows, filtered, opened, tagText, type AttributeRow, type Names } from './attribute-rows.js';
import { refusedOf, useLoaded } from './hooks.js';
import { metadataOf } from './metadata.js';
import { saveAs } from './save-as.js';
import { texts } from './texts.js';
import { Failure, Foreign, Loading } from './ui.js';
import { WindowedList } from './windowed-list.js';

const t = texts.attributes;
const ROW_HEIGHT = 30;

let names: Promise<Names> | undefined;
const loadNames = (): Promise<Names> => {
  names ??= askJson<Names>('console/dictionary.json').catch((thrown: unknown) => {
    names = undefined;
    throw thrown;
  });
  return names;
};

/** Everything that an instance says of itself, as a tree in which one can search. */
export function Attributes({ path }: { readonly path: string }): JSX.Element {
  const { data, error, reload } = useLoaded(path, async () => {
    const [row, known] = await Promise.all([metadataOf(path), loadNames()]);
    return attributeRows(row, known);
  });
  if (error) return <Failure error={error} onRetry={reload} />;
  return data ? <Tree rows={data} path={path} /> : <Loading />;
}

interface Opening {
  readonly shown: readonly AttributeRow[];
  readonly isOpen: (row: AttributeRow) => boolean;
  readonly toggle: (row: AttributeRow | undefined, isOpen?: boolean) => void;
}

/** What a filter finds, or what is open. */
function useOpening(rows: readonly AttributeRow[], filter: string): Opening {
  const [open, setOpen] = useState<ReadonlySet<string>>(new Set());
  const isFiltered = filter.trim() !== '';
  const shown = useMemo(
    () => (isFiltered ? filtered(rows, filter) : opened(rows, open)),
    [rows, filter, open],
  );
  const toggle: Opening['toggle'] = (row, isOpen) => {
    if (row?.below === undefined || isFiltered) return;
    const next = new Set(open);
    if (isOpen ?? !open.has(row.id)) next.add(row.id);
    else next.delete(row.id);
    setOpen(next);
  };
  return { shown, isOpen: ({ id }) => isFiltered || open.has(id), toggle };
}

function Tree({
  rows,
  path,
}: {
  readonly rows: readonly AttributeRow[];
  readonly path: string;
}): JSX.Element {
  const [filter, setFilter] = useState('');
  const [at, setAt] = useState<number>();
  const { shown, isOpen, toggle } = useOpening(rows, filter);
  const onKeyDown = (event: KeyboardEvent): void => {
    const row = at === undefined ? undefined : shown[at];
    const isInTree = event.target instanceof HTMLElement && event.target.role === 'tree';
    if (!isInTree) return;
    if (event.key === 'ArrowRight') toggle(row, true);
    else if (event.key === 'ArrowLeft') toggle(row, false);
    else if (event.key === 'Enter') toggle(row);
  };
  return (
    <div class="attributes" onKeyDown={onKeyDown}>
      <Filter
        text={filter}
        onChange={(text) => {
          setFilter(text);
          // Another row may stand there.
          setAt(undefined);
        }}
        count={t.count(shown.length, rows.length)}
      />
      <WindowedList
        count={shown.length}
        rowHeight={ROW_HEIGHT}
        label={t.tree}
        role="tree"
        selected={at}
        onSelect={setAt}
        row={(index, id) => {
          const row = shown[index];
          const onToggle = (): void => {
            setAt(index);
            toggle(row);
          };
          return (
            row && (
              <Line
                key={row.id}
                id={id}
                row={row}
                path={path}
                isOpen={isOpen(row)}
                isChosen={index === at}
                onToggle={onToggle}
              />
            )
          );
        }}
      />
      <Whole row={at === undefined ? undefined : shown[at]} />
    </div>
  );
}

/** The row that is chosen, with all of its value: a line of the tree may be too short for it. */
function Whole({ row }: { readonly row: AttributeRow | undefined }): JSX.Element {
  return (
    <p class="whole" aria-live="polite">
      {row && row.tag !== '' && (
        <>
          <strong>{`${tagText(row.tag)} ${row.name}`}</strong>{' '}
          {row.value !== '' && <Foreign>{row.value}</Foreign>}
        </>
      )}
    </p>
  );
}

interface FilterProps {
  readonly text: string;
  readonly count: string;
  readonly onChange: (text: string) => void;
}

function Filter({ text, count, onChange }: FilterProps): JSX.Element {
  return (
    <label class="filter">
      <span>{t.filter}</span>
      <input
        type="search"
        value={text}
        onInput={({ currentTarget }) => {
          onChange(currentTarget.value);
        }}
      />
      <span class="faint" role="status">
        {count}
      </span>
    </label>
  );
}

interface LineProps {
  readonly id: string;
  readonly row: AttributeRow;
  readonly path: string;
  readonly isOpen: boolean;
  readonly isChosen: boolean;
  readonly onToggle: () => void;
}

function Line({ id, row, path, isOpen, isChosen, onToggle }: LineProps): JSX.Element {
  const hasBelow = row.below !== undefined;
  const isItem = row.tag === '';
  return (
    <div
      id={id}
      role="treeitem"
      class="row"
      aria-level={row.depth + 1}
      aria-selected={isChosen}
      {...(hasBelow && { 'aria-expanded': isOpen })}
      onClick={onToggle}
      style={{ paddingInlineStart: `${row.depth * 16 + 4}px` }}
    >
      <span class="twist" aria-hidden="true">
        {hasBelow ? (isOpen ? '▾' : '▸') : ''}
      </span>
      {isItem ? <span class="name">{t.item(Number(row.name))}</span> : <Element row={row} path={path} />}
    </div>
  );
}

function Element({ row, path }: { readonly row: AttributeRow; readonly path: string }): JSX.Element {
  return (
    <>
      <code class="tag">{tagText(row.tag)}</code>
      <span class="vr faint">{row.vr}</span>
      <span class="name">{row.name}</span>
      <span class="value" title={row.value}>
        {row.below !== undefined && <span class="faint">{t.items(row.below)}</span>}
        {row.bulkDataUri === undefined ? (
          row.below === undefined && <Foreign>{row.value}</Foreign>
        ) : (
          <BulkData uri={row.bulkDataUri} path={path} tag={row.tag} />
        )}
      </span>
    </>
  );
}

/** A bulk data URI names the gateway as others see it: what is behind it is had from where the page is. */
function bulkPath(uri: string, path: string): string {
  const below = /\/studies\/.*$/.exec(uri)?.[0] ?? '';
  return path.slice(0, path.indexOf('/studies/')) + below;
}

function BulkData({
  uri,
  path,
  tag,
}: {
  readonly uri: string;
  readonly path: string;
  readonly tag: string;
}): JSX.Element {
  const [error, setError] = useState<Refused>();
  const [isSaving, setSaving] = useState(false);
  const save = async (): Promise<void> => {
    setError(undefined);
    setSaving(true);
    try {
      const blob = await askBlob(bulkPath(uri, path), {
        accept: 'application/octet-stream; transfer-syntax=*, */*;q=0.5',
      });
      saveAs(blob, `${tag}.bin`);
    } catch (thrown) {
      setError(refusedOf(thrown));
    }
    setSaving(false);
  };
  return (
    <>
      <button
        type="button"
        class="link"
        disabled={isSaving}
        onClick={(event) => {
          event.stopPropagation();
          void save();
        }}
      >
        {isSaving ? t.saving : t.bulk}
      </button>
      {error && (
        <span class="bad" role="alert">
          <Foreign>{error.message}</Foreign>
        </span>
      )}
    </>
  );
}
