import type { Upload } from "./admin";

/** Endings of the files that Freehold reads; the server decides again, by content. */
export const READABLE = [
  ".md", ".markdown", ".mdx", ".rst", ".txt", ".text", ".html", ".htm", ".xhtml", ".pdf", ".docx", ".csv", ".jsonl",
];

const MOST_FILES = 20_000;

export interface Picked {
  files: Upload[];
  /** Paths left out because Freehold reads no such files. */
  leftOut: string[];
}

/** Sorts what was picked into what can be read and what cannot; hidden files are passed over. */
export function sorted(all: readonly Upload[]): Picked {
  const visible = all.filter(({ path }) => !path.split("/").some((part) => part.startsWith(".")));
  const readable = (path: string) => READABLE.some((ending) => path.toLowerCase().endsWith(ending));
  return {
    files: visible.filter(({ path }) => readable(path)),
    leftOut: visible.filter(({ path }) => !readable(path)).map(({ path }) => path),
  };
}

export function fromInput(list: FileList | null): Upload[] {
  return [...(list ?? [])].map((file) => ({ file, path: file.webkitRelativePath || file.name }));
}

/** Everything that was dropped, folders walked. Must be called while the drop event is being handled. */
export async function fromDrop(data: DataTransfer): Promise<Upload[]> {
  const entries = [...data.items].map((item) => item.webkitGetAsEntry?.() ?? null);
  if (entries.every((entry) => entry === null)) return fromInput(data.files);
  const found: Upload[] = [];
  for (const entry of entries) if (entry) await walk(entry, "", found);
  return found;
}

async function walk(entry: FileSystemEntry, folder: string, found: Upload[]): Promise<void> {
  if (found.length >= MOST_FILES) return;
  const path = folder + entry.name;
  if (entry.isFile) {
    const file = await new Promise<File>((resolve, reject) => (entry as FileSystemFileEntry).file(resolve, reject));
    found.push({ file, path });
    return;
  }
  const reader = (entry as FileSystemDirectoryEntry).createReader();
  for (;;) {
    const some = await new Promise<FileSystemEntry[]>((resolve, reject) => reader.readEntries(resolve, reject));
    if (some.length === 0) return;
    for (const child of some) await walk(child, `${path}/`, found);
  }
}
