// "Draw a digit": LeNet-5 at work on a drawing, and the gradient of a class on its way back through every transpose.

import { NOTHING } from "./focus.js";
import { theme } from "./colors.js";
import { made } from "./dom.js";
import { LeNet, SIDE, pulledBack, receptiveField } from "./lenet.js";
import { written } from "./numbers.js";
import { INK, PAPER, imageOf, trace } from "./pad.js";
import { texts } from "./texts.js";
import { Units } from "./units.js";
import { View } from "./view.js";

/** @typedef {import("./pad.js").Stroke} Stroke */
/** @typedef {{layer: number, unit: number}} Chosen a unit; layer −1 is the image */

/** Of the image and each layer: maps side by side, and pixels of a unit. */
const LOOKS = [
  { across: 1, side: 4 },
  { across: 2, side: 2.2 },
  { across: 2, side: 3 },
  { across: 4, side: 2.7 },
  { across: 4, side: 4 },
  { across: 10, side: 9 },
  { across: 7, side: 9 },
  { across: 1, side: 15 },
];
const LAST = LOOKS.length - 2; // the layer of the scores
const PIXEL = 6; // pixels of one of the image, in the panel of a unit
const PAUSE = 450; // milliseconds from one layer to the next on the way back

export class DigitView {
  /** @param {HTMLElement} main @param {string} file the network in base64 */
  constructor(main, file) {
    this.main = main;
    this.net = new LeNet(Uint8Array.from(atob(file), (letter) => letter.charCodeAt(0)).buffer);
    /** @type {Stroke[]} */
    this.strokes = [];
    this.example = 3;
    /** @type {Chosen} */
    this.chosen = { layer: 2, unit: (4 * 10 + 5) * 16 + 3 };
    this.target = -1;
    /** Layers that the gradient has reached: all of them, or those from here on. */
    this.reached = 0;
    /** @type {{values: View, gradient: View}[]} */
    this.views = [];
    this.coming = 0;
    /** @type {import("./lenet.js").Record[]} */
    this.records = [];
    /** @type {Float64Array[]} */
    this.gradients = [];
    this.build();
  }

  /** The image that the network gets. @returns {ArrayLike<number>} */
  get image() {
    if (this.strokes.length || this.example < 0) return imageOf(this.strokes);
    const { values } = this.net.tensors.digits;
    const start = this.example * SIDE * SIDE;
    return Float64Array.from(
      values.slice(start, start + SIDE * SIDE),
      (level) => PAPER + ((INK - PAPER) * level) / 255,
    );
  }

  build() {
    const says = texts.digitView;
    this.pad = made("canvas", { className: "pad", width: 560, height: 560, tabIndex: 0, ariaLabel: says.pad });
    this.pad.setAttribute("role", "img");
    const examples = made(
      "div",
      { className: "segments examples" },
      ...Array.from({ length: 10 }, (_, n) => this.button(`${n}`, () => this.show(n), says.example(n))),
    );
    const clear = this.button(says.clear, () => this.clear());
    const drawing = made(
      "section",
      { className: "card" },
      made("h2", { textContent: says.draw }),
      this.pad,
      made("div", { className: "row-of-buttons" }, clear),
      made("p", { className: "note", textContent: says.examples }),
      examples,
    );
    this.scores = made("div", { className: "scores" });
    this.verdict = made("p", { className: "verdict" });
    this.verdict.setAttribute("role", "status");
    const answer = made(
      "section",
      { className: "card" },
      made("h2", { textContent: says.answer }),
      this.verdict,
      made("p", { className: "note", textContent: says.classes }),
      this.scores,
      made(
        "div",
        { className: "row-of-buttons" },
        this.button(says.sendBack, () => this.sendBack()),
      ),
    );
    const flow = made("div", { className: "flow" }, ...LOOKS.map((_, n) => this.figure(n)));
    const layers = made(
      "section",
      { className: "card wide" },
      made("h2", { textContent: says.layers }),
      made("p", { className: "note", textContent: says.layersNote }),
      flow,
    );
    this.told = made("p", { className: "told" });
    this.told.setAttribute("aria-live", "polite");
    const [field, row] = [made("div"), made("div")];
    this.field = this.view(field, -1);
    this.row = this.view(row, -1);
    const pictures = made(
      "div",
      { className: "pair-of-matrices" },
      made("figure", {}, made("figcaption", { textContent: says.field }), field),
      made("figure", {}, made("figcaption", { textContent: says.row }), row),
    );
    const unit = made(
      "section",
      { className: "card wide" },
      made("h2", { textContent: says.unit }),
      this.told,
      pictures,
    );
    this.main.replaceChildren(drawing, answer, layers, unit);
    this.listen();
  }

  /** @param {string} said @param {() => void} action @param {string} [label] */
  button(said, action, label) {
    const button = made("button", { type: "button", textContent: said });
    if (label) button.setAttribute("aria-label", label);
    button.addEventListener("click", action);
    return button;
  }

  /** @param {number} n */
  figure(n) {
    const [values, gradient] = [made("div"), made("div")];
    this.views.push({ values: this.view(values, n - 1), gradient: this.view(gradient, n - 1) });
    return made(
      "figure",
      {},
      made(
        "figcaption",
        {},
        made("span", { textContent: texts.digitView.names[n] }),
        made("span", { className: "note" }),
      ),
      values,
      gradient,
    );
  }

  /** @param {HTMLElement} host @param {number} layer */
  view(host, layer) {
    return new View(host, {
      point: () => {},
      choose: ({ row }) => this.choose({ layer, unit: row }),
      type: () => {},
      drag: null,
    });
  }

  listen() {
    const { pad } = this;
    if (!pad) return;
    /** @param {PointerEvent} event @returns {[number, number]} */
    const point = (event) => {
      const box = pad.getBoundingClientRect();
      return [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
    };
    let down = false;
    pad.addEventListener("pointerdown", (event) => {
      event.preventDefault();
      pad.setPointerCapture(event.pointerId);
      down = true;
      this.example = -1;
      this.strokes.push([point(event)]);
      this.draw();
    });
    pad.addEventListener("pointermove", (event) => {
      if (!down) return;
      this.strokes[this.strokes.length - 1].push(point(event));
      this.draw();
    });
    for (const end of ["pointerup", "pointercancel"]) pad.addEventListener(end, () => (down = false));
    pad.addEventListener("keydown", (event) => {
      if (/^\d$/.test(event.key)) this.show(Number(event.key));
      if (event.key === "Delete" || event.key === "Backspace") this.clear();
    });
  }

  clear() {
    this.strokes = [];
    this.example = -1;
    this.target = -1;
    this.draw();
  }

  /** @param {number} digit */
  show(digit) {
    this.strokes = [];
    this.example = digit;
    this.target = -1;
    this.draw();
  }

  /** @param {Chosen} chosen */
  choose(chosen) {
    this.chosen = chosen;
    if (chosen.layer === LAST) this.target = chosen.unit;
    this.draw();
  }

  /** Send the gradient back anew, one layer after the other. */
  sendBack() {
    clearTimeout(this.coming);
    if (matchMedia("(prefers-reduced-motion: reduce)").matches) return this.draw();
    this.reached = LOOKS.length;
    const next = () => {
      this.reached--;
      this.draw();
      if (this.reached > 0) this.coming = setTimeout(next, PAUSE);
    };
    next();
  }

  /** Run the network, and send the gradient of the chosen class back. @param {ArrayLike<number>} image */
  compute(image) {
    this.records = this.net.run(image);
    const scores = this.records[LAST].values;
    const best = scores.indexOf(Math.max(...scores));
    const target = this.target < 0 ? best : this.target;
    const cotangent = Float64Array.from(scores, (_, n) => (n === target ? 1 : 0));
    this.gradients = pulledBack(this.records, LAST, cotangent);
    return { scores, best, target };
  }

  draw() {
    const { image } = this;
    const { scores, best, target } = this.compute(image);
    this.paintPad();
    this.paintScores(scores, best, target);
    this.paintLayers(image, target);
    this.paintUnit(image);
  }

  paintPad() {
    const context = /** @type {CanvasRenderingContext2D} */ (this.pad?.getContext("2d"));
    const { width } = context.canvas;
    const colors = theme();
    context.fillStyle = colors.paper;
    context.fillRect(0, 0, width, width);
    if (this.example >= 0) {
      const { image } = this;
      for (let n = 0; n < SIDE * SIDE; n++) {
        context.globalAlpha = (image[n] - PAPER) / (INK - PAPER);
        context.fillStyle = colors.ink;
        const side = width / SIDE;
        context.fillRect((n % SIDE) * side, Math.floor(n / SIDE) * side, side + 0.5, side + 0.5);
      }
      context.globalAlpha = 1;
    }
    context.strokeStyle = colors.ink;
    context.lineWidth = width / 14;
    trace(context, this.strokes, ([x, y]) => [x * width, y * width]);
  }

  /** @param {Float64Array} scores @param {number} best @param {number} target */
  paintScores(scores, best, target) {
    const says = texts.digitView;
    const most = Math.max(...scores);
    const odds = Array.from(scores, (score) => Math.exp(score - most));
    const sum = odds.reduce((a, b) => a + b, 0);
    if (this.verdict) this.verdict.textContent = says.verdict(best, (100 * odds[best]) / sum);
    const bars = Array.from(scores, (score, n) => {
      const share = odds[n] / sum;
      const bar = made("span", { className: "share" });
      bar.style.width = `${100 * share}%`;
      const button = made(
        "button",
        { type: "button" },
        made("b", { textContent: `${n}` }),
        made("span", { className: "track" }, bar),
        made("span", { className: "score", textContent: written(score) }),
      );
      button.setAttribute("aria-pressed", `${n === target}`);
      button.setAttribute("aria-label", says.score(n, written(score)));
      button.addEventListener("click", () => {
        this.target = n;
        this.sendBack();
      });
      return button;
    });
    const focused = Array.from(this.scores?.children ?? []).indexOf(/** @type {Element} */ (document.activeElement));
    this.scores?.replaceChildren(...bars);
    if (focused >= 0) bars[focused].focus();
  }

  /** @param {ArrayLike<number>} image @param {number} target */
  paintLayers(image, target) {
    const records = this.records ?? [];
    const scale = Math.min(1.7, Math.max(1, (this.main.clientWidth - 300) / 900));
    LOOKS.forEach(({ across, side }, n) => {
      const record = n ? records[n - 1] : null;
      const shape = record ? record.shape : [SIDE, SIDE, 1];
      const says = texts.digitView;
      const { values, gradient } = this.views[n];
      const label = `${says.names[n]}, ${shape.join("×")}`;
      const size = shape[0] * shape[1] > 1 ? side * scale : side;
      values.show(new Units(shape, across, record ? record.values : image, n === LAST + 1), size, says.values(label));
      const back = new Units(shape, across, this.gradients?.[n] ?? [], true);
      back.known = n >= this.reached ? Infinity : 0;
      gradient.show(back, size, says.gradient(label, target));
      const lit =
        n - 1 === this.chosen.layer
          ? {
              focus: { ...NOTHING, row: this.chosen.unit },
              terms: [],
              rows: new Map(),
              columns: new Map(),
              taps: new Set(),
            }
          : null;
      values.light(lit);
      gradient.light(lit);
      const note = this.main.querySelectorAll(".flow figure .note")[n];
      note.textContent = n
        ? says.matrix(sizeOf(shape), n > 1 ? sizeOf(records[n - 2].shape) : SIDE * SIDE)
        : says.pixels(SIDE * SIDE);
    });
  }

  /**
   * The panel of the chosen unit: what it sees, and its row of the product of all matrices below it.
   *
   * @param {ArrayLike<number>} image
   */
  paintUnit(image) {
    const records = this.records ?? [];
    const { layer, unit } = this.chosen;
    const says = texts.digitView;
    const shape = layer < 0 ? [SIDE, SIDE, 1] : records[layer].shape;
    const length = sizeOf(shape);
    const cotangent = Float64Array.from({ length }, (_, n) => (n === unit ? 1 : 0));
    const row = layer < 0 ? cotangent : pulledBack(records, layer, cotangent)[0];
    const field =
      layer < 0
        ? /** @type {[number, number, number, number]} */ ([Math.floor(unit / SIDE), unit % SIDE, 1, 1])
        : receptiveField(records, layer, unit);
    const seen = new Units([SIDE, SIDE, 1], 1, image, false);
    const product = new Units([SIDE, SIDE, 1], 1, row, true);
    seen.field = product.field = field;
    this.field?.show(seen, PIXEL, says.field);
    this.row?.show(product, PIXEL, says.row);
    const lit = { focus: NOTHING, terms: [], rows: new Map(), columns: new Map(), taps: new Set() };
    this.field?.light(lit);
    this.row?.light(lit);
    const value = layer < 0 ? image[unit] : records[layer].values[unit];
    const linear = Array.from(row).reduce((sum, entry, n) => sum + entry * image[n], 0);
    const [map, place] = [unit % shape[2], Math.floor(unit / shape[2])];
    const where =
      shape[0] * shape[1] > 1 ? says.at(map, Math.floor(place / shape[1]), place % shape[1]) : says.number(unit);
    if (this.told)
      this.told.textContent = says.told({
        layer: says.names[layer + 1],
        where,
        value: written(value),
        field,
        row: unit,
        rows: length,
        product: written(linear),
        rest: written(value - linear),
      });
  }
}

/** @param {number[]} shape */
const sizeOf = (shape) => shape.reduce((product, length) => product * length, 1);
