import type { ComponentChildren, JSX } from "preact";
import { useMemo } from "preact/hooks";
import type { Inline } from "./inline";
import { type Block, parseMarkdown } from "./markdown";

/** A word that its marks stay beside, on one line. */
const LAST_WORD = /\S{1,20}$/;

interface Props {
  source: string;
  /** How a citation's number looks; none are shown without it. */
  mark?: (number: number) => ComponentChildren;
}

/** Text from documents and models: built from elements and text nodes, never from HTML. */
export function Markdown({ source, mark }: Props) {
  const blocks = useMemo(() => parseMarkdown(source), [source]);
  let quoted = false;

  const words = (text: string) => (quoted ? <mark>{text}</mark> : text);

  const inline = (nodes: Inline[]): ComponentChildren[] => {
    const shown: ComponentChildren[] = [];
    for (let at = 0; at < nodes.length; at++) {
      const node = nodes[at] as Inline;
      let end = at + 1;
      while (nodes[end]?.kind === "mark") end++;
      const word = node.kind === "text" && end > at + 1 ? LAST_WORD.exec(node.text)?.[0] : undefined;
      if (node.kind !== "text" || word === undefined) {
        shown.push(one(node));
        continue;
      }
      const marks = nodes.slice(at + 1, end).map(one);
      shown.push(
        words(node.text.slice(0, -word.length)),
        <span class="together">
          {words(word)}
          {marks}
        </span>,
      );
      at = end - 1;
    }
    return shown;
  };
  const one = (node: Inline): ComponentChildren => {
    switch (node.kind) {
      case "text":
        return words(node.text);
      case "code":
        return <code>{inline(node.children)}</code>;
      case "strong":
        return <strong>{inline(node.children)}</strong>;
      case "em":
        return <em>{inline(node.children)}</em>;
      case "break":
        return <br />;
      case "mark":
        return mark?.(node.number);
      case "quote":
        quoted = node.open;
        return null;
    }
  };

  const block = (node: Block): JSX.Element => {
    switch (node.kind) {
      case "paragraph":
        return <p>{inline(node.children)}</p>;
      case "heading":
        return (
          <p class="heading">
            <strong>{inline(node.children)}</strong>
          </p>
        );
      case "code":
        return (
          <>
            <pre tabIndex={0}>
              <code>{inline(node.children.filter((child) => child.kind !== "mark"))}</code>
            </pre>
            {inline(node.children.filter((child) => child.kind === "mark"))}
          </>
        );
      case "table": {
        const head = node.head.map((cell) => <th scope="col">{inline(cell)}</th>);
        return (
          <div class="table" tabIndex={0}>
            <table>
              <thead>
                <tr>{head}</tr>
              </thead>
              <tbody>
                {node.rows.map((row) => (
                  <tr>
                    {row.map((cell) => (
                      <td>{inline(cell)}</td>
                    ))}
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        );
      }
      case "list": {
        const items = node.items.map((item) => (
          <li {...(node.ordered ? { value: item.number } : {})}>
            {item.blocks.length === 1 && item.blocks[0]?.kind === "paragraph"
              ? inline(item.blocks[0].children)
              : item.blocks.map(block)}
          </li>
        ));
        return node.ordered ? <ol>{items}</ol> : <ul>{items}</ul>;
      }
    }
  };

  return (
    <div class="markdown" dir="auto">
      {blocks.map(block)}
    </div>
  );
}
