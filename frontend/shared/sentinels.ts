import type { Citation, Claim } from "./types";

/*
 * Places in a text that are no part of it are carried as private-use characters, so that the Markdown parser
 * sees one text: a list that spans several claims stays one list. `clean` keeps them out of what comes in.
 */
export const MARK_OPEN = "\uE000";
export const MARK_CLOSE = "\uE001";
export const QUOTE_OPEN = "\uE002";
export const QUOTE_CLOSE = "\uE003";

/** The text without our sentinels; each becomes U+FFFD, so that no offset moves. */
export function clean(text: string): string {
  return text.replace(/[\uE000-\uE003]/g, "\uFFFD");
}

/** A message's Markdown: its claims joined, each followed by the numbers it stands on. */
export function withMarks(claims: readonly Claim[]): string {
  return claims.map(({ text, citations }) => placed(clean(text), citations)).join("");
}

function placed(text: string, citations: readonly number[]): string {
  const marks = citations
    .filter((number) => Number.isSafeInteger(number) && number > 0)
    .map((number) => MARK_OPEN + number + MARK_CLOSE)
    .join("");
  const end = text.trimEnd().length;
  return end === 0 ? text : text.slice(0, end) + marks + text.slice(end);
}

/** The passage of a citation with its quoted words set apart; nothing set apart if they do not stand there. */
export function withQuote({
  text,
  quote,
  start,
  end,
}: Pick<Citation, "text" | "quote" | "start" | "end">): string {
  let from = utf16Offset(text, start);
  let to = utf16Offset(text, end);
  if (text.slice(from, to) !== quote) {
    from = quote === "" ? -1 : text.indexOf(quote);
    to = from + quote.length;
  }
  const safe = clean(text);
  if (from < 0 || from === to) return safe;
  return safe.slice(0, from) + QUOTE_OPEN + safe.slice(from, to) + QUOTE_CLOSE + safe.slice(to);
}

/** The server counts code points, JavaScript counts UTF-16 units. */
function utf16Offset(text: string, codePoints: number): number {
  let at = 0;
  for (let n = 0; n < codePoints && at < text.length; n++) at += (text.codePointAt(at) ?? 0) > 0xffff ? 2 : 1;
  return at;
}
