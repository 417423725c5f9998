// The relation and the size formula with the numbers put in.

/** @typedef {import("./axis.js").Axis} Axis */
/** @typedef {import("./axis.js").Sliding} Sliding */

/** @param {number} value */
const minus = (value) => `${value}`.replace("-", "−");

/** A further term of a sum, with its sign. @param {number} value @param {string} [factor] */
function plus(value, factor = "") {
  const body = `${Math.abs(value)}${factor}`;
  return `${value < 0 ? " − " : " + "}${body}`;
}

/**
 * The relation u·i = s·o + d·k − p of one axis, with what is known of i, o and k put in.
 *
 * @param {Axis} axis @param {{i?: number, o?: number, k?: number}} known
 */
export function relation({ stride, dilation, stretch, low }, known = {}) {
  /** @param {"i" | "o" | "k"} letter */
  const name = (letter) => (known[letter] === undefined ? letter : minus(/** @type {number} */ (known[letter])));
  return `${stretch}·${name("i")} = ${stride}·${name("o")}${plus(dilation, `·${name("k")}`)}${low < 0 ? ` + ${-low}` : ` − ${low}`}`;
}

/** The ranges of i, o and k. @param {Axis} axis */
export const ranges = ({ inSize, outSize, kernelSize }) =>
  `0 ≤ i < ${inSize},  0 ≤ o < ${outSize},  0 ≤ k < ${kernelSize}`;

/** How many outputs an input has. @param {Sliding} sliding @param {number} inSize @param {number} outSize */
export function sizeFormula(sliding, inSize, outSize) {
  const { stride: s, stretch: u, kernelSize, dilation } = sliding;
  const [i, iShown] = u === 1 ? ["i", `${inSize}`] : ["u(i − 1) + 1", `${sliding.stretched(inSize)}`];
  const [k, kShown] = dilation === 1 ? ["k", `${kernelSize}`] : ["d(k − 1) − 1", `${dilation}·${kernelSize - 1} − 1`];
  const [p, pShown] = padding(sliding, inSize, "+");
  const over = outSize > sliding.outSize(inSize);
  const [open, close] = over ? ["⌈", "⌉"] : ["⌊", "⌋"];
  const [room, shown] = [`${i}${p} − ${k}`, `${iShown}${pShown} − ${kShown}`];
  return s > 1
    ? `o = ${open}(${room})/s${close} + 1 = ${open}(${shown})/${s}${close} + 1 = ${outSize}`
    : `o = ${room} + 1 = ${shown} + 1 = ${outSize}`;
}

/**
 * What size a transposed convolution returns to, from the size o that it starts from.
 *
 * @param {Sliding} sliding
 * @param {number} outSize
 * @param {number} inSize
 */
export function transposedFormula(sliding, outSize, inSize) {
  const { stride: s, stretch: u, kernelSize, dilation } = sliding;
  const a = sliding.remainder(inSize);
  const [k, kShown] = dilation === 1 ? ["k", `${kernelSize}`] : ["d(k − 1) + 1", `${dilation}·${kernelSize - 1} + 1`];
  const [p, pShown] = padding(sliding, inSize, "−");
  const [room, shown] = [`s(i − 1) + a + ${k}${p}`, `${s}·${outSize - 1} + ${a} + ${kShown}${pShown}`];
  return u > 1 ? `o = (${room} − 1)/u + 1 = (${shown} − 1)/${u} + 1 = ${inSize}` : `o = ${room} = ${shown} = ${inSize}`;
}

/** @param {Sliding} sliding @param {number} inSize @param {string} sign */
function padding(sliding, inSize, sign) {
  const [low, high] = sliding.widths(inSize);
  /** @param {number} width */
  const shown = (width) => (width < 0 ? `(${minus(width)})` : `${width}`);
  if (!low && !high) return ["", ""];
  return low === high
    ? [` ${sign} 2p`, ` ${sign} 2·${shown(low)}`]
    : [` ${sign} p ${sign} p′`, ` ${sign} ${shown(low)} ${sign} ${shown(high)}`];
}
