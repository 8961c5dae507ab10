/* Written by api_types.py from the server's OpenAPI description; do not edit. */

export interface ActiveModel {
  id: string;
  name: string;
}

export interface AssistantBody {
  id: string;
  name: string;
  greeting: string;
  accent: string | null;
  instructions: string;
  allowed_origins: string[];
  public_token: string;
  created_at: number;
}

export interface AssistantCard {
  id: string;
  name: string;
  greeting: string;
  accent: string | null;
}

export interface AssistantChanges {
  name?: string | null;
  greeting?: string | null;
  instructions?: string | null;
  allowed_origins?: string[] | null;
  accent?: string | null;
}

export interface AssistantCounts {
  id: string;
  name: string;
  sources: number;
  documents: number;
  passages: number;
  vectors: number;
}

export interface ChangesBody {
  added: number;
  changed: number;
  removed: number;
  unchanged: number;
  skipped: number;
  failed: number;
}

export interface CitationBody {
  number: number;
  passage_id: number;
  document: DocumentRefBody;
  heading_path: string[];
  text: string;
  quote: string;
  start: number;
  end: number;
}

export interface ClaimBody {
  text: string;
  citations: number[];
}

export interface ConversationBody {
  conversation_id: string;
  status: string;
  messages: MessageBody[];
}

export interface ConversationStarted {
  conversation_id: string;
  visitor_token: string;
}

export interface DocumentRefBody {
  id: number;
  title: string;
  location: string;
}

export interface Done {
  done: number;
  total: number;
}

export interface ErrorBody {
  error: ErrorDetail;
}

export interface ErrorDetail {
  code: string;
  message: string;
  hint: string | null;
}

export interface FreshnessBody {
  every: string;
  every_seconds: number;
  read_at: number | null;
  tried_at: number | null;
  due_at: number | null;
  stale: boolean;
  failures: number;
  changes: ChangesBody | null;
}

export interface JobBody {
  id: string;
  kind: string;
  state: string;
  progress: ProgressBody;
  result: Record<string, unknown> | null;
  error: Record<string, unknown> | null;
  created_at: number;
  updated_at: number;
}

export interface JobStarted {
  job: JobBody;
}

export interface MessageBody {
  id: string;
  kind: "incoming" | "outgoing" | "activity";
  text: string;
  claims: ClaimBody[];
  citations: CitationBody[];
  outcome: string | null;
  created_at: number;
  feedback: "up" | "down" | null;
  choices: string[];
}

export interface NewFeedback {
  rating: "up" | "down";
  comment?: string | null;
}

export interface NewMessage {
  text: string;
}

export interface NewSource {
  location: string;
  assistant: string;
  title?: string | null;
  site?: SiteWish | null;
  every?: string | null;
}

export interface PageBody {
  token: string;
  assistant: AssistantCard;
  demo: boolean;
  setup: SetupBody;
}

export interface ProgressBody {
  done: number;
  total: number;
  current?: string | null;
}

export interface PublicAssistantBody {
  assistant: AssistantCard;
  suggestions: string[];
  ready: boolean;
  mode: "extractive" | "generative";
}

export interface SetupBody {
  needed: boolean;
  assistant_id: string;
  public_token: string;
}

export interface SiteBody {
  pages: number | null;
  depth: number | null;
  delay: number | null;
}

export interface SiteWish {
  pages?: number | null;
  depth?: number | null;
  delay?: number | null;
}

export interface SourceBody {
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
  created_at: number;
  synced_at: number | null;
  site: SiteBody | null;
  freshness: FreshnessBody;
}

export interface SourceChanges {
  title?: string | null;
  site?: SiteWish | null;
  every?: string | null;
}

export interface SourceList {
  sources: SourceBody[];
}

export interface SourceStarted {
  job: JobBody;
  source: SourceBody;
}

export interface StatusBody {
  version: string;
  home: string;
  address: string;
  started_at: number;
  assistants: AssistantCounts[];
  passages: number;
  vectors: Done;
  search_mode: "hybrid" | "words";
  jobs: JobBody[];
  model: ActiveModel | null;
  memory_bytes: number;
}
