import { ApiError } from "./errors";
import type { Citation, Claim, Message, Nearby, Rating, StreamEvent } from "./types";

/** A message as the views show it. */
export interface Entry {
  key: string;
  /** The server's id; null until it is known. */
  id: string | null;
  from: "visitor" | "assistant" | "activity";
  text: string;
  claims: Claim[];
  citations: Citation[];
  nearby: Nearby[];
  /** What the assistant asked back. */
  choices: string[];
  /** answered, refused or handoff; null until it has ended, or when it broke off. */
  outcome: string | null;
  feedback: Rating | null;
  state: "waiting" | "streaming" | "done" | "stopped" | "failed";
  error: ApiError | null;
}

export interface ChatState {
  entries: Entry[];
  /** An answer is under way. */
  busy: boolean;
  restoring: boolean;
  /** Why earlier messages could not be shown. */
  historyError: ApiError | null;
}

export type ChatAction =
  | { type: "restoring" }
  | { type: "restored"; messages: Message[] }
  | { type: "unrestored"; error: ApiError | null }
  | { type: "cleared" }
  | { type: "asked"; key: string; text: string }
  | { type: "event"; key: string; event: StreamEvent }
  | { type: "stopped"; key: string }
  | { type: "failed"; key: string; error: ApiError }
  | { type: "withdrawn"; key: string }
  | { type: "rated"; id: string; rating: Rating | null };

export const emptyChat: ChatState = { entries: [], busy: false, restoring: false, historyError: null };

/** The next state of a chat; pure. A question and its answer share a key. */
export function reduceChat(state: ChatState, action: ChatAction): ChatState {
  switch (action.type) {
    case "restoring":
      return { ...state, restoring: true, historyError: null };
    case "restored": {
      const entries = action.messages.map(entryOf);
      const last = entries[entries.length - 1];
      if (last?.from === "visitor")
        entries.push({ ...blank(`${last.key}-answer`, "assistant"), state: "failed", error: unfinished() });
      return { ...emptyChat, entries };
    }
    case "unrestored":
      return { ...state, restoring: false, historyError: action.error };
    case "cleared":
      return emptyChat;
    case "asked":
      return {
        ...state,
        busy: true,
        entries: [
          ...state.entries,
          { ...blank(`${action.key}-question`, "visitor"), text: action.text, state: "done" },
          { ...blank(action.key, "assistant"), state: "waiting" },
        ],
      };
    case "event":
      return happened(state, action.key, action.event);
    case "stopped":
      return { ...change(state, action.key, (entry) => ({ ...entry, state: "stopped" })), busy: false };
    case "failed":
      return {
        ...change(state, action.key, (entry) => ({ ...entry, state: "failed", error: action.error })),
        busy: false,
      };
    case "withdrawn": {
      const at = state.entries.findIndex((entry) => entry.key === action.key);
      return at < 0 ? state : { ...state, entries: state.entries.filter((_, n) => n !== at && n !== at - 1) };
    }
    case "rated":
      return {
        ...state,
        entries: state.entries.map((e) => (e.id === action.id ? { ...e, feedback: action.rating } : e)),
      };
  }
}

/** The question that the answer under `key` belongs to, or null. */
export function questionOf(state: ChatState, key: string): string | null {
  const at = state.entries.findIndex((entry) => entry.key === key);
  const before = state.entries[at - 1];
  return before?.from === "visitor" ? before.text : null;
}

function happened(state: ChatState, key: string, event: StreamEvent): ChatState {
  switch (event.type) {
    case "message_start":
      return change(state, key, (entry) => ({ ...entry, id: event.message_id }));
    case "citation":
      return change(state, key, (entry) => ({ ...entry, citations: [...entry.citations, event.citation] }));
    case "message_delta":
      return change(state, key, (entry) => ({
        ...entry,
        state: "streaming",
        claims: [...entry.claims, { text: event.text, citations: event.citations }],
      }));
    case "message_end":
      return {
        ...change(state, key, (entry) => ({
          ...entry,
          id: event.message_id || entry.id,
          outcome: event.outcome,
          nearby: event.nearby,
          choices: event.choices,
          state: "done",
        })),
        busy: false,
      };
    case "ping":
      return state;
  }
}

function change(state: ChatState, key: string, by: (entry: Entry) => Entry): ChatState {
  return { ...state, entries: state.entries.map((entry) => (entry.key === key ? by(entry) : entry)) };
}

function blank(key: string, from: Entry["from"]): Entry {
  return {
    key,
    id: null,
    from,
    text: "",
    claims: [],
    citations: [],
    nearby: [],
    choices: [],
    outcome: null,
    feedback: null,
    state: "done",
    error: null,
  };
}

function entryOf(message: Message): Entry {
  const from = { incoming: "visitor", outgoing: "assistant", activity: "activity" } as const;
  return {
    ...blank(message.id, from[message.kind]),
    id: message.id,
    text: message.text,
    claims: message.claims.length > 0 ? message.claims : [{ text: message.text, citations: [] }],
    citations: message.citations,
    choices: message.choices,
    outcome: message.outcome,
    feedback: message.feedback,
  };
}

const unfinished = () =>
  new ApiError("unfinished", "This question was left without an answer.", "Ask it again.");
