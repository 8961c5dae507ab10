import type { ComponentChildren } from "preact";
import { useEffect, useMemo, useState } from "preact/hooks";
import { chatApi } from "../shared/api";
import { ChatView } from "../shared/ChatView";
import { ErrorNote } from "../shared/ErrorNote";
import { focusAgain } from "../shared/focus";
import { Memory } from "../shared/memory";
import { SourcePanel } from "../shared/SourcePanel";
import type { Citation } from "../shared/types";
import { type Chat, useChat } from "../shared/useChat";
import { useInfo } from "../shared/useInfo";
import { useMedia } from "../shared/useMedia";

interface Props {
  token: string;
  demo: boolean;
  /** The offer to take documents, while there are none. */
  offer: ComponentChildren;
  /** A question chosen elsewhere on the page; asked once. */
  question: string | null;
  asked(): void;
  handle(chat: Chat | null): void;
}

/** The conversation over the whole page, the source beside it where there is room. */
export function AskView({ token, demo, offer, question, asked, handle }: Props) {
  const api = useMemo(() => chatApi("", token), [token]);
  const kept = useMemo(() => new Memory(() => localStorage, `freehold:page:${token}:`), [token]);
  const tab = useMemo(() => new Memory(() => sessionStorage, `freehold:page:${token}:`), [token]);
  const chat = useChat(api, kept);
  const { info, error, reload } = useInfo(api, tab, true);
  const [opened, setOpened] = useState<{ citation: Citation; from: HTMLElement } | null>(null);
  const wide = useMedia("(min-width: 1080px)");
  const name = info?.assistant.name || "the assistant";

  useEffect(chat.restore, [token]);
  useEffect(() => {
    handle(chat.state.entries.length > 0 ? chat : null);
    return () => handle(null);
  }, [chat.state.entries.length > 0]);
  useEffect(() => {
    if (question === null) return;
    asked();
    if (question !== "") chat.ask(question);
    else document.querySelector<HTMLTextAreaElement>(".composer textarea")?.focus();
  }, [question]);

  const close = () => {
    const from = opened?.from;
    setOpened(null);
    focusAgain(from);
  };

  return (
    <div class={opened ? "ask with-source" : "ask"}>
      <div class="front" inert={opened !== null && !wide}>
        <ChatView
          chat={chat}
          name={name}
          suggestions={info?.suggestions ?? []}
          open={(citation, from) => setOpened({ citation, from })}
          opened={opened?.citation ?? null}
          welcome={
            <div class="hello">
              {chat.state.entries.length === 0 && (
                <h2 dir="auto">
                  {info?.assistant.greeting || (demo ? "Ask about Freehold" : "What would you like to know?")}
                </h2>
              )}
              <p class="note">
                An AI answers here, {info?.mode === "generative" ? "from" : "in words quoted from"}{" "}
                {demo ? "Freehold’s own documentation" : "your documents"}. Press a number to see the words it
                stands on.
              </p>
              {error && <ErrorNote error={error} retry={reload} />}
              {chat.state.entries.length === 0 && offer}
              {chat.state.entries.length === 0 && offer && (info?.suggestions.length ?? 0) > 0 && (
                <p class="or">or ask the demo</p>
              )}
            </div>
          }
          notice="AI can be wrong. Check the numbered sources."
        />
      </div>
      {opened && <SourcePanel citation={opened.citation} modal={!wide} close={close} />}
    </div>
  );
}
