import { describe, expect, it } from "vitest";
import type { Upload } from "../page/admin";
import { batches, sorted, uploadName } from "../page/files";
import { originOf } from "../page/ShareTag";
import { accentOf, contrast, parse } from "../shared/colour";
import { webAddress } from "../shared/links";
import { Memory, recall, remember } from "../shared/memory";

describe("webAddress", () => {
  it.each(["https://a.example/b?c#d", "HTTP://a.example/"])("opens %s", (url) =>
    expect(webAddress(url)).not.toBeNull(),
  );
  it.each([
    "javascript:alert(1)",
    "JavaScript:alert(1)//https://a.example",
    " https://a.example",
    "data:text/html,x",
    "file:///etc/passwd",
    "//a.example",
    "guides/returns.md",
    "https://",
    "http:\\\\a",
    "",
  ])("never opens %j", (location) => expect(webAddress(location)).toBeNull());
});

describe("accentOf", () => {
  const colours = [
    "#000",
    "#fff",
    "#ff0",
    "#00ff00",
    "#777777",
    "#767676",
    "#0000ff",
    "#f0f",
    "#17694c",
    "#ffe48a",
  ];
  it.each(colours)("stays readable with %s", (colour) => {
    const accent = accentOf(colour);
    if (!accent) throw new Error("no accent");
    const rgb = (css: string) => parse(css) ?? ([0, 0, 0] as const);
    expect(contrast(rgb(accent.fill), rgb(accent.onFill))).toBeGreaterThanOrEqual(4.5);
    expect(contrast(rgb(accent.inkLight), [255, 255, 255])).toBeGreaterThanOrEqual(4.5);
    expect(contrast(rgb(accent.inkLight), [241, 244, 242])).toBeGreaterThanOrEqual(4.5);
    expect(contrast(rgb(accent.inkDark), [20, 26, 23])).toBeGreaterThanOrEqual(4.5);
    expect(contrast(rgb(accent.inkDark), [42, 50, 47])).toBeGreaterThanOrEqual(4.5);
  });
  it.each(["", "red", "#12", "#12345g", "url(x)", null])("takes %j for no colour", (c) =>
    expect(accentOf(c)).toBeNull(),
  );
});

describe("Memory", () => {
  const forbidden = (): Storage => {
    throw new DOMException("no", "SecurityError");
  };
  it("keeps a conversation while the page lives where storage is forbidden", () => {
    const memory = new Memory(forbidden, "x:");
    expect(recall(memory)).toBeNull();
    remember(memory, { visitor: "v", conversation: "c" });
    expect(recall(memory)).toEqual({ visitor: "v", conversation: "c" });
    remember(memory, null);
    expect(recall(memory)).toBeNull();
  });
  it.each(["{", "[]", "7", '{"visitor": 1}', "null"])("makes nothing of %j", (kept) => {
    const memory = new Memory(forbidden, "x:");
    memory.set("chat", kept);
    expect(recall(memory)).toBeNull();
  });
});

describe("uploads", () => {
  const upload = (path: string, size = 1): Upload => ({ path, file: { size } as File });
  it("leaves out what is hidden, and names what Freehold does not read", () =>
    expect(sorted([upload("d/a.MD"), upload("d/.git/b.md"), upload(".DS_Store"), upload("c.exe")])).toEqual({
      files: [upload("d/a.MD")],
      leftOut: ["c.exe"],
    }));
  it("cuts by number and by size", () => {
    expect(
      batches(Array.from({ length: 450 }, (_, n) => upload(`${n}.md`))).map(({ length }) => length),
    ).toEqual([200, 200, 50]);
    expect(
      batches([upload("a.md"), upload("b.pdf", 60e6), upload("c.md")]).map(({ length }) => length),
    ).toEqual([1, 1, 1]);
    expect(batches([])).toEqual([]);
  });
  it("keeps files of one name in different folders apart", () => {
    expect(uploadName("a/index.html")).toBe("a › index.html");
    const long = (first: string) => uploadName(`${first}/${"folder/".repeat(40)}index.html`);
    expect(long("a")).not.toBe(long("b"));
    expect(new TextEncoder().encode(long("a")).length).toBeLessThanOrEqual(116);
    expect(long("a")).toMatch(/index\.html$/);
  });
});

describe("originOf", () => {
  it.each([
    ["www.example.com", "https://www.example.com"],
    ["https://a.example/path?x", "https://a.example"],
    ["http://localhost:3000/", "http://localhost:3000"],
  ])("%s", (typed, origin) => expect(originOf(typed)).toBe(origin));
  it.each(["", "javascript://x", "ftp://a.example", "a b", "https://"])("refuses %j", (typed) =>
    expect(originOf(typed)).toBeNull(),
  );
});
