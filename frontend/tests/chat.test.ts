import { describe, expect, it } from "vitest";
import { type ChatAction, type ChatState, emptyChat, questionOf, reduceChat } from "../shared/chat";
import { ApiError } from "../shared/errors";
import type { Citation, Message } from "../shared/types";

const citation = { number: 1, passage_id: 9, quote: "q", text: "q", start: 0, end: 1 } as unknown as Citation;
const asked: ChatAction = { type: "asked", key: "k", text: "Why?" };
const run = (...actions: ChatAction[]): ChatState => actions.reduce(reduceChat, emptyChat);

describe("reduceChat", () => {
  it("follows an answer from the question to its end", () => {
    const state = run(
      asked,
      {
        type: "event",
        key: "k",
        event: { type: "message_start", message_id: "m", conversation_id: "c", trace_id: "t" },
      },
      { type: "event", key: "k", event: { type: "citation", citation } },
      { type: "event", key: "k", event: { type: "message_delta", text: "Because.", citations: [1] } },
      { type: "event", key: "k", event: { type: "ping" } },
      {
        type: "event",
        key: "k",
        event: { type: "message_end", message_id: "m", outcome: "answered", nearby: [], choices: [] },
      },
    );
    expect(state.busy).toBe(false);
    expect(state.entries.map(({ from, text, state }) => [from, text, state])).toEqual([
      ["visitor", "Why?", "done"],
      ["assistant", "", "done"],
    ]);
    expect(state.entries[1]).toMatchObject({
      id: "m",
      outcome: "answered",
      claims: [{ text: "Because.", citations: [1] }],
      citations: [citation],
    });
  });

  it("is busy from the question on, until it ends, fails or is stopped", () => {
    expect(run(asked).busy).toBe(true);
    expect(run(asked, { type: "stopped", key: "k" })).toMatchObject({ busy: false });
    const failed = run(asked, { type: "failed", key: "k", error: new ApiError("x", "No.") });
    expect(failed).toMatchObject({ busy: false });
    expect(failed.entries[1]).toMatchObject({ state: "failed" });
  });

  it("keeps what was said when it stops", () =>
    expect(
      run(
        asked,
        { type: "event", key: "k", event: { type: "message_delta", text: "Half", citations: [] } },
        { type: "stopped", key: "k" },
      ).entries[1],
    ).toMatchObject({ state: "stopped", claims: [{ text: "Half" }] }));

  it("takes a question back with its answer, to ask it again", () => {
    const failed = run(asked, { type: "failed", key: "k", error: new ApiError("x", "No.") });
    expect(questionOf(failed, "k")).toBe("Why?");
    expect(reduceChat(failed, { type: "withdrawn", key: "k" }).entries).toEqual([]);
    expect(questionOf(emptyChat, "k")).toBeNull();
  });

  it("rates one message", () => {
    const state = reduceChat(restored([message("m1", "outgoing"), message("m2", "outgoing")]), {
      type: "rated",
      id: "m2",
      rating: "down",
    });
    expect(state.entries.map((entry) => entry.feedback)).toEqual([null, "down"]);
  });
});

describe("a restored conversation", () => {
  it("shows messages as they were", () => {
    const { entries } = restored([
      message("m1", "incoming"),
      message("m2", "outgoing"),
      message("m3", "activity"),
    ]);
    expect(entries.map(({ from }) => from)).toEqual(["visitor", "assistant", "activity"]);
    expect(entries[1]?.claims).toEqual([{ text: "text of m2", citations: [] }]);
  });

  it("a question back keeps its choices, also when it is restored", () => {
    const ended = run(
      { type: "asked", key: "k", text: "What is the limit?" },
      {
        type: "event",
        key: "k",
        event: {
          type: "message_end",
          message_id: "m",
          outcome: "answered",
          nearby: [],
          choices: ["Free", "Pro"],
        },
      },
    );
    expect(ended.entries[1]?.choices).toEqual(["Free", "Pro"]);
    const again = restored([{ ...message("m1", "outgoing"), choices: ["Free", "Pro"] }]);
    expect(again.entries[0]?.choices).toEqual(["Free", "Pro"]);
  });

  it("offers to ask a question again that was left without an answer", () => {
    const state = restored([message("m1", "incoming")]);
    const last = state.entries[1];
    expect(last).toMatchObject({ from: "assistant", state: "failed" });
    expect(questionOf(state, last?.key ?? "")).toBe("text of m1");
  });

  it("says why it could not be restored", () => {
    const error = new ApiError("unreachable", "No.");
    expect(run({ type: "restoring" }, { type: "unrestored", error })).toMatchObject({
      restoring: false,
      historyError: error,
    });
  });
});

const restored = (messages: Message[]) => run({ type: "restoring" }, { type: "restored", messages });

function message(id: string, kind: Message["kind"]): Message {
  return {
    id,
    kind,
    text: `text of ${id}`,
    claims: [],
    citations: [],
    outcome: null,
    created_at: 0,
    feedback: null,
    choices: [],
  };
}
