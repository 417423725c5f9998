// Every layer is a matrix, held as a list of terms: y[row] += w[tap] · x[column].
//
// Fixing two of the three arrays of this trilinear form gives the output, the gradient with respect to the input and the
// gradient with respect to the weights.

import { Axis, MODES, Refusal, Sliding } from "./axis.js";
import { MOST } from "./limits.js";
import { check, fitting, isPool } from "./setting.js";
import { texts } from "./texts.js";

/** @typedef {import("./setting.js").Setting} Setting */

/** One axis of padding that copies the input. */
export class PadAxis {
  /** @param {number} inSize @param {[number, number]} widths @param {string} mode */
  constructor(inSize, [low, high], mode) {
    this.inSize = inSize;
    this.low = low;
    this.high = high;
    this.mode = mode;
    const reach = MODES[mode].reach(inSize);
    if (Math.max(low, high) > reach) throw new Refusal(texts.refused.reach(mode, inSize, reach));
    if (this.outSize < 0) throw new Refusal(texts.refused.crop(inSize));
  }

  get outSize() {
    return this.low + this.inSize + this.high;
  }

  /** The input position that a padded position copies, or −1. @param {number} place */
  copied(place) {
    return MODES[this.mode].copied(place - this.low, this.inSize);
  }
}

/**
 * The terms of a matrix, ordered by their rows.
 *
 * @typedef {object} Terms
 * @property {Int32Array} rows
 * @property {Int32Array} columns
 * @property {Int32Array} taps
 */

/** Everything about a layer but its numbers. */
export class Layer {
  /** @param {Setting} given */
  constructor(given) {
    const setting = fitting(given);
    check(setting);
    this.setting = setting;
    this.rank = setting.input.length;
    const slidings = setting.kernel.map(
      (k, n) => new Sliding(k, setting.stride[n], setting.padding[n], setting.dilation[n], setting.stretch[n]),
    );
    this.slidings = slidings;
    /** The sizes that the convolution reads, whose transpose this may be. */
    this.sizes = setting.input.map((length, n) =>
      setting.transpose ? slidings[n].inSize(length, setting.outputPadding[n]) : length,
    );
    slidings.forEach((sliding, n) => checkFits(sliding, this.sizes[n], n));
    const convolution = slidings.map((sliding, n) => this.windows(sliding, this.sizes[n], n));
    this.pads =
      setting.paddingMode === "zeros"
        ? null
        : slidings.map((sliding, n) => new PadAxis(this.sizes[n], sliding.widths(this.sizes[n]), setting.paddingMode));
    /** The axes of the convolution, as its input lies on them. */
    this.convolution = convolution;
    /** The axes of this layer. */
    this.axes = setting.transpose ? convolution.map((axis) => axis.T) : convolution;
    const [c, d] = setting.channels;
    this.inShape = [...setting.input, c];
    this.outShape = [...(setting.transpose ? this.sizes : convolution.map((axis) => axis.outSize)), d];
    const [cIn, cOut] = setting.transpose ? [d, c] : [c, d];
    /** The channels of the convolution. */
    this.channels = { cIn, cOut, perGroup: cIn / setting.groups, outPerGroup: cOut / setting.groups };
    this.wShape = this.shapeOfKernel();
    if (size(this.inShape) * size(this.outShape) === 0) throw new Refusal(texts.refused.empty);
    this.checkTerms();
    this.terms = this.allTerms();
  }

  /** @param {Sliding} sliding @param {number} inSize @param {number} position */
  windows(sliding, inSize, position) {
    const { flip, ceil, kind } = this.setting;
    let axis = sliding.over(inSize);
    if (isPool(kind)) {
      const overhangs = ceil && sliding.remainder(inSize) > 0 && axis.position(axis.outSize, 0) < inSize;
      if (overhangs && sliding.widths(inSize)[1] < 0) throw new Refusal(texts.refused.crop(inSize));
      if (overhangs)
        axis = new Axis(inSize, axis.outSize + 1, axis.kernelSize, axis.stride, axis.dilation, 1, axis.low);
      for (let o = 0; o < axis.outSize; o++)
        if (!axis.count(o)) throw new Refusal(texts.refused.inPadding(o, position));
    }
    return flip ? axis.flipped : axis;
  }

  /** (*kernel, c_in / groups, c_out), behind the outputs or the tile where the weights are not shared by all. */
  shapeOfKernel() {
    const { kind, kernel, tile } = this.setting;
    const { perGroup, cOut } = this.channels;
    if (isPool(kind)) return [...kernel, 1, 1];
    const places = kind === "local" ? this.axes.map((axis) => axis.outSize) : kind === "tiled" ? tile : [];
    return [...places, ...kernel, perGroup, cOut];
  }

  checkTerms() {
    const taps = size(this.setting.kernel) * this.channels.perGroup * this.channels.cOut;
    const most = size(this.convolution.map((axis) => axis.outSize)) * taps;
    if (most > MOST.terms) throw new Refusal(texts.refused.terms(most, MOST.terms));
    if (size(this.outShape) > MOST.terms / 10)
      throw new Refusal(texts.refused.terms(size(this.outShape), MOST.terms / 10));
  }

  /** All terms, in the order (row, tap). @returns {Terms} */
  allTerms() {
    const { setting, channels } = this;
    const [height, width] = plane(this.convolution, new Axis(1, 1, 1));
    const pads = this.pads && (this.rank === 2 ? this.pads : [null, this.pads[0]]);
    const sizes = this.rank === 2 ? this.sizes : [1, this.sizes[0]];
    const tables = [height, width].map((axis, n) => table(axis, pads ? pads[n] : null));
    const joined = this.joinedChannels();
    const [rows, columns, taps] = [
      /** @type {number[]} */ ([]),
      /** @type {number[]} */ ([]),
      /** @type {number[]} */ ([]),
    ];
    const kernelArea = height.kernelSize * width.kernelSize;
    const [tileHeight, tileWidth] = this.rank === 2 ? setting.tile : [1, setting.tile[0]];
    for (let o0 = 0; o0 < height.outSize; o0++) {
      for (let o1 = 0; o1 < width.outSize; o1++) {
        const o = o0 * width.outSize + o1;
        const place =
          setting.kind === "local"
            ? o
            : setting.kind === "tiled"
              ? (o0 % tileHeight) * tileWidth + (o1 % tileWidth)
              : 0;
        for (const [d, pairs] of joined.entries()) {
          for (let k0 = 0; k0 < height.kernelSize; k0++) {
            const i0 = tables[0][o0 * height.kernelSize + k0];
            if (i0 < 0) continue;
            for (let k1 = 0; k1 < width.kernelSize; k1++) {
              const i1 = tables[1][o1 * width.kernelSize + k1];
              if (i1 < 0) continue;
              const k = place * kernelArea + k0 * width.kernelSize + k1;
              for (const [c, e] of pairs) {
                rows.push(o * joined.length + d);
                columns.push((i0 * sizes[1] + i1) * channels.cIn + c);
                taps.push(isPool(setting.kind) ? k : (k * channels.perGroup + e) * channels.cOut + d);
              }
            }
          }
        }
      }
    }
    const terms = { rows: Int32Array.from(rows), columns: Int32Array.from(columns), taps: Int32Array.from(taps) };
    return setting.transpose ? transposed(terms) : terms;
  }

  /**
   * For each output channel of the convolution its input channels, each with its place in the kernel.
   *
   * @returns {[number, number][][]}
   */
  joinedChannels() {
    const { cIn, cOut, perGroup, outPerGroup } = this.channels;
    const { mask } = this.setting;
    if (isPool(this.setting.kind)) return Array.from({ length: cIn }, (_, c) => [[c, 0]]);
    return Array.from({ length: cOut }, (_, d) => {
      const first = Math.floor(d / outPerGroup) * perGroup;
      /** @type {[number, number][]} */
      const pairs = Array.from({ length: perGroup }, (_, e) => [first + e, e]);
      return pairs.filter(([, e]) => !mask || mask[e * cOut + d]);
    });
  }

  /**
   * The matrix at an input: the terms with their coefficients.
   *
   * @param {ArrayLike<number>} x
   * @param {ArrayLike<number>} w
   */
  at(x, w) {
    return new LinearMap(this, ...POINTS[this.setting.kind](this, x, w));
  }
}

/** A matrix: the terms of a layer at a point, each with its coefficient. */
export class LinearMap {
  /** @param {Layer} layer @param {Terms} terms @param {Float64Array} coefficients */
  constructor(layer, terms, coefficients) {
    this.layer = layer;
    this.terms = terms;
    this.coefficients = coefficients;
    this.shape = [size(layer.outShape), size(layer.inShape)];
    /** @type {ReturnType<typeof entriesOf> | null} */
    this.foundEntries = null;
  }

  /** A·x, of the first rows alone if `rows` says so. @param {ArrayLike<number>} x @param {number} rows */
  apply(x, rows = this.shape[0]) {
    const y = new Float64Array(this.shape[0]);
    this.each(rows, (n, row, column) => (y[row] += this.coefficients[n] * x[column]));
    return y;
  }

  /** Aᵀ·ȳ. @param {ArrayLike<number>} yBar @param {number} rows */
  applyTranspose(yBar, rows = this.shape[0]) {
    const xBar = new Float64Array(this.shape[1]);
    this.each(rows, (n, row, column) => (xBar[column] += this.coefficients[n] * yBar[row]));
    return xBar;
  }

  /**
   * Xᵀ·ȳ, the gradient with respect to the weights.
   *
   * @param {ArrayLike<number>} x
   * @param {ArrayLike<number>} yBar
   * @param {number} rows
   */
  correlate(x, yBar, rows = this.shape[0]) {
    const wBar = new Float64Array(size(this.layer.wShape));
    this.each(rows, (n, row, column) => (wBar[this.terms.taps[n]] += x[column] * yBar[row]));
    return wBar;
  }

  /** @param {number} limit @param {(n: number, row: number, column: number) => void} visit */
  each(limit, visit) {
    const { rows, columns } = this.terms;
    for (let n = 0; n < rows.length && rows[n] < limit; n++) visit(n, rows[n], columns[n]);
  }

  /** The non-zeros: entries that hold a term, or several where padding copies the input. */
  get entries() {
    this.foundEntries ??= entriesOf(this.terms, this.shape[1]);
    return this.foundEntries;
  }

  /** The number in each entry. */
  get numbers() {
    const { starts, order } = this.entries;
    return Float64Array.from({ length: starts.length - 1 }, (_, n) => {
      let sum = 0;
      for (let m = starts[n]; m < starts[n + 1]; m++) sum += this.coefficients[order[m]];
      return sum;
    });
  }

  /** The matrix in full. @returns {Float64Array[]} */
  dense() {
    const rows = Array.from({ length: this.shape[0] }, () => new Float64Array(this.shape[1]));
    this.each(this.shape[0], (n, row, column) => (rows[row][column] += this.coefficients[n]));
    return rows;
  }

  /** The inputs that no output reads: zero columns. */
  get unread() {
    const read = new Uint8Array(this.shape[1]);
    for (const column of this.layer.terms.columns) read[column] = 1;
    return [...read.keys()].filter((column) => !read[column]);
  }
}

/**
 * The entries of a matrix: entry n is at (rows[n], columns[n]) and holds the terms order[starts[n]] … order[starts[n+1] − 1].
 *
 * @param {Terms} terms @param {number} width
 */
function entriesOf(terms, width) {
  const order = Array.from(terms.rows.keys());
  order.sort((a, b) => terms.rows[a] - terms.rows[b] || terms.columns[a] - terms.columns[b] || a - b);
  const [rows, columns, starts] = [
    /** @type {number[]} */ ([]),
    /** @type {number[]} */ ([]),
    /** @type {number[]} */ ([]),
  ];
  let last = -1;
  order.forEach((n, place) => {
    const flat = terms.rows[n] * width + terms.columns[n];
    if (flat !== last) {
      rows.push(terms.rows[n]);
      columns.push(terms.columns[n]);
      starts.push(place);
    }
    last = flat;
  });
  starts.push(order.length);
  return { rows, columns, starts, order };
}

/** @param {Terms} terms @returns {Terms} */
function transposed(terms) {
  const order = Array.from(terms.columns.keys()).sort(
    (a, b) => terms.columns[a] - terms.columns[b] || terms.rows[a] - terms.rows[b],
  );
  return {
    rows: Int32Array.from(order, (n) => terms.columns[n]),
    columns: Int32Array.from(order, (n) => terms.rows[n]),
    taps: Int32Array.from(order, (n) => terms.taps[n]),
  };
}

/**
 * For each output and tap the input, through the padding if there is one.
 *
 * @param {Axis} axis
 * @param {PadAxis | null} pad
 */
function table(axis, pad) {
  const inputs = new Int32Array(axis.outSize * axis.kernelSize);
  for (let o = 0; o < axis.outSize; o++) {
    for (let k = 0; k < axis.kernelSize; k++) {
      inputs[o * axis.kernelSize + k] = pad ? pad.copied(axis.position(o, k) + pad.low) : axis.inputOf(o, k);
    }
  }
  return inputs;
}

/** @typedef {[Terms, Float64Array]} Point terms with their coefficients */

/** @param {Layer} layer @param {ArrayLike<number>} _x @param {ArrayLike<number>} w @returns {Point} */
const shared = (layer, _x, w) => [layer.terms, Float64Array.from(layer.terms.taps, (tap) => w[tap])];

/**
 * The matrix of each kind at a point.
 *
 * @type {Record<string, (layer: Layer, x: ArrayLike<number>, w: ArrayLike<number>) => Point>}
 */
const POINTS = { convolution: shared, local: shared, tiled: shared, average, max, lp };

/** @param {Layer} layer @returns {Point} */
function average(layer) {
  const counts = layer.axes.map((axis, n) => {
    const [low, high] = layer.setting.countPadding ? layer.slidings[n].widths(axis.inSize) : [0, 0];
    const wide = new Axis(
      low + axis.inSize + high,
      axis.outSize,
      axis.kernelSize,
      axis.stride,
      axis.dilation,
      1,
      axis.low - low,
    );
    return Array.from({ length: axis.outSize }, (_, o) => wide.count(o));
  });
  const [height, width] = plane(counts, [1]);
  const channels = layer.inShape[layer.rank];
  return [
    layer.terms,
    Float64Array.from(layer.terms.rows, (row) => {
      const o = Math.floor(row / channels);
      return 1 / (height[Math.floor(o / width.length)] * width[o % width.length]);
    }),
  ];
}

/** One 1 per row, at the first of the largest. @param {Layer} layer @param {ArrayLike<number>} x @returns {Point} */
function max(layer, x) {
  const won = winners(layer, (column) => x[column]);
  return [chosen(layer.terms, won), new Float64Array(won.length).fill(1)];
}

/**
 * sign(x)·(|x| / y)ᵖ⁻¹ in each window, and 0 where the norm y is.
 *
 * @param {Layer} layer
 * @param {ArrayLike<number>} x
 * @returns {Point}
 */
function lp(layer, x) {
  const { terms, setting } = layer;
  if (setting.p === Infinity) {
    const won = winners(layer, (column) => Math.abs(x[column]));
    return [chosen(terms, won), Float64Array.from(won, (n) => Math.sign(x[terms.columns[n]]))];
  }
  const y = norms(layer, x);
  return [
    terms,
    Float64Array.from(terms.rows, (row, n) => {
      const value = x[terms.columns[n]];
      return value && y[row] ? Math.sign(value) * (Math.abs(value) / y[row]) ** (setting.p - 1) : 0;
    }),
  ];
}

/**
 * The p-norm of each window, scaled by its largest so that nothing overflows.
 *
 * @param {Layer} layer
 * @param {ArrayLike<number>} x
 */
function norms(layer, x) {
  const { terms, setting } = layer;
  const largest = new Float64Array(size(layer.outShape));
  terms.rows.forEach((row, n) => (largest[row] = Math.max(largest[row], Math.abs(x[terms.columns[n]]))));
  const sums = new Float64Array(largest.length);
  terms.rows.forEach(
    (row, n) => (sums[row] += largest[row] ? (Math.abs(x[terms.columns[n]]) / largest[row]) ** setting.p : 0),
  );
  return sums.map((sum, row) => largest[row] * sum ** (1 / setting.p));
}

/**
 * For each row the term of the first largest value.
 *
 * @param {Layer} layer
 * @param {(column: number) => number} value
 * @returns {number[]}
 */
function winners({ terms, outShape }, value) {
  const won = /** @type {number[]} */ (new Array(size(outShape)).fill(-1));
  terms.rows.forEach((row, n) => {
    if (won[row] < 0 || value(terms.columns[n]) > value(terms.columns[won[row]])) won[row] = n;
  });
  return won;
}

/** @param {Terms} terms @param {number[]} some @returns {Terms} */
function chosen(terms, some) {
  return {
    rows: Int32Array.from(some, (n) => terms.rows[n]),
    columns: Int32Array.from(some, (n) => terms.columns[n]),
    taps: Int32Array.from(some, (n) => terms.taps[n]),
  };
}

/** @param {Sliding} sliding @param {number} inSize @param {number} axis */
function checkFits(sliding, inSize, axis) {
  const room = sliding.room(inSize);
  if (room >= 0) return;
  const padded = sliding.extent + room;
  throw new Refusal(
    padded < 0 ? texts.refused.crop(inSize) : texts.refused.tooLarge(axis, sliding.extent, padded, -room),
  );
}

/** One axis or two as two: a row is a plane of height 1. @template T @param {T[]} each @param {T} one @returns {T[]} */
export function plane(each, one) {
  return each.length === 1 ? [one, each[0]] : each;
}

/** @param {number[]} shape */
export function size(shape) {
  return shape.reduce((product, length) => product * length, 1);
}
