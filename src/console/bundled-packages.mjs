/** Folders of the packages that are in a bundle, by what esbuild tells of it (`metafile`). */
export const bundledPackages = ({ inputs }) =>
  [
    ...new Set(
      Object.keys(inputs).flatMap((path) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(path)?.[0] ?? []),
    ),
  ].sort();
