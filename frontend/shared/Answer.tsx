import { useState } from "preact/hooks";
import type { Entry } from "./chat";
import { ErrorNote } from "./ErrorNote";
import { DownThumb, UpThumb } from "./icons";
import { webAddress } from "./links";
import { Markdown } from "./Markdown";
import { withMarks } from "./sentinels";
import { Suggestions } from "./Suggestions";
import type { Citation, Claim, Rating } from "./types";

export type OpenCitation = (citation: Citation, from: HTMLElement) => void;

interface Props {
  entry: Entry;
  open: OpenCitation;
  opened: Citation | null;
  /** Answers a question back; null where it is too late to. */
  choose: ((choice: string) => void) | null;
  retry(): void;
  rate(rating: Rating, comment?: string): void;
}

/** One answer: its claims with their marks, where they come from, and what the visitor thinks of it. */
export function Answer({ entry, open, opened, choose, retry, rate }: Props) {
  const choosing = choose !== null && entry.choices.length > 0;
  const mark = (number: number) => {
    const citation = entry.citations.find((one) => one.number === number);
    if (!citation) return null;
    return (
      <button
        type="button"
        class="cite"
        aria-label={`Source ${number}: ${citation.document.title}`}
        aria-pressed={opened === citation}
        onClick={(event) => open(citation, event.currentTarget)}
      >
        {number}
      </button>
    );
  };

  return (
    <div class={`answer ${entry.outcome ?? ""}`}>
      {entry.state === "waiting" && (
        <p class="typing">
          <span class="hidden">Looking in the documents</span>
          <i />
          <i />
          <i />
        </p>
      )}
      {entry.claims.length > 0 && (
        <Markdown source={withMarks(choosing ? unlisted(entry) : entry.claims)} mark={mark} />
      )}
      {entry.state === "streaming" && <span class="caret" aria-hidden="true" />}
      {entry.state === "stopped" && <p class="note">Stopped.</p>}
      {entry.state === "failed" && entry.error && <ErrorNote error={entry.error} retry={retry} />}
      {choosing && <Suggestions questions={entry.choices} label="Which one do you mean?" ask={choose} />}
      {entry.nearby.length > 0 && <NearbyDocuments entry={entry} />}
      {entry.state === "done" && entry.citations.length > 0 && (
        <Sources citations={entry.citations} open={open} opened={opened} />
      )}
      {entry.state === "done" && entry.id !== null && <Feedback given={entry.feedback} rate={rate} />}
    </div>
  );
}

/** The claims of a question back without the list of its choices, which stand below as buttons. */
function unlisted(entry: Entry): Claim[] {
  return entry.claims.map((claim) => ({
    ...claim,
    text: claim.text
      .split("\n")
      .filter((line) => !entry.choices.includes(line.replace(/^\d\. /, "")))
      .join("\n"),
  }));
}

/** One chip for each document, opening the first passage cited from it. */
function Sources({
  citations,
  open,
  opened,
}: {
  citations: Citation[];
  open: OpenCitation;
  opened: Citation | null;
}) {
  const documents = new Map<number, Citation[]>();
  for (const citation of citations) {
    const id = citation.document.id;
    documents.set(id, [...(documents.get(id) ?? []), citation]);
  }
  return (
    <ul class="sources" aria-label="Sources of this answer">
      {[...documents.values()].map((cited) => {
        const first = cited[0] as Citation;
        return (
          <li key={first.number}>
            <button
              type="button"
              class="chip"
              aria-pressed={opened !== null && cited.includes(opened)}
              onClick={(event) => open(first, event.currentTarget)}
            >
              {cited.map(({ number }) => (
                <span class="number">{number}</span>
              ))}
              <bdi>{first.document.title}</bdi>
            </button>
          </li>
        );
      })}
    </ul>
  );
}

function NearbyDocuments({ entry }: { entry: Entry }) {
  return (
    <div class="nearby">
      <ul aria-label="What the documents cover nearby">
        {entry.nearby.map((near) => {
          const href = webAddress(near.location);
          const path = near.heading_path.filter((heading) => heading !== near.title);
          return (
            <li key={near.id}>
              {href === null ? (
                <bdi>{near.title}</bdi>
              ) : (
                <a href={href} target="_blank" rel="noopener noreferrer">
                  <bdi>{near.title}</bdi>
                </a>
              )}
              {path.length > 0 && (
                <span class="note">
                  {" › "}
                  <bdi>{path.join(" › ")}</bdi>
                </span>
              )}
            </li>
          );
        })}
      </ul>
    </div>
  );
}

function Feedback({ given, rate }: { given: Rating | null; rate(rating: Rating, comment?: string): void }) {
  const [comment, setComment] = useState("");
  const [telling, setTelling] = useState(false);
  const [told, setTold] = useState(false);
  return (
    <div class="feedback">
      <div class="thumbs" role="group" aria-label="Was this answer helpful?">
        <button
          type="button"
          class="quiet"
          aria-label="Helpful"
          title="Helpful"
          aria-pressed={given === "up"}
          onClick={() => {
            setTelling(false);
            rate("up");
          }}
        >
          <UpThumb />
        </button>
        <button
          type="button"
          class="quiet"
          aria-label="Not helpful"
          title="Not helpful"
          aria-pressed={given === "down"}
          onClick={() => {
            setTelling(!told);
            rate("down");
          }}
        >
          <DownThumb />
        </button>
      </div>
      {telling && given === "down" && (
        <form
          class="comment"
          onSubmit={(event) => {
            event.preventDefault();
            if (comment.trim() !== "") rate("down", comment.trim());
            setTelling(false);
            setTold(true);
          }}
        >
          <input
            type="text"
            dir="auto"
            maxLength={1000}
            aria-label="What was wrong or missing?"
            placeholder="What was wrong or missing?"
            value={comment}
            onInput={(event) => setComment(event.currentTarget.value)}
          />
          <button type="submit" class="button small">
            Send
          </button>
        </form>
      )}
      {told && given === "down" && <span class="note">Thank you.</span>}
    </div>
  );
}
