import { useEffect, useRef, useState } from "preact/hooks";
import type { ChatApi } from "../shared/api";
import { ChatView } from "../shared/ChatView";
import { ErrorNote } from "../shared/ErrorNote";
import { focusAgain } from "../shared/focus";
import { ChatIcon, CloseIcon, DownIcon, NewIcon } from "../shared/icons";
import type { Memory } from "../shared/memory";
import { SourcePanel } from "../shared/SourcePanel";
import type { Citation } from "../shared/types";
import { useChat } from "../shared/useChat";
import { useInfo } from "../shared/useInfo";
import { useMedia } from "../shared/useMedia";
import { useFocusWithin } from "./useFocusWithin";
import { useVisibleHeight } from "./useVisibleHeight";

export interface Options {
  side: "left" | "right";
  /** From the tag; the assistant's own applies without it. */
  accent: string | null;
}

/** The button waits this long for the assistant's colour. */
const LATEST_MS = 800;

interface Props {
  api: ChatApi;
  kept: Memory;
  tab: Memory;
  options: Options;
  paint(accent: string | null): void;
}

/** The button in the corner and the panel that it opens. */
export function Widget({ api, kept, tab, options, paint }: Props) {
  const [open, setOpen] = useState(false);
  const [opened, setOpened] = useState<{ citation: Citation; from: HTMLElement } | null>(null);
  const chat = useChat(api, kept);
  const { info, error, reload } = useInfo(api, tab);
  const phone = useMedia("(max-width: 520px)");
  const panel = useRef<HTMLDivElement>(null);
  const launcher = useRef<HTMLButtonElement>(null);
  const everOpened = useRef(false);
  const [late, setLate] = useState(false);
  const name = info?.assistant.name || "Assistant";

  useEffect(() => {
    if (error?.code === "unreachable")
      console.warn(`Freehold: no answer. Does the assistant allow ${location.origin}?`);
  }, [error]);
  useEffect(() => paint(options.accent ?? info?.assistant.accent ?? null), [info]);
  useEffect(() => {
    const timer = setTimeout(() => setLate(true), LATEST_MS);
    return () => clearTimeout(timer);
  }, []);
  useFocusWithin(panel, open && phone);
  useVisibleHeight(panel, open && phone);

  const show = (focus: boolean) => {
    setOpen(true);
    tab.set("open", "1");
    if (!everOpened.current) chat.restore();
    everOpened.current = true;
    if (focus) requestAnimationFrame(() => panel.current?.querySelector("textarea")?.focus());
  };
  const hide = () => {
    setOpen(false);
    setOpened(null);
    tab.set("open", null);
    requestAnimationFrame(() => launcher.current?.focus());
  };
  const closeSource = () => {
    const from = opened?.from;
    setOpened(null);
    focusAgain(from);
  };

  useEffect(() => {
    if (tab.get("open") === "1" && !phone) show(false);
  }, []);

  return (
    <div class={options.side}>
      <div
        ref={panel}
        class="panel"
        role="dialog"
        aria-modal={phone}
        aria-label={`Chat with ${name}`}
        hidden={!open}
        onKeyDown={(event) => {
          if (event.key === "Escape") hide();
        }}
      >
        <div class="front" inert={opened !== null}>
          <div class="bar">
            <div>
              <h2 dir="auto">{name}</h2>
              <p>AI assistant</p>
            </div>
            <button
              type="button"
              class="quiet"
              aria-label="New conversation"
              title="New conversation"
              disabled={chat.state.entries.length === 0}
              onClick={() => {
                chat.restart();
                panel.current?.querySelector("textarea")?.focus();
              }}
            >
              <NewIcon />
            </button>
            <button type="button" class="quiet" aria-label="Close the chat" title="Close" onClick={hide}>
              <CloseIcon />
            </button>
          </div>
          <ChatView
            chat={chat}
            name={name}
            suggestions={info?.suggestions ?? []}
            open={(citation, from) => setOpened({ citation, from })}
            opened={opened?.citation ?? null}
            welcome={
              <>
                <div class="welcome">
                  <p dir="auto">{info?.assistant.greeting || "Hello! What would you like to know?"}</p>
                  <p class="note">
                    An AI answers here, from documents. Press a number to see the words it stands on.
                  </p>
                </div>
                {error && <ErrorNote error={error} retry={reload} />}
              </>
            }
            notice="AI can be wrong. Check the numbered sources."
          />
        </div>
        {opened && <SourcePanel citation={opened.citation} modal close={closeSource} />}
      </div>
      <button
        ref={launcher}
        type="button"
        class="launcher"
        hidden={!info && !error && !late && !open}
        aria-haspopup="dialog"
        aria-expanded={open}
        aria-label={open ? "Close the chat" : `Chat with ${name} (AI assistant)`}
        onClick={() => (open ? hide() : show(true))}
      >
        {open ? <DownIcon /> : <ChatIcon />}
      </button>
    </div>
  );
}
