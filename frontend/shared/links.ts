/** The address if it is one of the web, else null: what documents name is never opened as anything else. */
export function webAddress(location: string): string | null {
  if (!/^https?:\/\//i.test(location)) return null;
  try {
    const url = new URL(location);
    return url.protocol === "http:" || url.protocol === "https:" ? url.href : null;
  } catch {
    return null;
  }
}
