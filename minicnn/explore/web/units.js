// The units of a layer as maps side by side: their values, or a gradient with its two signs.

import { NOTHING } from "./focus.js";

/** @typedef {import("./focus.js").Focus} Focus */
/** @typedef {import("./model.js").Lit} Lit */
/** @typedef {import("./surface.js").Surface} Surface */
/** @typedef {import("./colors.js").Theme} Theme */

/** The smallest side of a unit in which a hollow middle can be seen, in pixels: it marks negative numbers. */
const HOLLOW = 5;

export class Units {
  /**
   * @param {number[]} shape height, width and channels
   * @param {number} across maps side by side
   * @param {ArrayLike<number>} values channels last
   * @param {boolean} signed whether both signs are shown, or the larger the darker
   */
  constructor(shape, across, values, signed) {
    this.rows = shape[0];
    this.columns = shape[1];
    this.channels = shape[2];
    this.across = across;
    this.values = values;
    this.signed = signed;
    this.known = Infinity;
    this.editable = false;
    this.gap = this.rows * this.columns > 1 ? Math.max(1, Math.round(this.columns / 10)) : 0.25;
    this.width = across * (this.columns + this.gap) - this.gap;
    this.height = Math.ceil(this.channels / across) * (this.rows + this.gap) - this.gap;
    /** Pixels that a unit sees: top, left, height and width. @type {[number, number, number, number] | null} */
    this.field = null;
  }

  /** @param {number} u @param {number} v @returns {Focus | null} */
  at(u, v) {
    const [stepU, stepV] = [this.columns + this.gap, this.rows + this.gap];
    const [mapU, mapV] = [Math.floor(u / stepU), Math.floor(v / stepV)];
    const [column, row] = [Math.floor(u - mapU * stepU), Math.floor(v - mapV * stepV)];
    const channel = mapV * this.across + mapU;
    const inside = mapU >= 0 && mapU < this.across && channel >= 0 && channel < this.channels;
    if (!inside || column < 0 || column >= this.columns || row < 0 || row >= this.rows) return null;
    return { ...NOTHING, row: (row * this.columns + column) * this.channels + channel };
  }

  /** Where a unit is drawn. @param {number} unit @returns {[number, number]} */
  place(unit) {
    const [channel, place] = [unit % this.channels, Math.floor(unit / this.channels)];
    const [u, v] = [
      (channel % this.across) * (this.columns + this.gap),
      Math.floor(channel / this.across) * (this.rows + this.gap),
    ];
    return [u + (place % this.columns), v + Math.floor(place / this.columns)];
  }

  /** @param {Surface} surface @param {number} side @param {Theme} theme */
  paint(surface, side, theme) {
    for (let channel = 0; channel < this.channels; channel++) {
      const [u, v] = this.place(channel);
      surface.rect(u * side, v * side, this.columns * side, this.rows * side, { fill: theme.soft });
    }
    const least = this.signed ? 0 : Math.min(0, ...Array.from(this.values));
    const most = Math.max(1e-12, ...Array.from(this.values, (value) => Math.abs(value - least)));
    const bleed = side < HOLLOW ? 0.25 : -0.25; // neighbours touch where they are small
    Array.from(this.values).forEach((value, unit) => {
      const share = Math.abs(value - least) / most;
      if (share < 0.01 || unit >= this.known) return;
      const [u, v] = this.place(unit);
      const fill = !this.signed ? theme.ink : value < 0 ? theme.negative : theme.positive;
      surface.rect(u * side, v * side, side + bleed, side + bleed, { fill, alpha: 0.12 + 0.88 * share });
      if (this.signed && value < 0 && side >= HOLLOW)
        surface.rect((u + 0.32) * side, (v + 0.32) * side, 0.36 * side, 0.36 * side, { fill: theme.paper });
    });
  }

  /** @param {Surface} surface @param {number} side @param {Theme} theme @param {Lit} lit */
  glow(surface, side, theme, lit) {
    if (this.field) {
      const [top, left, height, width] = this.field;
      surface.rect(left * side, top * side, width * side, height * side, { stroke: theme.accent, line: 2 });
    }
    if (lit.focus.row < 0 || lit.focus.row >= this.values.length) return;
    const [u, v] = this.place(lit.focus.row);
    surface.rect(u * side - 1.5, v * side - 1.5, side + 3, side + 3, { stroke: theme.accent, line: 2 });
  }
}
