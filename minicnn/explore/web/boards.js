// Arrays as boards of square cells, one block for each channel: the input with its padding and gaps, kernels, the output.

import { inkOn, tapColor } from "./colors.js";
import { NOTHING } from "./focus.js";
import { isPool } from "./setting.js";
import { plane, size } from "./maps.js";
import { placeOf, written } from "./numbers.js";
import { texts } from "./texts.js";

/** @typedef {import("./model.js").Model} Model */
/** @typedef {import("./focus.js").Focus} Focus */
/** @typedef {import("./model.js").Lit} Lit */
/** @typedef {import("./surface.js").Surface} Surface */
/** @typedef {import("./colors.js").Theme} Theme */
/** @typedef {import("./axis.js").Axis} Axis */

/**
 * @typedef {object} Cell
 * @property {number} u column of the board, in cells
 * @property {number} v row of the board, in cells
 * @property {number} index in the array; of a copy that of the original, −1 for a zero
 * @property {"value" | "copy" | "zero" | "gap"} kind
 * @property {string} [key] channel and place, by which a window finds it
 */

/** @typedef {"x" | "w" | "yBar" | "y" | "xBar" | "wBar"} ArrayName */
/** @typedef {"row" | "column" | "tap"} Index which index of a term the array's entries are */

const GAP = 1; // cells between blocks
const TITLE = 0.8; // cells above a block that has a title
const MOST_BESIDE = 3; // blocks side by side before they are put in rows

/** A picture of an array. */
export class Board {
  /**
   * @param {Model} model @param {ArrayName} name @param {Index} index @param {Cell[]} cells
   * @param {{u: number, v: number, said: string}[]} titles
   */
  constructor(model, name, index, cells, titles) {
    this.model = model;
    this.name = name;
    this.index = index;
    this.cells = cells;
    this.titles = titles;
    this.width = Math.max(...cells.map((cell) => cell.u)) + 1;
    this.height = Math.max(...cells.map((cell) => cell.v)) + 1;
    this.colored = name === "w";
    this.editable = name === "x" || name === "yBar" || (name === "w" && !isPool(model.layer.setting.kind));
    /** @type {Map<string, Cell>} */
    this.places = new Map(cells.map((cell) => [cell.key ?? "", cell]));
    /** @type {ArrayLike<number>} */
    this.values = [];
    /** Entries from here on are not known yet. */
    this.known = Infinity;
  }

  /** @param {number} u @param {number} v @returns {Focus | null} */
  at(u, v) {
    const cell = this.cellAt(u, v);
    return cell && cell.index >= 0 ? { ...NOTHING, [this.index]: cell.index } : null;
  }

  /** @param {number} u @param {number} v */
  cellAt(u, v) {
    return this.cells.find((cell) => u >= cell.u && u < cell.u + 1 && v >= cell.v && v < cell.v + 1) ?? null;
  }

  /** Where the entry itself is. @param {number} index */
  cellOf(index) {
    return this.cells.find((cell) => cell.index === index && cell.kind === "value") ?? null;
  }

  /** @param {Surface} surface @param {number} side @param {Theme} theme */
  paint(surface, side, theme) {
    const most = Math.max(1e-9, ...Array.from(this.values, Math.abs));
    for (const { u, v, said } of this.titles)
      surface.text(u * side, (v - 0.25) * side, said, {
        size: Math.min(12, side * 0.55),
        fill: theme.muted,
        anchor: "start",
      });
    for (const cell of this.cells) this.paintCell(surface, side, theme, cell, most);
  }

  /** @param {Surface} surface @param {number} side @param {Theme} theme @param {Cell} cell @param {number} most */
  paintCell(surface, side, theme, cell, most) {
    const [x, y] = [cell.u * side, cell.v * side];
    if (cell.kind === "gap") {
      surface.dot(x + side / 2, y + side / 2, Math.max(side / 20, 0.8), { fill: theme.muted, alpha: 0.6 });
      return;
    }
    if (cell.kind !== "value") {
      if (side > 9) surface.rect(x + 1.5, y + 1.5, side - 3, side - 3, { stroke: theme.line, dash: true });
      else surface.rect(x + 0.5, y + 0.5, side - 1, side - 1, { fill: theme.soft });
      if (side >= READABLE) this.write(surface, side, cell, theme.muted, cell.kind === "zero" ? "0" : undefined);
      return;
    }
    const unknown = cell.index >= this.known;
    if (this.colored) surface.rect(x + 0.5, y + 0.5, side - 1, side - 1, { fill: this.colorOf(cell.index), alpha: 1 });
    else if (!unknown) {
      const share = Math.abs(this.values[cell.index]) / most;
      surface.rect(x + 0.5, y + 0.5, side - 1, side - 1, { fill: theme.paper });
      surface.rect(x + 0.5, y + 0.5, side - 1, side - 1, {
        fill: this.values[cell.index] < 0 ? theme.negative : theme.ink,
        alpha: share * (side >= READABLE ? 0.1 : 0.7),
      });
    }
    if (side > 5) surface.rect(x + 0.5, y + 0.5, side - 1, side - 1, { stroke: theme.line });
    if (side >= READABLE && !unknown)
      this.write(surface, side, cell, this.colored ? inkOn(cell.index, this.model.tapCount) : theme.ink);
  }

  /** @param {Surface} surface @param {number} side @param {Cell} cell @param {string} fill @param {string} [said] */
  write(surface, side, cell, fill, said) {
    const named = this.name === "w" && this.model.state.entries === "names" && !isPool(this.model.layer.setting.kind);
    const label =
      said ?? (named && side >= 26 ? `${written(this.values[cell.index])}` : written(this.values[cell.index]));
    const letters = Math.min(side * 0.42, 20, (side * 1.5) / Math.max(label.length, 1));
    const [x, y] = [cell.u * side, cell.v * side];
    surface.text(x + side / 2, y + side / 2 + letters * 0.36, label, { size: letters, fill, most: side - 3 });
  }

  /** @param {number} tap */
  colorOf(tap) {
    return tapColor(tap, this.model.tapCount);
  }

  /**
   * What lies over the picture while something is pointed at.
   *
   * @param {Surface} surface
   * @param {number} side
   * @param {Theme} theme
   * @param {Lit} lit
   */
  glow(surface, side, theme, lit) {
    const colors = { row: lit.rows, column: lit.columns, tap: lit.taps }[this.index];
    const pointed = lit.focus[this.index];
    if (this.colored && lit.terms.length) {
      for (const cell of this.cells) {
        if (!lit.taps.has(cell.index))
          surface.rect(cell.u * side, cell.v * side, side, side, { fill: theme.paper, alpha: 0.6 });
      }
    }
    for (const cell of this.cells) {
      const tap = colors instanceof Map ? colors.get(cell.index) : undefined;
      if (tap === undefined || cell.index === pointed || cell.index < 0) continue;
      if (cell.kind === "copy" && lit.focus.row >= 0) continue; // those under the window are lit by their places
      this.light(surface, side, theme, cell, tap);
    }
    for (const { place, tap, read } of lit.focus.row >= 0 && this.window ? this.window(lit.focus.row) : []) {
      const cell = this.places.get(place);
      if (cell && read) this.light(surface, side, theme, cell, tap);
      else if (cell)
        surface.rect(cell.u * side + 1.5, cell.v * side + 1.5, side - 3, side - 3, {
          stroke: this.colorOf(tap),
          line: 2,
        });
    }
    for (const cell of this.cells) {
      if (cell.index !== pointed || pointed < 0) continue;
      const own = cell.kind === "value";
      surface.rect(cell.u * side + 1, cell.v * side + 1, side - 2, side - 2, {
        stroke: theme.accent,
        line: own ? Math.max(2, side / 14) : 1.5,
        dash: !own,
      });
    }
  }

  /** @param {Surface} surface @param {number} side @param {Theme} theme @param {Cell} cell @param {number} tap */
  light(surface, side, theme, cell, tap) {
    const [x, y] = [cell.u * side, cell.v * side];
    const solid = cell.kind === "value";
    surface.rect(x + 0.5, y + 0.5, side - 1, side - 1, { fill: theme.paper });
    surface.rect(x + 0.5, y + 0.5, side - 1, side - 1, { fill: this.colorOf(tap), alpha: solid ? 1 : 0.45 });
    if (side > 5)
      surface.rect(x + 0.5, y + 0.5, side - 1, side - 1, {
        stroke: theme.ink,
        alpha: solid ? 0.55 : 0.25,
        dash: !solid,
      });
    if (side >= READABLE && cell.index < this.known) {
      const ink = solid ? inkOn(tap, this.model.tapCount) : theme.ink;
      if (cell.index >= 0) this.write(surface, side, cell, ink);
      else if (cell.kind === "zero") this.write(surface, side, cell, ink, "0");
    }
  }

  /**
   * The places under the window of an output, padding included, and whether their values count: of a maximum only one does.
   * Set where one window slides.
   *
   * @type {((row: number) => {place: string, tap: number, read: boolean}[]) | null}
   */
  window = null;
}

/** The smallest cell in which a number can be read, in pixels. */
const READABLE = 15;

/**
 * Blocks of one size, one for each channel: a few side by side, many in rows.
 *
 * @param {number} channels
 * @param {number} width
 * @param {number} height
 */
function blocks(channels, width, height) {
  const across = channels > MOST_BESIDE ? Math.ceil(Math.sqrt(channels)) : channels;
  const title = channels > 1 ? TITLE : 0;
  /** Where a block begins. @param {number} c @returns {[number, number]} */
  const place = (c) => [(c % across) * (width + GAP), Math.floor(c / across) * (height + GAP + title) + title];
  const titles = Array.from({ length: channels > 1 ? channels : 0 }, (_, c) => {
    const [u, v] = place(c);
    return { u, v, said: texts.channel(c) };
  });
  return { place, titles, width: across * (width + GAP) - GAP };
}

/**
 * The input as it lies under the window: padding around it and gaps inside.
 *
 * @param {Model} model
 * @param {"x" | "xBar"} name
 */
export function inputBoard(model, name) {
  const { layer } = model;
  const channels = layer.inShape[layer.rank];
  const ranges = layer.axes.map((axis, n) => rangeOf(model, axis, n, name === "x" || n === layer.rank - 1));
  const [rows, columns] = plane(ranges, [0]);
  const sizes = layer.rank === 2 ? layer.setting.input : [1, layer.setting.input[0]];
  const { place, titles, width } = blocks(channels, columns.length, rows.length);
  /** @type {Cell[]} */
  const cells = [];
  for (let c = 0; c < channels; c++) {
    const [left, top] = place(c);
    rows.forEach((place0, v) => {
      columns.forEach((place1, u) => {
        const [i0, i1] = [
          positionOf(model, layer.rank === 2 ? 0 : -1, place0),
          positionOf(model, layer.rank - 1, place1),
        ];
        const none =
          i0.kind === "zero" || i1.kind === "zero" ? "zero" : i0.kind === "gap" || i1.kind === "gap" ? "gap" : null;
        const index = none ? -1 : (i0.i * sizes[1] + i1.i) * channels + c;
        const kind = none ?? (i0.kind === "copy" || i1.kind === "copy" ? "copy" : "value");
        if (name === "xBar" && (kind === "zero" || kind === "copy")) return; // its pixels lie below those of x
        cells.push({ u: left + u, v: top + v, index, kind, key: keyOf(c, place0, place1) });
      });
    });
  }
  const board = new Board(model, name, "column", cells, titles);
  board.width = width;
  if (name === "x" && !(layer.setting.transpose && layer.pads)) board.window = (row) => windowOf(model, row);
  return board;
}

/**
 * The places of an axis that are drawn: the input, and around it its padding and wherever a window reaches.
 *
 * @param {Model} model
 * @param {Axis} axis
 * @param {number} n
 * @param {boolean} around
 */
function rangeOf(model, axis, n, around) {
  const { layer } = model;
  let [first, last] = [0, axis.stretched - 1];
  if (around) {
    const [start, end] = axis.span;
    const [low, high] = layer.setting.transpose ? [0, 0] : layer.slidings[n].widths(axis.inSize);
    [first, last] = [Math.min(first, start, -low), Math.max(last, end, axis.stretched - 1 + high)];
  }
  return Array.from({ length: last - first + 1 }, (_, m) => first + m);
}

/**
 * What is at a place of an axis.
 *
 * @param {Model} model
 * @param {number} n −1 for the axis that a row of numbers has not
 * @param {number} place
 * @returns {{i: number, kind: Cell["kind"]}}
 */
function positionOf({ layer }, n, place) {
  if (n < 0) return { i: 0, kind: "value" };
  const axis = layer.axes[n];
  if (place >= 0 && place < axis.stretched) {
    return place % axis.stretch ? { i: -1, kind: "gap" } : { i: place / axis.stretch, kind: "value" };
  }
  const pad = layer.setting.transpose ? null : layer.pads?.[n];
  return pad ? { i: pad.copied(place + pad.low), kind: "copy" } : { i: -1, kind: "zero" };
}

/** @param {number} c @param {number} place0 @param {number} place1 */
const keyOf = (c, place0, place1) => `${c},${place0},${place1}`;

/** The places under the window of an output. @param {Model} model @param {number} row */
function windowOf(model, row) {
  const { layer } = model;
  const { setting, channels } = layer;
  const [cOut, cIn] = [layer.outShape[layer.rank], layer.inShape[layer.rank]];
  const place = placeOf(Math.floor(row / cOut), layer.outShape.slice(0, layer.rank));
  const [o0, o1] = plane(place, 0);
  const [height, width] = [layer.rank === 2 ? layer.axes[0] : null, layer.axes[layer.rank - 1]];
  const touched = [];
  const chosen = new Set(model.byRow[row].map((n) => model.map.terms.taps[n]));
  const selects = setting.kind === "max" || (setting.kind === "lp" && setting.p === Infinity);
  const group = Math.floor((row % cOut) / (cOut / setting.groups));
  const some = isPool(setting.kind)
    ? [row % cOut]
    : Array.from({ length: cIn / setting.groups }, (_, e) => group * (cIn / setting.groups) + e);
  const kernelTaps = size(setting.kernel);
  const base = kernelOf(model, o0, o1) * kernelTaps;
  for (let k0 = 0; k0 < (height ? height.kernelSize : 1); k0++) {
    for (let k1 = 0; k1 < width.kernelSize; k1++) {
      for (const c of some) {
        const k = base + k0 * width.kernelSize + k1;
        const [e, d] = setting.transpose ? [(row % cOut) % channels.perGroup, c] : [c % channels.perGroup, row % cOut];
        const tap = isPool(setting.kind) ? k : (k * channels.perGroup + e) * channels.cOut + d;
        if (setting.mask && !isPool(setting.kind) && !setting.mask[e * channels.cOut + d]) continue;
        touched.push({
          place: keyOf(c, height ? height.position(o0, k0) : 0, width.position(o1, k1)),
          tap,
          read: !selects || chosen.has(tap),
        });
      }
    }
  }
  return touched;
}

/** Which kernel an output has. @param {Model} model @param {number} o0 @param {number} o1 */
function kernelOf({ layer }, o0, o1) {
  const { kind, tile } = layer.setting;
  const [, width] = plane(layer.outShape.slice(0, layer.rank), 1);
  const [tileHeight, tileWidth] = plane(tile, 1);
  return kind === "local" ? o0 * width + o1 : kind === "tiled" ? (o0 % tileHeight) * tileWidth + (o1 % tileWidth) : 0;
}

/** @param {Model} model @param {"y" | "yBar"} name */
export function outputBoard(model, name) {
  const { layer } = model;
  const channels = layer.outShape[layer.rank];
  const [height, width] = plane(layer.outShape.slice(0, layer.rank), 1);
  const { place, titles } = blocks(channels, width, height);
  const cells = Array.from({ length: size(layer.outShape) }, (_, index) => {
    const [o, c] = [Math.floor(index / channels), index % channels];
    const [left, top] = place(c);
    return /** @type {Cell} */ ({ u: left + (o % width), v: top + Math.floor(o / width), index, kind: "value" });
  });
  return new Board(model, name, "row", cells, titles);
}

/**
 * Kernels: input channels below each other, output channels side by side, those of single outputs as the outputs lie.
 *
 * @param {Model} model
 * @param {"w" | "wBar"} name
 */
export function kernelBoard(model, name) {
  const { layer } = model;
  const { setting, wShape, rank } = layer;
  const [kernelHeight, kernelWidth] = plane(setting.kernel, 1);
  const places = wShape.slice(0, wShape.length - rank - 2);
  const [tileHeight, tileWidth] = places.length ? plane(places, 1) : [1, 1];
  const [perGroup, cOut] = wShape.slice(-2);
  const gap = places.length ? 0.5 : GAP;
  const cells = Array.from({ length: size(wShape) }, (_, index) => {
    const d = index % cOut;
    const e = Math.floor(index / cOut) % perGroup;
    const k = Math.floor(index / (cOut * perGroup)) % (kernelHeight * kernelWidth);
    const t = Math.floor(index / (cOut * perGroup * kernelHeight * kernelWidth));
    const column = d * tileWidth + (t % tileWidth);
    const row = e * tileHeight + Math.floor(t / tileWidth);
    const cell = {
      u: column * (kernelWidth + gap) + (k % kernelWidth),
      v: row * (kernelHeight + gap) + Math.floor(k / kernelWidth),
    };
    return /** @type {Cell} */ ({ ...cell, index, kind: "value" });
  });
  return new Board(model, name, "tap", cells, []);
}
