// The relation of each axis with the numbers of what is pointed at, and how the size of the output comes about.

import { byId, made } from "./dom.js";
import { ranges, sizeFormula, transposedFormula } from "./formulas.js";
import { axesRelations } from "./speech.js";
import { texts } from "./texts.js";

/** @typedef {import("./model.js").Model} Model */
/** @typedef {import("./focus.js").Focus} Focus */

export class RelationPanel {
  constructor() {
    /** What is shown. @type {Model | null} */
    this.model = null;
    /** @type {string[]} */
    this.pointed = [];
  }

  /** @param {Model} model @param {Focus} focus */
  show(model, focus) {
    const { layer, map } = model;
    const { row, column } = focus;
    const entry = row >= 0 && column >= 0 ? (model.byRow[row].find((n) => map.terms.columns[n] === column) ?? -1) : -1;
    const tap = entry >= 0 ? map.terms.taps[entry] : focus.tap;
    const pointed = axesRelations(model, row, layer.pads ? -1 : column, tap);
    if (this.model === model && pointed.every((line, n) => line === this.pointed[n])) return;
    this.model = model;
    this.pointed = pointed;
    const shown = layer.axes.map((axis, n) => {
      const sliding = layer.slidings[n];
      const formula = layer.setting.transpose
        ? transposedFormula(sliding, axis.inSize, axis.outSize)
        : sizeFormula(sliding, axis.inSize, axis.outSize);
      return { line: pointed[n], formula, range: ranges(axis) };
    });
    const nodes = shown.map(({ line, formula, range }, n) => {
      const name = texts.axisOf(n, layer.rank);
      const head = name ? [made("span", { className: "axis", textContent: name })] : [];
      const sizes = n && formula === shown[0].formula && range === shown[0].range ? [] : [formula, range];
      return [
        made("p", { className: "line" }, ...head, line),
        made("p", { className: "size", textContent: sizes.join("   ") }),
      ];
    });
    byId("relation").replaceChildren(
      made("p", { className: "letters", textContent: texts.relationLetters }),
      made("p", { className: "letters", textContent: texts.relationSaid }),
      ...nodes.flat(),
    );
  }
}
