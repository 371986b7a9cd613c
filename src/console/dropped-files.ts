/** Files of a drop, also of folders in it; `most` at the most. */
export async function droppedFiles(transfer: DataTransfer, most: number): Promise<readonly File[]> {
  // The list is emptied as soon as the event is over.
  const entries = [...transfer.items].flatMap((item) => item.webkitGetAsEntry() ?? []);
  if (entries.length === 0) return [...transfer.files].slice(0, most);
  const files: File[] = [];
  for (const entry of entries) await collect(entry, files, most);
  return files;
}

async function collect(entry: FileSystemEntry, files: File[], most: number): Promise<void> {
  if (files.length >= most) return;
  if (isFile(entry))
    files.push(
      await new Promise<File>((resolve, reject) => {
        entry.file(resolve, reject);
      }),
    );
  else if (isDirectory(entry)) for await (const below of childrenOf(entry)) await collect(below, files, most);
}

const isFile = (entry: FileSystemEntry): entry is FileSystemFileEntry => entry.isFile;
const isDirectory = (entry: FileSystemEntry): entry is FileSystemDirectoryEntry => entry.isDirectory;

/** A browser gives a hundred of them at a time. */
async function* childrenOf(directory: FileSystemDirectoryEntry): AsyncGenerator<FileSystemEntry> {
  const reader = directory.createReader();
  for (;;) {
    const some = await new Promise<readonly FileSystemEntry[]>((resolve, reject) => {
      reader.readEntries(resolve, reject);
    });
    if (some.length === 0) return;
    yield* some;
  }
}
