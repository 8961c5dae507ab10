import { MARK_CLOSE, MARK_OPEN, QUOTE_CLOSE, QUOTE_OPEN } from "./sentinels";

export type Inline =
  | { kind: "text"; text: string }
  | { kind: "code"; children: Inline[] }
  | { kind: "strong" | "em"; children: Inline[] }
  | { kind: "break" }
  | { kind: "mark"; number: number }
  | { kind: "quote"; open: boolean };

interface Frame {
  delimiter: string;
  children: Inline[];
}

const DEEPEST = 16;
const WORD = /[\p{L}\p{N}]/u;
const SENTINEL = /[\uE000-\uE003]/;
const MARK = /\uE000(\d{1,9})\uE001/y;

/** Bold, italic, inline code and our sentinels; everything else is text. Time is linear in the length. */
export function parseInline(source: string): Inline[] {
  const root: Frame = { delimiter: "", children: [] };
  const stack: Frame[] = [root];
  const ticks = backtickRuns(source);
  let pending = "";
  let at = 0;

  const top = () => stack[stack.length - 1] ?? root;
  const flush = () => {
    if (pending !== "") addText(top().children, pending);
    pending = "";
  };
  const add = (node: Inline) => {
    flush();
    top().children.push(node);
  };
  const unwrap = () => {
    const frame = stack.pop();
    if (!frame) return;
    addText(top().children, frame.delimiter);
    for (const child of frame.children) addNode(top().children, child);
  };
  const close = (delimiter: string): boolean => {
    const index = stack.findLastIndex((frame) => frame.delimiter === delimiter);
    if (index < 1) return false;
    flush();
    while (stack.length - 1 > index) unwrap();
    const frame = stack.pop();
    if (frame)
      top().children.push({ kind: delimiter.length === 2 ? "strong" : "em", children: frame.children });
    return true;
  };
  const open = (delimiter: string) => {
    if (stack.length > DEEPEST) {
      pending += delimiter;
      return;
    }
    flush();
    stack.push({ delimiter, children: [] });
  };

  while (at < source.length) {
    const char = source[at] ?? "";
    if (SENTINEL.test(char)) {
      const [node, length] = sentinel(source, at);
      if (node) add(node);
      at += length;
    } else if (char === "\\" && /[*_`|\\]/.test(source[at + 1] ?? "")) {
      pending += source[at + 1];
      at += 2;
    } else if (char === "`") {
      const length = runLength(source, at);
      const end = ticks(at, length);
      if (end < 0) pending += source.slice(at, at + length);
      else add({ kind: "code", children: codeOf(source.slice(at + length, end)) });
      at = end < 0 ? at + length : end + length;
    } else if (char === "*" || char === "_") {
      const length = runLength(source, at);
      if (length > 3) pending += source.slice(at, at + length);
      else emphasis(char, length, neighbour(source, at - 1, -1), neighbour(source, at + length, 1));
      at += length;
    } else if (char === "\n") {
      if (/ {2}$/.test(pending.slice(-2))) {
        pending = pending.trimEnd();
        add({ kind: "break" });
      } else pending += "\n";
      at++;
    } else {
      pending += char;
      at++;
    }
  }
  flush();
  while (stack.length > 1) unwrap();
  return root.children;

  function emphasis(char: string, length: number, before: string, after: string) {
    const intraword = char === "*" && length > 1;
    const opens = after.trim() !== "" && (intraword || !WORD.test(before));
    const closes = before.trim() !== "" && (intraword || !WORD.test(after));
    const parts = length === 3 ? [char, char + char] : [char.repeat(length)];
    if (closes && parts.every((part) => stack.some((frame) => frame.delimiter === part))) {
      for (const part of parts) close(part);
    } else if (opens) for (const part of parts.reverse()) open(part);
    else pending += char.repeat(length);
  }
}

/** Plain text (a code block, say) with the sentinels that stand in it. */
export function parsePlain(source: string): Inline[] {
  const nodes: Inline[] = [];
  let start = 0;
  for (let at = 0; at < source.length; at++) {
    if (!SENTINEL.test(source[at] ?? "")) continue;
    if (at > start) addText(nodes, source.slice(start, at));
    const [node, length] = sentinel(source, at);
    if (node) nodes.push(node);
    at += length - 1;
    start = at + 1;
  }
  if (start < source.length) addText(nodes, source.slice(start));
  return nodes;
}

/** What the sentinel at `at` means, and its length; nothing for one that stands alone. */
function sentinel(source: string, at: number): [Inline | null, number] {
  const char = source[at];
  if (char === QUOTE_OPEN || char === QUOTE_CLOSE) return [{ kind: "quote", open: char === QUOTE_OPEN }, 1];
  MARK.lastIndex = at;
  const match = MARK.exec(source);
  return match ? [{ kind: "mark", number: Number(match[1]) }, match[0].length] : [null, 1];
}

/** Answers where the run of exactly `length` backticks after the one at `at` starts, or -1. */
function backtickRuns(source: string): (at: number, length: number) => number {
  const starts = new Map<number, number[]>();
  for (let at = source.indexOf("`"); at >= 0;) {
    const length = runLength(source, at);
    const list = starts.get(length);
    if (list) list.push(at);
    else starts.set(length, [at]);
    at = source.indexOf("`", at + length);
  }
  const cursor = new Map<number, number>();
  return (at, length) => {
    const list = starts.get(length) ?? [];
    let next = cursor.get(length) ?? 0;
    while (next < list.length && (list[next] ?? 0) <= at) next++;
    cursor.set(length, next);
    return list[next] ?? -1;
  };
}

function runLength(source: string, at: number): number {
  let end = at + 1;
  while (source[end] === source[at]) end++;
  return end - at;
}

function neighbour(source: string, at: number, step: 1 | -1): string {
  let inMark = false;
  for (; at >= 0 && at < source.length; at += step) {
    const char = source[at] ?? "";
    if (char === (step > 0 ? MARK_OPEN : MARK_CLOSE)) inMark = true;
    else if (char === (step > 0 ? MARK_CLOSE : MARK_OPEN)) inMark = false;
    else if (!inMark && !SENTINEL.test(char)) return char;
  }
  return "";
}

function codeOf(source: string): Inline[] {
  let text = source.replaceAll("\n", " ");
  if (text.length > 2 && text.startsWith(" ") && text.endsWith(" ") && text.trim() !== "")
    text = text.slice(1, -1);
  return parsePlain(text);
}

function addText(nodes: Inline[], text: string): void {
  const last = nodes[nodes.length - 1];
  if (last?.kind === "text") last.text += text;
  else nodes.push({ kind: "text", text });
}

function addNode(nodes: Inline[], node: Inline): void {
  if (node.kind === "text") addText(nodes, node.text);
  else nodes.push(node);
}
