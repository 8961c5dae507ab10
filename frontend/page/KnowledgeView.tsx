import { useEffect, useState } from "preact/hooks";
import { ErrorNote } from "../shared/ErrorNote";
import { Suggestions } from "../shared/Suggestions";
import type { Assistant, AssistantInfo } from "../shared/types";
import { AddKnowledge } from "./AddKnowledge";
import type { Upload } from "./admin";
import { Appearance } from "./Appearance";
import { KeyGate } from "./KeyGate";
import { Readings } from "./Readings";
import { ShareTag } from "./ShareTag";
import { counted, Sources } from "./Sources";
import type { Knowledge } from "./useKnowledge";

/** What was asked for before the key was known. */
export type Wish =
  | { kind: "files"; files: Upload[] }
  | { kind: "address"; address: string; site: boolean }
  | { kind: "manage" };

interface Props {
  knowledge: Knowledge;
  assistantId: string;
  wish: Wish | null;
  wishes(wish: Wish | null): void;
  keyGiven(key: string): void;
  forgetKey(): void;
  /** Of the owner's assistant, once it knows something. */
  info: AssistantInfo | null;
  askOwn(question: string): void;
  changed(): void;
}

/** Everything about what the assistant knows: from nothing to the tag on a site. */
export function KnowledgeView(props: Props) {
  const { knowledge, assistantId, wish, wishes, keyGiven, forgetKey, info, askOwn } = props;
  const { admin, status } = knowledge;
  const [assistant, setAssistant] = useState<Assistant | null>(null);
  const passages = status?.assistants.find((one) => one.id === assistantId)?.passages ?? 0;

  useEffect(() => {
    setAssistant(null);
    admin?.assistant(assistantId).then(setAssistant, () => undefined);
  }, [admin, assistantId]);

  useEffect(() => {
    if (!admin || !wish) return;
    if (wish.kind === "files") knowledge.upload(wish.files);
    if (wish.kind === "address") knowledge.visit(wish.address, wish.site);
    wishes(null);
  }, [admin, wish]);

  const took = (assistant: Assistant) => {
    setAssistant(assistant);
    props.changed();
  };

  if (!admin)
    return (
      <div class="knowledge">
        <KeyGate
          purpose={
            wish && wish.kind !== "manage" ? "Reading your documents" : "Managing what the assistant knows"
          }
          accepted={keyGiven}
          cancel={wish && wish.kind !== "manage" ? () => wishes(null) : undefined}
        />
        {wish?.kind === "files" && (
          <p class="note center">{counted(wish.files.length, "file")} waiting to be read.</p>
        )}
        {wish?.kind === "address" && <p class="note center">{wish.address} is waiting to be read.</p>}
      </div>
    );

  const suggestions = info?.suggestions ?? [];
  const { vectors } = status ?? { vectors: { done: 0, total: 0 } };
  return (
    <div class="knowledge">
      <div class="row between">
        <h2>What your assistant knows</h2>
        <button type="button" class="button small" onClick={forgetKey}>
          Forget the key
        </button>
      </div>
      {knowledge.error && <ErrorNote error={knowledge.error} retry={knowledge.refresh} />}
      <AddKnowledge
        disabled={false}
        take={(files) => files.length > 0 && knowledge.upload(files)}
        visit={knowledge.visit}
      />
      <Readings readings={knowledge.readings} cancel={knowledge.cancel} dismiss={knowledge.dismiss} />
      {passages > 0 && (
        <section class="card ready" aria-labelledby="ready-title">
          <h2 id="ready-title">You can ask now</h2>
          <p class="note">
            {knowledge.busy && "More is being read; answers already draw on what is there. "}
            {suggestions.length > 0 && "Try one of these, from your own headings."}
          </p>
          <Suggestions questions={suggestions} ask={askOwn} />
          <button type="button" class="button main" onClick={() => askOwn("")}>
            Ask your own question
          </button>
        </section>
      )}
      {status && vectors.total > 0 && vectors.done < vectors.total && (
        <section class="card" aria-labelledby="vectors-title">
          <h2 id="vectors-title">Learning what things mean</h2>
          <progress aria-labelledby="vectors-title" value={vectors.done} max={vectors.total} />
          <p class="note">
            {vectors.done.toLocaleString("en")} of {counted(vectors.total, "passage")}. Words are found
            already; questions in other words are understood better as this goes on.
          </p>
        </section>
      )}
      {status?.search_mode === "words" && passages > 0 && (
        <p class="note">
          Search runs on words alone: the embedding model is not installed. <code>make setup</code> installs
          it.
        </p>
      )}
      {assistant && passages > 0 && <ShareTag admin={admin} assistant={assistant} changed={took} />}
      {assistant && passages > 0 && <Appearance admin={admin} assistant={assistant} changed={took} />}
      {knowledge.sources && knowledge.sources.length > 0 && (
        <section class="card" aria-labelledby="sources-title">
          <h2 id="sources-title">Sources</h2>
          <Sources
            sources={knowledge.sources}
            sync={knowledge.sync}
            keep={knowledge.keep}
            remove={knowledge.remove}
          />
        </section>
      )}
    </div>
  );
}
