import { afterEach, describe, expect, it, vi } from "vitest";
import { chatApi, understood } from "../shared/api";
import { ApiError } from "../shared/errors";
import type { StreamEvent } from "../shared/types";

afterEach(() => vi.unstubAllGlobals());

const answer = (body: BodyInit | null, init: ResponseInit = {}) => {
  const fetching = vi.fn<typeof fetch>(() => Promise.resolve(new Response(body, init)));
  vi.stubGlobal("fetch", fetching);
  return fetching;
};
const api = chatApi("https://help.example", "pub/x");
const ask = async (): Promise<StreamEvent[]> => {
  const events: StreamEvent[] = [];
  for await (const event of api.ask("c/1", "vis_1", "Why?", new AbortController().signal)) events.push(event);
  return events;
};
const caught = (promise: Promise<unknown>) =>
  promise.then(
    () => null,
    (error: unknown) => error as ApiError,
  );
const end = 'event: message_end\ndata: {"message_id": "m", "outcome": "answered"}\n\n';

describe("chatApi", () => {
  it("asks with the visitor's token and escapes what stands in the path", async () => {
    const fetching = answer(`event: ping\ndata: {}\n\nevent: later_version\ndata: {}\n\n${end}`);
    expect((await ask()).map(({ type }) => type)).toEqual(["ping", "message_end"]);
    const [url, init] = fetching.mock.calls[0] ?? [];
    expect(url).toBe("https://help.example/api/v1/public/pub%2Fx/conversations/c%2F1/messages");
    expect(init).toMatchObject({ method: "POST", credentials: "omit", body: '{"text":"Why?"}' });
    expect(init?.headers).toMatchObject({ Authorization: "Bearer vis_1" });
  });

  it("throws the server's error, with the time to wait", async () => {
    const body =
      '{"error": {"code": "overloaded", "message": "Every place is taken.", "hint": "Try again."}}';
    answer(body, { status: 503, headers: { "Retry-After": "7" } });
    expect(await caught(ask())).toMatchObject({
      code: "overloaded",
      message: "Every place is taken.",
      hint: "Try again.",
      status: 503,
      retryAfter: 7,
    });
  });

  it.each(["<html>", '{"detail": "x"}', "null", ""])(
    "makes an error of a foreign answer %j",
    async (body) => {
      answer(body, { status: 502, headers: { "Retry-After": "soon" } });
      expect(await caught(api.info())).toMatchObject({ status: 502, retryAfter: null });
    },
  );

  it("throws the error that a stream ends with", async () => {
    answer(
      'event: error\ndata: {"error": {"code": "engine_crashed", "message": "It died.", "hint": null}}\n\n',
    );
    expect(await caught(ask())).toMatchObject({ code: "engine_crashed", message: "It died." });
  });

  it("says so when the stream breaks off", async () => {
    answer('event: message_delta\ndata: {"text": "Half", "citations": []}\n\n');
    expect(await caught(ask())).toMatchObject({ code: "interrupted" });
  });

  it("says so when nothing can be reached", async () => {
    vi.stubGlobal("fetch", () => Promise.reject(new TypeError("Failed to fetch")));
    expect(await caught(api.info())).toMatchObject({ code: "unreachable" });
  });

  it("knows a conversation that is gone", async () => {
    answer("{}", { status: 404 });
    expect((await caught(api.history("c", "v")))?.gone).toBe(true);
    answer("{}", { status: 403 });
    expect((await caught(api.history("c", "v")))?.gone).toBe(false);
  });

  it("gives up a connection that has fallen silent", async () => {
    vi.useFakeTimers();
    vi.stubGlobal("fetch", (_: string, init: RequestInit) => {
      const body = new ReadableStream({
        start: (controller) =>
          init.signal?.addEventListener("abort", () => controller.error(new Error("aborted"))),
      });
      return Promise.resolve(new Response(body));
    });
    const waiting = caught(ask());
    await vi.advanceTimersByTimeAsync(36_000);
    expect(await waiting).toMatchObject({ code: "interrupted" });
    vi.useRealTimers();
  });
});

describe("understood", () => {
  it("takes a citation bare or under its name", () => {
    expect(understood({ event: "citation", data: '{"number": 1}' })).toEqual({
      type: "citation",
      citation: { number: 1 },
    });
    expect(understood({ event: "citation", data: '{"citation": {"number": 1}}' })).toEqual({
      type: "citation",
      citation: { number: 1 },
    });
  });

  it("throws at data that is no JSON", () =>
    expect(() => understood({ event: "ping", data: "{" })).toThrow(ApiError));
});
