import { useEffect, useId, useRef } from "preact/hooks";
import { CloseIcon, FileIcon, LinkIcon } from "./icons";
import { webAddress } from "./links";
import { Markdown } from "./Markdown";
import { withQuote } from "./sentinels";
import type { Citation } from "./types";

interface Props {
  citation: Citation;
  /** It covers what is behind it; else it stands beside it. */
  modal: boolean;
  close(): void;
}

/** The passage that a claim stands on, with the quoted words highlighted and in view. */
export function SourcePanel({ citation, modal, close }: Props) {
  const title = useId();
  const panel = useRef<HTMLElement>(null);
  const href = webAddress(citation.document.location);
  const path = pathOf(citation);

  useEffect(() => {
    const marks = panel.current?.querySelectorAll("mark");
    const body = panel.current?.querySelector<HTMLElement>(".source-body");
    const first = marks?.[0];
    if (body && first)
      body.scrollTop += first.getBoundingClientRect().top - body.getBoundingClientRect().top - 48;
    else if (body) body.scrollTop = 0;
    panel.current?.querySelector<HTMLElement>("h2")?.focus({ preventScroll: true });
  }, [citation]);

  return (
    <section
      ref={panel}
      class="source"
      role="dialog"
      aria-modal={modal}
      aria-labelledby={title}
      onKeyDown={(event) => {
        if (event.key !== "Escape") return;
        event.stopPropagation();
        close();
      }}
    >
      <header>
        <span class="number">{citation.number}</span>
        <h2 id={title} tabIndex={-1} dir="auto">
          <span class="hidden">Source {citation.number}: </span>
          {citation.document.title}
        </h2>
        <button type="button" class="quiet" aria-label="Close the source" title="Close" onClick={close}>
          <CloseIcon />
        </button>
      </header>
      <div class="source-body" tabIndex={0} role="region" aria-label="The passage">
        {path.length > 0 && (
          <p class="path" dir="auto">
            {path.join(" › ")}
          </p>
        )}
        <Markdown source={withQuote(citation)} />
      </div>
      <footer>
        {href === null ? (
          <p class="where">
            <FileIcon />
            <bdi>{citation.document.location}</bdi>
          </p>
        ) : (
          <a class="where" href={href} target="_blank" rel="noopener noreferrer">
            <LinkIcon />
            <bdi>{citation.document.location}</bdi>
            <span class="hidden"> (opens in a new tab)</span>
          </a>
        )}
      </footer>
    </section>
  );
}

/** The headings above the passage, less those that stand in it or name the document. */
function pathOf({ heading_path, document, text }: Citation): string[] {
  const first = text.trimStart().split("\n", 1)[0] ?? "";
  return heading_path.filter(
    (heading, n) =>
      !(n === 0 && heading === document.title) &&
      !(n === heading_path.length - 1 && /^#+ /.test(first) && first.replace(/^#+\s*/, "") === heading),
  );
}
