import { ApiError, errorOf, fieldsOf, interrupted, unreachable } from "./errors";
import { readEvents, type ServerEvent } from "./sse";
import type {
  AssistantInfo,
  Citation,
  Conversation,
  ConversationStarted,
  Nearby,
  Rating,
  StreamEvent,
} from "./types";

/** The server pings every ten seconds; this much silence means that the connection is dead. */
const SILENCE_MS = 35_000;

/** What a visitor can do with one assistant. */
export interface ChatApi {
  info(): Promise<AssistantInfo>;
  begin(visitor: string | null): Promise<ConversationStarted>;
  history(conversation: string, visitor: string): Promise<Conversation>;
  ask(conversation: string, visitor: string, text: string, signal: AbortSignal): AsyncGenerator<StreamEvent>;
  rate(message: string, visitor: string, rating: Rating, comment?: string): Promise<void>;
}

/** A request that fails with an ApiError, never with a bare TypeError. */
export async function send(url: string, init: RequestInit): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(url, { credentials: "omit", ...init });
  } catch (error) {
    if (init.signal?.aborted) throw error;
    throw unreachable();
  }
  if (!response.ok) throw await errorOf(response);
  return response;
}

/**
 * Speaks to the public interface of one assistant.
 *
 * @param base the server's origin, without a slash at its end
 * @param token the assistant's public token
 */
export function chatApi(base: string, token: string): ChatApi {
  const root = `${base}/api/v1/public/${encodeURIComponent(token)}`;
  const request = (path: string, visitor: string | null, body?: unknown, signal?: AbortSignal) =>
    send(root + path, {
      method: body === undefined ? "GET" : "POST",
      headers: {
        ...(visitor === null ? {} : { Authorization: `Bearer ${visitor}` }),
        ...(body === undefined ? {} : { "Content-Type": "application/json" }),
      },
      body: body === undefined ? null : JSON.stringify(body),
      signal: signal ?? null,
    });

  return {
    async info() {
      return (await (await request("", null)).json()) as AssistantInfo;
    },
    async begin(visitor) {
      return (await (await request("/conversations", visitor, {})).json()) as ConversationStarted;
    },
    async history(conversation, visitor) {
      const path = `/conversations/${encodeURIComponent(conversation)}`;
      return (await (await request(path, visitor)).json()) as Conversation;
    },
    async *ask(conversation, visitor, text, signal) {
      const silence = new AbortController();
      const abort = () => silence.abort();
      signal.addEventListener("abort", abort);
      let timer = setTimeout(abort, SILENCE_MS);
      try {
        if (signal.aborted) abort();
        const path = `/conversations/${encodeURIComponent(conversation)}/messages`;
        const response = await request(path, visitor, { text }, silence.signal);
        if (!response.body) throw interrupted();
        for await (const event of readEvents(response.body)) {
          clearTimeout(timer);
          timer = setTimeout(abort, SILENCE_MS);
          const known = understood(event);
          if (known) yield known;
          if (known?.type === "message_end") return;
        }
        throw interrupted();
      } catch (error) {
        throw error instanceof ApiError || signal.aborted ? error : interrupted();
      } finally {
        clearTimeout(timer);
        signal.removeEventListener("abort", abort);
        silence.abort();
      }
    },
    async rate(message, visitor, rating, comment) {
      await request(`/messages/${encodeURIComponent(message)}/feedback`, visitor, {
        rating,
        ...(comment ? { comment } : {}),
      });
    },
  };
}

/** The event as one of ours; null for one of a later version; throws what an `error` event says. */
export function understood({ event, data }: ServerEvent): StreamEvent | null {
  let fields: Record<string, unknown>;
  try {
    fields = fieldsOf(JSON.parse(data));
  } catch {
    throw interrupted();
  }
  const text = (name: string) => (typeof fields[name] === "string" ? fields[name] : "");
  switch (event) {
    case "message_start":
      return {
        type: event,
        message_id: text("message_id"),
        conversation_id: text("conversation_id"),
        trace_id: text("trace_id"),
      };
    case "citation":
      return { type: event, citation: fieldsOf(fields["citation"] ?? fields) as unknown as Citation };
    case "message_delta":
      return {
        type: event,
        text: text("text"),
        citations: Array.isArray(fields["citations"]) ? fields["citations"].map(Number) : [],
      };
    case "message_end":
      return {
        type: event,
        message_id: text("message_id"),
        outcome: text("outcome") || "answered",
        nearby: Array.isArray(fields["nearby"]) ? (fields["nearby"] as Nearby[]) : [],
        choices: Array.isArray(fields["choices"]) ? fields["choices"].map(String) : [],
      };
    case "ping":
      return { type: event };
    case "error": {
      const error = fieldsOf(fields["error"]);
      throw new ApiError(
        String(error["code"] ?? "internal"),
        typeof error["message"] === "string" ? error["message"] : "The answer failed.",
        typeof error["hint"] === "string" ? error["hint"] : null,
      );
    }
    default:
      return null;
  }
}
