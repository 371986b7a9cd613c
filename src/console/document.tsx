import { h, type JSX, type VNode } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { askBlob, askText } from './api.js';
import { useLoaded } from './hooks.js';
import { texts } from './texts.js';
import { Failure, Loading } from './ui.js';

const t = texts.viewer;

/** What a report may be made of; anything else is its text alone. */
const ELEMENTS: ReadonlySet<string> = new Set(
  'article section div p h1 h2 h3 h4 h5 h6 ul ol li dl dt dd table thead tbody tr th td caption strong em b i br hr pre span small sup sub'.split(
    ' ',
  ),
);
const DROPPED: ReadonlySet<string> = new Set([
  'head',
  'script',
  'style',
  'template',
  'iframe',
  'object',
  'embed',
]);

/** A document as elements of this page: none of its attributes, styles and scripts come along. */
function copyOf(node: Node): (VNode | string | null)[] {
  if (node.nodeType === Node.TEXT_NODE) return [node.textContent];
  if (!(node instanceof Element)) return [];
  const name = node.localName;
  if (DROPPED.has(name)) return [];
  const children = [...node.childNodes].flatMap(copyOf);
  if (!ELEMENTS.has(name)) return children;
  // A heading of the page is not one of the report.
  return [h(name === 'h1' ? 'h2' : name, { dir: 'auto' }, ...children)];
}

/** A structured report, as the gateway writes it. */
export function Report({ path }: { readonly path: string }): JSX.Element {
  const { data, error, reload } = useLoaded(path, (signal) =>
    askText(`${path}/rendered`, { accept: 'text/html', signal }),
  );
  if (error) return <Failure error={error} onRetry={reload} />;
  if (data === undefined) return <Loading />;
  // Its own styles are not allowed here, and the browser would say so.
  const bare = data.replace(/<style[\s\S]*?<\/style>/gi, '');
  const { documentElement } = new DOMParser().parseFromString(bare, 'text/html');
  return (
    <div class="report">
      <p class="caution">{texts.notForDiagnosis}</p>
      <article>{copyOf(documentElement)}</article>
    </div>
  );
}

/** An encapsulated document, in the browser's own viewer. */
export function Document({ path }: { readonly path: string }): JSX.Element {
  const { data, error, reload } = useLoaded(path, (signal) => askBlob(`${path}/rendered`, { signal }));
  const [url, setUrl] = useState<string>();
  useEffect(() => {
    if (!data) return undefined;
    const made = URL.createObjectURL(data);
    setUrl(made);
    return () => {
      URL.revokeObjectURL(made);
    };
  }, [data]);
  if (error) return <Failure error={error} onRetry={reload} />;
  if (url === undefined || !data) return <Loading />;
  const isPdf = data.type === 'application/pdf';
  return (
    <div class="document">
      <p class="caution">{texts.notForDiagnosis}</p>
      <div class="actions">
        {/* Of other types some could do as they like in a tab of this origin. */}
        {isPdf && (
          <a class="button" href={url} target="_blank" rel="noopener">
            {t.openDocument}
          </a>
        )}
        <a class="button" href={url} download={isPdf ? 'document.pdf' : 'document'}>
          {t.saveDocument}
        </a>
      </div>
      {isPdf && <iframe src={url} title={texts.study.document} />}
    </div>
  );
}
