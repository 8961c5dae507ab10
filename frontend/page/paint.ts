import { accentOf } from "../shared/colour";

const PROPERTIES = ["--fill", "--on-fill", "--ink-light", "--ink-dark"] as const;

/** Gives the page the assistant's colour; its own where there is none. */
export function paintPage(colour: string | null): void {
  const root = document.getElementById("app");
  const accent = accentOf(colour);
  for (const name of PROPERTIES) root?.style.removeProperty(name);
  if (!root || !accent) return;
  root.style.setProperty("--fill", accent.fill);
  root.style.setProperty("--on-fill", accent.onFill);
  root.style.setProperty("--ink-light", accent.inkLight);
  root.style.setProperty("--ink-dark", accent.inkDark);
}
