/** Gives focus back in the next frame, once what was behind is no longer inert, unless it has gone elsewhere. */
export function focusAgain(element: HTMLElement | null | undefined): void {
  requestAnimationFrame(() => {
    const root = element?.getRootNode() as Document | ShadowRoot | undefined;
    const held = root?.activeElement ?? document.activeElement;
    if (held === null || held === document.body) element?.focus();
  });
}
