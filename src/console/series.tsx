import type { JSX } from 'preact';
import { useEffect, useMemo, useState } from 'preact/hooks';
import { Attributes } from './attributes.js';
import { contentOf, numberOf, tags, textOf, type ContentKind, type Row } from './dicom.js';
import { Document, Report } from './document.js';
import { metadataOf } from './metadata.js';
import { useRows } from './rows.js';
import { stackOf, type Place } from './stack.js';
import { texts } from './texts.js';
import { Failure, Loading, Warnings } from './ui.js';
import { Viewer } from './viewer.js';
import { WindowedList } from './windowed-list.js';

const t = texts.study;
const ROW_HEIGHT = 34;

const instanceFields = [tags.numberOfFrames, tags.instanceNumber]
  .map((tag) => `includefield=${tag}`)
  .join('&');

const byInstanceNumber = (a: Row, b: Row): number =>
  (numberOf(a, tags.instanceNumber) ?? Infinity) - (numberOf(b, tags.instanceNumber) ?? Infinity) || 0;

/** The instances of a series, and the one that is looked at. */
export function SeriesPanel({ path }: { readonly path: string }): JSX.Element {
  const { rows, warnings, error, isWhole, reload } = useRows(`${path}/instances?${instanceFields}`);
  const instances = useMemo(() => rows.toSorted(byInstanceNumber), [rows]);
  const [place, setPlace] = useState<Place>({ index: 0, frame: 1 });
  return (
    <section class="series-panel">
      <Warnings of={warnings} />
      {error && <Failure error={error} onRetry={reload} />}
      {instances.length === 0 && !isWhole && !error && <Loading />}
      {instances.length === 0 && isWhole && <p>{t.noInstances}</p>}
      {instances.length > 0 && (
        <div class="series-split">
          <div class="instances">
            <p class="faint">{t.listed(instances.length, isWhole)}</p>
            <InstanceList
              instances={instances}
              selected={place.index}
              onSelect={(index) => {
                setPlace({ index, frame: 1 });
              }}
            />
          </div>
          <InstancePanel path={path} instances={instances} place={place} onMove={setPlace} />
        </div>
      )}
    </section>
  );
}

interface ListProps {
  readonly instances: readonly Row[];
  readonly selected: number;
  readonly onSelect: (index: number) => void;
}

function InstanceList({ instances, selected, onSelect }: ListProps): JSX.Element {
  return (
    <WindowedList
      count={instances.length}
      rowHeight={ROW_HEIGHT}
      label={t.instances}
      role="listbox"
      selected={selected}
      onSelect={onSelect}
      row={(index) => {
        const row = instances[index] ?? {};
        const frames = numberOf(row, tags.numberOfFrames) ?? 1;
        return (
          <div
            key={textOf(row, tags.sopInstanceUid)}
            role="option"
            class="row"
            aria-selected={index === selected}
            aria-posinset={index + 1}
            aria-setsize={instances.length}
            onClick={() => {
              onSelect(index);
            }}
          >
            <span>{textOf(row, tags.instanceNumber) || `(${index + 1})`}</span>
            {frames > 1 && <span class="faint">{t.frames(frames)}</span>}
          </div>
        );
      }}
    />
  );
}

/** How many frames instances turned out to have, where their archive does not list it. */
function useFrames(
  path: string,
  instances: readonly Row[],
  at: Row | undefined,
): [readonly number[], Row | undefined] {
  const [learnt, setLearnt] = useState<ReadonlyMap<string, Row>>(new Map());
  const uid = at ? textOf(at, tags.sopInstanceUid) : '';
  useEffect(() => {
    if (uid === '') return undefined;
    let isLeft = false;
    // Whoever scrolls on does not need what it scrolls past.
    const timer = setTimeout(() => {
      metadataOf(`${path}/instances/${uid}`).then(
        (row) => {
          if (!isLeft) setLearnt((before) => new Map([...[...before].slice(-200), [uid, row]]));
        },
        () => undefined,
      );
    }, 150);
    return () => {
      isLeft = true;
      clearTimeout(timer);
    };
  }, [path, uid]);
  const frames = useMemo(
    () =>
      instances.map((row) => {
        const known = learnt.get(textOf(row, tags.sopInstanceUid));
        return numberOf(row, tags.numberOfFrames) ?? (known && numberOf(known, tags.numberOfFrames)) ?? 1;
      }),
    [instances, learnt],
  );
  return [frames, learnt.get(uid)];
}

interface PanelProps {
  readonly path: string;
  readonly instances: readonly Row[];
  readonly place: Place;
  readonly onMove: (place: Place) => void;
}

type Tab = 'content' | 'attributes';

function InstancePanel({ path, instances, place, onMove }: PanelProps): JSX.Element {
  const [tab, setTab] = useState<Tab>('content');
  const row = instances[place.index];
  const [frames, metadata] = useFrames(path, instances, row);
  const stack = useMemo(() => stackOf(frames), [frames]);
  const kind = contentOf(row ? textOf(row, tags.sopClassUid) : '', metadata);
  const instance = `${path}/instances/${row ? textOf(row, tags.sopInstanceUid) : ''}`;
  return (
    <div class="instance-panel">
      <Tabs kind={kind} tab={tab} onChoose={setTab} />
      {kind === 'none' && <p class="notice">{t.noPicture}</p>}
      {(tab === 'attributes' || kind === 'none') && <Attributes key={instance} path={instance} />}
      {tab === 'content' && kind === 'picture' && (
        <Viewer
          path={path}
          uids={(index) => textOf(instances[index] ?? {}, tags.sopInstanceUid)}
          stack={stack}
          place={place}
          metadata={metadata}
          onMove={onMove}
        />
      )}
      {tab === 'content' && kind === 'report' && <Report key={instance} path={instance} />}
      {tab === 'content' && kind === 'document' && <Document key={instance} path={instance} />}
    </div>
  );
}

const contentNames: Readonly<Record<Exclude<ContentKind, 'none'>, string>> = {
  picture: t.picture,
  report: t.report,
  document: t.document,
};

interface TabsProps {
  readonly kind: ContentKind;
  readonly tab: Tab;
  readonly onChoose: (tab: Tab) => void;
}

function Tabs({ kind, tab, onChoose }: TabsProps): JSX.Element {
  const names: readonly (readonly [Tab, string])[] = [
    ...(kind === 'none' ? [] : ([['content', contentNames[kind]]] as const)),
    ['attributes', t.attributes],
  ];
  return (
    <div class="tabs">
      {names.map(([name, text]) => (
        <button
          key={name}
          type="button"
          aria-pressed={name === tab || kind === 'none'}
          onClick={() => {
            onChoose(name);
          }}
        >
          {text}
        </button>
      ))}
    </div>
  );
}
