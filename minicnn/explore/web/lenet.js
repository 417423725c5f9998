// LeNet-5 layer by layer: forward with plain loops, and back through the transpose of each layer at the point.

/** @typedef {{shape: number[], values: Float32Array}} Tensor */

/**
 * What an image makes of a layer: its values, and how a cotangent comes back from them.
 *
 * @typedef {object} Record
 * @property {string} name
 * @property {number[]} shape height, width and channels
 * @property {Float64Array} values
 * @property {(cotangent: Float64Array) => Float64Array} pull multiply by the transpose of the layer's matrix
 * @property {[number, number]} window side of the window on the layer before, and its stride
 */

/** The network's layers, with the names of the paper; after each with weights comes relu. */
const LAYERS = /** @type {const} */ ([
  { name: "C1", kind: "conv", at: "C1" },
  { name: "S2", kind: "pool", at: "" },
  { name: "C3", kind: "conv", at: "C3" },
  { name: "S4", kind: "pool", at: "" },
  { name: "C5", kind: "conv", at: "C5" },
  { name: "F6", kind: "dense", at: "F6" },
  { name: "output", kind: "last", at: "output" },
]);

export const SIDE = 32; // pixels of an image

export class LeNet {
  /** @param {ArrayBuffer} file in the format of safetensors, in half precision */
  constructor(file) {
    this.tensors = read(file);
  }

  /** Run an image through all layers. @param {ArrayLike<number>} image 32×32 @returns {Record[]} */
  run(image) {
    /** @type {{shape: number[], values: Float64Array}} */
    let before = { shape: [SIDE, SIDE, 1], values: Float64Array.from(image) };
    return LAYERS.map(({ name, kind, at }) => {
      const record =
        kind === "pool"
          ? pool(before)
          : kind === "conv"
            ? this.conv(before, at)
            : this.dense(before, at, kind === "last");
      before = record;
      return { ...record, name };
    });
  }

  /** @param {{shape: number[], values: Float64Array}} before @param {string} name */
  conv(before, name) {
    return convolved(before, this.tensors[`${name}.w`], this.tensors[`${name}.b`]);
  }

  /**
   * @param {{shape: number[], values: Float64Array}} before
   * @param {string} name
   * @param {boolean} last whether no relu comes behind it
   */
  dense(before, name, last) {
    return multiplied(before, this.tensors[`${name}.w`], this.tensors[`${name}.b`], last);
  }
}

/**
 * The cotangents of the image and of all layers, from one of the layer `from`: back through every transpose.
 *
 * @param {Record[]} records
 * @param {number} from
 * @param {Float64Array} cotangent
 */
export function pulledBack(records, from, cotangent) {
  const found = [cotangent];
  for (let n = from; n >= 0; n--) found.unshift(records[n].pull(found[0]));
  return found;
}

/**
 * A convolution without padding, and relu.
 *
 * @param {{shape: number[], values: Float64Array}} before
 * @param {Tensor} w
 * @param {Tensor} b
 * @returns {Omit<Record, "name">}
 */
function convolved({ shape: [height, width, cIn], values: x }, w, b) {
  const [kh, kw, , cOut] = w.shape;
  const [outHeight, outWidth] = [height - kh + 1, width - kw + 1];
  const y = new Float64Array(outHeight * outWidth * cOut);
  /**
   * @param {(o: number, i: number, tap: number) => void} visit output place, input place, and tap without the output channel
   */
  const each = (visit) => {
    for (let r = 0; r < outHeight; r++) {
      for (let c = 0; c < outWidth; c++) {
        for (let k = 0; k < kh * kw; k++) {
          const i = ((r + Math.floor(k / kw)) * width + c + (k % kw)) * cIn;
          for (let e = 0; e < cIn; e++) visit((r * outWidth + c) * cOut, i + e, (k * cIn + e) * cOut);
        }
      }
    }
  };
  for (let o = 0; o < y.length; o++) y[o] = b.values[o % cOut];
  each((o, i, tap) => {
    for (let d = 0; d < cOut; d++) y[o + d] += w.values[tap + d] * x[i];
  });
  const on = y.map((value) => (value > 0 ? 1 : 0));
  return {
    shape: [outHeight, outWidth, cOut],
    values: y.map((value) => Math.max(value, 0)),
    window: [kh, 1],
    pull: (cotangent) => {
      const back = new Float64Array(x.length);
      const yBar = cotangent.map((value, n) => value * on[n]);
      each((o, i, tap) => {
        for (let d = 0; d < cOut; d++) back[i] += w.values[tap + d] * yBar[o + d];
      });
      return back;
    },
  };
}

/**
 * The maximum of each 2×2 window, the first of equal ones.
 *
 * @param {{shape: number[], values: Float64Array}} before
 * @returns {Omit<Record, "name">}
 */
function pool({ shape: [height, width, channels], values: x }) {
  const [outHeight, outWidth] = [height / 2, width / 2];
  const chosen = Int32Array.from({ length: outHeight * outWidth * channels }, (_, o) => {
    const c = o % channels;
    const [r, column] = [Math.floor(o / channels / outWidth), Math.floor(o / channels) % outWidth];
    const window = [0, 1, width, width + 1].map((step) => (2 * r * width + 2 * column + step) * channels + c);
    return window.reduce((best, i) => (x[i] > x[best] ? i : best));
  });
  return {
    shape: [outHeight, outWidth, channels],
    values: Float64Array.from(chosen, (i) => x[i]),
    window: [2, 2],
    pull: (cotangent) => {
      const back = new Float64Array(x.length);
      chosen.forEach((i, o) => (back[i] += cotangent[o]));
      return back;
    },
  };
}

/**
 * A matrix product, and relu.
 *
 * @param {{shape: number[], values: Float64Array}} before
 * @param {Tensor} w
 * @param {Tensor} b
 * @param {boolean} last
 * @returns {Omit<Record, "name">}
 */
function multiplied({ values: x }, w, b, last) {
  const units = w.shape[1];
  const y = Float64Array.from({ length: units }, (_, n) =>
    x.reduce((sum, value, m) => sum + value * w.values[m * units + n], b.values[n]),
  );
  return {
    shape: [1, 1, units],
    values: last ? y : y.map((value) => Math.max(value, 0)),
    window: [1, 1],
    pull: (cotangent) => {
      const yBar = cotangent.map((value, n) => (last || y[n] > 0 ? value : 0));
      return x.map((_, m) => yBar.reduce((sum, value, n) => sum + value * w.values[m * units + n], 0));
    },
  };
}

/**
 * The pixels that a unit can see: top, left, height and width.
 *
 * @param {Record[]} records
 * @param {number} layer
 * @param {number} unit
 * @returns {[number, number, number, number]}
 */
export function receptiveField(records, layer, unit) {
  const [, width, channels] = records[layer].shape;
  const place = Math.floor(unit / channels);
  const within = records.slice(0, layer + 1);
  if (within.some(({ name }) => name === "F6")) return [0, 0, SIDE, SIDE];
  let [top, left, side] = [Math.floor(place / width), place % width, 1];
  for (const {
    window: [reach, stride],
  } of within.reverse())
    [top, left, side] = [top * stride, left * stride, (side - 1) * stride + reach];
  return [top, left, side, side];
}

/** The tensors of a file of safetensors. @param {ArrayBuffer} file @returns {globalThis.Record<string, Tensor>} */
function read(file) {
  const length = Number(new DataView(file).getBigUint64(0, true));
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(file, 8, length)));
  const data = file.slice(8 + length);
  /** @type {globalThis.Record<string, Tensor>} */
  const tensors = {};
  delete header.__metadata__;
  for (const [
    name,
    {
      shape,
      data_offsets: [start, end],
      dtype,
    },
  ] of Object.entries(header)) {
    if (dtype === "F16")
      tensors[name] = { shape, values: Float32Array.from(new Uint16Array(data.slice(start, end)), half) };
    if (dtype === "U8") tensors[name] = { shape, values: Float32Array.from(new Uint8Array(data.slice(start, end))) };
  }
  return tensors;
}

/** The number that 16 bits stand for. @param {number} bits */
export function half(bits) {
  const [sign, exponent, fraction] = [bits & 0x8000 ? -1 : 1, (bits >> 10) & 31, bits & 1023];
  if (exponent === 0) return sign * fraction * 2 ** -24;
  return exponent === 31 ? (fraction ? NaN : sign * Infinity) : sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}
