import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { chatApi } from "../shared/api";
import { type ApiError, asApiError } from "../shared/errors";
import { ErrorNote } from "../shared/ErrorNote";
import { Memory } from "../shared/memory";
import type { AssistantInfo, PageInfo } from "../shared/types";
import type { Chat } from "../shared/useChat";
import { AddKnowledge } from "./AddKnowledge";
import { pageInfo } from "./admin";
import { AskView } from "./AskView";
import { KnowledgeView, type Wish } from "./KnowledgeView";
import { paintPage } from "./paint";
import { going, shown } from "./reading";
import { useKnowledge } from "./useKnowledge";

const KEY = "admin-key";
const tab = new Memory(() => sessionStorage, "freehold:page:");

/** The page at `/`: ask, and give the assistant something to know. */
export function Page() {
  const [info, setInfo] = useState<PageInfo | null>(null);
  const [error, setError] = useState<ApiError | null>(null);
  const load = useCallback(() => {
    pageInfo().then(
      (fresh) => {
        setInfo(fresh);
        setError(null);
      },
      (thrown: unknown) => setError(asApiError(thrown)),
    );
  }, []);
  useEffect(load, [load]);
  useEffect(keepDroppedFilesFromOpening, []);

  if (!info)
    return (
      <main class="frame">
        <div class="front center-all">
          {error ? <ErrorNote error={error} retry={load} /> : <p class="note">Opening…</p>}
        </div>
      </main>
    );
  return <Loaded info={info} reload={load} />;
}

function Loaded({ info, reload }: { info: PageInfo; reload: () => void }) {
  const view = useHash() === "#knowledge" ? "knowledge" : "ask";
  const [key, setKey] = useState<string | null>(() => tab.get(KEY));
  const [wish, setWish] = useState<Wish | null>(null);
  const [question, setQuestion] = useState<string | null>(null);
  const [own, setOwn] = useState<AssistantInfo | null>(null);
  const [chat, setChat] = useState<Chat | null>(null);
  const { setup, demo, assistant, token } = info;
  const main = useRef<HTMLElement>(null);

  const forgetKey = useCallback(() => {
    tab.set(KEY, null);
    setKey(null);
  }, []);
  const learned = useCallback(() => {
    reload();
    chatApi("", setup.public_token)
      .info()
      .then(setOwn, () => undefined);
  }, [setup.public_token]);
  const knowledge = useKnowledge({ key, assistant: setup.assistant_id, forgetKey, learned });
  useEffect(learned, [learned]);
  useEffect(() => paintPage(assistant.accent), [assistant.accent]);
  useEffect(() => {
    document.title = `${assistant.name} · Freehold`;
  }, [assistant.name]);

  const go = (hash: string) => {
    location.hash = hash;
    main.current?.focus();
  };
  const want = (wanted: Wish) => {
    setWish(wanted);
    go("#knowledge");
  };
  const current = (name: string) => (view === name ? { "aria-current": "page" as const } : {});
  const reading = knowledge.readings.filter(going).map(shown)[0]?.progress;

  return (
    <div class="frame">
      <header class="top">
        <div class="brand">
          <Logo />
          <div>
            <h1 dir="auto">{assistant.name}</h1>
            <span class="note">
              {demo ? "Demo: knows Freehold’s own documentation" : "Your assistant, on your documents"}
            </span>
          </div>
        </div>
        <nav aria-label="Views">
          <a href="#ask" {...current("ask")}>
            Ask
          </a>
          <a href="#knowledge" {...current("knowledge")}>
            {setup.needed ? "Add knowledge" : "Manage knowledge"}
            {knowledge.busy && <span class="dot" aria-hidden="true" />}
            {reading && reading.total > 0 && (
              <span class="hidden">
                {" "}
                (reading {reading.done} of {reading.total})
              </span>
            )}
          </a>
        </nav>
        {view === "ask" && chat && (
          <button type="button" class="button small" onClick={() => chat.restart()}>
            <span>
              New<span class="long"> conversation</span>
            </span>
          </button>
        )}
      </header>
      <main ref={main} tabIndex={-1}>
        <div class="view" hidden={view !== "ask"}>
          <AskView
            key={token}
            token={token}
            demo={demo}
            question={question}
            asked={() => setQuestion(null)}
            handle={setChat}
            offer={
              setup.needed && !knowledge.busy ? (
                <section class="offer" aria-labelledby="offer-title">
                  <h3 id="offer-title">Make it yours: give it your documents</h3>
                  <AddKnowledge
                    disabled={false}
                    take={(files) => files.length > 0 && want({ kind: "files", files })}
                    visit={(address, site) => want({ kind: "address", address, site })}
                  />
                </section>
              ) : null
            }
          />
        </div>
        <div class="view scroll" hidden={view !== "knowledge"}>
          {view === "knowledge" && (
            <KnowledgeView
              knowledge={knowledge}
              assistantId={setup.assistant_id}
              wish={wish}
              wishes={setWish}
              keyGiven={(given) => {
                tab.set(KEY, given);
                setKey(given);
              }}
              forgetKey={forgetKey}
              info={own}
              askOwn={(asked) => {
                setQuestion(asked);
                go("#ask");
              }}
              changed={learned}
            />
          )}
        </div>
      </main>
    </div>
  );
}

/** A file dropped beside the place for it would replace the page. */
function keepDroppedFilesFromOpening() {
  const prevent = (event: DragEvent) => event.preventDefault();
  addEventListener("dragover", prevent);
  addEventListener("drop", prevent);
  return () => {
    removeEventListener("dragover", prevent);
    removeEventListener("drop", prevent);
  };
}

function useHash(): string {
  const [hash, setHash] = useState(location.hash);
  useEffect(() => {
    const changed = () => setHash(location.hash);
    addEventListener("hashchange", changed);
    return () => removeEventListener("hashchange", changed);
  }, []);
  return hash;
}

function Logo() {
  return (
    <svg viewBox="0 0 32 32" width="32" height="32" aria-hidden="true">
      <rect width="32" height="32" rx="9" class="logo-back" />
      <path d="M11 24V8.5h11M11 16h8.5" class="logo-line" />
    </svg>
  );
}
