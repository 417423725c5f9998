// All that the page shows of a state: its layer, its numbers and what comes of them.

import { Layer, size } from "./maps.js";
import { isPool } from "./setting.js";
import { drawn, fraction, placeOf, rank, tapName } from "./numbers.js";
import { Refusal } from "./axis.js";
import { texts } from "./texts.js";

/** @typedef {import("./setting.js").State} State */
/** @typedef {import("./setting.js").Values} Values */
/** @typedef {import("./focus.js").Focus} Focus */

/**
 * What lights up: the terms that a focus touches, and the colours that they lend to rows, columns and taps.
 *
 * @typedef {object} Lit
 * @property {Focus} focus
 * @property {number[]} terms
 * @property {Map<number, number>} rows each lit row with the tap that reaches it
 * @property {Map<number, number>} columns
 * @property {Set<number>} taps
 */

/** The most entries of a matrix whose rank is found while a person waits: about 0.2 s. */
const RANKED = 1_500_000;

/** The most entries of a matrix whose rank is found within a frame. */
const NEAR = 40_000;

export class Model {
  /** @param {State} state */
  constructor(state) {
    this.state = state;
    this.layer = new Layer(state.setting);
    const { layer } = this;
    this.shapes = { x: layer.inShape, w: layer.wShape, yBar: layer.outShape };
    this.x = this.given("x") ?? this.usual("x");
    this.w = this.given("w") ?? this.usual("w");
    this.yBar = this.given("yBar") ?? this.usual("yBar");
    this.map = layer.at(this.x, this.w);
    this.rows = this.map.shape[0];
    this.columns = this.map.shape[1];
    this.y = this.map.apply(this.x);
    this.byRow = listed(this.map.terms.rows, this.rows);
    this.byColumn = listed(this.map.terms.columns, this.columns);
    this.byTap = listed(this.map.terms.taps, size(layer.wShape));
    /** @type {{rank: number | null} | null} */
    this.foundRank = null;
    /** @type {{rows: number, xBar: Float64Array, wBar: Float64Array} | null} */
    this.foundGradients = null;
  }

  /** @param {keyof Values} name */
  given(name) {
    const numbers = this.state.values[name];
    if (!numbers) return null;
    if (numbers.length !== size(this.shapes[name]))
      throw new Refusal(texts.refused.values(name, numbers.length, size(this.shapes[name])));
    if (!numbers.every(Number.isFinite)) throw new Refusal(texts.refused.finite(name, "NaN"));
    return Float64Array.from(numbers);
  }

  /** What an array holds where a person has not said otherwise. @param {keyof Values} name */
  usual(name) {
    const { seed, setting } = this.state;
    const shape = this.shapes[name];
    if (name === "x") return drawn(shape, seed, 0, setting.kind === "max" || setting.kind === "lp" ? 9 : 3);
    if (name === "yBar") return drawn(shape, seed + 1, 1, 3);
    return isPool(setting.kind)
      ? new Float64Array(size(shape)).fill(1)
      : Float64Array.from({ length: size(shape) }, (_, n) => n + 1);
  }

  /** How many outputs have been worked out. */
  get done() {
    return this.state.step < 0 ? this.rows : Math.min(this.state.step, this.rows);
  }

  /** Both gradients: of the outputs so far where they add up, else of all. */
  get gradients() {
    const rows = this.state.direction === "backward" ? this.done : this.rows;
    if (this.foundGradients?.rows !== rows) {
      this.foundGradients = {
        rows,
        xBar: this.map.applyTranspose(this.yBar, rows),
        wBar: this.map.correlate(this.x, this.yBar, rows),
      };
    }
    return this.foundGradients;
  }

  get xBar() {
    return this.gradients.xBar;
  }

  get wBar() {
    return this.gradients.wBar;
  }

  /** The number of different colours: one for each weight. */
  get tapCount() {
    return isPool(this.layer.setting.kind) ? size(this.layer.setting.kernel) : size(this.layer.wShape);
  }

  /**
   * The place of a tap in the kernel from 0 to 1, for the dot that marks it.
   *
   * @param {number} tap
   * @returns {[number, number]}
   */
  placeOfTap(tap) {
    const { rank: axes, setting, channels } = this.layer;
    const each = isPool(setting.kind) ? 1 : channels.perGroup * channels.cOut;
    const [k0, k1] = placeOf(
      Math.floor(tap / each) % size(setting.kernel),
      axes === 2 ? setting.kernel : [1, setting.kernel[0]],
    );
    const [h, w] = axes === 2 ? setting.kernel : [1, setting.kernel[0]];
    return [h > 1 ? k0 / (h - 1) : 0.5, w > 1 ? k1 / (w - 1) : 0.5];
  }

  /** @param {number} tap */
  nameOfTap(tap) {
    const { setting, rank: axes, channels, wShape } = this.layer;
    if (isPool(setting.kind)) return tapName(placeOf(tap, setting.kernel));
    const place = placeOf(tap, wShape);
    return tapName(
      channels.perGroup * channels.cOut === 1 ? place.slice(0, wShape.length - 2) : place.slice(0, axes * 4),
    );
  }

  /** What is written into an entry of the matrix. @param {number} entry */
  labelOfEntry(entry) {
    const { starts, order } = this.map.entries;
    const terms = order.slice(starts[entry], starts[entry + 1]);
    if (this.state.entries === "names" && !isPool(this.layer.setting.kind)) {
      return terms.map((n) => this.nameOfTap(this.map.terms.taps[n])).join("+");
    }
    return fraction(terms.reduce((sum, n) => sum + this.map.coefficients[n], 0));
  }

  /** @param {Focus} focus @returns {Lit} */
  lit(focus) {
    const { terms } = this.map;
    const list =
      focus.row >= 0
        ? this.byRow[focus.row]
        : focus.column >= 0
          ? this.byColumn[focus.column]
          : focus.tap >= 0
            ? this.byTap[focus.tap]
            : [];
    const touched = list.filter(
      (n) => (focus.column < 0 || terms.columns[n] === focus.column) && (focus.tap < 0 || terms.taps[n] === focus.tap),
    );
    const rows = new Map(touched.map((n) => [terms.rows[n], terms.taps[n]]));
    const columns = new Map(touched.map((n) => [terms.columns[n], terms.taps[n]]));
    return { focus, terms: touched, rows, columns, taps: new Set(touched.map((n) => terms.taps[n])) };
  }

  /** Whether a focus points at something here. @param {Focus} focus */
  holds({ row, column, tap }) {
    return row < this.rows && column < this.columns && tap < size(this.layer.wShape) && Math.max(row, column, tap) >= 0;
  }

  /** How many different numbers the non-zeros hold. */
  get distinct() {
    return new Set(this.map.numbers).size;
  }

  /** Whether the rank is known or found in no time. */
  get rankIsNear() {
    return this.foundRank !== null || this.rows * this.columns <= NEAR;
  }

  /** The rank of C, or null where counting would take long. */
  get rank() {
    this.foundRank ??= { rank: this.rows * this.columns > RANKED ? null : rank(this.scaled()) };
    return this.foundRank.rank;
  }

  /**
   * The matrix with its rows and columns scaled so that whole numbers remain where possible: the rank stays.
   * An average is a 0/1 matrix, and so is an Lp norm where neither x nor the norm is 0; decimals become whole.
   */
  scaled() {
    const { kind } = this.layer.setting;
    const rows = this.map.dense();
    if (kind === "average" || kind === "lp") return rows.map((row) => row.map(Math.sign));
    for (const factor of [1, 10, 100, 1000, 1e4]) {
      const whole = rows.map((row) => row.map((value) => Math.round(value * factor)));
      if (whole.every((row, n) => row.every((value, m) => Math.abs(value - rows[n][m] * factor) < 1e-9))) return whole;
    }
    return rows;
  }
}

/** For each index the terms that have it. @param {Int32Array} indices @param {number} length @returns {number[][]} */
function listed(indices, length) {
  const lists = Array.from({ length }, () => /** @type {number[]} */ ([]));
  indices.forEach((index, n) => lists[index].push(n));
  return lists;
}
