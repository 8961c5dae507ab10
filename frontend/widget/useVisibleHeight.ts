import { useEffect } from "preact/hooks";

/** Keeps a full-screen panel above an on-screen keyboard, which `dvh` does not know of. */
export function useVisibleHeight(panel: { current: HTMLElement | null }, active: boolean): void {
  useEffect(() => {
    const view = window.visualViewport;
    const element = panel.current;
    if (!active || !view || !element) return;
    const fit = () => {
      if (view.scale > 1.01) return;
      element.style.setProperty("height", `${view.height}px`);
      element.style.setProperty("transform", `translateY(${view.offsetTop}px)`);
    };
    fit();
    view.addEventListener("resize", fit);
    view.addEventListener("scroll", fit);
    return () => {
      view.removeEventListener("resize", fit);
      view.removeEventListener("scroll", fit);
      element.style.removeProperty("height");
      element.style.removeProperty("transform");
    };
  }, [active]);
}
