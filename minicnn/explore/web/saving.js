// The whole picture as one file: all arrays and both matrices, as SVG or PNG.

import { CanvasSurface, SvgSurface, shifted } from "./surface.js";

/** @typedef {import("./surface.js").Surface} Surface */
/** @typedef {import("./colors.js").Theme} Theme */
/** @typedef {import("./model.js").Lit} Lit */

/**
 * A part of the picture.
 *
 * @typedef {object} Part
 * @property {string} said
 * @property {import("./boards.js").Board | import("./matrix.js").Matrix} picture
 * @property {number} side
 */

const MARGIN = 24;
const GAP = 32;
const CAPTION = 24;

/** Where everything goes: rows of parts under lines of text. @param {string[]} lines @param {Part[][]} rows */
function laidOut(lines, rows) {
  let y = MARGIN + lines.length * 26 + GAP / 2;
  let width = 480;
  const placed = rows.flatMap((row) => {
    let x = MARGIN;
    const height = Math.max(...row.map(({ picture, side }) => picture.height * side));
    const each = row.map((part) => {
      const here = { part, x, y: y + CAPTION };
      x += Math.max(part.picture.width * part.side, part.said.length * 8) + GAP;
      return here;
    });
    width = Math.max(width, x - GAP + MARGIN);
    y += CAPTION + height + GAP;
    return each;
  });
  return { placed, width, height: y - GAP + MARGIN };
}

/**
 * @param {Surface} surface
 * @param {string[]} lines
 * @param {ReturnType<typeof laidOut>["placed"]} placed
 * @param {Theme} theme
 * @param {Lit | null} lit
 */
function paint(surface, lines, placed, theme, lit) {
  lines.forEach((line, n) =>
    surface.text(MARGIN, MARGIN + 16 + n * 26, line, {
      size: n ? 14 : 18,
      fill: n ? theme.muted : theme.ink,
      anchor: "start",
      weight: n ? 400 : 600,
    }),
  );
  for (const { part, x, y } of placed) {
    surface.text(x, y - 9, part.said, { size: 14, fill: theme.ink, anchor: "start", weight: 600 });
    const here = shifted(surface, x, y);
    part.picture.paint(here, part.side, theme);
    if (lit) part.picture.glow(here, part.side, theme, lit);
  }
}

/** @param {string[]} lines @param {Part[][]} rows @param {Theme} theme @param {Lit | null} lit */
export function asSvg(lines, rows, theme, lit) {
  const { placed, width, height } = laidOut(lines, rows);
  const surface = new SvgSurface();
  paint(surface, lines, placed, theme, lit);
  return surface.written(width, height, theme.paper, lines[0]);
}

const LONGEST = 8000; // pixels of the longer side of a PNG

/**
 * @param {string[]} lines
 * @param {Part[][]} rows
 * @param {Theme} theme
 * @param {Lit | null} lit
 * @returns {Promise<Blob | null>}
 */
export function asPng(lines, rows, theme, lit) {
  const { placed, width, height } = laidOut(lines, rows);
  const scale = Math.min(2, LONGEST / Math.max(width, height));
  const canvas = Object.assign(document.createElement("canvas"), {
    width: Math.ceil(width * scale),
    height: Math.ceil(height * scale),
  });
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  context.scale(scale, scale);
  context.fillStyle = theme.paper;
  context.fillRect(0, 0, width, height);
  paint(new CanvasSurface(context), lines, placed, theme, lit);
  return new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
}

/** Hand a file to the browser. @param {Blob} blob @param {string} name */
export function download(blob, name) {
  const link = Object.assign(document.createElement("a"), { href: URL.createObjectURL(blob), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}
