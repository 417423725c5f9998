// A matrix as a picture: C, or its transpose, coloured by tap, with a dot where the tap is in the kernel.

import { inkOn, tapColor } from "./colors.js";
import { NOTHING } from "./focus.js";
import { Layer, size } from "./maps.js";

/** @typedef {import("./model.js").Model} Model */
/** @typedef {import("./focus.js").Focus} Focus */
/** @typedef {import("./model.js").Lit} Lit */
/** @typedef {import("./surface.js").Surface} Surface */
/** @typedef {import("./colors.js").Theme} Theme */

/** Sides of an entry, in pixels, from which its edges, its dot and its label can be seen. */
const EDGED = 5;
const DOTTED = 7;
const LABELLED = 19;

/** The side of an entry that is smaller than this, in pixels. */
const VISIBLE = 1.25;

/** How far what is not pointed at recedes: it stays readable. */
const FADED = 0.38;

export class Matrix {
  /** @param {Model} model @param {boolean} turned whether it is the transpose */
  constructor(model, turned) {
    this.model = model;
    this.turned = turned;
    this.editable = false;
    this.values = model.map;
    this.width = turned ? model.rows : model.columns;
    this.height = turned ? model.columns : model.rows;
    /** Columns from here on are not filled in yet. */
    this.known = Infinity;
  }

  /** @param {number} u @param {number} v @returns {Focus | null} */
  at(u, v) {
    const [column, row] = [Math.floor(u), Math.floor(v)];
    if (column < 0 || row < 0 || column >= this.width || row >= this.height) return null;
    return this.turned ? { ...NOTHING, row: column, column: row } : { ...NOTHING, row, column };
  }

  /** Where an entry is drawn. @param {number} row @param {number} column @returns {[number, number]} */
  place(row, column) {
    return this.turned ? [row, column] : [column, row];
  }

  /** @param {Surface} surface @param {number} side @param {Theme} theme */
  paint(surface, side, theme) {
    surface.rect(0, 0, this.width * side, this.height * side, { fill: theme.soft });
    this.paintGrid(surface, side, theme);
    const { rows, columns } = this.model.map.entries;
    if (this.model.state.form === "circulant") this.paintCirculant(surface, side, theme);
    rows.forEach((row, entry) => {
      const [u, v] = this.place(row, columns[entry]);
      if (u < this.known) this.paintEntry(surface, side, entry, u, v);
    });
    const forms = {
      none: () => {},
      circulant: () => {},
      tiles: () => this.paintTiles(surface, side, theme),
      diagonals: () => this.paintDiagonals(surface, side, theme),
    };
    forms[this.model.state.form]();
  }

  /**
   * Lines between the images' rows, so that blocks can be seen.
   *
   * @param {Surface} surface
   * @param {number} side
   * @param {Theme} theme
   */
  paintGrid(surface, side, theme) {
    if (side >= DOTTED) {
      for (let u = 0; u <= this.width; u++)
        surface.path(
          [
            [u * side, 0],
            [u * side, this.height * side],
          ],
          { stroke: theme.line, alpha: 0.5, line: 0.5 },
        );
      for (let v = 0; v <= this.height; v++)
        surface.path(
          [
            [0, v * side],
            [this.width * side, v * side],
          ],
          { stroke: theme.line, alpha: 0.5, line: 0.5 },
        );
    }
    const { layer } = this.model;
    if (layer.rank < 2) return;
    const [across, down] = this.turned ? [layer.outShape, layer.inShape] : [layer.inShape, layer.outShape];
    const [stepAcross, stepDown] = [across[1] * across[2], down[1] * down[2]];
    for (let u = stepAcross; u < this.width; u += stepAcross)
      surface.path(
        [
          [u * side, 0],
          [u * side, this.height * side],
        ],
        { stroke: theme.muted, alpha: 0.45 },
      );
    for (let v = stepDown; v < this.height; v += stepDown)
      surface.path(
        [
          [0, v * side],
          [this.width * side, v * side],
        ],
        { stroke: theme.muted, alpha: 0.45 },
      );
  }

  /** @param {Surface} surface @param {number} side @param {number} entry @param {number} u @param {number} v */
  paintEntry(surface, side, entry, u, v) {
    const { model } = this;
    const { starts, order } = model.map.entries;
    const tap = model.map.terms.taps[order[starts[entry]]];
    const [x, y] = [u * side, v * side];
    const inset = side >= EDGED ? 0.5 : 0;
    surface.rect(x + inset, y + inset, Math.max(side - 2 * inset, VISIBLE), Math.max(side - 2 * inset, VISIBLE), {
      fill: tapColor(tap, model.tapCount),
    });
    if (side >= DOTTED && (side < LABELLED || model.state.entries === "numbers"))
      this.paintDot(surface, side, tap, x, y);
    if (side >= LABELLED) {
      const label = model.labelOfEntry(entry);
      const letters = Math.min(side * 0.42, 17, (side * 1.75) / Math.max(label.length, 1));
      surface.text(x + side / 2, y + side / 2 + letters * 0.34, label, {
        size: letters,
        fill: inkOn(tap, model.tapCount),
        most: side - 3,
      });
    }
    if (starts[entry + 1] - starts[entry] > 1 && side >= EDGED)
      surface.rect(x + 2, y + 2, side - 4, side - 4, { stroke: inkOn(tap, model.tapCount), alpha: 0.5 });
  }

  /**
   * A dot where the tap is in the kernel, so that taps are told apart without colours.
   *
   * @param {Surface} surface
   * @param {number} side
   * @param {number} tap
   * @param {number} x
   * @param {number} y
   */
  paintDot(surface, side, tap, x, y) {
    const { model } = this;
    const [down, across] = model.placeOfTap(tap);
    const margin = Math.max(2.2, side * 0.14);
    const room = side - 2 * margin;
    surface.dot(x + margin + across * room, y + margin + down * room, Math.max(0.9, side * 0.055), {
      fill: inkOn(tap, model.tapCount),
      alpha: 0.65,
    });
  }

  /**
   * The one small matrix that all tiles share: an outline around the outputs and the window of each tile.
   *
   * @param {Surface} surface
   * @param {number} side
   * @param {Theme} theme
   */
  paintTiles(surface, side, theme) {
    const { layer, map } = this.model;
    const [width, channels] = [layer.outShape[layer.rank - 1], layer.outShape[layer.rank]];
    const wide = tileOf(layer) * channels;
    /** @type {Map<number, [number, number, number, number]>} */
    const boxes = new Map();
    map.terms.rows.forEach((row, n) => {
      const line = Math.floor(row / (width * channels));
      const tile = Math.floor((row % (width * channels)) / wide);
      const column = map.terms.columns[n];
      const [across, perLine] = [layer.inShape[layer.rank], layer.inShape[layer.rank - 1]];
      const band = Math.floor(column / (across * perLine));
      const key = (line * 10_000 + tile) * 10_000 + band;
      const box = boxes.get(key) ?? [Infinity, Infinity, -Infinity, -Infinity];
      boxes.set(key, [
        Math.min(box[0], row),
        Math.min(box[1], column),
        Math.max(box[2], row),
        Math.max(box[3], column),
      ]);
    });
    for (const [top, left, bottom, right] of boxes.values()) {
      const [[u0, v0], [u1, v1]] = [this.place(top, left), this.place(bottom, right)];
      if (u1 >= this.known) continue;
      surface.rect(u0 * side, v0 * side, (u1 - u0 + 1) * side, (v1 - v0 + 1) * side, {
        fill: theme.accent,
        alpha: 0.12,
      });
      surface.rect(u0 * side, v0 * side, (u1 - u0 + 1) * side, (v1 - v0 + 1) * side, {
        stroke: theme.accent,
        line: Math.max(1, Math.min(2, side / 8)),
      });
    }
  }

  /**
   * A line through each tap's entries of neighbouring rows.
   *
   * @param {Surface} surface
   * @param {number} side
   * @param {Theme} theme
   */
  paintDiagonals(surface, side, theme) {
    const { layer, map, byTap } = this.model;
    const line = layer.outShape[layer.rank - 1] * layer.outShape[layer.rank];
    for (const terms of byTap) {
      /** @type {[number, number][]} */
      let run = [];
      let before = -1;
      for (const n of terms) {
        const row = map.terms.rows[n];
        const [u, v] = this.place(row, map.terms.columns[n]);
        const point = /** @type {[number, number]} */ ([(u + 0.5) * side, (v + 0.5) * side]);
        if (before >= 0 && Math.floor(row / line) !== Math.floor(before / line)) {
          if (run.length > 1) surface.path(run, { stroke: theme.accent, line: Math.max(1, side / 10), alpha: 0.8 });
          run = [];
        }
        if (u < this.known) run.push(point);
        before = row;
      }
      if (run.length > 1) surface.path(run, { stroke: theme.accent, line: Math.max(1, side / 10), alpha: 0.8 });
    }
  }

  /**
   * The entries that circular padding would add, hollow: they complete C to a matrix that the DFT diagonalises.
   *
   * @param {Surface} surface
   * @param {number} side
   * @param {Theme} theme
   */
  paintCirculant(surface, side, theme) {
    const added = circulantOf(this.model);
    if (!added) return;
    added.forEach(([row, column, tap]) => {
      const [u, v] = this.place(row, column);
      surface.rect(u * side + 1, v * side + 1, Math.max(side - 2, 1), Math.max(side - 2, 1), {
        stroke: tapColor(tap, this.model.tapCount),
        line: Math.max(1, side / 12),
        dash: side >= EDGED,
      });
      if (side >= DOTTED)
        surface.path(
          [
            [u * side + 3, (v + 1) * side - 3],
            [(u + 1) * side - 3, v * side + 3],
          ],
          { stroke: theme.muted, alpha: 0.6 },
        );
    });
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
    const { focus } = lit;
    const { terms, entries } = { terms: this.model.map.terms, entries: this.model.map.entries };
    if (!lit.terms.length && focus.row < 0 && focus.column < 0) return;
    surface.rect(0, 0, this.width * side, this.height * side, { fill: theme.paper, alpha: FADED });
    const bands = [];
    if (focus.row >= 0) bands.push(this.turned ? [focus.row, 0, 1, this.height] : [0, focus.row, this.width, 1]);
    if (focus.column >= 0)
      bands.push(this.turned ? [0, focus.column, this.width, 1] : [focus.column, 0, 1, this.height]);
    for (const [u, v, w, h] of bands)
      surface.rect(u * side, v * side, w * side, h * side, { fill: theme.accent, alpha: 0.16 });
    for (const n of lit.terms) {
      const entry = entryAt(entries, terms.rows[n], terms.columns[n]);
      const [u, v] = this.place(terms.rows[n], terms.columns[n]);
      if (u >= this.known) continue;
      this.paintEntry(surface, side, entry, u, v);
      if (side >= EDGED)
        surface.rect(u * side + 0.5, v * side + 0.5, side - 1, side - 1, { stroke: theme.ink, alpha: 0.6 });
    }
    for (const [u, v, w, h] of bands)
      surface.rect(u * side, v * side, w * side, h * side, { stroke: theme.accent, line: side >= EDGED ? 1.5 : 1 });
    if (focus.row >= 0 && focus.column >= 0) {
      const [u, v] = this.place(focus.row, focus.column);
      surface.rect(u * side, v * side, side, side, { stroke: theme.accent, line: Math.max(2, side / 10) });
    }
  }
}

/**
 * The entry at a row and a column, by bisection; −1 where it is zero.
 *
 * @param {{rows: number[], columns: number[]}} entries
 * @param {number} row
 * @param {number} column
 */
export function entryAt({ rows, columns }, row, column) {
  let [low, high] = [0, rows.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (rows[middle] < row || (rows[middle] === row && columns[middle] < column)) low = middle + 1;
    else high = middle;
  }
  return rows[low] === row && columns[low] === column ? low : -1;
}

/**
 * Outputs of a tile on the last axis: after so many the rows of C repeat, and at least two make a tile worth drawing.
 *
 * @param {Layer} layer
 */
export function tileOf(layer) {
  const axis = layer.axes[layer.rank - 1];
  const period = axis.stretch / divisor(axis.stride, axis.stretch);
  return period * Math.ceil(2 / period);
}

/** @param {number} a @param {number} b @returns {number} */
const divisor = (a, b) => (b ? divisor(b, a % b) : a);

/**
 * The terms that circular padding adds to C, or null where C is no part of such a circulant.
 *
 * @param {Model} model
 * @returns {[number, number, number][] | null}
 */
export function circulantOf(model) {
  const { setting } = model.layer;
  if (setting.kind !== "convolution" || setting.paddingMode !== "zeros" || setting.stretch.some((u) => u > 1))
    return null;
  try {
    const circular = new Layer({ ...setting, paddingMode: "circular" });
    if (size(circular.outShape) !== model.rows) return null;
    const { rows, columns, taps } = circular.terms;
    const there = new Set(model.map.entries.rows.map((row, n) => row * model.columns + model.map.entries.columns[n]));
    const added = Array.from(rows, (row, n) => /** @type {[number, number, number]} */ ([row, columns[n], taps[n]]));
    return added.filter(([row, column]) => !there.has(row * model.columns + column));
  } catch {
    return null;
  }
}
