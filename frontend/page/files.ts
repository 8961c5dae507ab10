import type { Upload } from "./admin";

/** Endings of the files that Freehold reads; the server decides again, by content. */
export const READABLE = [
  ".md",
  ".markdown",
  ".mdx",
  ".rst",
  ".txt",
  ".text",
  ".html",
  ".htm",
  ".xhtml",
  ".pdf",
  ".docx",
  ".csv",
  ".jsonl",
];

const MOST_FILES = 20_000;
const FILES_A_BATCH = 200;
const BYTES_A_BATCH = 48 * 2 ** 20;
const LONGEST_NAME = 116;

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

/** Cuts an upload into pieces that the server takes at a time; a very large file goes alone. */
export function batches(files: readonly Upload[]): Upload[][] {
  const all: Upload[][] = [];
  let bytes = Infinity;
  for (const upload of files) {
    const last = all[all.length - 1];
    if (!last || last.length >= FILES_A_BATCH || bytes + upload.file.size > BYTES_A_BATCH) {
      all.push([upload]);
      bytes = upload.file.size;
    } else {
      last.push(upload);
      bytes += upload.file.size;
    }
  }
  return all;
}

/**
 * The one name under which the server keeps a file. It keeps no folders, so that they become part of the name:
 * two `index.html` stay two, and the same file sent again takes its own place.
 */
export function uploadName(path: string): string {
  const name = path.split("/").filter(Boolean).join(" › ");
  const bytes = new TextEncoder().encode(name);
  if (bytes.length <= LONGEST_NAME) return name;
  let tail = name;
  while (new TextEncoder().encode(tail).length > LONGEST_NAME - 11) tail = [...tail].slice(1).join("");
  return `${fingerprint(bytes)}… ${tail}`;
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
    const file = await new Promise<File>((resolve, reject) =>
      (entry as FileSystemFileEntry).file(resolve, reject),
    );
    found.push({ file, path });
    return;
  }
  const reader = (entry as FileSystemDirectoryEntry).createReader();
  for (;;) {
    const some = await new Promise<FileSystemEntry[]>((resolve, reject) =>
      reader.readEntries(resolve, reject),
    );
    if (some.length === 0) return;
    for (const child of some) await walk(child, `${path}/`, found);
  }
}

/** FNV-1a: enough to tell two long paths apart. */
function fingerprint(bytes: Uint8Array): string {
  let hash = 0x811c9dc5;
  for (const byte of bytes) hash = Math.imul(hash ^ byte, 0x01000193);
  return (hash >>> 0).toString(16).padStart(8, "0").slice(0, 7);
}
