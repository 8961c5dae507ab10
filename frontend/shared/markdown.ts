import { type Inline, parseInline, parsePlain } from "./inline";

/** The limited Markdown of answers and passages. Whatever is none of these is a paragraph's text. */
export type Block =
  | { kind: "paragraph" | "heading"; children: Inline[] }
  | { kind: "list"; ordered: boolean; items: Item[] }
  | { kind: "table"; head: Inline[][]; rows: Inline[][][] }
  | { kind: "code"; children: Inline[] };

export interface Item {
  /** The number it carries in the text; 0 in a list of bullets. */
  number: number;
  blocks: Block[];
}

/** A line with the sentinels at its two ends taken off, so that they hide no list marker, fence or table. */
interface Line {
  before: string;
  text: string;
  after: string;
}

interface Marker {
  indent: number;
  content: number;
  ordered: boolean;
  number: number;
  rest: string;
}

const DEEPEST = 8;
const MOST_COLUMNS = 64;
const EDGE_BEFORE = /^(\s*)([\uE002\uE003]+)/;
const EDGE_AFTER = /((?:\uE000\d+\uE001|[\uE002\uE003])+)\s*$/;
const MARKER = /^(\s*)(?:([-*+•])|(\d{1,9})[.)])(?:(\s+)([^]*)|)$/;
const FENCE = /^(\s*)(`{3,}|~{3,})[^`]*$/;
const HEADING = /^ {0,3}#{1,6}\s+([^]*)$/;

/** Reads Markdown into blocks; never fails, never makes HTML. */
export function parseMarkdown(source: string): Block[] {
  return blocksOf(source.split(/\r\n|\n|\r/).map(lineOf), 0);
}

/** What a screen reader is told: the words alone. */
export function plainText(source: string): string {
  const inline = (nodes: Inline[]): string =>
    nodes
      .map((n) =>
        n.kind === "text" ? n.text : "children" in n ? inline(n.children) : n.kind === "break" ? " " : "",
      )
      .join("");
  const block = (b: Block): string => {
    if (b.kind === "list")
      return b.items
        .map((i) => (b.ordered ? `${i.number}. ` : "") + i.blocks.map(block).join(" "))
        .join(". ");
    if (b.kind === "table") return [b.head, ...b.rows].map((row) => row.map(inline).join(", ")).join(". ");
    return inline(b.children);
  };
  return parseMarkdown(source).map(block).join(" ").replace(/\s+/g, " ").trim();
}

function lineOf(text: string): Line {
  const head = EDGE_BEFORE.exec(text);
  if (head) text = (head[1] ?? "") + text.slice(head[0].length);
  const tail = EDGE_AFTER.exec(text);
  if (tail) text = text.slice(0, tail.index);
  return { before: head?.[2] ?? "", text, after: tail?.[1] ?? "" };
}

const whole = ({ before, text, after }: Line) => before + text.trimStart() + after;
const blank = (line: Line | undefined) => line !== undefined && line.text.trim() === "";

function blocksOf(lines: Line[], depth: number): Block[] {
  const blocks: Block[] = [];
  let paragraph: string[] = [];
  let carried = "";
  const endParagraph = () => {
    if (paragraph.length) blocks.push({ kind: "paragraph", children: parseInline(paragraph.join("\n")) });
    paragraph = [];
  };

  for (let at = 0; at < lines.length;) {
    let line = lines[at] as Line;
    if (blank(line)) {
      endParagraph();
      carried += line.before + line.after;
      at++;
      continue;
    }
    if (carried !== "") {
      line = { ...line, before: carried + line.before };
      lines[at] = line;
      carried = "";
    }
    const marker = depth < DEEPEST ? markerOf(line.text) : null;
    if (FENCE.test(line.text)) {
      endParagraph();
      const [block, next] = codeAt(lines, at);
      blocks.push(block);
      at = next;
    } else if (marker && (paragraph.length === 0 || !marker.ordered || marker.number === 1)) {
      endParagraph();
      const [block, next] = listAt(lines, at, marker, depth);
      blocks.push(block);
      at = next;
    } else if (isTable(lines, at)) {
      endParagraph();
      const [block, next] = tableAt(lines, at);
      blocks.push(block);
      at = next;
    } else if (HEADING.test(line.text)) {
      endParagraph();
      const words = HEADING.exec(line.text)?.[1] ?? "";
      blocks.push({ kind: "heading", children: parseInline(line.before + words + line.after) });
      at++;
    } else {
      paragraph.push(whole(line));
      at++;
    }
  }
  endParagraph();
  const last = blocks[blocks.length - 1];
  if (carried !== "" && last && "children" in last) last.children.push(...parsePlain(carried));
  return blocks;
}

function markerOf(text: string): Marker | null {
  const match = MARKER.exec(text);
  if (!match) return null;
  const [, space = "", bullet, digits = "", gap = " ", rest = ""] = match;
  const indent = width(space);
  const label = bullet === undefined ? digits.length + 1 : 1;
  return {
    indent,
    content: indent + label + Math.min(gap.length, 4),
    ordered: bullet === undefined,
    number: bullet === undefined ? Number(digits) : 0,
    rest,
  };
}

function listAt(lines: Line[], start: number, first: Marker, depth: number): [Block, number] {
  const items: Item[] = [];
  let item: Line[] = [];
  let marker = first;
  let at = start;
  const endItem = () => {
    if (item.length) items.push({ number: marker.number, blocks: blocksOf(item, depth + 1) });
  };

  while (at < lines.length) {
    const line = lines[at] as Line;
    const here = markerOf(line.text);
    const nested = here !== null && at > start && here.indent >= marker.indent + 2;
    if (here && !nested) {
      if (here.ordered !== first.ordered || here.indent < first.indent) break;
      endItem();
      marker = here;
      const inner = lineOf(here.rest);
      item = [{ before: line.before + inner.before, text: inner.text, after: inner.after + line.after }];
    } else if (blank(line)) {
      let next = at + 1;
      while (blank(lines[next])) next++;
      const after = lines[next];
      if (!after) break;
      const follows = markerOf(after.text);
      const sibling = follows && follows.ordered === first.ordered && follows.indent >= first.indent;
      if (!sibling && indentOf(after.text) < Math.min(marker.content, marker.indent + 2)) break;
      item.push(...lines.slice(at, next));
      at = next - 1;
    } else {
      const lazy = !blank(lines[at - 1]) && !FENCE.test(line.text) && !HEADING.test(line.text);
      if (!nested && indentOf(line.text) < Math.min(marker.content, marker.indent + 2) && !lazy) break;
      item.push({ ...line, text: dedent(line.text, marker.content) });
    }
    at++;
  }
  endItem();
  return [{ kind: "list", ordered: first.ordered, items }, at];
}

function codeAt(lines: Line[], start: number): [Block, number] {
  const opening = lines[start] as Line;
  const match = FENCE.exec(opening.text);
  const fence = match?.[2] ?? "```";
  const indent = width(match?.[1] ?? "");
  const rows: string[] = [];
  let at = start + 1;
  let closing = "";
  for (; at < lines.length; at++) {
    const line = lines[at] as Line;
    const text = line.text.trim();
    if (text.length >= fence.length && text === (fence[0] ?? "").repeat(text.length)) {
      closing = line.before + line.after;
      at++;
      break;
    }
    rows.push(line.before + dedent(line.text, indent) + line.after);
  }
  return [
    { kind: "code", children: parsePlain(opening.before + opening.after + rows.join("\n") + closing) },
    at,
  ];
}

function isTable(lines: Line[], at: number): boolean {
  const head = lines[at]?.text ?? "";
  const rule = lines[at + 1]?.text ?? "";
  if (!head.includes("|") || !rule.includes("-") || !/^[\s|:-]+$/.test(rule)) return false;
  const columns = cells(rule);
  return (
    columns.length <= MOST_COLUMNS &&
    columns.every((cell) => /^:?-+:?$/.test(cell)) &&
    columns.length === cells(head).length
  );
}

function tableAt(lines: Line[], start: number): [Block, number] {
  const row = (line: Line, columns?: number): Inline[][] => {
    const texts = cells(line.text);
    const shown = columns === undefined ? texts : Array.from({ length: columns }, (_, n) => texts[n] ?? "");
    return shown.map((text, n) =>
      parseInline((n === 0 ? line.before : "") + text + (n === shown.length - 1 ? line.after : "")),
    );
  };
  const head = row(lines[start] as Line);
  const rows: Inline[][][] = [];
  let at = start + 2;
  for (; at < lines.length && !blank(lines[at]) && lines[at]?.text.includes("|"); at++)
    rows.push(row(lines[at] as Line, head.length));
  return [{ kind: "table", head, rows }, at];
}

/** The cells of a row, split at the bars that no backslash precedes. */
function cells(text: string): string[] {
  const parts = text.trim().replace(/^\|/, "").split("|");
  const joined: string[] = [];
  for (const part of parts) {
    const last = joined.length - 1;
    if (joined[last]?.endsWith("\\")) joined[last] += `|${part}`;
    else joined.push(part);
  }
  if (joined.length > 1 && joined[joined.length - 1]?.trim() === "") joined.pop();
  return joined.map((cell) => cell.trim());
}

function width(space: string): number {
  return [...space].reduce((sum, char) => sum + (char === "\t" ? 4 : 1), 0);
}

function indentOf(text: string): number {
  return width(/^\s*/.exec(text)?.[0] ?? "");
}

function dedent(text: string, columns: number): string {
  let removed = 0;
  let at = 0;
  while (removed < columns && (text[at] === " " || text[at] === "\t")) removed += text[at++] === "\t" ? 4 : 1;
  return text.slice(at);
}
