import type { Source } from "../shared/types";
import { ago, ahead, changesOf, CHOICES } from "./times";

interface Props {
  source: Source;
  keep(source: Source, every: string): void;
}

/** When a source was last read, what that changed, and how often it is read by itself. */
export function Freshness({ source, keep }: Props) {
  const { read_at, due_at, stale, failures, every } = source.freshness;
  if (source.kind === "upload") return null;
  const now = Date.now() / 1000;
  const name = source.title || source.location;
  const known = CHOICES.some(([value]) => value === every);
  return (
    <div class="freshness note">
      <span>
        {read_at === null ? "Not read yet" : `Read ${ago(now - read_at)}`}
        {read_at !== null && changesOf(source.freshness)}
        {stale && <strong class="bad"> · Out of date</strong>}
        {failures > 1 && <span class="bad"> · failed {failures} times in a row</span>}
      </span>
      <label>
        <span>Read again</span>
        <select
          class="field small"
          aria-label={`How often to read ${name} again`}
          value={every}
          onChange={(event) => keep(source, event.currentTarget.value)}
        >
          {CHOICES.map(([value, label]) => (
            <option key={value} value={value}>
              {label}
            </option>
          ))}
          {!known && <option value={every}>every {every}</option>}
        </select>
      </label>
      {due_at !== null && <span>next {ahead(due_at - now)}</span>}
    </div>
  );
}
