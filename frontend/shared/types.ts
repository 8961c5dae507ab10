/** The HTTP interface as the front end sees it. Text of documents and models is untrusted throughout. */

export interface DocumentRef {
  id: number;
  title: string;
  /** Path within its source, or a URL. */
  location: string;
}

export interface Citation {
  number: number;
  passage_id: number;
  document: DocumentRef;
  heading_path: string[];
  /** The whole passage. */
  text: string;
  quote: string;
  /** Offsets of `quote` in `text`, in code points. */
  start: number;
  end: number;
}

export interface Claim {
  text: string;
  citations: number[];
}

export type Outcome = "answered" | "refused" | "handoff";
export type Rating = "up" | "down";

export interface Nearby {
  id: number;
  title: string;
  location: string;
  heading_path: string[];
}

export interface Message {
  id: string;
  kind: "incoming" | "outgoing" | "activity";
  text: string;
  claims: Claim[];
  citations: Citation[];
  outcome: Outcome | null;
  created_at: number | string;
  feedback: Rating | null;
  nearby?: Nearby[];
}

export interface Conversation {
  conversation_id: string;
  status: string;
  messages: Message[];
}

export interface AssistantInfo {
  assistant: { id: string; name: string; greeting: string; accent: string | null };
  suggestions: string[];
  ready: boolean;
  mode: "extractive" | "generative";
}

export type StreamEvent =
  | { type: "message_start"; message_id: string; conversation_id: string; trace_id: string }
  | { type: "citation"; citation: Citation }
  | { type: "message_delta"; text: string; citations: number[] }
  | { type: "message_end"; message_id: string; outcome: Outcome; nearby: Nearby[] }
  | { type: "ping" };

export interface PageInfo {
  token: string;
  assistant: { id: string; name: string; greeting: string; accent: string | null };
  demo: boolean;
  setup: { needed: boolean; assistant_id: string; public_token: string };
}

export interface Assistant {
  id: string;
  name: string;
  greeting: string;
  instructions: string;
  allowed_origins: string[];
  accent: string | null;
  public_token: string;
}

export interface Source {
  id: number;
  assistant: string;
  kind: string;
  location: string;
  title: string;
  state: string;
  error: string | null;
  documents: number;
  passages: number;
  failed: number;
  created_at: number | string;
  synced_at: number | string | null;
}

export interface FailedDocument {
  document: string;
  code: string;
  reason: string;
}

export interface Job {
  id: number | string;
  kind: string;
  state: string;
  progress: { done: number; total: number; current: string | null } | null;
  result: {
    added?: number;
    changed?: number;
    removed?: number;
    unchanged?: number;
    failed?: FailedDocument[];
  } | null;
  error: { code?: string; message: string; hint?: string | null } | string | null;
}

export interface Status {
  version: string;
  assistants: { id: string; name: string; sources: number; documents: number; passages: number; vectors: number }[];
  passages: number;
  vectors: { done: number; total: number };
  search_mode: "hybrid" | "words";
  jobs: Job[];
  model: { id: string; name: string } | null;
}
