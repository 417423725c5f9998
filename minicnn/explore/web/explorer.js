// The page at work: one state, one model, and views of it that move together.

import { Refusal } from "./axis.js";
import { inputBoard, kernelBoard, outputBoard } from "./boards.js";
import { readTheme, theme } from "./colors.js";
import { laxCode, minicnnCode, torchCode } from "./code.js";
import { Comparison } from "./comparison.js";
import { Controls } from "./controls.js";
import { byId, localized, made, pressed } from "./dom.js";
import { factsOf, summary } from "./facts.js";
import { NOTHING, focusOf, pinOf, same } from "./focus.js";
import { relation } from "./formulas.js";
import { Layer, size } from "./maps.js";
import { Matrix, circulantOf, tileOf } from "./matrix.js";
import { Model } from "./model.js";
import { carried, drawn } from "./numbers.js";
import { Player } from "./player.js";
import { RelationPanel } from "./relation.js";
import { asPng, asSvg, download } from "./saving.js";
import { addressOf, initial, isPool, stateOf } from "./setting.js";
import { names, said } from "./speech.js";
import { texts } from "./texts.js";
import { View } from "./view.js";

/** @typedef {import("./setting.js").State} State */
/** @typedef {import("./setting.js").Values} Values */
/** @typedef {import("./focus.js").Focus} Focus */
/** @typedef {import("./boards.js").Board} Board */
/** @typedef {import("./boards.js").ArrayName} ArrayName */
/** @typedef {{state: string, presets: import("./controls.js").Preset[]}} Given what the page was written with */

/** @type {readonly ArrayName[]} */
const BOARDS = ["x", "w", "y", "xBar", "wBar", "yBar"];
/** @type {Record<ArrayName, (model: Model) => Board>} */
const BOARD = {
  x: (model) => inputBoard(model, "x"),
  w: (model) => kernelBoard(model, "w"),
  y: (model) => outputBoard(model, "y"),
  xBar: (model) => inputBoard(model, "xBar"),
  wBar: (model) => kernelBoard(model, "wBar"),
  yBar: (model) => outputBoard(model, "yBar"),
};
const FILLED = /** @type {const} */ (["x", "w", "yBar"]);

/** Pixels of a cell of a board and of an entry: the most, the least, and the least where boards are below each other. */
const CELLS = { most: 50, least: 6, touched: 20, lecture: 72 };
const ENTRIES = { most: 38, lecture: 52 };
const ZOOM = 1.5;
const CAPTION = 150; // pixels of the words over a board
const BETWEEN = 44; // pixels between two boards
const STACKED = 640; // pixels: on a narrower page boards are below each other

export class Explorer {
  /** @param {Given} given @param {{draw: () => void} | null} digit the other view, if the page has it */
  constructor(given, digit) {
    this.given = given;
    this.digit = digit;
    this.state = initial();
    this.model = new Model(this.state);
    /** @type {Focus | null} */
    this.hover = null;
    this.player = new Player(this);
    this.relation = new RelationPanel();
    this.zoom = 1;
    this.language = "minicnn";
    /** The address that was last written, and what waits to be. */
    this.written = "";
    this.waiting = 0;
    this.counting = 0;
    /** Pixels of a cell of each board, and of an entry of C. @type {Record<string, number>} */
    this.sides = {};
    this.side = 10;
    /** @type {Record<string, View>} */
    this.views = {};
    /** @type {Record<string, Board>} */
    this.boards = {};
    this.matrices = this.bothMatrices();
    this.build();
    this.comparison = new Comparison(this.views.kept, this.views.now);
    this.load(location.hash.length > 1 ? location.hash.slice(1) : given.state);
    addEventListener("hashchange", () => location.hash.slice(1) !== this.written && this.load(location.hash.slice(1)));
    addEventListener("resize", () => this.draw());
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.draw());
  }

  /** Go to an address; what it cannot mean is said. @param {string} address */
  load(address) {
    try {
      this.accept(stateOf(address));
    } catch (error) {
      if (!this.written) this.accept(initial());
      this.refuse(error, texts.refused.address);
    }
  }

  /** Change some of the state. @param {Partial<State>} change */
  set(change) {
    try {
      this.accept({ ...this.state, ...change });
    } catch (error) {
      this.refuse(error);
    }
  }

  /** @param {State} state */
  accept(state) {
    const model = new Model(state);
    this.state = state;
    this.model = model;
    this.hover = null;
    this.player.forget();
    this.refused("");
    this.remember();
    this.draw();
  }

  /** @param {unknown} error @param {string} [then] */
  refuse(error, then = "") {
    if (!(error instanceof Refusal)) throw error;
    this.refused(`${error.message} ${then}`);
  }

  /** @param {string} reason */
  refused(reason) {
    const message = byId("message");
    message.hidden = !reason;
    message.replaceChildren(...(reason ? [made("b", { textContent: texts.refused.title }), reason] : []));
  }

  /** The setting changed: what a person typed stays in its place. @param {import("./setting.js").Setting} setting */
  change(setting) {
    try {
      const layer = new Layer(setting);
      const shapes = { x: layer.inShape, w: layer.wShape, yBar: layer.outShape };
      const fresh = new Model({ ...this.state, setting, values: { x: null, w: null, yBar: null }, step: -1 });
      /** @type {Values} */
      const values = { x: null, w: null, yBar: null };
      for (const name of FILLED) {
        const old = this.state.values[name];
        if (old) values[name] = carried(old, this.model.shapes[name], shapes[name], fresh[name]);
      }
      this.accept({ ...this.state, setting, values, step: -1 });
    } catch (error) {
      this.refuse(error);
    }
  }

  /** Write the state into the address, not more often than a browser allows. */
  remember() {
    this.written = addressOf(this.state);
    clearTimeout(this.waiting);
    this.waiting = setTimeout(() => {
      try {
        history.replaceState(null, "", `#${this.written}`);
      } catch {
        // A page inside a notebook has no address of its own.
      }
    }, 200);
  }

  /** @returns {Focus | null} */
  get focus() {
    if (this.hover) return this.hover;
    if (this.player.proof) return this.player.proof.hot;
    if (this.state.step > 0) return { ...NOTHING, row: this.model.done - 1 };
    return focusOf(this.state.pin);
  }

  /** @param {Focus | null} focus */
  point(focus) {
    if (same(focus, this.hover)) return;
    this.hover = focus;
    this.light();
  }

  /** @param {Focus} focus */
  choose(focus) {
    this.player.pause();
    this.hover = null;
    this.state = { ...this.state, pin: pinOf(focus), step: this.state.step > 0 ? -1 : this.state.step };
    this.remember();
    this.progress();
  }

  light() {
    const { model, focus } = this;
    const lit = focus && model.holds(focus) ? model.lit(focus) : null;
    for (const view of Object.values(this.views)) if (view !== this.views.kept) view.light(lit);
    this.comparison?.light(focus);
    const { proof } = this.player;
    byId("readout").textContent = proof ? proof.said : said(model, lit ? lit.focus : NOTHING);
    this.relation.show(model, lit ? lit.focus : NOTHING);
  }

  /** @param {keyof Values} name @param {number} index @param {string} text */
  type(name, index, text) {
    const value = Number(text.trim().replace("−", "-"));
    if (text.trim() === "" || !Number.isFinite(value)) {
      this.refused(texts.refused.finite(texts.values[name], text));
      return;
    }
    const numbers = Array.from(this.model[name]);
    numbers[index] = value;
    this.set({ values: { ...this.state.values, [name]: numbers } });
  }

  /** @param {keyof Values} name @param {string} fill */
  fill(name, fill) {
    const shape = this.model.shapes[name];
    const length = size(shape);
    const focus = this.focus ?? NOTHING;
    const hot = { x: focus.column, w: focus.tap, yBar: focus.row }[name];
    /** @type {Record<string, () => number[] | null>} */
    const fills = {
      random: () =>
        Array.from(drawn(shape, 1 + Math.floor(Math.random() * 1e6), name === "yBar" ? -3 : -2, name === "x" ? 5 : 3)),
      ones: () => Array.from({ length }, () => 1),
      hot: () =>
        Array.from({ length }, (_, n) => (n === (hot >= 0 && hot < length ? hot : Math.floor(length / 2)) ? 1 : 0)),
      usual: () => null,
    };
    this.set({ values: { ...this.state.values, [name]: fills[fill]() } });
  }

  /** The output whose window's middle is nearest to a place on the input. @param {number} u @param {number} v */
  drag(u, v) {
    const { layer } = this.model;
    const board = this.boards.x;
    const cell = board.cellAt(
      Math.min(Math.max(u, 0), board.width - 0.01),
      Math.min(Math.max(v, 0), board.height - 0.01),
    );
    if (!cell?.key) return;
    const place = cell.key
      .split(",")
      .slice(3 - layer.rank)
      .map(Number);
    const o = layer.axes.map((axis, n) => {
      const middle = (axis.dilation * (axis.kernelSize - 1)) / 2 - axis.low;
      return Math.min(Math.max(Math.round((place[n] - middle) / axis.stride), 0), axis.outSize - 1);
    });
    const channels = layer.outShape[layer.rank];
    const flat = o.reduce((all, at, n) => all * layer.outShape[n] + at, 0);
    const before = focusOf(this.state.pin)?.row ?? -1;
    this.choose({ ...NOTHING, row: flat * channels + (before >= 0 ? before % channels : 0) });
  }

  /** Draw everything anew. */
  draw() {
    const { state, model } = this;
    const dark = state.theme ? state.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    document.documentElement.toggleAttribute("data-dark", dark);
    document.documentElement.toggleAttribute("data-lecture", state.lecture);
    readTheme();
    const other = state.view === "digit" && this.digit !== null;
    byId("explore").hidden = other;
    byId("digit").hidden = !other;
    byId("tabs").hidden = this.digit === null;
    byId("tab-explore").setAttribute("aria-pressed", `${!other}`);
    byId("tab-digit").setAttribute("aria-pressed", `${other}`);
    byId("lecture").setAttribute("aria-pressed", `${state.lecture}`);
    byId("theme").textContent = texts.theme[state.theme];
    if (other && this.digit) {
      this.digit.draw();
      return;
    }
    const widths = model.layer.slidings.map((sliding, n) => sliding.widths(model.layer.sizes[n]));
    document.title = texts.pageTitle(summary(model));
    this.controls?.show(state, widths);
    for (const name of BOARDS) this.boards[name] = BOARD[name](model);
    this.matrices = this.bothMatrices();
    this.arrange();
    this.progress();
    this.showFacts();
    this.showChoices();
    this.showCode();
    this.showCompared();
    this.light();
  }

  bothMatrices() {
    return { C: new Matrix(this.model, false), T: new Matrix(this.model, true) };
  }

  /** Choose the sides of cells so that what belongs together fits beside each other. */
  arrange() {
    const { boards, matrices, state } = this;
    const root = state.lecture ? 1.4 : 1;
    const width = byId("stage").clientWidth - 2.3 * 16 * root;
    const most = state.lecture ? CELLS.lecture : CELLS.most;
    const narrow = innerWidth < STACKED;
    const widest = ["x", "w", "y"].map((name) => Math.max(boards[name].width, boards[`${name}Bar`].width));
    /** @param {number} side */
    const beneath = (side) => Math.max(...widest) * side;
    /** @param {number} side */
    const besides = (side) => {
      const sizes = widest.map((units) => Math.max(units * side, CAPTION * root));
      return sizes.reduce((sum, one) => sum + one) + 2 * BETWEEN * root;
    };
    const stacked = narrow || besides(CELLS.least) > width;
    byId("stage").toggleAttribute("data-stacked", stacked);
    let side = most;
    if (!stacked) while (side > CELLS.least && besides(side) > width) side--;
    if (stacked) while (side > CELLS.touched && beneath(side) > width) side--;
    this.sides = Object.fromEntries(BOARDS.map((name) => [name, side]));
    const room = byId("matrices").clientWidth - 2.4 * 16 * root;
    const largest = state.lecture ? ENTRIES.lecture : ENTRIES.most;
    const beside = (room - 36 * root) / (matrices.C.width + matrices.T.width);
    const fitting = narrow || beside < 4 ? room / Math.max(matrices.C.width, matrices.T.width) : beside;
    const base = Math.min(largest, fitting);
    this.side = this.zoom * (base >= 2 ? Math.floor(base) : base);
  }

  /** Draw what steps change: the numbers so far, and what is lit. */
  progress() {
    const { model, boards, matrices, state } = this;
    const { proof } = this.player;
    model.state = state;
    const backward = state.direction === "backward";
    const hot = proof?.hot ?? NOTHING;
    const forward = proof !== null && hot.column >= 0;
    /** @param {number} length @param {number} n */
    const oneHot = (length, n) => Float64Array.from({ length }, (_, m) => (m === n ? 1 : 0));
    const answer = proof?.answer ?? [];
    /** @type {Record<ArrayName, ArrayLike<number>>} */
    const values = {
      x: proof && forward ? oneHot(model.columns, hot.column) : model.x,
      w: model.w,
      y: proof && forward ? answer : model.y,
      xBar: proof && !forward ? answer : model.xBar,
      wBar: model.wBar,
      yBar: proof && !forward ? oneHot(model.rows, hot.row) : model.yBar,
    };
    for (const name of BOARDS) boards[name].values = values[name];
    boards.y.known = proof ? (forward && proof.answer ? Infinity : 0) : backward ? Infinity : model.done;
    matrices.C.known = proof ? Math.min(proof.step, model.columns) : Infinity;
    matrices.T.known = proof ? Math.max(proof.step - model.columns, 0) : Infinity;
    const { C, T } = names(model);
    for (const name of BOARDS) {
      const shape = {
        x: model.shapes.x,
        xBar: model.shapes.x,
        w: model.shapes.w,
        wBar: model.shapes.w,
        y: model.shapes.yBar,
        yBar: model.shapes.yBar,
      }[name];
      this.views[name].show(
        boards[name],
        this.sides[name],
        texts.boardLabel(this.boardName(name), shape, boards[name].editable),
      );
    }
    this.views.C.show(matrices.C, this.side, texts.matrixLabel(C, model.rows, model.columns));
    this.views.T.show(matrices.T, this.side, texts.matrixLabel(T, model.columns, model.rows));
    this.showProgress();
    this.light();
  }

  /** @param {ArrayName} name */
  boardName(name) {
    if (name === "w" && isPool(this.model.layer.setting.kind)) return texts.window;
    return name === "xBar" ? `${texts.boards.xBar} = ${names(this.model).T}ȳ` : texts.boards[name];
  }

  showProgress() {
    const { model, state } = this;
    const { proof } = this.player;
    const scrub = byId("scrub", HTMLInputElement);
    scrub.max = `${proof ? proof.steps : model.rows}`;
    scrub.value = `${proof ? proof.step : model.done}`;
    scrub.disabled = proof !== null;
    byId("progress").textContent = texts.progressOf(proof ? proof.step : model.done, proof ? proof.steps : model.rows);
    byId("back", HTMLButtonElement).disabled = state.step === 0;
    byId("next", HTMLButtonElement).disabled = state.step >= model.rows;
    const told = byId("prove-said");
    told.textContent = proof ? proof.said : "";
    told.classList.toggle("good", Boolean(proof?.done && !proof.different));
    byId("prove-start").textContent = proof && !proof.done ? texts.prove.stop : texts.prove.start;
  }

  showFacts() {
    const { model } = this;
    if (!model.rankIsNear) {
      clearTimeout(this.counting);
      this.counting = setTimeout(() => void (model.rank, this.model === model && this.showFacts()), 50);
    }
    byId("facts").replaceChildren(
      ...factsOf(model).map(([name, fact]) =>
        made("div", {}, made("dt", { textContent: name }), made("dd", { textContent: fact })),
      ),
    );
  }

  showChoices() {
    const { state, model } = this;
    pressed("direction", state.direction);
    pressed("entries", state.entries);
    byId("form", HTMLSelectElement).value = state.form;
    byId("form-note").textContent = this.formNote();
    const { C, T } = names(model);
    byId("caption-C").replaceChildren(
      C,
      made("span", { className: "note", textContent: texts.shapeOf(model.rows, model.columns) }),
    );
    byId("caption-T").replaceChildren(
      T,
      made("span", { className: "note", textContent: texts.shapeOf(model.columns, model.rows) }),
    );
    for (const name of BOARDS) {
      const caption = /** @type {HTMLElement} */ (byId(`board-${name}`).querySelector(".name"));
      caption.textContent = this.boardName(name);
    }
    const pool = isPool(model.layer.setting.kind);
    byId("board-wBar").style.visibility = pool ? "hidden" : "";
    byId("fill-w").hidden = pool;
  }

  formNote() {
    const { form } = this.state;
    const { model } = this;
    if (form === "tiles") return texts.formNotes.tiles(tileOf(model.layer));
    if (form !== "circulant") return texts.formNotes[form];
    const added = circulantOf(model);
    return added
      ? texts.formNotes.circulant(new Set(added.map(([row, column]) => row * model.columns + column)).size)
      : texts.formNotes.notCirculant;
  }

  showCode() {
    pressed("languages", this.language);
    const write = /** @type {Record<string, (model: Model) => string | null>} */ ({
      minicnn: minicnnCode,
      lax: laxCode,
      torch: torchCode,
    });
    byId("source").textContent = write[this.language](this.model) ?? `# ${texts.code.none}`;
  }

  showCompared() {
    const { state, model } = this;
    let kept = null;
    try {
      if (state.kept) kept = new Model({ ...stateOf(state.kept), entries: state.entries, form: state.form });
    } catch (error) {
      this.refuse(error);
    }
    this.comparison?.show(kept, model, innerWidth < STACKED);
  }

  swap() {
    const { kept } = this.state;
    const present = addressOf({ ...this.state, kept: "", pin: "y0", step: -1 });
    this.load(kept);
    this.set({ kept: present });
  }

  build() {
    localized();
    const stage = byId("stage");
    for (const name of BOARDS) {
      const host = made("div", { className: name === "x" ? "grabs" : "" });
      const tools = FILLED.includes(/** @type {keyof Values} */ (name))
        ? [this.fillMenu(/** @type {keyof Values} */ (name))]
        : [];
      const caption = made("figcaption", {}, made("span", { className: "name" }), ...tools);
      const lower = name === "xBar" || name === "wBar" || name === "yBar";
      stage.append(
        made(
          "figure",
          { id: `board-${name}`, className: lower ? "board lower" : "board" },
          caption,
          made("div", { className: "scroll" }, host),
        ),
      );
      this.views[name] = this.view(host, name);
    }
    for (const name of ["C", "T", "kept", "now"]) this.views[name] = this.view(byId(`view-${name}`), null);
    this.controls = new Controls(byId("controls", HTMLFormElement), this.given.presets, {
      change: (setting) => this.change(setting),
      load: (address) => this.load(address + (this.state.kept ? `&kept=${encodeURIComponent(this.state.kept)}` : "")),
    });
    if (innerWidth < 960) byId("controls").closest("details")?.removeAttribute("open");
    this.choices(
      "direction",
      ["forward", "backward"],
      (value) => this.turn(/** @type {"forward" | "backward"} */ (value)),
      (value) => texts[/** @type {"forward" | "backward"} */ (value)],
    );
    this.choices(
      "entries",
      ["names", "numbers"],
      (value) => this.set({ entries: /** @type {"names" | "numbers"} */ (value) }),
      (value) => texts.entriesNames[/** @type {"names" | "numbers"} */ (value)],
    );
    this.choices(
      "languages",
      ["minicnn", "lax", "torch"],
      (value) => ((this.language = value), this.showCode()),
      (value) => texts.codeNames[/** @type {"minicnn" | "lax" | "torch"} */ (value)],
    );
    const form = byId("form", HTMLSelectElement);
    form.append(...Object.entries(texts.forms).map(([value, name]) => made("option", { value, textContent: name })));
    form.addEventListener("change", () => this.set({ form: /** @type {State["form"]} */ (form.value) }));
    this.buttons();
  }

  buttons() {
    /** @type {Record<string, () => void>} */
    const actions = {
      "tab-explore": () => this.set({ view: "explore" }),
      "tab-digit": () => this.set({ view: "digit" }),
      play: () => this.player.toggle(),
      back: () => this.player.step(-1),
      next: () => this.player.step(1),
      all: () => this.player.all(),
      "prove-start": () => this.player.prove(),
      keep: () => this.set({ kept: addressOf({ ...this.state, kept: "", step: -1 }) }),
      swap: () => this.swap(),
      drop: () => this.set({ kept: "" }),
      larger: () => ((this.zoom *= ZOOM), this.draw()),
      smaller: () => ((this.zoom /= ZOOM), this.draw()),
      lecture: () => this.set({ lecture: !this.state.lecture }),
      theme: () =>
        this.set({ theme: /** @type {const} */ ({ "": "light", light: "dark", dark: "" })[this.state.theme] }),
      link: () => this.copied("link", `${location.href.replace(/#.*/, "")}#${this.written}`, texts.link, texts.linked),
      copy: () => this.copied("copy", byId("source").textContent ?? "", texts.code.copy, texts.code.copied),
      svg: () => download(new Blob([this.svg()], { type: "image/svg+xml" }), "minicnn.svg"),
      png: () => void asPng(...this.picture()).then((blob) => blob && download(blob, "minicnn.png")),
    };
    for (const [id, action] of Object.entries(actions)) byId(id).addEventListener("click", action);
    const scrub = byId("scrub", HTMLInputElement);
    scrub.addEventListener("input", () => {
      this.player.pause();
      this.player.goTo(Number(scrub.value));
    });
  }

  /** @param {"forward" | "backward"} direction */
  turn(direction) {
    this.player.pause();
    this.set({ direction });
  }

  /**
   * @param {string} id
   * @param {string[]} values
   * @param {(value: string) => void} chosen
   * @param {(value: string) => string} name
   */
  choices(id, values, chosen, name) {
    const buttons = values.map((value) => {
      const button = made("button", { type: "button", textContent: name(value) });
      button.dataset.value = value;
      button.addEventListener("click", () => chosen(value));
      return button;
    });
    byId(id).append(...buttons);
  }

  /** @param {keyof Values} name */
  fillMenu(name) {
    const menu = made("select", {
      id: `fill-${name}`,
      ariaLabel: `${texts.values[name]}: ${Object.values(texts.fills).join(", ")}`,
    });
    menu.append(
      made("option", { value: "", textContent: texts.fill }),
      ...Object.entries(texts.fills).map(([value, word]) =>
        made("option", {
          value,
          textContent: word,
          title: texts.fillsHelp[/** @type {keyof typeof texts.fills} */ (value)],
        }),
      ),
    );
    menu.addEventListener("change", () => {
      if (menu.value) this.fill(name, menu.value);
      menu.value = "";
    });
    return menu;
  }

  /** @param {HTMLElement} host @param {ArrayName | null} name */
  view(host, name) {
    return new View(host, {
      point: (focus) => !this.player.playing && this.point(focus),
      choose: (focus) => this.choose(focus),
      type: (index, text) => this.type(/** @type {keyof Values} */ (name), index, text),
      drag: name === "x" ? (u, v) => this.drag(u, v) : null,
    });
  }

  /** @param {string} id @param {string} text @param {string} before @param {string} after */
  copied(id, text, before, after) {
    void navigator.clipboard?.writeText(text).catch(() => {});
    byId(id).textContent = after;
    setTimeout(() => (byId(id).textContent = before), 1200);
  }

  /** Everything that is saved. @returns {Parameters<typeof asSvg>} */
  picture() {
    const { model, boards, matrices, focus } = this;
    const { C, T } = names(model);
    const arrays = (/** @type {ArrayName[]} */ row) =>
      row.map((name) => ({ said: this.boardName(name), picture: boards[name], side: 34 }));
    const side = Math.max(4, Math.min(26, 1400 / (model.rows + model.columns)));
    const lines = [
      summary(model),
      model.layer.axes
        .map((axis) => relation(axis))
        .filter((line, n, all) => all.indexOf(line) === n)
        .join(",   "),
    ];
    const rows = [
      arrays(["x", "w", "y"]),
      arrays(["xBar", "wBar", "yBar"]),
      [
        { said: C, picture: matrices.C, side },
        { said: T, picture: matrices.T, side },
      ],
    ];
    return [lines, rows, theme(), focus && model.holds(focus) ? model.lit(focus) : null];
  }

  svg() {
    return asSvg(...this.picture());
  }

  /** The numbers that the page shows, for those who check them. */
  read() {
    const { model } = this;
    return {
      ...{ inShape: model.layer.inShape, outShape: model.layer.outShape, wShape: model.layer.wShape },
      ...{
        x: [...model.x],
        w: [...model.w],
        yBar: [...model.yBar],
        y: [...model.y],
        xBar: [...model.xBar],
        wBar: [...model.wBar],
      },
      C: model.map.dense().map((row) => [...row]),
      CT: Array.from({ length: model.rows }, (_, row) => [
        ...model.map.applyTranspose(Float64Array.from({ length: model.rows }, (_, n) => (n === row ? 1 : 0))),
      ]),
      ...{ rank: model.rank, nnz: model.map.entries.rows.length, distinct: model.distinct },
      ...{
        unread: model.map.unread,
        remainder: model.layer.slidings.map((sliding, n) => sliding.remainder(model.layer.sizes[n])),
      },
      ...{
        message: byId("message").hidden ? "" : byId("message").textContent,
        address: this.written,
        code: { minicnn: minicnnCode(model), lax: laxCode(model), torch: torchCode(model) },
      },
    };
  }
}
