// What is said about the thing that is pointed at, and the relation with its numbers.

import { placeOf, written } from "./numbers.js";
import { relation } from "./formulas.js";
import { entryAt } from "./matrix.js";
import { isPool } from "./setting.js";
import { texts } from "./texts.js";

/** @typedef {import("./model.js").Model} Model */
/** @typedef {import("./focus.js").Focus} Focus */

const MOST_TERMS = 12; // terms of a sum that are written out: about two lines

/** The matrix's own name and its transpose's. @param {Model} model */
export const names = ({ layer }) =>
  isPool(layer.setting.kind) ? texts.poolName : layer.setting.transpose ? texts.transposedName : texts.matrixName;

/** @param {Model} model @param {Focus} focus @returns {string} */
export function said(model, focus) {
  const { row, column, tap } = focus;
  if (row >= 0 && column >= 0) return saidEntry(model, row, column);
  if (row >= 0) return saidRow(model, row);
  if (column >= 0) return saidColumn(model, column);
  return tap >= 0 ? saidTap(model, tap) : texts.nothing;
}

/** A place and its channel, if there are several. @param {number} index @param {number[]} shape */
function placed(index, shape) {
  const place = placeOf(index, shape);
  const channels = shape[shape.length - 1];
  return { place: place.slice(0, -1), channel: channels > 1 ? place[place.length - 1] : null };
}

/** @param {number} value */
const factor = (value) => (value < 0 ? `(${written(value)})` : written(value));

/** A sum with its terms written out, if they are few. @param {string} symbol @param {[number, number][]} products */
function sum(symbol, products) {
  const total = written(products.reduce((all, [a, b]) => all + a * b, 0));
  if (!products.length) return `${symbol} = 0.`;
  if (products.length > MOST_TERMS) return `${symbol} = ${total}.`;
  return `${symbol} = ${products.map(([a, b]) => `${factor(a)}·${factor(b)}`).join(" + ")} = ${total}.`;
}

/** @param {Model} model @param {number} row */
function saidRow(model, row) {
  const { map, layer } = model;
  const terms = model.byRow[row];
  const { kind } = layer.setting;
  const value = sum(
    "y",
    terms.map((n) => [map.coefficients[n], model.x[map.terms.columns[n]]]),
  );
  const { C, T } = names(model);
  return texts.say.row({
    ...placed(row, layer.outShape),
    row,
    count: new Set(terms.map((n) => map.terms.columns[n])).size,
    name: C,
    turned: T,
    sum: kind === "max" ? value : value,
  });
}

/** @param {Model} model @param {number} column */
function saidColumn(model, column) {
  const { map, layer } = model;
  const terms = model.byColumn[column];
  const { C, T } = names(model);
  const value = sum(
    "x̄",
    terms.map((n) => [map.coefficients[n], model.yBar[map.terms.rows[n]]]),
  );
  return texts.say.column({
    ...placed(column, layer.inShape),
    column,
    count: new Set(terms.map((n) => map.terms.rows[n])).size,
    name: C,
    turned: T,
    sum: value,
  });
}

/** @param {Model} model @param {number} tap */
function saidTap(model, tap) {
  const { map } = model;
  const terms = model.byTap[tap];
  if (isPool(model.layer.setting.kind)) return texts.say.poolTap({ name: model.nameOfTap(tap), count: terms.length });
  const value = sum(
    "w̄",
    terms.map((n) => [model.x[map.terms.columns[n]], model.yBar[map.terms.rows[n]]]),
  );
  return texts.say.tap({ name: model.nameOfTap(tap), value: written(model.w[tap]), count: terms.length, sum: value });
}

/** @param {Model} model @param {number} row @param {number} column */
function saidEntry(model, row, column) {
  const { layer, map } = model;
  const { C, T } = names(model);
  const [out, into] = [placed(row, layer.outShape), placed(column, layer.inShape)];
  const where = { row, column, out: out.place, in: into.place, name: C, turned: T };
  const entry = entryAt(map.entries, row, column);
  if (entry < 0) return texts.say.zero(where);
  const { starts, order } = map.entries;
  const terms = order.slice(starts[entry], starts[entry + 1]);
  const label = isPool(layer.setting.kind)
    ? written(map.numbers[entry])
    : terms.map((n) => model.nameOfTap(map.terms.taps[n])).join(" + ");
  const relations =
    layer.pads || terms.length > 1 ? "" : axesRelations(model, row, column, map.terms.taps[terms[0]]).join(" and ");
  return texts.say.entry({ ...where, label, value: written(map.numbers[entry]), relation: relations });
}

/**
 * The relation of each axis with o, and i and k where they are known.
 *
 * @param {Model} model
 * @param {number} row
 * @param {number} column
 * @param {number} tap
 */
export function axesRelations(model, row, column, tap) {
  const { layer } = model;
  const { setting, channels } = layer;
  const out = row >= 0 ? placed(row, layer.outShape).place : [];
  const into = column >= 0 ? placed(column, layer.inShape).place : [];
  const each = isPool(setting.kind) ? 1 : channels.perGroup * channels.cOut;
  const taps =
    tap >= 0 ? placeOf(Math.floor(tap / each) % setting.kernel.reduce((a, b) => a * b, 1), setting.kernel) : [];
  return layer.axes.map((axis, n) => relation(axis, { o: out[n], i: into[n], k: taps[n] }));
}
