type Rgb = readonly [number, number, number];

/** Readable colours derived from any accent, so that an odd one still meets WCAG AA. */
export interface Accent {
  /** Background of buttons. */
  fill: string;
  /** Text on that background. */
  onFill: string;
  /** The accent as text or outline on the light and on the dark surface. */
  inkLight: string;
  inkDark: string;
}

const WHITE: Rgb = [255, 255, 255];
const BLACK: Rgb = [0, 0, 0];
const LIGHT_SURFACE: Rgb = [241, 244, 242];
const DARK_SURFACE: Rgb = [42, 50, 47];
const READABLE = 4.6;

/** The accent for `#rgb` or `#rrggbb`; null for anything else. */
export function accentOf(colour: string | null | undefined): Accent | null {
  const rgb = parse(colour ?? "");
  if (!rgb) return null;
  return {
    fill: css(rgb),
    onFill: contrast(rgb, WHITE) >= 4.5 ? "#ffffff" : contrast(rgb, BLACK) >= 4.5 ? "#000000" : "#ffffff",
    inkLight: css(towards(rgb, BLACK, LIGHT_SURFACE)),
    inkDark: css(towards(rgb, WHITE, DARK_SURFACE)),
  };
}

/** WCAG's contrast ratio, 1 to 21. */
export function contrast(a: Rgb, b: Rgb): number {
  const [low, high] = [luminance(a), luminance(b)].sort((x, y) => x - y) as [number, number];
  return (high + 0.05) / (low + 0.05);
}

export function parse(colour: string): Rgb | null {
  const short = /^#([\da-f])([\da-f])([\da-f])$/i.exec(colour.trim());
  const long = /^#([\da-f]{2})([\da-f]{2})([\da-f]{2})$/i.exec(colour.trim());
  const parts = short ? short.slice(1).map((c) => c + c) : long?.slice(1);
  return parts ? (parts.map((part) => parseInt(part, 16)) as unknown as Rgb) : null;
}

/** Mixes in `end` until the colour is readable on `surface`. */
function towards(colour: Rgb, end: Rgb, surface: Rgb): Rgb {
  for (let share = 0; share < 1; share += 0.04) {
    const mixed = colour.map((c, n) => Math.round(c + ((end[n] ?? 0) - c) * share)) as unknown as Rgb;
    if (contrast(mixed, surface) >= READABLE) return mixed;
  }
  return end;
}

function luminance(rgb: Rgb): number {
  const [r, g, b] = rgb.map((channel) => {
    const c = channel / 255;
    return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
  }) as [number, number, number];
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

function css(rgb: Rgb): string {
  return `#${rgb.map((c) => c.toString(16).padStart(2, "0")).join("")}`;
}
