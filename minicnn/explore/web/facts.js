// What is true of a matrix, and what its setting is called.

import { grouped, placeOf } from "./numbers.js";
import { described, isPool } from "./setting.js";
import { texts } from "./texts.js";

/** @typedef {import("./model.js").Model} Model */

/** The facts, each with its name. @param {Model} model @returns {[string, string][]} */
export function factsOf(model) {
  const { layer, rows, columns } = model;
  const nnz = model.map.entries.rows.length;
  const { unread } = model.map;
  const places = unread
    .slice(0, 6)
    .map((column) => placeOf(column, layer.inShape))
    .map((place) => (layer.inShape[layer.rank] > 1 ? place : place.slice(0, -1)));
  const remainders = layer.slidings.map((sliding, n) => sliding.remainder(layer.sizes[n]));
  const density = (100 * nnz) / (rows * columns);
  return [
    [texts.facts.shape, texts.shapeOf(rows, columns)],
    [texts.facts.nnz, texts.of(nnz, rows * columns)],
    [texts.facts.density, `${density < 0.1 ? density.toPrecision(1) : density.toFixed(1)} %`],
    [texts.facts.distinct, grouped(model.distinct)],
    [
      texts.facts.rank,
      !model.rankIsNear
        ? texts.rankWait
        : model.rank === null
          ? texts.rankUnknown
          : texts.rankOf(model.rank, Math.min(rows, columns)),
    ],
    [texts.facts.unread, unread.length ? texts.unreadSome(unread.length, places) : texts.unreadNone],
    [texts.facts.remainder, [...new Set(remainders)].length === 1 ? `${remainders[0]}` : remainders.join(", ")],
  ];
}

/** A setting in one line. @param {Model} model */
export function summary(model) {
  const { setting } = model.layer;
  const given = described(setting);
  const [from, kernel] = [setting.input, setting.kernel].map((sizes) => sizes.join("×"));
  const others = ["stride", "padding", "dilation", "stretch", "padding_mode", "channels", "groups"].filter(
    (name) => given[name] !== undefined && !(isPool(setting.kind) && name === "channels"),
  );
  const kind = setting.transpose ? `${texts.kinds[setting.kind]}, transposed` : texts.kinds[setting.kind];
  return [
    `${kind} ${from}, ${isPool(setting.kind) ? "window" : "kernel"} ${kernel}`,
    ...others.map((name) => `${name.replace("_", " ")} ${given[name].toLowerCase()}`),
  ].join(", ");
}
