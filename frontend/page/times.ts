import type { Source } from "../shared/types";

/** Intervals to choose from, as the server writes them. */
export const CHOICES: readonly (readonly [value: string, label: string])[] = [
  ["default", "as the setting says"],
  ["off", "only by hand"],
  ["1h", "every hour"],
  ["6h", "every 6 hours"],
  ["1d", "every day"],
  ["1w", "every week"],
];

const UNITS: readonly (readonly [seconds: number, name: string])[] = [
  [86400, "day"],
  [3600, "hour"],
  [60, "minute"],
];

/** A span of time in the largest unit that it fills. */
export function span(seconds: number): string {
  for (const [size, name] of UNITS) {
    const count = Math.floor(seconds / size);
    if (count >= 1) return `${count} ${name}${count === 1 ? "" : "s"}`;
  }
  return "less than a minute";
}

export function ago(seconds: number): string {
  return seconds < 60 ? "just now" : `${span(seconds)} ago`;
}

export function ahead(seconds: number): string {
  return seconds <= 0 ? "soon" : `in ${span(seconds)}`;
}

/** What the last reading did, where it did anything. */
export function changesOf({ changes }: Source["freshness"]): string {
  if (!changes) return "";
  const parts = (["added", "changed", "removed"] as const)
    .filter((what) => changes[what] > 0)
    .map((what) => `${changes[what].toLocaleString("en")} ${what}`);
  return parts.length > 0 ? `: ${parts.join(", ")}` : ": nothing new";
}
