import type { JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { ask, bodyOf } from './api.js';
import { bytesText } from './format.js';
import { useLoaded } from './hooks.js';
import { saveAs } from './save-as.js';
import { texts } from './texts.js';
import { Failure, Loading } from './ui.js';

const t = texts.video;

/** Bytes of a video that are fetched without being asked for. */
const MOST_UNASKED = 100 * 2 ** 20;

const endings: Readonly<Record<string, string>> = {
  'video/mp4': 'mp4',
  'video/mpeg': 'mpg',
  'video/h265': 'hevc',
};
const ACCEPT = Object.keys(endings).join(', ');

interface Loaded {
  readonly bytes: number;
  /** Undefined for what is too large to come unasked. */
  readonly blob: Blob | undefined;
}

async function load(path: string, isAsked: boolean, signal: AbortSignal): Promise<Loaded> {
  // Of what is left out not more than its head comes.
  const over = new AbortController();
  const response = await ask(`${path}/rendered`, {
    accept: ACCEPT,
    signal: AbortSignal.any([signal, over.signal]),
  });
  const bytes = Number(response.headers.get('content-length') ?? 0);
  if (bytes > MOST_UNASKED && !isAsked) {
    over.abort();
    return { bytes, blob: undefined };
  }
  const blob = await bodyOf(response);
  return { bytes: blob.size, blob };
}

/** A video as it is stored, which browsers play or do not. */
export function Video({ path }: { readonly path: string }): JSX.Element {
  const [isAsked, setAsked] = useState(false);
  const { data, error, reload } = useLoaded(`${path} ${isAsked}`, (signal) => load(path, isAsked, signal));
  if (error) return <Failure error={error} onRetry={reload} />;
  if (!data) return <Loading />;
  if (data.blob) return <Player blob={data.blob} />;
  return (
    <div class="notice">
      {t.large(bytesText(data.bytes))}
      <button
        type="button"
        onClick={() => {
          setAsked(true);
        }}
      >
        {t.load}
      </button>
    </div>
  );
}

function Player({ blob }: { readonly blob: Blob }): JSX.Element {
  const [url, setUrl] = useState<string>();
  const [isPlayable, setPlayable] = useState(true);
  useEffect(() => {
    const made = URL.createObjectURL(blob);
    setUrl(made);
    setPlayable(true);
    return () => {
      URL.revokeObjectURL(made);
    };
  }, [blob]);
  const cannot = (): void => {
    setPlayable(false);
  };
  return (
    <div class="video">
      <p class="caution">{texts.notForDiagnosis}</p>
      {isPlayable ? (
        <video
          src={url}
          controls
          playsInline
          preload="auto"
          aria-label={texts.study.video}
          onError={cannot}
        />
      ) : (
        <p class="notice warn" role="alert">
          {t.notPlayable(blob.type)}
        </p>
      )}
      <div class="actions">
        <button
          type="button"
          onClick={() => {
            saveAs(blob, `video.${endings[blob.type] ?? 'bin'}`);
          }}
        >
          {t.save(bytesText(blob.size))}
        </button>
      </div>
    </div>
  );
}
