import { describe, expect, it } from "vitest";
import { EventParser, readEvents, type ServerEvent } from "../shared/sse";
import { spent } from "./spent";

function all(pieces: string[]): ServerEvent[] {
  const parser = new EventParser();
  return pieces.flatMap((piece) => parser.push(piece));
}

describe("EventParser", () => {
  const stream =
    'event: a\ndata: {"x": 1}\n\n: a comment\nevent: b\ndata: one\ndata: two\n\ndata: unnamed\n\n';
  const events = [
    { event: "a", data: '{"x": 1}' },
    { event: "b", data: "one\ntwo" },
    { event: "message", data: "unnamed" },
  ];

  it("reads events, comments and several data lines", () => expect(all([stream])).toEqual(events));

  it("reads the same however the stream is cut", () => {
    expect(all([...stream])).toEqual(events);
    for (let at = 0; at < stream.length; at++)
      expect(all([stream.slice(0, at), stream.slice(at)])).toEqual(events);
  });

  it.each(["\r\n", "\r"])("takes %j as the end of a line, cut anywhere", (end) => {
    const other = stream.replaceAll("\n", end);
    expect(all([other])).toEqual(events);
    expect(all([...other])).toEqual(events);
  });

  it("keeps the space after the first, and colons", () =>
    expect(all(["data:  a: b\n\ndata:c\n\n"])).toEqual([
      { event: "message", data: " a: b" },
      { event: "message", data: "c" },
    ]));

  it("gives no event without data, nor before the blank line", () => {
    expect(all(["event: lonely\n\n"])).toEqual([]);
    expect(all(["data: not yet\n"])).toEqual([]);
  });

  it("ignores unknown fields and a byte order mark", () =>
    expect(all(["\uFEFFid: 7\nretry: 10\ndata\ndata: x\n\n"])).toEqual([{ event: "message", data: "\nx" }]));

  it("reads a very long line in many pieces quickly", () => {
    const long = "y".repeat(1_000_000);
    const pieces = `data: ${long}\n\n`.match(/[^]{1,4096}/g) ?? [];
    let events: ServerEvent[] = [];
    expect(spent(() => (events = all(pieces)))).toBeLessThan(500);
    expect(events).toEqual([{ event: "message", data: long }]);
  });
});

describe("readEvents", () => {
  it("puts characters together that were cut between bytes", async () => {
    const bytes = new TextEncoder().encode("data: größer 🙂\n\n");
    const body = new ReadableStream<Uint8Array>({
      start(controller) {
        for (const byte of bytes) controller.enqueue(Uint8Array.of(byte));
        controller.close();
      },
    });
    const found: ServerEvent[] = [];
    for await (const event of readEvents(body)) found.push(event);
    expect(found).toEqual([{ event: "message", data: "größer 🙂" }]);
  });

  it("lets go of the body when the reader leaves early", async () => {
    let cancelled = false;
    const body = new ReadableStream<Uint8Array>({
      start: (controller) => controller.enqueue(new TextEncoder().encode("data: 1\n\ndata: 2\n\n")),
      cancel: () => void (cancelled = true),
    });
    for await (const event of readEvents(body)) if (event.data === "1") break;
    await Promise.resolve();
    expect(cancelled).toBe(true);
  });
});
