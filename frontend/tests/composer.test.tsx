// @vitest-environment jsdom
import { render } from "preact";
import { act } from "preact/test-utils";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Composer } from "../shared/Composer";

let root: HTMLElement;
let asked: string[];

beforeEach(() => {
  root = document.body.appendChild(document.createElement("div"));
  asked = [];
});
afterEach(() => {
  render(null, root);
  root.remove();
});

const show = (busy: boolean) =>
  act(() =>
    render(
      <Composer name="Rosa" busy={busy} ask={(text) => asked.push(text)} stop={() => undefined} />,
      root,
    ),
  );
const area = () => root.querySelector("textarea") as HTMLTextAreaElement;
const said = () => root.querySelector("[role=status]")?.textContent;
const type = (text: string) =>
  act(() => {
    area().value = text;
    area().dispatchEvent(new Event("input", { bubbles: true }));
  });
const enter = (more: KeyboardEventInit = {}) =>
  act(() => {
    area().dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", bubbles: true, ...more }));
  });

describe("Composer", () => {
  it("asks at once where nothing is under way", () => {
    show(false);
    type("When?");
    enter({ shiftKey: true });
    expect(asked).toEqual([]);
    enter();
    expect([asked, area().value, said()]).toEqual([["When?"], "", ""]);
  });

  it("asks nothing where nothing is written", () => {
    show(true);
    type("  ");
    enter();
    expect(said()).toBe("");
    show(false);
    expect(asked).toEqual([]);
  });

  it("asks what was entered too early when the answer has ended, once", () => {
    show(true);
    type("And then?");
    enter();
    enter();
    expect([asked, area().value]).toEqual([[], "And then?"]);
    expect(said()).toContain("when the answer has ended");
    show(false);
    expect([asked, area().value, said()]).toEqual([["And then?"], "", ""]);
    show(true);
    show(false);
    expect(asked).toEqual(["And then?"]);
  });

  it("asks nothing that is only written, or changed after it was entered", () => {
    show(true);
    type("And");
    show(false);
    expect(asked).toEqual([]);
    show(true);
    enter();
    type("And if");
    expect(said()).toBe("");
    show(false);
    expect([asked, area().value]).toEqual([[], "And if"]);
  });
});
