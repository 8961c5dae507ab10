import { useId, useRef, useState } from "preact/hooks";
import { LinkIcon, UploadIcon } from "../shared/icons";
import type { Upload } from "./admin";
import { fromDrop, fromInput, READABLE } from "./files";

interface Props {
  disabled: boolean;
  take(files: Upload[]): void;
  visit(address: string, site: boolean): void;
}

/** Takes files, folders or a web address. */
export function AddKnowledge({ disabled, take, visit }: Props) {
  const [over, setOver] = useState(false);
  const [address, setAddress] = useState("");
  const [site, setSite] = useState(false);
  // the view that is hidden may hold this form too, so its field needs an id of its own
  const field = useId();
  const files = useRef<HTMLInputElement>(null);
  const folder = useRef<HTMLInputElement>(null);
  const picked = (input: HTMLInputElement) => {
    take(fromInput(input.files));
    input.value = "";
  };

  return (
    <div class="add">
      <div
        class={over ? "drop over" : "drop"}
        onDragOver={(event) => {
          event.preventDefault();
          setOver(true);
        }}
        onDragLeave={() => setOver(false)}
        onDrop={(event) => {
          event.preventDefault();
          setOver(false);
          if (event.dataTransfer && !disabled) void fromDrop(event.dataTransfer).then(take);
        }}
      >
        <UploadIcon />
        <p>
          <strong>Drop files or a folder here</strong>
        </p>
        <p class="note">Markdown, HTML, PDF, Word, text, or a table of questions and answers (CSV, JSONL)</p>
        <div class="row middle">
          <button
            type="button"
            class="button main"
            disabled={disabled}
            onClick={() => files.current?.click()}
          >
            Choose files
          </button>
          <button type="button" class="button" disabled={disabled} onClick={() => folder.current?.click()}>
            Choose a folder
          </button>
        </div>
        <input
          ref={files}
          type="file"
          hidden
          multiple
          aria-label="Files"
          accept={READABLE.join(",")}
          onChange={(event) => picked(event.currentTarget)}
        />
        <input
          ref={folder}
          type="file"
          hidden
          multiple
          aria-label="Folder"
          {...{ webkitdirectory: true }}
          onChange={(event) => picked(event.currentTarget)}
        />
      </div>
      <form
        class="row"
        onSubmit={(event) => {
          event.preventDefault();
          if (address.trim() === "") return;
          visit(address.trim(), site);
          setAddress("");
        }}
      >
        <label class="hidden" for={field}>
          Web address of a page, a sitemap or a site
        </label>
        <span class="with-icon">
          <LinkIcon />
          <input
            id={field}
            class="field"
            type="text"
            inputMode="url"
            autocomplete="off"
            spellcheck={false}
            placeholder="https://example.com/help or …/sitemap.xml"
            value={address}
            onInput={(event) => setAddress(event.currentTarget.value)}
          />
        </span>
        <button type="submit" class="button" disabled={disabled}>
          {site ? "Read this site" : "Read this address"}
        </button>
        <label class="check">
          <input type="checkbox" checked={site} onChange={(event) => setSite(event.currentTarget.checked)} />
          <span>
            Follow its links and read the whole site
            <span class="note">
              {" "}
              below this address, politely and as its robots.txt allows. Without this, one page is read, or
              the pages of a sitemap.
            </span>
          </span>
        </label>
      </form>
    </div>
  );
}
