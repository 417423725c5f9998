// Colours of taps: lightness falls from the first tap to the last, so that they are told apart without hue.

/**
 * @typedef {{paper: string, ink: string, muted: string, line: string, soft: string, accent: string, good: string, positive: string, negative: string}} Theme
 */

/** @type {Theme | null} */
let known = null;

/** The colours of the page around, as they were read last. */
export function theme() {
  known ??= readTheme();
  return known;
}

/** Read the colours from the style sheet. @returns {Theme} */
export function readTheme() {
  const style = getComputedStyle(document.documentElement);
  /** @param {string} name */
  const color = (name) => style.getPropertyValue(`--${name}`).trim();
  known = {
    ...{ paper: color("paper"), ink: color("ink"), muted: color("muted"), line: color("line"), soft: color("soft") },
    ...{ accent: color("accent"), good: color("good") },
    ...{ positive: color("positive"), negative: color("negative") },
  };
  return known;
}

// From a light yellow over green and blue to a violet, as viridis runs, but calmer: chroma is about half of viridis's.
const LIGHTNESS = [0.91, 0.5];
const CHROMA = [0.105, 0.125];
const HUE = [98, 305];

/** Colours by n and tap. @type {Map<number, string[]>} */
const made = new Map();

/** The colour of one of n taps. @param {number} tap @param {number} n */
export function tapColor(tap, n) {
  let colors = made.get(n);
  if (!colors) made.set(n, (colors = Array.from({ length: n }, (_, one) => mixed(one, n))));
  return colors[tap];
}

/** @param {number} tap @param {number} n */
function mixed(tap, n) {
  const at = n > 1 ? tap / (n - 1) : 0.35;
  const [l, c, h] = [LIGHTNESS, CHROMA, HUE].map(([from, to]) => from + (to - from) * at);
  return hex(oklab(l, c * Math.cos((h * Math.PI) / 180), c * Math.sin((h * Math.PI) / 180)));
}

/** Ink that can be read on the colour of a tap. @param {number} tap @param {number} n */
export function inkOn(tap, n) {
  return (n > 1 ? tap / (n - 1) : 0.35) < 0.62 ? "#1b1b1f" : "#ffffff";
}

/**
 * The linear light of a colour, by the matrices of Ottosson's Oklab.
 *
 * @param {number} L
 * @param {number} a
 * @param {number} b
 */
function oklab(L, a, b) {
  const l = (L + 0.3963377774 * a + 0.2158037573 * b) ** 3;
  const m = (L - 0.1055613458 * a - 0.0638541728 * b) ** 3;
  const s = (L - 0.0894841775 * a - 1.291485548 * b) ** 3;
  return [
    4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s,
    -1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s,
    -0.0041960863 * l - 0.7034186147 * m + 1.707614701 * s,
  ];
}

/** @param {number[]} linear */
function hex(linear) {
  const levels = linear.map((value) => {
    const inside = Math.min(Math.max(value, 0), 1);
    return Math.round(255 * (inside <= 0.0031308 ? 12.92 * inside : 1.055 * inside ** (1 / 2.4) - 0.055));
  });
  return `#${levels.map((level) => level.toString(16).padStart(2, "0")).join("")}`;
}
