// What the layers are, by loops over the padded input and without any matrix: what the matrices are held against.

import { size } from "./maps.js";
import { MODES } from "./axis.js";
import { isPool } from "./setting.js";

/** @typedef {import("./maps.js").Layer} Layer */

/**
 * One multiplication of a run: the output that it added to, the input that it read, and the weight.
 * A maximum multiplies by 1 what it chose.
 *
 * @typedef {[number, number, number]} Product
 */

/**
 * Slide the window over the input and write down every multiplication, in the order in which it happens.
 *
 * @param {Layer} layer @param {ArrayLike<number>} x @param {ArrayLike<number>} w @returns {Product[]}
 */
export function products(layer, x, w) {
  const { setting } = layer;
  const made = [...windows(layer)].flatMap(({ o, d, reads }) => {
    const row = o * layer.channels.cOut + d;
    if (setting.kind === "average")
      return reads.inside.map(({ column }) => /** @type {Product} */ ([row, column, 1 / reads.counted]));
    if (setting.kind === "max") {
      const [first, ...others] = reads.inside;
      const best = others.reduce((most, read) => (x[read.column] > x[most.column] ? read : most), first);
      return [/** @type {Product} */ ([row, best.column, 1])];
    }
    if (setting.kind === "lp")
      return normed(
        reads.inside.map(({ column }) => column),
        x,
        setting.p,
        row,
      );
    return reads.inside.map(({ column, weight }) => /** @type {Product} */ ([row, column, w[weight]]));
  });
  return setting.transpose ? made.map(([row, column, weight]) => [column, row, weight]) : made;
}

/**
 * Push a tangent forward through every multiplication.
 *
 * @param {Product[]} run
 * @param {ArrayLike<number>} x_dot
 * @param {number} rows
 */
export function pushed(run, x_dot, rows) {
  const y_dot = new Float64Array(rows);
  for (const [row, column, weight] of run) y_dot[row] += weight * x_dot[column];
  return y_dot;
}

/**
 * Pull a cotangent back through every multiplication, the last one first.
 *
 * @param {Product[]} run
 * @param {ArrayLike<number>} yBar
 * @param {number} columns
 */
export function pulled(run, yBar, columns) {
  const xBar = new Float64Array(columns);
  for (let n = run.length - 1; n >= 0; n--) xBar[run[n][1]] += run[n][2] * yBar[run[n][0]];
  return xBar;
}

/** @param {number[]} columns @param {ArrayLike<number>} x @param {number} p @param {number} row @returns {Product[]} */
function normed(columns, x, p, row) {
  const magnitudes = columns.map((column) => Math.abs(x[column]));
  const largest = Math.max(...magnitudes);
  if (p === Infinity) {
    const column = columns[magnitudes.indexOf(largest)];
    return [[row, column, Math.sign(x[column])]];
  }
  const norm = largest && largest * magnitudes.reduce((sum, one) => sum + (one / largest) ** p, 0) ** (1 / p);
  return columns.map((column, n) => [
    row,
    column,
    norm && magnitudes[n] ? Math.sign(x[column]) * (magnitudes[n] / norm) ** (p - 1) : 0,
  ]);
}

/**
 * Every window of the convolution with what it reads: the padded input is walked place by place.
 *
 * @param {Layer} layer
 */
function* windows(layer) {
  const { setting, channels, sizes } = layer;
  const rank2 = sizes.length === 2;
  const one = { k: 1, s: 1, d: 1, u: 1, low: 0, high: 0, n: 1, out: 1, t: 1 };
  const each = sizes.map((n, axis) => {
    const [low, high] = layer.slidings[axis].widths(n);
    return {
      ...{ k: setting.kernel[axis], s: setting.stride[axis], d: setting.dilation[axis], u: setting.stretch[axis] },
      ...{ low, high, n, out: layer.convolution[axis].outSize, t: setting.tile[axis] },
    };
  });
  const [h, v] = rank2 ? each : [one, each[0]];
  for (let o0 = 0; o0 < h.out; o0++) {
    for (let o1 = 0; o1 < v.out; o1++) {
      for (let d = 0; d < channels.cOut; d++) {
        const reads = { counted: 0, inside: /** @type {{column: number, weight: number}[]} */ ([]) };
        for (let k0 = 0; k0 < h.k; k0++) {
          for (let k1 = 0; k1 < v.k; k1++) {
            const [place0, place1] = [h.s * o0 + h.d * k0 - h.low, v.s * o1 + v.d * k1 - v.low];
            const padded = [h, v].every(
              (axis, n) => [place0, place1][n] >= -axis.low && [place0, place1][n] < axis.n + axis.high,
            );
            const [i0, i1] = [source(place0, h, setting.paddingMode), source(place1, v, setting.paddingMode)];
            const inside = i0 >= 0 && i1 >= 0;
            reads.counted += inside || (setting.countPadding && padded) ? 1 : 0;
            if (!inside) continue;
            const pixel = i0 * v.n + i1;
            const flat = setting.flip ? (h.k - 1 - k0) * v.k + (v.k - 1 - k1) : k0 * v.k + k1;
            if (isPool(setting.kind)) {
              reads.inside.push({ column: pixel * channels.cIn + d, weight: 0 });
              continue;
            }
            const kernel =
              { local: o0 * v.out + o1, tiled: (o0 % h.t) * v.t + (o1 % v.t) }[/** @type {string} */ (setting.kind)] ??
              0;
            const group = Math.floor(d / channels.outPerGroup);
            for (let e = 0; e < channels.perGroup; e++) {
              if (setting.mask && !setting.mask[e * channels.cOut + d]) continue;
              const weight = ((kernel * h.k * v.k + flat) * channels.perGroup + e) * channels.cOut + d;
              reads.inside.push({ column: pixel * channels.cIn + group * channels.perGroup + e, weight });
            }
          }
        }
        yield { o: o0 * v.out + o1, d, reads };
      }
    }
  }
}

/**
 * The input position at a place of the padded, stretched input, or −1.
 *
 * @param {number} place
 * @param {{n: number, u: number}} axis
 * @param {string} mode
 */
function source(place, { n, u }, mode) {
  return place % u ? -1 : MODES[mode].copied(place / u, n);
}

/**
 * The entries of the matrix that one-hot inputs and one-hot cotangents find.
 *
 * @param {Layer} layer
 * @param {ArrayLike<number>} x
 * @param {ArrayLike<number>} w
 */
export function probes(layer, x, w) {
  const run = products(layer, x, w);
  const [rows, columns] = [size(layer.outShape), size(layer.inShape)];
  /** @param {number} n @param {number} length */
  const hot = (n, length) => Float64Array.from({ length }, (_, m) => (m === n ? 1 : 0));
  return {
    rows,
    columns,
    /** What e_j becomes: column j of C. @param {number} j */
    forward: (j) => pushed(run, hot(j, columns), rows),
    /** What the cotangent e_r becomes: column r of Cᵀ. @param {number} r */
    backward: (r) => pulled(run, hot(r, rows), columns),
  };
}
