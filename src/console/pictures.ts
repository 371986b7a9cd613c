import { askBlob } from './api.js';
import { onLogOut } from './session.js';

/** Pictures that are kept decoded, and pixels of all of them together: four bytes each. */
const MOST = 120;
const MOST_PIXELS = 64 * 2 ** 20;

/** Decoded pictures by URL; those used longest ago go first. */
const kept = new Map<string, { readonly picture: Promise<ImageBitmap>; pixels: number }>();

async function load(path: string): Promise<ImageBitmap> {
  return createImageBitmap(await askBlob(path, { accept: 'image/jpeg' }));
}

function makeRoom(): void {
  let pixels = [...kept.values()].reduce((sum, entry) => sum + entry.pixels, 0);
  for (const [path, entry] of kept) {
    if (kept.size <= 1 || (kept.size <= MOST && pixels <= MOST_PIXELS)) return;
    kept.delete(path);
    pixels -= entry.pixels;
    // Whoever waits for it draws it before it is closed.
    void entry.picture.then(
      (picture) =>
        setTimeout(() => {
          picture.close();
        }, 1000),
      () => undefined,
    );
  }
}

/** The picture behind a path, loaded once for all who ask for it. @throws Refused */
export function pictureOf(path: string): Promise<ImageBitmap> {
  const known = kept.get(path);
  if (known) {
    kept.delete(path);
    kept.set(path, known);
    return known.picture;
  }
  const picture = load(path);
  const entry = { picture, pixels: 0 };
  kept.set(path, entry);
  picture.then(
    ({ width, height }) => {
      entry.pixels = width * height;
      makeRoom();
    },
    () => {
      if (kept.get(path) === entry) kept.delete(path);
    },
  );
  return picture;
}

/** Forgets everything, as it was dropped from the gateway's cache or somebody else has logged in. */
export function forgetPictures(): void {
  kept.clear();
}
onLogOut(forgetPictures);
