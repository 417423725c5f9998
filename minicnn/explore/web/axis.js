// One spatial axis: the relation u·i = s·o + d·k − p between outputs, inputs and kernel taps.
//
// Everything else on the page is a consequence of this line, as it is in the library's `axis.py`.

import { texts } from "./texts.js";

/** What cannot be drawn, said so that a person can mend it. */
export class Refusal extends Error {}

/** @typedef {"VALID" | "SAME" | "SAME_LOWER" | "FULL" | "CAUSAL"} Word */
/** @typedef {Word | [number, number]} Padding on one axis: a word, or (low, high) */

/** @param {number} a @param {number} b */
const floorDivide = (a, b) => Math.floor(a / b);

/** @param {number} a @param {number} b */
export const modulo = (a, b) => ((a % b) + b) % b;

/** The relation on one axis, and nothing else. It is closed under transposition and under flipping the kernel. */
export class Axis {
  /**
   * @param {number} inSize number of input positions
   * @param {number} outSize number of output positions
   * @param {number} kernelSize number of taps
   * @param {number} stride input steps per output, s
   * @param {number} dilation steps between taps, d; negative where the kernel is flipped
   * @param {number} stretch steps between input positions, u
   * @param {number} low padding before the input, p; negative where it is cropped
   */
  constructor(inSize, outSize, kernelSize, stride = 1, dilation = 1, stretch = 1, low = 0) {
    this.inSize = inSize;
    this.outSize = outSize;
    this.kernelSize = kernelSize;
    this.stride = stride;
    this.dilation = dilation;
    this.stretch = stretch;
    this.low = low;
  }

  /** The transposed relation: i and o change places, so s and u do, and d and p change sign. */
  get T() {
    const { inSize, outSize, kernelSize, stride, dilation, stretch, low } = this;
    return new Axis(outSize, inSize, kernelSize, stretch, -dilation, stride, -low);
  }

  /** The same axis with the kernel reversed, k → n_k − 1 − k. */
  get flipped() {
    const { inSize, outSize, kernelSize, stride, dilation, stretch, low } = this;
    return new Axis(inSize, outSize, kernelSize, stride, -dilation, stretch, low - dilation * (kernelSize - 1));
  }

  /** The length of the input with u − 1 gaps between neighbours, u(n − 1) + 1. */
  get stretched() {
    return this.inSize ? this.stretch * (this.inSize - 1) + 1 : 0;
  }

  /**
   * The place on the stretched input that output o reads through tap k, s·o + d·k − p.
   *
   * @param {number} o
   * @param {number} k
   */
  position(o, k) {
    return this.stride * o + this.dilation * k - this.low;
  }

  /**
   * The input position where an output and a tap meet, or −1 where they meet none.
   *
   * @param {number} o
   * @param {number} k
   */
  inputOf(o, k) {
    const place = this.position(o, k);
    const i = floorDivide(place, this.stretch);
    return modulo(place, this.stretch) === 0 && i >= 0 && i < this.inSize ? i : -1;
  }

  /** The first and the last place that any window reaches, inside the input or not. @returns {[number, number]} */
  get span() {
    const ends = [0, this.outSize - 1].flatMap((o) => [this.position(o, 0), this.position(o, this.kernelSize - 1)]);
    return [Math.min(...ends), Math.max(...ends)];
  }

  /** How many inputs an output reads. @param {number} o */
  count(o) {
    let number = 0;
    for (let k = 0; k < this.kernelSize; k++) number += this.inputOf(o, k) >= 0 ? 1 : 0;
    return number;
  }
}

/** A kernel sliding over an axis whose input size is still open. It answers both size questions. */
export class Sliding {
  /**
   * @param {number} kernelSize
   * @param {number} stride
   * @param {Padding} padding
   * @param {number} dilation
   * @param {number} stretch
   */
  constructor(kernelSize, stride = 1, padding = "VALID", dilation = 1, stretch = 1) {
    this.kernelSize = kernelSize;
    this.stride = stride;
    this.padding = padding;
    this.dilation = dilation;
    this.stretch = stretch;
  }

  /** How many steps the dilated kernel spans, d(k − 1) + 1. */
  get extent() {
    return this.dilation * (this.kernelSize - 1) + 1;
  }

  /** @param {number} inSize */
  stretched(inSize) {
    return inSize ? this.stretch * (inSize - 1) + 1 : 0;
  }

  /** The padding as (low, high). @param {number} inSize @returns {[number, number]} */
  widths(inSize) {
    return typeof this.padding === "string" ? WORDS[this.padding](this, this.stretched(inSize)) : this.padding;
  }

  /**
   * How far the first window can move before it leaves the padded input; negative if it does not fit.
   *
   * @param {number} inSize
   */
  room(inSize) {
    const [low, high] = this.widths(inSize);
    return this.stretched(inSize) + low + high - this.extent;
  }

  /** @param {number} inSize */
  outSize(inSize) {
    return Math.max(floorDivide(this.room(inSize), this.stride) + 1, 0);
  }

  /** The positions at the end that no window reaches, `a`. @param {number} inSize */
  remainder(inSize) {
    return modulo(this.room(inSize), this.stride);
  }

  /** Whether there are ⌈n/s⌉ outputs whatever the kernel. */
  get keepsSize() {
    return this.padding === "SAME" || this.padding === "SAME_LOWER";
  }

  /** The relation for an input of this size. @param {number} inSize */
  over(inSize) {
    const [low] = this.widths(inSize);
    return new Axis(inSize, this.outSize(inSize), this.kernelSize, this.stride, this.dilation, this.stretch, low);
  }

  /**
   * All input sizes that have this number of outputs: `outSize` never falls.
   *
   * @param {number} outSize
   * @returns {number[]}
   */
  inSizes(outSize) {
    const [low, high] = typeof this.padding === "string" ? [0, 0] : this.padding;
    const end = floorDivide(this.stride * (outSize + 1) + this.extent + Math.abs(low + high), this.stretch) + 3;
    const sizes = [];
    for (let size = 0; size < end; size++) if (this.outSize(size) === outSize) sizes.push(size);
    return sizes;
  }

  /**
   * The input size that a transposed convolution of so many positions returns to.
   *
   * @param {number} outSize
   * @param {number} extra
   */
  inSize(outSize, extra) {
    if (!(extra >= 0 && extra < this.stride)) throw new Refusal(texts.refused.outputPadding(extra, this.stride));
    if (extra && this.keepsSize) throw new Refusal(texts.refused.outputPaddingOfWord(extra, String(this.padding)));
    const sizes = this.inSizes(outSize);
    const size = this.usualInSize(outSize, extra, sizes);
    if (!sizes.includes(size)) throw new Refusal(texts.refused.noInput(outSize));
    return size;
  }

  /** @param {number} outSize @param {number} extra @param {number[]} sizes */
  usualInSize(outSize, extra, sizes) {
    if (this.keepsSize) return sizes[sizes.length - 1];
    const [low, high] = this.widths(0);
    const length = this.stride * (outSize - 1) + this.extent - low - high + extra;
    return length > 0 ? Math.ceil((length - 1) / this.stretch) + 1 : 0;
  }
}

/** @param {Sliding} sliding @param {number} length */
function same(sliding, length) {
  const outputs = Math.ceil(length / sliding.stride);
  return Math.max((outputs - 1) * sliding.stride + sliding.extent - length, 0);
}

/** Each word: the sliding kernel and the stretched length of the input to the widths (low, high).
 * @type {Record<Word, (sliding: Sliding, length: number) => [number, number]>} */
export const WORDS = {
  VALID: () => [0, 0],
  SAME: (sliding, length) => [Math.floor(same(sliding, length) / 2), Math.ceil(same(sliding, length) / 2)],
  SAME_LOWER: (sliding, length) => [Math.ceil(same(sliding, length) / 2), Math.floor(same(sliding, length) / 2)],
  FULL: (sliding) => [sliding.extent - 1, sliding.extent - 1],
  CAUSAL: (sliding) => [sliding.extent - 1, 0],
};

/** What a position outside an axis of n positions copies, or −1 for a zero, and how far padding can reach.
 * @type {Record<string, {copied: (i: number, n: number) => number, reach: (n: number) => number}>} */
export const MODES = {
  zeros: { copied: (i, n) => (i >= 0 && i < n ? i : -1), reach: () => Infinity },
  circular: { copied: (i, n) => modulo(i, n), reach: anywhere },
  reflect: { copied: (i, n) => n - 1 - Math.abs(n - 1 - Math.abs(i)), reach: (n) => Math.max(n - 1, 0) },
  symmetric: { copied: (i, n) => Math.min(modulo(i, 2 * n), modulo(-(i + 1), 2 * n)), reach: anywhere },
  replicate: { copied: (i, n) => Math.min(Math.max(i, 0), n - 1), reach: anywhere },
};

/** @param {number} n */
function anywhere(n) {
  return n ? Infinity : 0;
}
