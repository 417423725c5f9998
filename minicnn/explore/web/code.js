// The present setting as code: minicnn, jax.lax and PyTorch.

import { isPool, paddingText } from "./setting.js";

/** @typedef {import("./model.js").Model} Model */

/** @param {readonly (number | string)[]} items */
const tuple = (items) => (items.length === 1 ? `(${items[0]},)` : `(${items.join(", ")})`);

/** One number for all axes, or a tuple. @param {number[]} each */
const ints = (each) => (each.every((n) => n === each[0]) ? `${each[0]}` : tuple(each));

/** @param {ArrayLike<number>} values @param {string} head @param {string} tail */
function numbers(values, head, tail) {
  const whole = Array.from(values).every(Number.isInteger);
  const said = Array.from(values, (value) => (whole ? `${value}.` : `${value}`));
  const lines = [];
  for (let n = 0; n < said.length; n += 24) lines.push(said.slice(n, n + 24).join(", "));
  return lines.length < 2 ? `${head}[${lines.join("")}]${tail}` : `${head}[\n    ${lines.join(",\n    ")},\n]${tail}`;
}

/** @param {string} name @param {ArrayLike<number>} values @param {number[]} shape */
const jaxArray = (name, values, shape) => numbers(values, `${name} = jnp.array(`, `).reshape${tuple(shape)}`);

/** @param {Model} model */
export function minicnnCode(model) {
  const { layer } = model;
  const { setting } = layer;
  const lines = ["import jax.numpy as jnp", "import minicnn", "", jaxArray("x", model.x, layer.inShape)];
  const options = [];
  /** @param {string} name @param {number[]} given @param {number} usual */
  const option = (name, given, usual) => given.some((n) => n !== usual) && options.push(`${name}=${ints(given)}`);
  if (isPool(setting.kind)) {
    if (setting.kind === "lp" && setting.p !== 2)
      options.push(`p=${setting.p === Infinity ? 'float("inf")' : setting.p}`);
    if (setting.stride.some((s, n) => s !== setting.kernel[n])) options.push(`stride=${ints(setting.stride)}`);
  } else {
    lines.push(jaxArray("w", model.w, layer.wShape));
    option("stride", setting.stride, 1);
  }
  if (paddingText(setting.padding) !== "0") options.push(`padding=${paddingCode(model)}`);
  option("dilation", setting.dilation, 1);
  option("stretch", setting.stretch, 1);
  if (setting.groups > 1) options.push(`groups=${setting.groups}`);
  if (setting.mask) options.push(`mask=${maskCode(model)}`);
  if (setting.paddingMode !== "zeros") options.push(`padding_mode="${setting.paddingMode}"`);
  if (setting.flip) options.push("flip=True");
  if (setting.ceil && isPool(setting.kind)) options.push("ceil_mode=True");
  if (setting.kind === "average" && setting.countPadding) options.push("count_include_pad=True");
  const convolution = options.map((one) => `, ${one}`).join("");
  if (setting.transpose && setting.outputPadding.some(Boolean))
    options.push(`output_padding=${ints(setting.outputPadding)}`);
  const given = options.map((one) => `, ${one}`).join("");
  const call = {
    convolution: setting.transpose ? "conv_transpose(x, w" : "conv(x, w",
    local: "local_conv(x, w",
    tiled: "tiled_conv(x, w",
    max: `max_pool(x, ${tuple(setting.kernel)}`,
    average: `avg_pool(x, ${tuple(setting.kernel)}`,
    lp: `lp_pool(x, ${tuple(setting.kernel)}`,
  }[setting.kind];
  lines.push("", `y = minicnn.${call}${given})`);
  if (setting.kind === "convolution") lines.push(`C = minicnn.conv_matrix(w, ${tuple(layer.sizes)}${convolution})`);
  return lines.join("\n");
}

/** @param {Model} model */
function paddingCode({ layer }) {
  const parts = layer.setting.padding.map((one) =>
    typeof one === "string" ? `"${one}"` : one[0] === one[1] ? `${one[0]}` : `(${one.join(", ")})`,
  );
  return parts.every((part) => part === parts[0]) && !parts[0].startsWith("(") ? parts[0] : tuple(parts);
}

/** @param {Model} model */
function maskCode({ layer }) {
  const width = layer.channels.cOut;
  const mask = layer.setting.mask ?? [];
  const rows = Array.from(
    { length: mask.length / width },
    (_, n) => `[${mask.slice(n * width, (n + 1) * width).join(", ")}]`,
  );
  return `[${rows.join(", ")}]`;
}

/** What each way of padding is called elsewhere. @type {Record<string, {jnp: string, torch: string}>} */
const ELSEWHERE = {
  circular: { jnp: "wrap", torch: "circular" },
  reflect: { jnp: "reflect", torch: "reflect" },
  symmetric: { jnp: "symmetric", torch: "" },
  replicate: { jnp: "edge", torch: "replicate" },
};

/** The padding split into what is added and what is cropped. @param {Model} model */
function widths({ layer }) {
  const all = layer.slidings.map((sliding, n) => sliding.widths(layer.sizes[n]));
  const added = all.map((pair) => pair.map((width) => Math.max(width, 0)));
  const cropped = all.map((pair) => pair.map((width) => Math.min(width, 0)));
  return { all, added, cropped };
}

/** @param {number[][]} each */
const pairs = (each) => `[${each.map(([low, high]) => `(${low}, ${high})`).join(", ")}]`;

/** @param {Model} model */
export function laxCode(model) {
  const { layer } = model;
  const { setting, rank } = layer;
  const { all, added, cropped } = widths(model);
  const lines = [
    "import jax",
    "import jax.numpy as jnp",
    "from jax import lax",
    "",
    jaxArray("x", model.x, layer.inShape),
  ];
  const letters = rank === 2 ? "HW" : "W";
  const names = `("N${letters}C", "${letters}IO", "N${letters}C")`;
  if (isPool(setting.kind)) return [...lines, "", ...laxPool(model)].join("\n");
  if (setting.kind === "tiled") return null;
  lines.push(jaxArray("w", model.w, layer.wShape));
  let kernel = setting.flip ? `w[${setting.kernel.map(() => "::-1").join(", ")}]` : "w";
  if (setting.mask) kernel = `${kernel} * jnp.array(${maskCode(model)})`;
  if (setting.kind === "local") {
    // The library's own order of a window is channel by channel.
    const order = [...Array(rank).keys(), 2 * rank, ...Array.from({ length: rank }, (_, n) => rank + n), 2 * rank + 1];
    lines.push(
      `w = w.transpose${tuple(order)}.reshape(${[...layer.outShape.slice(0, rank), -1, layer.outShape[rank]].join(", ")})`,
      "",
      "y = lax.conv_general_dilated_local(",
      `    x[None], w, ${tuple(setting.stride)}, ${pairs(all)}, ${tuple(setting.kernel)},`,
      `    rhs_dilation=${tuple(setting.dilation)}, dimension_numbers=${names},`,
      ")[0]",
    );
    return lines.join("\n");
  }
  const copies = setting.paddingMode !== "zeros";
  const padded = copies ? `jnp.pad(x, ${pairs([...added, [0, 0]])}, "${ELSEWHERE[setting.paddingMode].jnp}")` : "x";
  const call = [
    `lax.conv_general_dilated(${padded}[None], ${kernel}, ${tuple(setting.stride)}, ${pairs(copies ? cropped : all)}`,
    setting.stretch.some((u) => u > 1) ? `, lhs_dilation=${tuple(setting.stretch)}` : "",
    setting.dilation.some((d) => d > 1) ? `, rhs_dilation=${tuple(setting.dilation)}` : "",
    `, dimension_numbers=${names}`,
    setting.groups > 1 ? `, feature_group_count=${setting.groups}` : "",
    ")[0]",
  ].join("");
  if (!setting.transpose) return [...lines, "", `y = ${call}`].join("\n");
  return [
    ...lines,
    "",
    "def conv(x):",
    `    return ${call}`,
    "",
    `_, conv_transpose = jax.vjp(conv, jnp.zeros(${tuple([...layer.sizes, layer.channels.cIn])}))`,
    "(y,) = conv_transpose(x)",
  ].join("\n");
}

/** @param {Model} model */
function laxPool({ layer }) {
  const { setting, axes, slidings } = layer;
  const sides = axes.map((axis, n) => slidings[n].widths(axis.inSize));
  // The windows end before the padding does, or overhang it.
  const reach = axes.map((axis, n) => [
    sides[n][0],
    axis.position(axis.outSize - 1, axis.kernelSize - 1) + 1 - axis.inSize,
  ]);
  // XLA stops the whole process at some windows with negative padding, so x is cropped before.
  const cuts = reach.map(([low, high]) => `${low < 0 ? -low : ""}:${high < 0 ? high : ""}`);
  const lines = cuts.some((cut) => cut !== ":") ? [`x = x[${cuts.join(", ")}]`] : [];
  const padding = reach.map((pair) => pair.map((width) => Math.max(width, 0)));
  const [window, strides, dilation] = [setting.kernel, setting.stride, setting.dilation].map((each) =>
    tuple([...each, 1]),
  );
  /**
   * @param {string} x
   * @param {string} from
   * @param {string} op
   * @param {number[][]} pads
   */
  const reduced = (x, from, op, pads = padding) =>
    `lax.reduce_window(\n    ${x}, ${from}, lax.${op}, ${window}, ${strides}, ${pairs([...pads, [0, 0]])}, window_dilation=${dilation}\n)`;
  const powers = setting.p === Infinity ? "jnp.abs(x)" : `jnp.abs(x) ** ${setting.p}`;
  const root = setting.p === Infinity ? "" : ` ** (1 / ${setting.p})`;
  if (setting.kind === "max") return [...lines, `y = ${reduced("x", "-jnp.inf", "max")}`];
  if (setting.kind === "lp") {
    return [
      ...lines,
      `y = ${setting.p === Infinity ? reduced(powers, "-jnp.inf", "max") : reduced(powers, "0.0", "add")}${root}`,
    ];
  }
  const sum = `total = ${reduced("x", "0.0", "add")}`;
  if (!setting.countPadding) return [...lines, sum, `y = total / ${reduced("jnp.ones_like(x)", "0.0", "add")}`];
  const counts = padding.map(([low, high], n) => [low, Math.min(high, Math.max(sides[n][1], 0))]);
  const rest = padding.map(([, high], n) => [0, high - counts[n][1]]);
  return [
    ...lines,
    sum,
    `counted = jnp.pad(jnp.ones_like(x), ${pairs([...counts, [0, 0]])}, constant_values=1)`,
    `y = total / ${reduced("counted", "0.0", "add", rest)}`,
  ];
}

/** PyTorch pads pools by the same on both sides, by half a window at most, and not those of norms. @param {Model} model */
function torchPool(model) {
  const { setting, slidings, sizes, rank } = model.layer;
  const sides = slidings.map((sliding, n) => sliding.widths(sizes[n]));
  const fits = sides.every(([low, high], n) => low === high && low >= 0 && 2 * low <= setting.kernel[n]);
  const padded = sides.some(([low]) => low > 0);
  const dilated = setting.dilation.some((d) => d > 1);
  /** @param {boolean} yes */
  const python = (yes) => (yes ? "True" : "False");
  const [window, stride, padding] = [setting.kernel, setting.stride, sides.map(([low]) => low)].map(tuple);
  const ceil = `ceil_mode=${python(setting.ceil)}`;
  if (!fits) return null;
  if (setting.kind === "max") {
    return `F.max_pool${rank}d(x, ${window}, ${stride}, ${padding}, ${tuple(setting.dilation)}, ${ceil})`;
  }
  if (dilated) return null;
  if (setting.kind === "average") {
    return `F.avg_pool${rank}d(x, ${window}, ${stride}, ${padding}, ${ceil}, count_include_pad=${python(setting.countPadding)})`;
  }
  // It adds powers of x and not of |x|.
  const whole = setting.p % 2 === 0 || model.x.every((value) => value >= 0);
  if (padded || setting.ceil || setting.p === Infinity || !whole) return null;
  const [k, s] = rank === 1 ? [setting.kernel[0], setting.stride[0]] : [window, stride];
  return `F.lp_pool${rank}d(x, ${setting.p}, ${k}, ${s})`;
}

/** @param {Model} model */
export function torchCode(model) {
  const { layer } = model;
  const { setting, rank } = layer;
  const { all, added, cropped } = widths(model);
  const inner = [...Array(rank).keys()];
  const lines = [
    "import torch",
    "import torch.nn.functional as F",
    "",
    `${numbers(model.x, "x = torch.tensor(", `).reshape${tuple(layer.inShape)}`)}.permute(${[rank, ...inner].join(", ")})[None]`,
  ];
  const channelsLast = `[0].permute(${[...inner.map((n) => n + 1), 0].join(", ")})`;
  /** The last axis first, as F.pad wants it. @param {number[][]} each */
  const flat = (each) => tuple([...each].reverse().flat());
  if (isPool(setting.kind)) {
    const pool = torchPool(model);
    return pool && [...lines, "", `y = ${pool}${channelsLast}`].join("\n");
  }
  if (setting.kind !== "convolution") return null;
  const kernel = numbers(model.w, "w = torch.tensor(", `).reshape${tuple(layer.wShape)}`);
  lines.push(`${kernel}.permute(${[rank + 1, rank, ...inner].join(", ")})`);
  if (setting.mask)
    lines.push(
      `w = w * torch.tensor(${maskCode(model)}).T.reshape(${[...layer.wShape.slice(rank).reverse(), ...inner.map(() => 1)].join(", ")})`,
    );
  if (setting.flip) lines.push(`w = w.flip(${inner.map((n) => n + 2).join(", ")})`);
  const common = `stride=${tuple(setting.stride)}, dilation=${tuple(setting.dilation)}, groups=${setting.groups}`;
  if (setting.transpose) {
    if (setting.paddingMode !== "zeros" || setting.stretch.some((u) => u > 1)) return null;
    const rest = layer.slidings.map((sliding, n) => sliding.remainder(layer.sizes[n]));
    // The whole sum first; the padding of the convolution is what is cut off it.
    const high = all.map(([, right], n) => rest[n] - right);
    return [
      ...lines,
      "",
      `y = F.conv_transpose${rank}d(x, w, ${common})`,
      `y = F.pad(y, ${flat(all.map(([left], n) => [-left, high[n]]))})${channelsLast}`,
    ].join("\n");
  }
  if (setting.stretch.some((u) => u > 1)) {
    const stretched = layer.slidings.map((sliding, n) => sliding.stretched(layer.sizes[n]));
    const steps = setting.stretch.map((u) => `::${u}`).join(", ");
    lines.push(
      `stretched = torch.zeros(1, ${layer.inShape[rank]}, ${stretched.join(", ")})`,
      `stretched[:, :, ${steps}] = x`,
      "x = stretched",
    );
  }
  if (setting.paddingMode !== "zeros") {
    const mode = ELSEWHERE[setting.paddingMode].torch;
    if (!mode || (mode === "circular" && added.some((pair, n) => Math.max(...pair) > layer.sizes[n]))) return null;
    lines.push(`x = F.pad(x, ${flat(added)}, mode="${mode}")`);
  }
  const zeros = setting.paddingMode === "zeros" ? all : cropped;
  if (zeros.flat().some(Boolean)) lines.push(`x = F.pad(x, ${flat(zeros)})`);
  return [...lines, "", `y = F.conv${rank}d(x, w, ${common})${channelsLast}`].join("\n");
}
