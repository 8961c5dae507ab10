import { useState } from "preact/hooks";
import { FileIcon, LinkIcon } from "../shared/icons";
import { Freshness } from "./Freshness";
import { webAddress } from "../shared/links";
import type { Source } from "../shared/types";

interface Props {
  sources: readonly Source[];
  sync(source: Source): void;
  keep(source: Source, every: string): void;
  remove(source: Source): void;
}

/** What has been added, with what became of it. */
export function Sources({ sources, sync, keep, remove }: Props) {
  const [asking, setAsking] = useState<number | null>(null);
  if (sources.length === 0) return <p class="note">Nothing has been added yet.</p>;
  return (
    <ul class="plain list">
      {sources.map((source) => {
        const name = source.title || source.location;
        return (
          <li key={source.id}>
            {webAddress(source.location) ? <LinkIcon /> : <FileIcon />}
            <div class="what">
              <strong dir="auto">{name}</strong>
              <p class="note">
                {counted(source.documents, "document")}, {counted(source.passages, "passage")}
                {source.failed > 0 && (
                  <span class="bad"> · {counted(source.failed, "document")} not readable</span>
                )}
                {source.error && <span class="bad"> · {source.error}</span>}
              </p>
              <Freshness source={source} keep={keep} />
            </div>
            {asking === source.id ? (
              <div class="row" role="group" aria-label={`Remove ${name}?`}>
                <button
                  type="button"
                  class="button small danger"
                  onClick={() => {
                    setAsking(null);
                    remove(source);
                  }}
                >
                  Remove it
                </button>
                <button type="button" class="button small" onClick={() => setAsking(null)}>
                  Keep
                </button>
              </div>
            ) : (
              <div class="row">
                {source.kind !== "upload" && (
                  <button type="button" class="button small" onClick={() => sync(source)}>
                    Read again<span class="hidden"> {name}</span>
                  </button>
                )}
                <button type="button" class="button small" onClick={() => setAsking(source.id)}>
                  Remove<span class="hidden"> {name}</span>
                </button>
              </div>
            )}
          </li>
        );
      })}
    </ul>
  );
}

export function counted(count: number, what: string): string {
  return `${count.toLocaleString("en")} ${what}${count === 1 ? "" : "s"}`;
}
