import { useCallback, useEffect, useReducer, useRef, useState } from "preact/hooks";
import type { ChatApi } from "./api";
import { type ChatState, emptyChat, questionOf, reduceChat } from "./chat";
import { ApiError, asApiError } from "./errors";
import { plainText } from "./markdown";
import { type Memory, recall, remember } from "./memory";
import type { Rating } from "./types";

export interface Announcement {
  key: number;
  text: string;
}

/** A conversation and what a visitor can do in it. */
export interface Chat {
  state: ChatState;
  /** Finished sentences for screen readers, oldest first. */
  announcements: readonly Announcement[];
  ask(text: string): void;
  stop(): void;
  retry(key: string): void;
  restart(): void;
  restore(): void;
  rate(id: string, rating: Rating, comment?: string): void;
}

const KEPT_ANNOUNCEMENTS = 8;
const MOST_ATTEMPTS = 3;
/** Conflict: the server has not noticed yet that the answer before was stopped. */
const STILL_ANSWERING = 409;
let keys = 0;

/** Holds one conversation with an assistant; `restore` brings back the one that the browser remembers. */
export function useChat(api: ChatApi, memory: Memory): Chat {
  const [state, dispatch] = useReducer(reduceChat, emptyChat);
  const [announcements, setAnnouncements] = useState<readonly Announcement[]>([]);
  const running = useRef<AbortController | null>(null);
  const latest = useRef(state);
  latest.current = state;

  const announce = useCallback((text: string) => {
    if (text !== "") setAnnouncements((all) => [...all, { key: ++keys, text }].slice(-KEPT_ANNOUNCEMENTS));
  }, []);

  useEffect(() => () => running.current?.abort(), [api]);

  const begin = async (): Promise<{ visitor: string; conversation: string }> => {
    const visitor = recall(memory)?.visitor ?? null;
    const begun = await api.begin(visitor).catch((error: unknown) => {
      if (visitor !== null && error instanceof ApiError && error.gone) return api.begin(null);
      throw error;
    });
    const session = { visitor: begun.visitor_token, conversation: begun.conversation_id };
    remember(memory, session);
    return session;
  };

  const exchange = async (key: string, text: string, signal: AbortSignal, attempt = 1): Promise<void> => {
    const kept = recall(memory);
    const session =
      kept?.conversation != null ? { visitor: kept.visitor, conversation: kept.conversation } : await begin();
    let started = false;
    try {
      for await (const event of api.ask(session.conversation, session.visitor, text, signal)) {
        started = true;
        dispatch({ type: "event", key, event });
        if (event.type === "message_delta") announce(plainText(event.text));
        if (event.type === "message_end")
          announce(event.outcome === "answered" ? "End of the answer." : "The documents do not answer this.");
      }
    } catch (error) {
      if (!(error instanceof ApiError) || started || attempt >= MOST_ATTEMPTS) throw error;
      if (error.gone) remember(memory, { visitor: session.visitor, conversation: null });
      else if (error.status === STILL_ANSWERING) await pause(error.retryAfter ?? 1, signal);
      else throw error;
      await exchange(key, text, signal, attempt + 1);
    }
  };

  const ask = (text: string) => {
    const question = text.trim();
    if (question === "" || running.current) return;
    const key = `local-${++keys}`;
    const controller = new AbortController();
    running.current = controller;
    dispatch({ type: "asked", key, text: question });
    announce("Looking in the documents.");
    exchange(key, question, controller.signal)
      .catch((thrown: unknown) => {
        if (controller.signal.aborted) {
          dispatch({ type: "stopped", key });
          return;
        }
        const error = asApiError(thrown);
        dispatch({ type: "failed", key, error });
        announce(`${error.message} ${error.hint ?? ""}`.trim());
      })
      .finally(() => {
        if (running.current === controller) running.current = null;
      });
  };

  const stop = () => {
    running.current?.abort();
    running.current = null;
  };

  const restore = useCallback(() => {
    const kept = recall(memory);
    if (kept?.conversation == null) return;
    dispatch({ type: "restoring" });
    api.history(kept.conversation, kept.visitor).then(
      ({ messages }) => dispatch({ type: "restored", messages }),
      (thrown: unknown) => {
        const error = asApiError(thrown);
        if (error.gone) remember(memory, { visitor: kept.visitor, conversation: null });
        dispatch({ type: "unrestored", error: error.gone ? null : error });
      },
    );
  }, [api, memory]);

  return {
    state,
    announcements,
    ask,
    stop,
    restore,
    retry(key) {
      const question = questionOf(latest.current, key);
      if (question === null || running.current) return;
      dispatch({ type: "withdrawn", key });
      ask(question);
    },
    restart() {
      stop();
      const kept = recall(memory);
      remember(memory, kept && { visitor: kept.visitor, conversation: null });
      dispatch({ type: "cleared" });
      setAnnouncements([]);
    },
    rate(id, rating, comment) {
      const kept = recall(memory);
      if (!kept) return;
      const before = latest.current.entries.find((entry) => entry.id === id)?.feedback ?? null;
      dispatch({ type: "rated", id, rating });
      api.rate(id, kept.visitor, rating, comment).then(
        () => announce("Thank you."),
        () => {
          dispatch({ type: "rated", id, rating: before });
          announce("Your rating could not be saved.");
        },
      );
    },
  };
}

/** Waits; throws as soon as `signal` says so. */
function pause(seconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, seconds * 1000);
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      reject(signal.reason as Error);
    });
  });
}
