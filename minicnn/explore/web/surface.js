// What pictures are drawn on: a canvas on the page, or an SVG that is saved. Both know the same few shapes.

/**
 * @typedef {object} Surface
 * @property {(x: number, y: number, width: number, height: number, style: {fill?: string, stroke?: string, line?: number, dash?: boolean, alpha?: number}) => void} rect
 * @property {(x: number, y: number, said: string, style: {size: number, fill: string, anchor?: "start" | "middle", weight?: number, most?: number}) => void} text
 * @property {(points: [number, number][], style: {stroke: string, line?: number, dash?: boolean, alpha?: number}) => void} path
 * @property {(x: number, y: number, radius: number, style: {fill: string, alpha?: number}) => void} dot
 */

export const FONT = 'system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "DejaVu Sans", sans-serif';

/** @implements {Surface} */
export class CanvasSurface {
  /** @param {CanvasRenderingContext2D} context */
  constructor(context) {
    this.context = context;
  }

  /** @type {Surface["rect"]} */
  rect(x, y, width, height, { fill, stroke, line = 1, dash = false, alpha = 1 }) {
    const { context } = this;
    context.globalAlpha = alpha;
    if (fill) {
      context.fillStyle = fill;
      context.fillRect(x, y, width, height);
    }
    if (stroke) {
      context.setLineDash(dash ? [3, 3] : []);
      context.strokeStyle = stroke;
      context.lineWidth = line;
      context.strokeRect(x, y, width, height);
    }
    context.globalAlpha = 1;
  }

  /** @type {Surface["text"]} */
  text(x, y, said, { size, fill, anchor = "middle", weight = 400, most = Infinity }) {
    const { context } = this;
    context.font = `${weight} ${size}px ${FONT}`;
    context.fillStyle = fill;
    context.textAlign = anchor === "start" ? "left" : "center";
    context.textBaseline = "alphabetic";
    if (most === Infinity) context.fillText(said, x, y);
    else context.fillText(said, x, y, most);
  }

  /** @type {Surface["path"]} */
  path(points, { stroke, line = 1, dash = false, alpha = 1 }) {
    const { context } = this;
    context.globalAlpha = alpha;
    context.setLineDash(dash ? [3, 3] : []);
    context.strokeStyle = stroke;
    context.lineWidth = line;
    context.beginPath();
    points.forEach(([x, y], n) => (n ? context.lineTo(x, y) : context.moveTo(x, y)));
    context.stroke();
    context.globalAlpha = 1;
  }

  /** @type {Surface["dot"]} */
  dot(x, y, radius, { fill, alpha = 1 }) {
    const { context } = this;
    context.globalAlpha = alpha;
    context.fillStyle = fill;
    context.beginPath();
    context.arc(x, y, radius, 0, 2 * Math.PI);
    context.fill();
    context.globalAlpha = 1;
  }
}

/** @implements {Surface} */
export class SvgSurface {
  constructor() {
    /** @type {string[]} */
    this.parts = [];
  }

  /** @type {Surface["rect"]} */
  rect(x, y, width, height, { fill, stroke, line = 1, dash = false, alpha = 1 }) {
    const edge = stroke ? ` stroke="${stroke}" stroke-width="${line}"${dash ? ' stroke-dasharray="3 3"' : ""}` : "";
    const fade = alpha < 1 ? ` opacity="${round(alpha)}"` : "";
    this.parts.push(
      `<rect x="${round(x)}" y="${round(y)}" width="${round(width)}" height="${round(height)}" fill="${fill ?? "none"}"${edge}${fade}/>`,
    );
  }

  /** @type {Surface["text"]} */
  text(x, y, said, { size, fill, anchor = "middle", weight = 400, most = Infinity }) {
    const estimate = said.length * size * 0.58;
    const squeeze = estimate > most ? ` textLength="${round(most)}" lengthAdjust="spacingAndGlyphs"` : "";
    const bold = weight === 400 ? "" : ` font-weight="${weight}"`;
    this.parts.push(
      `<text x="${round(x)}" y="${round(y)}" font-size="${round(size)}" fill="${fill}" text-anchor="${anchor}"${bold}${squeeze}>${escaped(said)}</text>`,
    );
  }

  /** @type {Surface["path"]} */
  path(points, { stroke, line = 1, dash = false, alpha = 1 }) {
    const d = points.map(([x, y], n) => `${n ? "L" : "M"}${round(x)} ${round(y)}`).join("");
    this.parts.push(
      `<path d="${d}" fill="none" stroke="${stroke}" stroke-width="${line}"${dash ? ' stroke-dasharray="3 3"' : ""} opacity="${round(alpha)}"/>`,
    );
  }

  /** @type {Surface["dot"]} */
  dot(x, y, radius, { fill, alpha = 1 }) {
    this.parts.push(
      `<circle cx="${round(x)}" cy="${round(y)}" r="${round(radius)}" fill="${fill}" opacity="${round(alpha)}"/>`,
    );
  }

  /** The whole picture. @param {number} width @param {number} height @param {string} paper @param {string} title */
  written(width, height, paper, title) {
    const [w, h] = [round(width), round(height)];
    return (
      `<svg xmlns="http://www.w3.org/2000/svg" width="${w}" height="${h}" viewBox="0 0 ${w} ${h}" font-family="${escaped(FONT)}" role="img">` +
      `<title>${escaped(title)}</title><rect width="${w}" height="${h}" fill="${paper}"/>${this.parts.join("")}</svg>\n`
    );
  }
}

/** Moves what is drawn. @param {Surface} surface @param {number} dx @param {number} dy @returns {Surface} */
export function shifted(surface, dx, dy) {
  return {
    rect: (x, y, width, height, style) => surface.rect(x + dx, y + dy, width, height, style),
    text: (x, y, said, style) => surface.text(x + dx, y + dy, said, style),
    path: (points, style) =>
      surface.path(
        points.map(([x, y]) => [x + dx, y + dy]),
        style,
      ),
    dot: (x, y, radius, style) => surface.dot(x + dx, y + dy, radius, style),
  };
}

/** @param {number} value */
const round = (value) => Math.round(value * 100) / 100;

/** @param {string} said */
const escaped = (said) =>
  said.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
