// A setting: what is drawn, with every number that a person can choose. The address of the page holds all of it.

import { MODES, Refusal, WORDS } from "./axis.js";
import { MOST } from "./limits.js";
import { texts } from "./texts.js";

/** @typedef {import("./axis.js").Padding} Padding */
/** @typedef {"convolution" | "max" | "average" | "lp" | "local" | "tiled"} Kind */

/**
 * @typedef {object} Setting
 * @property {Kind} kind
 * @property {boolean} transpose
 * @property {number[]} input sizes of the input, one for each axis
 * @property {number[]} kernel
 * @property {number[]} stride
 * @property {Padding[]} padding
 * @property {number[]} dilation
 * @property {number[]} stretch
 * @property {string} paddingMode
 * @property {number[]} outputPadding
 * @property {[number, number]} channels of the input and of the output
 * @property {number} groups
 * @property {number[] | null} mask which channels meet, (c_in / groups, c_out); null for all
 * @property {boolean} flip
 * @property {number[]} tile of a tiled convolution
 * @property {number} p of Lp pooling
 * @property {boolean} ceil whether a last pooling window may overhang the input
 * @property {boolean} countPadding whether padding counts in an average
 */

/** @typedef {{x: number[] | null, w: number[] | null, yBar: number[] | null}} Values null where the page draws them */

/**
 * @typedef {object} State all that the address holds
 * @property {Setting} setting
 * @property {Values} values
 * @property {number} seed
 * @property {"numbers" | "names"} entries
 * @property {"none" | "tiles" | "diagonals" | "circulant"} form
 * @property {"forward" | "backward"} direction
 * @property {number} step how many outputs have been worked out; −1 for all
 * @property {string} pin what is lit, such as "y4"
 * @property {number} rate outputs a second while it plays; 0 for what suits their number
 * @property {string} kept the address of the setting it is compared with
 * @property {"" | "light" | "dark"} theme
 * @property {boolean} lecture
 * @property {"explore" | "digit"} view
 */

/** @type {readonly Kind[]} */
export const KINDS = ["convolution", "max", "average", "lp", "local", "tiled"];

/** @returns {State} */
export function initial() {
  return {
    setting: settingOf({}),
    values: { x: null, w: null, yBar: null },
    seed: 0,
    entries: "names",
    form: "none",
    direction: "forward",
    step: -1,
    pin: "y0",
    rate: 0,
    kept: "",
    theme: "",
    lecture: false,
    view: "explore",
  };
}

/** The same number for every axis, or one each. @param {number} rank @param {number[]} numbers @param {string} name */
function spread(rank, numbers, name) {
  if (numbers.length !== 1 && numbers.length !== rank)
    throw new Refusal(texts.refused.spread(name, numbers.length, rank));
  return numbers.length === rank ? numbers : Array.from({ length: rank }, () => numbers[0]);
}

/**
 * The setting that texts such as those of `minicnn show` describe.
 *
 * @param {Record<string, string>} given
 * @returns {Setting}
 */
export function settingOf(given) {
  /** @param {string} name @param {string} usual */
  const text = (name, usual) => given[name] ?? usual;
  /** @param {string} name @param {string} usual */
  const whole = (name, usual) =>
    text(name, usual)
      .split("x")
      .map((part) => wholeNumber(name, part));
  const kind = /** @type {Kind} */ (oneOf("kind", text("kind", "convolution"), KINDS));
  const input = whole("input", "5");
  const kernel = whole("kernel", "3");
  const named = Math.max(input.length, kernel.length);
  const rank = named > 1 ? named : wholeNumber("dims", text("dims", "2"));
  if (rank < 1 || rank > 2) throw new Refusal(texts.refused.rank(rank));
  /** @param {string} name @param {string} usual */
  const each = (name, usual) => spread(rank, whole(name, usual), name);
  const pool = isPool(kind);
  const channels = spread(2, whole("channels", "1"), "channels");
  const mask =
    given.mask === undefined || given.mask === "" ? null : Array.from(given.mask, (one) => (one === "0" ? 0 : 1));
  return {
    kind,
    transpose: given.transpose === "1",
    input: each("input", "5"),
    kernel: each("kernel", "3"),
    stride: given.stride === undefined && pool ? each("kernel", "3") : each("stride", "1"),
    padding: paddings(text("padding", "0"), rank),
    dilation: each("dilation", "1"),
    stretch: each("stretch", "1"),
    paddingMode: oneOf("padding_mode", text("padding_mode", "zeros"), Object.keys(MODES)),
    outputPadding: each("output_padding", "0"),
    channels: /** @type {[number, number]} */ (channels),
    groups: wholeNumber("groups", text("groups", "1")),
    mask,
    flip: given.flip === "1",
    tile: each("tile", "2"),
    p: text("p", "2") === "inf" ? Infinity : finite("p", text("p", "2")),
    ceil: given.ceil === "1",
    countPadding: given.count_padding === "1",
  };
}

/** @param {Kind} kind */
export const isPool = (kind) => kind === "max" || kind === "average" || kind === "lp";

/** Refuse what has no meaning or is too large to draw, before anything is computed. @param {Setting} setting */
export function check(setting) {
  const rank = setting.input.length;
  const refused = texts.refused;
  /** @param {string} name @param {number[]} numbers @param {number} least @param {number} most */
  const between = (name, numbers, least, most) => {
    for (const number of numbers) {
      if (!(number >= least && number <= most)) throw new Refusal(refused.between(name, number, least, most));
    }
  };
  between("input", setting.input, 1, MOST.input[rank - 1]);
  between("kernel", setting.kernel, 1, MOST.kernel[rank - 1]);
  for (const name of /** @type {const} */ (["stride", "dilation", "stretch", "tile"]))
    between(name, setting[name], 1, MOST.step);
  between("output_padding", setting.outputPadding, 0, MOST.step);
  between("channels", setting.channels, 1, MOST.channels);
  between(
    "padding",
    setting.padding.flatMap((one) => (typeof one === "string" ? [] : one)),
    -MOST.padding,
    MOST.padding,
  );
  if (setting.kind === "lp" && !(setting.p >= 1)) throw new Refusal(refused.exponent(setting.p));
  if (setting.kind === "convolution") {
    for (const [name, channels] of /** @type {const} */ ([
      ["c_in", setting.channels[0]],
      ["c_out", setting.channels[1]],
    ])) {
      if (!(setting.groups >= 1) || channels % setting.groups)
        throw new Refusal(refused.groups(setting.groups, name, channels));
    }
  }
  if (setting.paddingMode !== "zeros" && setting.stretch.some((u) => u > 1))
    throw new Refusal(refused.stretchedMode(setting.paddingMode));
}

/**
 * The setting with what does not belong to its kind put back to what is usual.
 *
 * @param {Setting} setting
 * @returns {Setting}
 */
export function fitting(setting) {
  const ones = setting.input.map(() => 1);
  const fit = { ...setting };
  if (fit.kind !== "convolution")
    Object.assign(fit, { transpose: false, stretch: ones, paddingMode: "zeros", groups: 1, flip: false, mask: null });
  if (isPool(fit.kind)) fit.channels = [fit.channels[0], fit.channels[0]];
  if (!fit.transpose) fit.outputPadding = ones.map(() => 0);
  if (
    fit.mask &&
    fit.mask.length !== (fit.channels[fit.transpose ? 1 : 0] / fit.groups) * fit.channels[fit.transpose ? 0 : 1]
  )
    fit.mask = null;
  return fit;
}

/** @param {string} name @param {string} text */
function wholeNumber(name, text) {
  if (!/^-?\d{1,6}$/.test(text)) throw new Refusal(texts.refused.whole(name, text));
  return Number(text);
}

/** @param {string} text */
function rateOf(text) {
  const rate = finite("rate", text);
  if (!(rate >= 0 && rate <= 100)) throw new Refusal(texts.refused.between("rate", rate, 0, 100));
  return rate;
}

/** @param {string} name @param {string} text */
function finite(name, text) {
  const number = Number(text);
  if (text.trim() === "" || !Number.isFinite(number)) throw new Refusal(texts.refused.finite(name, text));
  return number;
}

/** @param {string} name @param {string} text @param {readonly string[]} known */
function oneOf(name, text, known) {
  if (!known.includes(text)) throw new Refusal(texts.refused.oneOf(name, text, known));
  return text;
}

/**
 * A word, or for all axes or each a width or low:high.
 *
 * @param {string} text
 * @param {number} rank
 * @returns {Padding[]}
 */
export function paddings(text, rank) {
  const parts = text.split("x").map((part) => {
    const word = part.toUpperCase();
    if (word in WORDS) return /** @type {Padding} */ (word);
    const widths = part.split(":").map((width) => wholeNumber("padding", width));
    if (widths.length > 2) throw new Refusal(texts.refused.whole("padding", part));
    return /** @type {Padding} */ ([widths[0], widths[widths.length - 1]]);
  });
  if (parts.length !== 1 && parts.length !== rank)
    throw new Refusal(texts.refused.spread("padding", parts.length, rank));
  return parts.length === rank ? parts : Array.from({ length: rank }, () => parts[0]);
}

/** @param {number[]} numbers */
const joined = (numbers) => (numbers.every((number) => number === numbers[0]) ? `${numbers[0]}` : numbers.join("x"));

/** @param {Padding[]} padding */
export function paddingText(padding) {
  const parts = padding.map((one) => (typeof one === "string" ? one : one[0] === one[1] ? `${one[0]}` : one.join(":")));
  return parts.every((part) => part === parts[0]) ? parts[0] : parts.join("x");
}

/**
 * The setting in texts that `settingOf` reads; what is usual is left out.
 *
 * @param {Setting} setting
 * @returns {Record<string, string>}
 */
export function described(setting) {
  const rank = setting.input.length;
  /** @type {Record<string, string>} */
  const all = {
    kind: setting.kind,
    transpose: setting.transpose ? "1" : "0",
    input: joined(setting.input),
    kernel: joined(setting.kernel),
    dims: `${rank}`,
    stride: joined(setting.stride),
    padding: paddingText(setting.padding),
    dilation: joined(setting.dilation),
    stretch: joined(setting.stretch),
    padding_mode: setting.paddingMode,
    output_padding: joined(setting.outputPadding),
    channels: joined(setting.channels),
    groups: `${setting.groups}`,
    mask: setting.mask ? setting.mask.join("") : "",
    flip: setting.flip ? "1" : "0",
    tile: joined(setting.tile),
    p: setting.p === Infinity ? "inf" : `${setting.p}`,
    ceil: setting.ceil ? "1" : "0",
    count_padding: setting.countPadding ? "1" : "0",
  };
  /** @type {Record<string, string>} */
  const usual = {
    ...{
      kind: "convolution",
      transpose: "0",
      dims: "2",
      stride: isPool(setting.kind) ? all.kernel : "1",
      padding: "0",
    },
    ...{
      dilation: "1",
      stretch: "1",
      padding_mode: "zeros",
      output_padding: "0",
      channels: "1",
      groups: "1",
      mask: "",
    },
    ...{ flip: "0", tile: "2", p: "2", ceil: "0", count_padding: "0" },
  };
  return Object.fromEntries(Object.entries(all).filter(([name, text]) => usual[name] !== text));
}

const LOOKS = /** @type {const} */ (["entries", "form", "direction", "pin", "kept", "theme", "view"]);

/** @type {Record<string, readonly string[]>} */
const CHOICES = {
  entries: ["numbers", "names"],
  form: ["none", "tiles", "diagonals", "circulant"],
  direction: ["forward", "backward"],
  theme: ["", "light", "dark"],
  view: ["explore", "digit"],
};

/** The address of a state, without its #. @param {State} state */
export function addressOf(state) {
  const usual = initial();
  const parts = new URLSearchParams(described(state.setting));
  for (const name of /** @type {const} */ (["x", "w", "yBar"])) {
    const numbers = state.values[name];
    if (numbers) parts.set(ADDRESS_OF_VALUES[name], numbers.join(","));
  }
  if (state.seed) parts.set("seed", `${state.seed}`);
  for (const name of LOOKS) if (state[name] !== usual[name]) parts.set(name, state[name]);
  if (state.step >= 0) parts.set("step", `${state.step}`);
  if (state.rate) parts.set("rate", `${state.rate}`);
  if (state.lecture) parts.set("lecture", "1");
  return parts.toString().replaceAll("%2C", ",").replaceAll("%3A", ":");
}

/** The address of a setting and its numbers alone, however they are looked at. @param {State} state */
export const bareAddress = ({ setting, values, seed }) => addressOf({ ...initial(), setting, values, seed });

/** @type {Record<keyof Values, string>} */
const ADDRESS_OF_VALUES = { x: "x", w: "w", yBar: "y_bar" };

const LONGEST = 60_000; // letters of an address: 3 channels of 40×40 numbers with room for decimals

/** The state that an address describes. @param {string} address with or without its # @returns {State} */
export function stateOf(address) {
  if (address.length > LONGEST) throw new Refusal(texts.refused.longAddress(address.length));
  const parts = Object.fromEntries(new URLSearchParams(address.replace(/^#/, "")));
  const known = new Set([...Object.keys(described(initial().setting)), ...NAMES, ...LOOKS]);
  for (const name of Object.keys(parts)) if (!known.has(name)) throw new Refusal(texts.refused.unknown(name));
  const state = initial();
  state.setting = fitting(settingOf(parts));
  check(state.setting);
  for (const name of /** @type {const} */ (["x", "w", "yBar"])) {
    const text = parts[ADDRESS_OF_VALUES[name]];
    if (text !== undefined) state.values[name] = text.split(",").map((part) => finite(ADDRESS_OF_VALUES[name], part));
  }
  if (parts.seed !== undefined) state.seed = wholeNumber("seed", parts.seed);
  for (const name of LOOKS) {
    if (parts[name] === undefined) continue;
    Object.assign(state, { [name]: name in CHOICES ? oneOf(name, parts[name], CHOICES[name]) : parts[name] });
  }
  if (!/^([xwygbv]\d{1,7}|[mt]\d{1,7}\.\d{1,7}|)$/.test(state.pin))
    throw new Refusal(texts.refused.unknown(`pin=${state.pin}`));
  if (parts.step !== undefined) state.step = wholeNumber("step", parts.step);
  if (parts.rate !== undefined) state.rate = rateOf(parts.rate);
  state.lecture = parts.lecture === "1";
  return state;
}

const NAMES = [
  ...[
    "kind",
    "transpose",
    "input",
    "kernel",
    "dims",
    "stride",
    "padding",
    "dilation",
    "stretch",
    "padding_mode",
    "output_padding",
  ],
  ...[
    "channels",
    "groups",
    "mask",
    "flip",
    "tile",
    "p",
    "ceil",
    "count_padding",
    "x",
    "w",
    "y_bar",
    "seed",
    "step",
    "lecture",
    "rate",
  ],
];
