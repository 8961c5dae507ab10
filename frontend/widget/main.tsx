import { render } from "preact";
import { chatApi } from "../shared/api";
import chatCss from "../shared/chat.css?inline";
import { accentOf } from "../shared/colour";
import { Memory } from "../shared/memory";
import tokensCss from "../shared/tokens.css?inline";
import { Widget } from "./Widget";
import widgetCss from "./widget.css?inline";

const HOST = "freehold-widget";

/** Puts the widget that a script tag asks for into the page, once. */
function mount(script: HTMLScriptElement): void {
  const token = script.dataset["assistant"] ?? "";
  if (token === "") {
    console.error("Freehold: the script tag lacks data-assistant.");
    return;
  }
  if (document.querySelector(HOST)) return;
  const base = new URL(script.src).origin;

  const host = document.createElement(HOST);
  host.style.setProperty("all", "initial", "important");
  const shadow = host.attachShadow({ mode: "open" });
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(`:host{all:initial}${tokensCss}${chatCss}${widgetCss}`);
  shadow.adoptedStyleSheets = [sheet];
  const root = document.createElement("div");
  root.className = "fh";
  root.lang = "en";
  root.dir = "ltr";
  shadow.append(root);
  document.body.append(host);

  const prefix = `freehold:${base}:${token}:`;
  const paint = (colour: string | null) => {
    const accent = accentOf(colour);
    if (!accent) return;
    root.style.setProperty("--fill", accent.fill);
    root.style.setProperty("--on-fill", accent.onFill);
    root.style.setProperty("--ink-light", accent.inkLight);
    root.style.setProperty("--ink-dark", accent.inkDark);
  };
  render(
    <Widget
      api={chatApi(base, token)}
      kept={new Memory(() => localStorage, prefix)}
      tab={new Memory(() => sessionStorage, prefix)}
      options={{
        side: script.dataset["position"] === "left" ? "left" : "right",
        accent: script.dataset["accent"] ?? null,
      }}
      paint={paint}
    />,
    root,
  );
}

const script =
  document.currentScript instanceof HTMLScriptElement
    ? document.currentScript
    : document.querySelector<HTMLScriptElement>('script[data-assistant][src*="widget.js"]');
if (script) {
  if (document.body) mount(script);
  else document.addEventListener("DOMContentLoaded", () => mount(script), { once: true });
}
