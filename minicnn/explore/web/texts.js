// Everything that the page says, in one table, so that it can be said in another language.

/** @param {readonly number[]} shape */
const by = (shape) => shape.join("×");

/** @param {number} n @param {string} one @param {string} [many] */
const counted = (n, one, many = `${one}s`) => `${grouped(n)} ${n === 1 ? one : many}`;

/** A whole number with narrow spaces between thousands. @param {number} value */
const grouped = (value) => `${value}`.replace(/\B(?=(\d{3})+$)/g, "\u202f");

/** @param {number[]} place */
const at = (place) => (place.length === 1 ? `${place[0]}` : `(${place.join(", ")})`);

export const texts = {
  title: "Every layer is a matrix",
  pageTitle: (/** @type {string} */ setting) => `${setting} · minicnn`,
  lead: "A convolution multiplies by a matrix C, and its gradient by Cᵀ. Point at anything.",
  explore: "Explore",
  digit: "Draw a digit",
  lecture: "Lecture",
  lectureHelp: "Large type for a projector",
  theme: { "": "Theme: auto", light: "Theme: light", dark: "Theme: dark" },
  themeHelp: "Light or dark",
  link: "Copy link",
  linked: "Copied",
  linkHelp: "The address of the page holds everything that is set here",
  settings: "Settings",
  preset: "Example",
  presetNone: "Your own",
  kind: "Layer",
  kinds: {
    convolution: "Convolution",
    max: "Max pooling",
    average: "Average pooling",
    lp: "Lp pooling",
    local: "Locally connected",
    tiled: "Tiled convolution",
  },
  transpose: "Transposed: multiply by Cᵀ",
  dims: "Axes",
  dimsNames: { 1: "1-D", 2: "2-D" },
  same: "Same on both axes",
  axisNames: { 1: ["size"], 2: ["height", "width"] },
  quantities: {
    input: ["Input", "i"],
    kernel: ["Kernel", "k"],
    window: ["Window", "k"],
    stride: ["Stride", "s"],
    low: ["Pad before", "p"],
    high: ["Pad after", "p′"],
    dilation: ["Dilation", "d"],
    stretch: ["Stretch", "u"],
    outputPadding: ["Output padding", "a"],
    tile: ["Tile", "t"],
  },
  paddingWord: "Padding",
  paddingWords: {
    "": "By number",
    VALID: "Valid",
    SAME: "Same",
    SAME_LOWER: "Same, low",
    FULL: "Full",
    CAUSAL: "Causal",
  },
  paddingMode: "Filled with",
  paddingModes: {
    zeros: "Zeros",
    circular: "Circular",
    reflect: "Reflect",
    symmetric: "Symmetric",
    replicate: "Replicate",
  },
  channelsIn: "Channels in",
  channelsOut: "Channels out",
  channels: "Channels",
  groups: "Groups",
  flip: "Flip the kernel",
  exponent: "Exponent",
  ceil: "Last window may overhang",
  countPadding: "Padding counts",
  entries: "Entries of C",
  entriesNames: { names: "Names", numbers: "Numbers" },
  form: "Shade C as",
  forms: { none: "Taps", tiles: "Tiles", diagonals: "Diagonals", circulant: "Circulant" },
  formNotes: {
    none: "Each colour is one weight; the dot is its place in the kernel.",
    tiles: (/** @type {number} */ t) =>
      `Cut into tiles of ${t} outputs, the rows of C repeat: inside, every outlined tile holds the same small matrix.`,
    diagonals: "Every weight runs down a diagonal of its own: C is a sum of shifted, scaled diagonals.",
    circulant: (/** @type {number} */ n) =>
      n
        ? `The ${counted(n, "hollow entry", "hollow entries")} would complete C to a matrix that goes around in a circle.`
        : "C is a part of a circulant already: nothing is missing around the corner.",
    notCirculant: "Only a convolution without stretch that is padded with zeros is completed to a circulant.",
  },
  values: { x: "Input", w: "Kernel", yBar: "Cotangent" },
  fill: "Fill",
  fills: { random: "Random", ones: "Ones", hot: "One-hot", usual: "Usual" },
  fillsHelp: {
    random: "Draw small whole numbers",
    ones: "Set all to 1",
    hot: "A single 1, at the place that is lit: what does it see?",
    usual: "Go back to the numbers that the page began with",
  },
  boards: { x: "Input x", w: "Kernel w", y: "Output y", xBar: "Gradient x̄", wBar: "Gradient w̄", yBar: "Cotangent ȳ" },
  window: "Window",
  channel: (/** @type {number} */ c) => `channel ${c}`,
  matrixName: { C: "C", T: "Cᵀ" },
  transposedName: { C: "Cᵀ", T: "C" },
  poolName: { C: "P", T: "Pᵀ" },
  boardLabel: (/** @type {string} */ name, /** @type {number[]} */ shape, /** @type {boolean} */ editable) =>
    `${name}, ${by(shape)}. Arrow keys move${editable ? ", Enter types" : ""}.`,
  matrixLabel: (/** @type {string} */ name, /** @type {number} */ rows, /** @type {number} */ columns) =>
    `Matrix ${name}, ${rows}×${columns}. Arrow keys move.`,
  editHelp: "Click and type to change a number; drag on the input to move the window.",
  play: "Play",
  pause: "Pause",
  back: "One back",
  next: "One on",
  all: "All",
  allHelp: "Show the whole output and gradient",
  forward: "Forward",
  backward: "Backward",
  directionHelp: {
    forward: "Row by row: each output is a row of C times x",
    backward: "Column by column: each output adds its column of Cᵀ to the gradient",
  },
  progress: "Progress",
  progressOf: (/** @type {number} */ n, /** @type {number} */ all) => `${n} of ${all}`,
  speed: "Speed",
  zoomIn: "Larger",
  zoomOut: "Smaller",
  facts: {
    title: "What C is",
    shape: "Shape",
    nnz: "Non-zeros",
    density: "Density",
    distinct: "Distinct values",
    rank: "Rank",
    unread: "Unread inputs",
    remainder: "Remainder a",
  },
  shapeOf: (/** @type {number} */ m, /** @type {number} */ n) => `${grouped(m)} × ${grouped(n)}`,
  of: (/** @type {number} */ n, /** @type {number} */ all) => `${grouped(n)} of ${grouped(all)}`,
  rankOf: (/** @type {number} */ n, /** @type {number} */ most) =>
    n === most ? `${grouped(n)}, full` : `${grouped(n)} of at most ${grouped(most)}`,
  rankUnknown: "not counted at this size",
  rankWait: "…",
  unreadNone: "none",
  unreadSome: (/** @type {number} */ n, /** @type {number[][]} */ places) =>
    `${grouped(n)}: ${places.map(at).join(", ")}${n > places.length ? ", …" : ""}`,
  relation: "The relation",
  relationLetters: "u·i = s·o + d·k − p",
  relationSaid: "input i meets output o through tap k",
  sizes: "Size",
  axisOf: (/** @type {number} */ n, /** @type {number} */ rank) => (rank === 2 ? ["height", "width"][n] : ""),
  nothing: "Point at a number, or walk with the arrow keys.",
  say: {
    row: (
      /** @type {{place: number[], channel: number | null, row: number, count: number, name: string, turned: string, sum: string}} */ s,
    ) =>
      `Output ${at(s.place)}${channel(s.channel)} is row ${s.row} of ${s.name} and column ${s.row} of ${s.turned}. It reads ${counted(s.count, "input")}: ${s.sum}`,
    column: (
      /** @type {{place: number[], channel: number | null, column: number, count: number, name: string, turned: string, sum: string}} */ s,
    ) =>
      s.count
        ? `Input ${at(s.place)}${channel(s.channel)} is column ${s.column} of ${s.name} and row ${s.column} of ${s.turned}. ${counted(s.count, "output reads", "outputs read")} it, so its gradient is ${s.sum}`
        : `Input ${at(s.place)}${channel(s.channel)} is column ${s.column} of ${s.name}, which is zero: no output reads it, and its gradient is 0.`,
    tap: (/** @type {{name: string, value: string, count: number, sum: string}} */ s) =>
      `Weight ${s.name} = ${s.value} stands in ${counted(s.count, "entry", "entries")}; its gradient is ${s.sum}`,
    poolTap: (/** @type {{name: string, count: number}} */ s) =>
      `Place ${s.name} of the window meets an input in ${counted(s.count, "entry", "entries")}.`,
    entry: (
      /** @type {{row: number, column: number, out: number[], in: number[], label: string, value: string, name: string, turned: string, relation: string}} */ s,
    ) =>
      `Row ${s.row}, column ${s.column} of ${s.name}: output ${at(s.out)} reads input ${at(s.in)} through ${s.label}${s.label === s.value ? "" : ` = ${s.value}`}${s.relation && `, since ${s.relation}`}. Its twin is row ${s.column}, column ${s.row} of ${s.turned}.`,
    zero: (/** @type {{row: number, column: number, out: number[], in: number[], name: string, turned: string}} */ s) =>
      `Row ${s.row}, column ${s.column} of ${s.name} is zero: output ${at(s.out)} does not read input ${at(s.in)}, so it sends back nothing either.`,
  },
  prove: {
    title: "Prove it",
    lead: "Send every one-hot input through the layer, written as plain loops without a matrix: each answer is a column of C. Then send every one-hot cotangent back through the same loops: each answer is a column of Cᵀ.",
    start: "Prove it",
    stop: "Stop",
    sending: (/** @type {number} */ n, /** @type {number} */ all) => `Input e${n} goes forward: column ${n} of ${all}.`,
    returning: (/** @type {number} */ n, /** @type {number} */ all) =>
      `Cotangent e${n} goes back: column ${n} of ${all}.`,
    equal: (/** @type {number} */ columns, /** @type {number} */ rows) =>
      `Proved. ${counted(columns, "one-hot input")} gave the columns of C, ${counted(rows, "one-hot cotangent")} those of Cᵀ, and every entry is the same.`,
    different: (/** @type {number} */ n) => `${counted(n, "entry differs", "entries differ")}.`,
  },
  compare: {
    title: "Compare",
    lead: "Keep the present setting, change anything, and see both side by side.",
    keep: "Keep this one",
    swap: "Swap",
    drop: "Forget it",
    kept: "Kept",
    now: "Now",
  },
  code: { title: "Code", copy: "Copy", copied: "Copied", none: "There is no such layer here." },
  save: {
    title: "Save",
    svg: "Save as SVG",
    png: "Save as PNG",
    lead: "The picture as it is, with all arrays and both matrices.",
  },
  codeNames: { minicnn: "minicnn", lax: "jax.lax", torch: "PyTorch" },
  digitView: {
    draw: "Draw a digit",
    pad: "Pad: draw with the mouse or a finger, press a digit for an example, Delete to clear",
    clear: "Clear",
    examples: "Or take one that was written by somebody else:",
    example: (/** @type {number} */ n) => `Example: a ${n}`,
    answer: "What LeNet-5 sees",
    verdict: (/** @type {number} */ best, /** @type {number} */ percent) =>
      `${best}, ${percent > 99.5 ? "surely" : `${percent.toFixed(0)} %`}`,
    classes: "Choose a class: the gradient of its score comes back to the pixels.",
    score: (/** @type {number} */ n, /** @type {string} */ score) => `Class ${n}, score ${score}`,
    sendBack: "Send the gradient back",
    layers: "Layer by layer",
    layersNote:
      "Above, the units; the darker, the more active. Below, the gradient of the chosen class, multiplied by the transpose of every matrix on its way back: full for more, hollow or blue for less. Click any unit.",
    names: ["Image", "C1", "S2", "C3", "S4", "C5", "F6", "Scores"],
    pixels: (/** @type {number} */ n) => `${grouped(n)} pixels`,
    matrix: (/** @type {number} */ m, /** @type {number} */ n) => `${grouped(m)} × ${grouped(n)}`,
    values: (/** @type {string} */ label) => `${label}: units. Arrow keys move.`,
    gradient: (/** @type {string} */ label, /** @type {number} */ target) =>
      `${label}: gradient of the score of ${target}. Arrow keys move.`,
    unit: "One unit",
    field: "The pixels that it can see",
    row: "Its row of the product of matrices",
    at: (/** @type {number} */ map, /** @type {number} */ row, /** @type {number} */ column) =>
      `map ${map}, row ${row}, column ${column}`,
    number: (/** @type {number} */ unit) => `unit ${unit}`,
    told: (
      /** @type {{layer: string, where: string, value: string, field: number[], row: number, rows: number, product: string, rest: string}} */ s,
    ) =>
      `${s.layer}, ${s.where}: ${s.value}. It can see ${s.field[2]}×${s.field[3]} pixels from row ${s.field[0]}, column ${s.field[1]}. At this image everything up to it is multiplication by a matrix: its row, ${s.row} of ${grouped(s.rows)}, times the image is ${s.product}, and the biases add ${s.rest}.`,
  },
  refused: {
    title: "This cannot be drawn",
    between: (
      /** @type {string} */ name,
      /** @type {number} */ value,
      /** @type {number} */ least,
      /** @type {number} */ most,
    ) => `${name} = ${value} must be from ${least} to ${most} to be drawn here.`,
    whole: (/** @type {string} */ name, /** @type {string} */ text) =>
      `${name} = “${short(text)}” must be a whole number; join those of two axes by x, and low and high padding by a colon.`,
    finite: (/** @type {string} */ name, /** @type {string} */ text) => `${name}: “${short(text)}” is not a number.`,
    oneOf: (/** @type {string} */ name, /** @type {string} */ text, /** @type {readonly string[]} */ known) =>
      `${name} = “${short(text)}” is unknown: use ${known.filter(Boolean).join(", ")}.`,
    unknown: (/** @type {string} */ name) => `The address says “${short(name)}”, which means nothing here.`,
    rank: (/** @type {number} */ rank) => `${rank} axes cannot be drawn: use 1 or 2.`,
    spread: (/** @type {string} */ name, /** @type {number} */ given, /** @type {number} */ rank) =>
      `${name} has ${counted(given, "number")} and there are ${rank}: give one for all, or one each.`,
    exponent: (/** @type {number} */ p) => `An exponent of ${p} gives no norm: it must be at least 1.`,
    groups: (/** @type {number} */ groups, /** @type {string} */ name, /** @type {number} */ channels) =>
      `${groups} groups must divide ${name} = ${channels}.`,
    stretchedMode: (/** @type {string} */ mode) => `A stretched input is padded with zeros only, not ${mode}.`,
    outputPadding: (/** @type {number} */ extra, /** @type {number} */ stride) =>
      `An output padding of ${extra} must be from 0 to ${stride - 1}, less than the stride.`,
    outputPaddingOfWord: (/** @type {number} */ extra, /** @type {string} */ word) =>
      `An output padding of ${extra} has no meaning with ${word}.`,
    noInput: (/** @type {number} */ size) =>
      `No convolution has ${counted(size, "output")} here, so there is nothing to transpose: change the padding or the size.`,
    reach: (/** @type {string} */ mode, /** @type {number} */ n, /** @type {number} */ reach) =>
      `${mode} padding of an axis of ${n} reaches at most ${reach}.`,
    crop: (/** @type {number} */ n) =>
      `The negative padding crops more than the ${n} positions of an axis: crop by less.`,
    inPadding: (/** @type {number} */ o, /** @type {number} */ axis) =>
      `Window ${o} on axis ${axis} lies wholly in the padding: pad by less than the window.`,
    tooLarge: (
      /** @type {number} */ axis,
      /** @type {number} */ extent,
      /** @type {number} */ padded,
      /** @type {number} */ more,
    ) =>
      `The kernel spans ${extent} on axis ${axis} and the padded input only ${padded}: pad by ${more} more or use a smaller kernel.`,
    empty: "There is no output: use a larger input.",
    terms: (/** @type {number} */ n, /** @type {number} */ most) =>
      `That would be ${grouped(n)} non-zeros; the page draws up to ${grouped(most)}. Use smaller sizes: the pattern is the same.`,
    values: (/** @type {string} */ name, /** @type {number} */ given, /** @type {number} */ wanted) =>
      `${name} is given ${counted(given, "number")} and has ${grouped(wanted)}.`,
    longAddress: (/** @type {number} */ letters) =>
      `The address has ${grouped(letters)} letters, more than any setting needs.`,
    address: "The address was not understood, so this is the usual setting.",
  },
};

/** @param {number | null} c */
function channel(c) {
  return c === null ? "" : ` of channel ${c}`;
}

/** @param {string} text */
function short(text) {
  return text.length > 40 ? `${text.slice(0, 40)}…` : text;
}
