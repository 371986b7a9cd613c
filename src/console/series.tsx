import type { JSX } from 'preact';
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { epoch, type Refused } from './api.js';
import { Attributes } from './attributes.js';
import { contentOf, numberOf, tags, textOf, type ContentKind, type Row } from './dicom.js';
import { Document, Report } from './document.js';
import { refusedOf } from './hooks.js';
import { metadataOf } from './metadata.js';
import { useRows } from './rows.js';
import { stackOf, type Place } from './stack.js';
import { texts } from './texts.js';
import { Failure, Loading, Warnings } from './ui.js';
import { Video } from './video.js';
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
  const [place, setPlace] = usePlace(instances);
  const panel = useRef<HTMLElement>(null);
  useEffect(() => {
    // Below its series, on a narrow page, nobody would see that it is there.
    const { top = 0 } = panel.current?.getBoundingClientRect() ?? {};
    if (top > innerHeight * 0.6) panel.current?.scrollIntoView();
  }, []);
  return (
    <section class="series-panel" ref={panel} aria-label={t.instances}>
      <Warnings of={warnings} />
      {error && <Failure error={error} onRetry={reload} />}
      {instances.length === 0 && !isWhole && !error && <Loading />}
      {instances.length === 0 && isWhole && <p>{t.noInstances}</p>}
      {instances.length > 0 && (
        <div class="series-split">
          <div class="instances">
            <p class="faint" role="status">
              {error ? t.listedPartly(instances.length) : t.listed(instances.length, isWhole)}
            </p>
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

/** What is looked at stays so while more instances come, whose numbers may be lower. */
function usePlace(instances: readonly Row[]): [Place, (place: Place) => void] {
  const [chosen, setChosen] = useState<{ readonly uid: string | undefined; readonly frame: number }>();
  const indices = useMemo(
    () => new Map(instances.map((row, index) => [textOf(row, tags.sopInstanceUid), index])),
    [instances],
  );
  const index = indices.get(chosen?.uid ?? '') ?? 0;
  const setPlace = ({ index: at, frame }: Place): void => {
    const row = instances[at];
    setChosen({ uid: row && textOf(row, tags.sopInstanceUid), frame });
  };
  return [{ index, frame: chosen?.frame ?? 1 }, setPlace];
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
      row={(index, id) => {
        const row = instances[index] ?? {};
        const frames = numberOf(row, tags.numberOfFrames) ?? 1;
        return (
          <div
            key={index}
            id={id}
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

interface Learnt {
  readonly frames: readonly number[];
  readonly metadata: Row | undefined;
  /** Without attributes it is not known how many frames there are. */
  readonly error: Refused | undefined;
  readonly retry: () => void;
}

/** The attributes of the instance that is looked at, and how many frames all turned out to have. */
function useMetadata(path: string, instances: readonly Row[], at: Row | undefined): Learnt {
  const [learnt, setLearnt] = useState<ReadonlyMap<string, number>>(new Map());
  const [of, setOf] = useState<{ uid: string; metadata?: Row; error?: Refused | undefined }>({ uid: '' });
  const [round, setRound] = useState(0);
  const uid = at ? textOf(at, tags.sopInstanceUid) : '';
  useEffect(() => {
    if (uid === '') return undefined;
    let isLeft = false;
    // Whoever scrolls on does not need what it scrolls past.
    const timer = setTimeout(() => {
      metadataOf(`${path}/instances/${uid}`).then(
        (metadata) => {
          if (isLeft) return;
          setOf({ uid, metadata });
          setLearnt((before) => new Map([...before, [uid, numberOf(metadata, tags.numberOfFrames) ?? 1]]));
        },
        (thrown: unknown) => {
          if (!isLeft) setOf({ uid, error: refusedOf(thrown) });
        },
      );
    }, 150);
    return () => {
      isLeft = true;
      clearTimeout(timer);
    };
  }, [path, uid, round, epoch.value]);
  const frames = useMemo(
    () =>
      instances.map(
        (row) => numberOf(row, tags.numberOfFrames) ?? learnt.get(textOf(row, tags.sopInstanceUid)) ?? 1,
      ),
    [instances, learnt],
  );
  const { metadata, error } = of.uid === uid ? of : {};
  const retry = (): void => {
    setOf({ uid: '' });
    setRound((before) => before + 1);
  };
  return { frames, metadata, error, retry };
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
  const { frames, metadata, error, retry } = useMetadata(path, instances, row);
  const stack = useMemo(() => stackOf(frames), [frames]);
  const kind = contentOf(row ?? {}, metadata);
  const instance = `${path}/instances/${row ? textOf(row, tags.sopInstanceUid) : ''}`;
  return (
    <div class="instance-panel">
      <Tabs kind={kind} tab={tab} onChoose={setTab} />
      {kind === 'none' && <p class="notice">{t.noPicture}</p>}
      {(tab === 'attributes' || kind === 'none') && <Attributes key={instance} path={instance} />}
      {tab === 'content' && kind === 'picture' && (
        <>
          {error && <p class="notice warn">{t.framesUnknown}</p>}
          {error && <Failure error={error} onRetry={retry} />}
          <Viewer
            path={path}
            uids={(index) => textOf(instances[index] ?? {}, tags.sopInstanceUid)}
            stack={stack}
            place={place}
            metadata={metadata}
            onMove={onMove}
          />
        </>
      )}
      {tab === 'content' && <NoStill key={instance} kind={kind} path={instance} />}
    </div>
  );
}

/** What is no still picture. */
function NoStill({ kind, path }: { readonly kind: ContentKind; readonly path: string }): JSX.Element | null {
  if (kind === 'report') return <Report path={path} />;
  if (kind === 'video') return <Video path={path} />;
  return kind === 'document' ? <Document path={path} /> : null;
}

const contentNames: Readonly<Record<Exclude<ContentKind, 'none'>, string>> = {
  picture: t.picture,
  report: t.report,
  document: t.document,
  video: t.video,
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
