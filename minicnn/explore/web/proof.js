// "Prove it": one-hot inputs and cotangents are sent through the plain loops, and fill in C and Cᵀ column by column.

import { probes } from "./definition.js";
import { texts } from "./texts.js";

/** @typedef {import("./model.js").Model} Model */

const CLOSE = 1e-12; // of entries up to 1, which averages and norms round once or twice: 1e-16 each

/** A proof under way: step n of `steps` has been made. */
export class Proof {
  /** @param {Model} model */
  constructor(model) {
    this.model = model;
    this.probes = probes(model.layer, model.x, model.w);
    this.steps = model.rows + model.columns;
    this.step = 0;
    this.dense = model.map.dense();
    this.different = 0;
  }

  get done() {
    return this.step >= this.steps;
  }

  /** The one-hot that is under way: in the input, or in the output. */
  get hot() {
    const n = Math.max(this.step - 1, 0);
    return n < this.model.columns
      ? { column: n, row: -1, tap: -1 }
      : { column: -1, row: n - this.model.columns, tap: -1 };
  }

  /** Send the next one-hot, and compare what comes back with the matrix. */
  advance() {
    const n = this.step++;
    const { columns } = this.model;
    if (n < columns) this.answer = this.compare(this.probes.forward(n), (row) => this.dense[row][n]);
    else this.answer = this.compare(this.probes.backward(n - columns), (column) => this.dense[n - columns][column]);
  }

  /** @param {Float64Array} found @param {(n: number) => number} claimed */
  compare(found, claimed) {
    found.forEach((value, n) => (this.different += Math.abs(value - claimed(n)) > CLOSE ? 1 : 0));
    return found;
  }

  get said() {
    const { rows, columns } = this.model;
    if (this.done) return this.different ? texts.prove.different(this.different) : texts.prove.equal(columns, rows);
    const n = Math.max(this.step - 1, 0);
    return n < columns ? texts.prove.sending(n, columns) : texts.prove.returning(n - columns, rows);
  }
}
