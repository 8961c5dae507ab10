import { useEffect } from "preact/hooks";

const FOCUSABLE = "button:not(:disabled), a[href], input, textarea, [tabindex='0']";

/** Keeps Tab inside `panel` while `active`: it covers the whole page then. */
export function useFocusWithin(panel: { current: HTMLElement | null }, active: boolean): void {
  useEffect(() => {
    const element = panel.current;
    if (!active || !element) return;
    const root = element.getRootNode() as ShadowRoot;
    const cycle = (event: KeyboardEvent) => {
      if (event.key !== "Tab") return;
      const all = [...element.querySelectorAll<HTMLElement>(FOCUSABLE)].filter(
        (one) => one.closest("[inert]") === null && one.getClientRects().length > 0,
      );
      const edge = event.shiftKey ? all[0] : all[all.length - 1];
      if (root.activeElement !== edge) return;
      event.preventDefault();
      (event.shiftKey ? all[all.length - 1] : all[0])?.focus();
    };
    element.addEventListener("keydown", cycle);
    const page = document.documentElement;
    const overflow = page.style.overflow;
    page.style.overflow = "hidden";
    return () => {
      element.removeEventListener("keydown", cycle);
      page.style.overflow = overflow;
    };
  }, [active]);
}
