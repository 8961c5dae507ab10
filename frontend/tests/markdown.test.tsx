// @vitest-environment jsdom
import { render } from "preact";
import { describe, expect, it } from "vitest";
import { Markdown } from "../shared/Markdown";
import { parseMarkdown, plainText } from "../shared/markdown";
import { clean, withMarks, withQuote } from "../shared/sentinels";
import { spent } from "./spent";

function html(source: string): string {
  const root = document.createElement("div");
  render(<Markdown source={source} mark={(number) => <sup>{number}</sup>} />, root);
  return (root.firstElementChild as HTMLElement).innerHTML;
}

describe("blocks", () => {
  it("makes paragraphs, and joins soft lines", () => expect(html("a\nb\n\nc")).toBe("<p>a\nb</p><p>c</p>"));

  it("nests lists and keeps the numbers that the text has", () =>
    expect(html("3. three\n   - x\n   - y\n4. four")).toBe(
      '<ol><li value="3"><p>three</p><ul><li>x</li><li>y</li></ul></li><li value="4">four</li></ol>',
    ));

  it("nests lists indented by two spaces only", () =>
    expect(html("1. a\n  - b\n2. c")).toBe(
      '<ol><li value="1"><p>a</p><ul><li>b</li></ul></li><li value="2">c</li></ol>',
    ));

  it("ends a list at a paragraph, and goes on after a blank line", () =>
    expect(html("- a\n\n- b\n\nc")).toBe("<ul><li>a</li><li>b</li></ul><p>c</p>"));

  it("does not take a year at the start of a line for a list", () =>
    expect(html("It was\n2019. A good year")).toBe("<p>It was\n2019. A good year</p>"));

  it("makes tables, with cells missing, too many, and escaped bars", () =>
    expect(html("| a | b |\n|:--|--:|\n| 1 |\n| 2 | x \\| y | 4 |")).toContain(
      "<tbody><tr><td>1</td><td></td></tr><tr><td>2</td><td>x | y</td></tr></tbody>",
    ));

  it("shows bars without a rule below as text", () =>
    expect(html("a | b\nc | d")).toBe("<p>a | b\nc | d</p>"));

  it("keeps fences as they are, also without an end", () => {
    expect(html("```sh\na  *b*\n\n  c\n```\nd")).toBe(
      '<pre tabindex="0"><code>a  *b*\n\n  c</code></pre><p>d</p>',
    );
    expect(html("~~~\n```\n")).toContain("<code>```\n</code>");
  });

  it("shows headings as a bold line", () =>
    expect(html("## A *b*")).toContain("<strong>A <em>b</em></strong>"));
});

describe("inline", () => {
  it.each([
    ["**a** *b* ***c***", "<p><strong>a</strong> <em>b</em> <strong><em>c</em></strong></p>"],
    ["__a__ _b_", "<p><strong>a</strong> <em>b</em></p>"],
    ["snake_case_name and 2 * 3 * 4", "<p>snake_case_name and 2 * 3 * 4</p>"],
    ["这是**重点**内容", "<p>这是<strong>重点</strong>内容</p>"],
    ["**open and *half* closed", "<p>**open and <em>half</em> closed</p>"],
    ["*a **b* c**", "<p><em>a **b</em> c**</p>"],
    ["`a*b*` ``c`d`` `e", "<p><code>a*b*</code> <code>c`d</code> `e</p>"],
    ["\\*a\\* C:\\dir", "<p>*a* C:\\dir</p>"],
    ["a  \nb", "<p>a<br>b</p>"],
  ])("%j", (source, expected) => expect(html(source)).toBe(expected));
});

describe("hostile text is shown as text", () => {
  it.each([
    "<img src=x onerror=alert(1)>",
    "<script>alert(1)</script>",
    "[press](javascript:alert(1))",
    "![x](https://elsewhere.example/pixel.png)",
    "<https://elsewhere.example>",
    "[[[[a](b)](c)](javascript:d)]",
    '<a href="javascript:alert(1)">x</a>',
    "&lt;script&gt; &amp; &#106;avascript:",
    "**<svg/onload=alert(1)>**",
    "| <img src=x onerror=alert(1)> |\n|---|\n| <b> |",
    "```html\n<img src=x onerror=alert(1)>\n```",
    "- <iframe srcdoc='<script>1</script>'>",
  ])("%j", (source) => {
    const root = document.createElement("div");
    render(<Markdown source={clean(source)} />, root);
    expect(
      root.querySelector("img, script, a, iframe, svg, b, [href], [src], [onerror], [onload]"),
    ).toBeNull();
    for (const word of source.match(/alert\(1\)|javascript|elsewhere/g) ?? [])
      expect(root.textContent).toContain(word);
  });

  it("takes no sentinel from outside", () => {
    const claims = [{ text: "a\uE0009\uE001 \uE002b\uE003", citations: [1] }];
    expect(html(withMarks(claims))).toBe(
      '<p>a\uFFFD9\uFFFD <span class="together">\uFFFDb\uFFFD<sup>1</sup></span></p>',
    );
  });

  it("shows stray sentinels as nothing, and ends", () =>
    expect(html("a\uE000b \uE001 \uE003c \uE002")).toBe("<p>ab  c </p>"));

  const line = 100_000;
  it.each([
    ["asterisks", "*a ".repeat(line / 3)],
    ["double asterisks", "**a ".repeat(line / 4)],
    ["closing asterisks", "*a".repeat(line / 4) + "a*".repeat(line / 4)],
    ["backticks", "`a``b```c".repeat(line / 9)],
    ["growing backticks", Array.from({ length: 440 }, (_, n) => "`".repeat(n)).join(" ")],
    ["brackets", "[".repeat(line)],
    ["bars", `${"|".repeat(line)}\n${"|-".repeat(line / 2)}\n${"|".repeat(line)}`],
    ["spaces", `-${" ".repeat(line)}\u2028x`],
    ["blank lines in a list", `- a${"\n".repeat(line)}- b`],
    ["quoted nesting", "- ".repeat(line / 2)],
    ["deep lists", Array.from({ length: 400 }, (_, n) => `${" ".repeat(2 * n)}- x`).join("\n")],
    ["sentinels", "\uE002\uE003\uE0001\uE001".repeat(line / 5)],
    ["one word", "a".repeat(line)],
  ])("is quick with %s", (_, source) => {
    expect(spent(() => parseMarkdown(source))).toBeLessThan(500);
  });
});

describe("marks", () => {
  it("stand at the end of each claim, before the white space that follows", () =>
    expect(
      html(
        withMarks([
          { text: "First. ", citations: [1] },
          { text: "Second.", citations: [2, 3] },
        ]),
      ),
    ).toBe(
      '<p><span class="together">First.<sup>1</sup></span> <span class="together">Second.<sup>2</sup><sup>3</sup></span></p>',
    ));

  it("leave a list that spans claims one list", () =>
    expect(
      html(
        withMarks([
          { text: "Do:\n\n1. a", citations: [1] },
          { text: "\n2. b", citations: [2] },
        ]),
      ),
    ).toBe(
      '<p>Do:</p><ol><li value="1"><span class="together">a<sup>1</sup></span></li><li value="2"><span class="together">b<sup>2</sup></span></li></ol>',
    ));

  it("stand in a table's last cell and after a code block", () => {
    expect(html(withMarks([{ text: "| a | b |\n|---|---|\n| 1 | 2 |", citations: [4] }]))).toContain(
      '<td><span class="together">2<sup>4</sup></span></td>',
    );
    expect(html(withMarks([{ text: "```\ncode\n```\n", citations: [5] }]))).toBe(
      '<pre tabindex="0"><code>code</code></pre><sup>5</sup>',
    );
  });

  it("take only numbers that can be citations", () =>
    expect(html(withMarks([{ text: "a", citations: [-1, 0, 1.5, Number.NaN, 2] }]))).toBe(
      '<p><span class="together">a<sup>2</sup></span></p>',
    ));
});

describe("quotes", () => {
  const quoted = (text: string, quote: string, start = [...text.slice(0, text.indexOf(quote))].length) =>
    html(withQuote({ text, quote, start, end: start + [...quote].length }));

  it("count code points, as the server does", () =>
    expect(quoted("🙂🙂 a **b** c", "a **b**")).toBe(
      "<p>🙂🙂 <mark>a </mark><strong><mark>b</mark></strong> c</p>",
    ));

  it("run over list items and keep them items", () =>
    expect(quoted("x\n\n1. a\n2. b\n\ny", "1. a\n2. b")).toBe(
      '<p>x</p><ol><li value="1"><mark>a</mark></li><li value="2"><mark>b</mark></li></ol><p>y</p>',
    ));

  it("cover a whole table", () =>
    expect(quoted("| a |\n|---|\n| 1 |\n\nend", "| a |\n|---|\n| 1 |")).toContain(
      '<th scope="col"><mark>a</mark></th></tr></thead><tbody><tr><td><mark>1</mark></td></tr></tbody>',
    ));

  it("cover code", () =>
    expect(quoted("```\nlet x\n```", "let x")).toContain("<code><mark>let x</mark></code>"));

  it("are looked for when the offsets are wrong, and left out when they are nowhere", () => {
    expect(quoted("a b c", "b", 0)).toBe("<p>a <mark>b</mark> c</p>");
    expect(html(withQuote({ text: "a b", quote: "z", start: 0, end: 1 }))).toBe("<p>a b</p>");
  });

  it("end where they end, over blank lines", () =>
    expect(quoted("a\n\nb", "a\n\n")).toBe("<p><mark>a</mark></p><p>b</p>"));
});

describe("plainText", () => {
  it("is what a person would read out", () =>
    expect(plainText("Do **this**:\n\n1. `a`\n2. b\n\n| x | y |\n|---|---|\n| 1 | 2 |")).toBe(
      "Do this: 1. a. 2. b x, y. 1, 2",
    ));
});
