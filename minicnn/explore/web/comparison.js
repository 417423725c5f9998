// The present setting beside the one that was kept: both matrices, and the facts that differ.

import { byId, made } from "./dom.js";
import { factsOf, summary } from "./facts.js";
import { Matrix } from "./matrix.js";
import { texts } from "./texts.js";

/** @typedef {import("./model.js").Model} Model */
/** @typedef {import("./focus.js").Focus} Focus */
/** @typedef {import("./view.js").View} View */

const MOST = 38; // pixels of an entry
const BETWEEN = 36; // pixels between the two matrices
const INSIDE = 40; // pixels of the panel's margins

export class Comparison {
  /** @param {View} before @param {View} after */
  constructor(before, after) {
    this.before = before;
    this.after = after;
    /** @type {Model | null} */
    this.kept = null;
  }

  /** @param {Model | null} kept @param {Model} model @param {boolean} narrow whether the matrices are below each other */
  show(kept, model, narrow) {
    this.kept = kept;
    byId("compared").hidden = !kept;
    for (const id of ["swap", "drop"]) byId(id, HTMLButtonElement).disabled = !kept;
    if (!kept) return;
    const room = byId("compare").clientWidth - INSIDE - (narrow ? 0 : BETWEEN);
    const side = Math.min(MOST, room / (narrow ? Math.max(kept.columns, model.columns) : kept.columns + model.columns));
    for (const [view, one, word, id] of /** @type {const} */ ([
      [this.before, kept, texts.compare.kept, "caption-kept"],
      [this.after, model, texts.compare.now, "caption-now"],
    ])) {
      byId(id).textContent = `${word}: ${summary(one)}`;
      view.show(new Matrix(one, false), side, texts.matrixLabel(word, one.rows, one.columns));
    }
    this.table(factsOf(kept), factsOf(model));
  }

  /** @param {[string, string][]} before @param {[string, string][]} after */
  table(before, after) {
    const heads = [texts.compare.kept, texts.compare.now].map((word) =>
      made("th", { textContent: word, scope: "col" }),
    );
    const rows = before.map(([name, fact], n) =>
      made(
        "tr",
        { className: fact === after[n][1] ? "" : "differs" },
        made("th", { textContent: name, scope: "row" }),
        made("td", { textContent: fact }),
        made("td", { textContent: after[n][1] }),
      ),
    );
    const head = made("thead", {}, made("tr", {}, made("td"), ...heads));
    byId("compared-facts").replaceChildren(head, made("tbody", {}, ...rows));
  }

  /** @param {Focus | null} focus */
  light(focus) {
    if (this.kept) this.before.light(focus && this.kept.holds(focus) ? this.kept.lit(focus) : null);
  }
}
