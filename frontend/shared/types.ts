/** What the front end knows of the HTTP interface. Text of documents and models is untrusted throughout. */
import type * as api from "./types.gen";

export type DocumentRef = api.DocumentRefBody;
/** `start` and `end` count code points of `text`. */
export type Citation = api.CitationBody;
export type Claim = api.ClaimBody;
export type Rating = api.NewFeedback["rating"];
export type Message = api.MessageBody;
export type Conversation = api.ConversationBody;
export type ConversationStarted = api.ConversationStarted;
export type AssistantInfo = api.PublicAssistantBody;
export type PageInfo = api.PageBody;
export type Assistant = api.AssistantBody;
export type AssistantChanges = api.AssistantChanges;
export type Source = api.SourceBody;
export type SourceStarted = api.SourceStarted;
export type Status = api.StatusBody;

/** A document that comes near to what was asked, shown with a refusal. */
export interface Nearby extends DocumentRef {
  heading_path: string[];
}

export interface FailedDocument {
  document: string;
  code: string;
  reason: string;
}

/** A job that reads a source; OpenAPI leaves results and errors open because kinds differ. */
export interface Job extends Omit<api.JobBody, "result" | "error"> {
  result: Partial<
    Record<"added" | "changed" | "removed" | "unchanged", number> & {
      failed: FailedDocument[];
      left_out: Record<string, { why: string; count: number; examples: string[] }>;
    }
  > | null;
  error: Partial<api.ErrorDetail> | null;
}

/** The events of one answer; OpenAPI does not describe them. */
export type StreamEvent =
  | { type: "message_start"; message_id: string; conversation_id: string; trace_id: string }
  | { type: "citation"; citation: Citation }
  | { type: "message_delta"; text: string; citations: number[] }
  | { type: "message_end"; message_id: string; outcome: string; nearby: Nearby[]; choices: string[] }
  | { type: "ping" };
