import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { Answer, type OpenCitation } from "./Answer";
import { Composer } from "./Composer";
import { ErrorNote } from "./ErrorNote";
import { DownIcon } from "./icons";
import { Suggestions } from "./Suggestions";
import type { Citation } from "./types";
import type { Chat } from "./useChat";

interface Props {
  chat: Chat;
  name: string;
  suggestions: readonly string[];
  open: OpenCitation;
  opened: Citation | null;
  /** Shown until the first question. */
  welcome: ComponentChildren;
  notice: ComponentChildren;
}

const NEAR_THE_END = 80;
const ABOVE = 16;
const SCROLLING = new Set(["ArrowUp", "ArrowDown", "PageUp", "PageDown", "Home", "End"]);

/** The conversation and the place to write in. */
export function ChatView({ chat, name, suggestions, open, opened, welcome, notice }: Props) {
  const { entries, busy, restoring, historyError } = chat.state;
  const log = useRef<HTMLDivElement>(null);
  const following = useRef(true);
  const [away, setAway] = useState(false);

  const toEnd = () => {
    const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
    log.current?.scrollTo({ top: log.current.scrollHeight, behavior: still ? "instant" : "smooth" });
  };
  useEffect(() => {
    if (!following.current || !log.current) return;
    const questions = log.current.querySelectorAll<HTMLElement>(".question");
    const last = questions[questions.length - 1];
    // A long answer is read from its start: its question stays in view.
    log.current.scrollTop = last
      ? Math.min(log.current.scrollHeight, last.offsetTop - ABOVE)
      : log.current.scrollHeight;
  }, [entries]);

  const ask = (text: string) => {
    following.current = true;
    chat.ask(text);
  };

  return (
    <div class="chat">
      <div
        class="log"
        ref={log}
        tabIndex={0}
        role="region"
        aria-label="Conversation"
        onScroll={(event) => {
          const { scrollHeight, scrollTop, clientHeight } = event.currentTarget;
          setAway(scrollHeight - scrollTop - clientHeight >= NEAR_THE_END);
        }}
        onWheel={() => {
          following.current = false;
        }}
        onTouchMove={() => {
          following.current = false;
        }}
        onKeyDown={(event) => {
          if (SCROLLING.has(event.key)) following.current = false;
        }}
      >
        <div class="column">
          {welcome}
          {historyError && (
            <ErrorNote error={historyError} retry={chat.restore} label="Load earlier messages" />
          )}
          {restoring && <p class="note center">Loading your conversation…</p>}
          {!restoring && entries.length === 0 && <Suggestions questions={suggestions} ask={ask} />}
          {entries.map((entry, at) =>
            entry.from === "visitor" ? (
              <div class="question" key={entry.key} dir="auto">
                <span class="hidden">You asked: </span>
                {entry.text}
              </div>
            ) : entry.from === "activity" ? (
              <p class="note center" key={entry.key} dir="auto">
                {entry.text}
              </p>
            ) : (
              <Answer
                key={entry.key}
                entry={entry}
                open={open}
                opened={opened}
                choose={at === entries.length - 1 && !busy ? ask : null}
                retry={() => chat.retry(entry.key)}
                rate={(rating, comment) => entry.id !== null && chat.rate(entry.id, rating, comment)}
              />
            ),
          )}
        </div>
      </div>
      <div class="bottom">
        {away && (
          <button
            type="button"
            class="to-end"
            aria-label="Go to the latest message"
            title="Latest message"
            onClick={toEnd}
          >
            <DownIcon />
          </button>
        )}
        <Composer name={name} busy={busy} ask={ask} stop={chat.stop} />
        <p class="note center fine">{notice}</p>
      </div>
      <div class="hidden" role="log" aria-live="polite" aria-label="What was just said">
        {chat.announcements.map(({ key, text }) => (
          <p key={key}>{text}</p>
        ))}
      </div>
    </div>
  );
}
