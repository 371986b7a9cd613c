/** How long a browser may take to begin to save what it was given. */
const BEGIN_MS = 10_000;

/** Has the browser save bytes as a file of that name. */
export function saveAs(blob: Blob, name: string): void {
  const url = URL.createObjectURL(blob);
  Object.assign(document.createElement('a'), { href: url, download: name }).click();
  setTimeout(() => {
    URL.revokeObjectURL(url);
  }, BEGIN_MS);
}
