import type { ComponentChildren, JSX } from 'preact';
import { useRef, useState } from 'preact/hooks';
import { droppedFiles } from './dropped-files.js';
import { refusedOf, useLoaded } from './hooks.js';
import { askOverviewAside } from './peers-data.js';
import { hrefOf } from './route.js';
import { PeerSelect, usePeers } from './search-form.js';
import { texts } from './texts.js';
import { add, clear, isTooMany, items, MOST_FILES, stopAll, type Item } from './uploads.js';
import { Badge, Foreign, Head, Progress } from './ui.js';
import { WindowedList } from './windowed-list.js';

const t = texts.store;
const ROW_HEIGHT = 44;

/** Files that go to an archive. */
export function Store(): JSX.Element {
  const { names, chosen } = usePeers();
  const [peer, setPeer] = useState(chosen);
  const { data } = useLoaded('store', askOverviewAside);
  const target = [...(data?.peers ?? []), ...(data?.groups ?? [])].find(({ name }) => name === peer);
  const isReadOnly = target?.isReadOnly === true;
  return (
    <>
      <Head title={t.title} lead={t.lead}>
        <PeerSelect label={t.to} names={names} chosen={peer} onChange={setPeer} />
      </Head>
      {isReadOnly ? <p class="notice warn">{t.readOnly}</p> : <DropZone peer={peer} />}
      {isTooMany.value && <p class="notice warn">{t.tooMany(MOST_FILES)}</p>}
      {items.value.length > 0 && <Items />}
    </>
  );
}

function DropZone({ peer }: { readonly peer: string }): JSX.Element {
  const [isOver, setOver] = useState(false);
  const [problem, setProblem] = useState<string>();
  const over =
    (value: boolean) =>
    (event: DragEvent): void => {
      event.preventDefault();
      setOver(value);
    };
  const drop = (event: DragEvent): void => {
    over(false)(event);
    if (!event.dataTransfer) return;
    setProblem(undefined);
    droppedFiles(event.dataTransfer, MOST_FILES + 1).then(
      (files) => {
        if (files.length === 0) setProblem(t.noFiles);
        add(peer, files);
      },
      (thrown: unknown) => {
        setProblem(`${t.unread} ${refusedOf(thrown)?.message ?? ''}`);
      },
    );
  };
  return (
    <>
      {problem !== undefined && (
        <p class="notice bad" role="alert">
          <Foreign>{problem}</Foreign>
        </p>
      )}
      <Zone isOver={isOver} over={over} onDrop={drop}>
        <Picker label={t.files} peer={peer} isFolder={false} />
        <Picker label={t.folder} peer={peer} isFolder={true} />
      </Zone>
    </>
  );
}

interface ZoneProps {
  readonly isOver: boolean;
  readonly over: (value: boolean) => (event: DragEvent) => void;
  readonly onDrop: (event: DragEvent) => void;
  readonly children: ComponentChildren;
}

function Zone({ isOver, over, onDrop, children }: ZoneProps): JSX.Element {
  return (
    <div
      class={`card drop ${isOver ? 'over' : ''}`}
      onDragEnter={over(true)}
      onDragOver={over(true)}
      onDragLeave={over(false)}
      onDrop={onDrop}
    >
      <p>{t.drop}</p>
      <div class="actions">{children}</div>
    </div>
  );
}

function Picker(props: {
  readonly label: string;
  readonly peer: string;
  readonly isFolder: boolean;
}): JSX.Element {
  const input = useRef<HTMLInputElement>(null);
  return (
    <>
      <button type="button" onClick={() => input.current?.click()}>
        {props.label}
      </button>
      <input
        ref={input}
        type="file"
        hidden
        multiple
        aria-label={props.label}
        {...(props.isFolder && { webkitdirectory: true })}
        onChange={({ currentTarget }) => {
          add(props.peer, [...(currentTarget.files ?? [])]);
          currentTarget.value = '';
        }}
      />
    </>
  );
}

function Items(): JSX.Element {
  const all = items.value;
  const isOpen = ({ state }: Item): boolean => state === 'waiting' || state === 'sending';
  const open = all.filter(isOpen).length;
  const failed = all.filter(({ state }) => state === 'failed').length;
  const done = all.length - open;
  return (
    <section class="uploads" aria-label={t.title}>
      <Progress value={done / all.length} label={t.title} />
      <div class="actions">
        <span role="status">{t.progress(done, all.length, failed)}</span>
        {open > 0 ? (
          <button type="button" onClick={stopAll}>
            {t.stop}
          </button>
        ) : (
          <button type="button" class="quiet" onClick={clear}>
            {t.clear}
          </button>
        )}
      </div>
      <WindowedList
        count={all.length}
        rowHeight={ROW_HEIGHT}
        label={t.title}
        isMeasured={true}
        row={(index, id) => {
          const item = all[index];
          return item ? <Line key={index} id={id} item={item} /> : null;
        }}
      />
    </section>
  );
}

const badges = {
  waiting: 'unknown',
  sending: 'running',
  stored: 'ok',
  warned: 'skipped',
  failed: 'failed',
} as const;

function Line({ item, id }: { readonly item: Item; readonly id: string }): JSX.Element {
  return (
    <div class="row upload" id={id} role="listitem" data-state={item.state}>
      <span class="name">
        <Foreign>{item.name}</Foreign>
      </span>
      <span class="to faint">
        <Foreign>{item.peer}</Foreign>
      </span>
      <span class="words">
        <Badge kind={badges[item.state]}>
          <Foreign>{item.words}</Foreign>
        </Badge>
        {item.study !== undefined && (
          <a href={hrefOf('study', { peer: item.peer, study: item.study })}>{t.open}</a>
        )}
      </span>
    </div>
  );
}
