// The settings as a form: which quantities there are, where each belongs, and what a change does to the setting.

import { MODES, WORDS } from "./axis.js";
import { made } from "./dom.js";
import { MOST } from "./limits.js";
import { KINDS, bareAddress, fitting, isPool, stateOf } from "./setting.js";
import { texts } from "./texts.js";

/** @typedef {import("./setting.js").Setting} Setting */
/** @typedef {import("./setting.js").State} State */
/** @typedef {import("./axis.js").Padding} Padding */

/**
 * @typedef {"input" | "kernel" | "stride" | "low" | "high" | "dilation" | "stretch" | "outputPadding" | "tile"} Quantity
 */
/** @typedef {{group: string, name: string, address: string}} Preset */

/** @type {Record<Quantity, {least: number, most: number, there: (setting: Setting) => boolean}>} */
const QUANTITIES = {
  input: { least: 1, most: 256, there: () => true },
  kernel: { least: 1, most: 32, there: () => true },
  stride: { least: 1, most: MOST.step, there: () => true },
  low: { least: -MOST.padding, most: MOST.padding, there: () => true },
  high: { least: -MOST.padding, most: MOST.padding, there: () => true },
  dilation: { least: 1, most: MOST.step, there: () => true },
  stretch: { least: 1, most: MOST.step, there: ({ kind }) => kind === "convolution" },
  outputPadding: { least: 0, most: MOST.step, there: ({ transpose }) => transpose },
  tile: { least: 1, most: MOST.step, there: ({ kind }) => kind === "tiled" },
};

/**
 * What a quantity of a setting is on one axis.
 *
 * @param {Setting} setting
 * @param {Quantity} name
 * @param {number} axis
 * @param {[number, number][]} widths
 */
function read(setting, name, axis, widths) {
  if (name === "low" || name === "high") return widths[axis][name === "low" ? 0 : 1];
  return setting[name][axis];
}

/**
 * @param {Setting} setting
 * @param {Quantity} name
 * @param {number[]} numbers
 * @param {[number, number][]} widths
 * @returns {Setting}
 */
function write(setting, name, numbers, widths) {
  if (name !== "low" && name !== "high") return { ...setting, [name]: numbers };
  const padding = widths.map(
    ([low, high], axis) => /** @type {Padding} */ (name === "low" ? [numbers[axis], high] : [low, numbers[axis]]),
  );
  return { ...setting, padding };
}

export class Controls {
  /**
   * @param {HTMLFormElement} form
   * @param {Preset[]} presets
   * @param {{change: (setting: Setting) => void, load: (address: string) => void}} handlers
   */
  constructor(form, presets, handlers) {
    this.form = form;
    this.presets = presets;
    this.addresses = presets.map(({ address }) => bareAddress(stateOf(address)));
    this.chosen = -1;
    this.handlers = handlers;
    /** Whether both axes get the same numbers; null until a person says so. @type {boolean | null} */
    this.linked = null;
    this.shape = "";
    form.addEventListener("submit", (event) => event.preventDefault());
  }

  /** Show a setting. @param {State} state @param {[number, number][]} widths padding of each axis */
  show(state, widths) {
    const { setting } = state;
    const rank = setting.input.length;
    const names = /** @type {Quantity[]} */ (Object.keys(QUANTITIES)).filter((name) => QUANTITIES[name].there(setting));
    const equal = names.every((name) => read(setting, name, 0, widths) === read(setting, name, rank - 1, widths));
    if (!equal) this.linked = false;
    const linked = rank === 2 && (this.linked ?? equal);
    const shape = JSON.stringify([setting.kind, rank, setting.transpose, linked, names]);
    if (shape !== this.shape) {
      const focused = document.activeElement instanceof HTMLElement ? document.activeElement.id : "";
      this.build(setting, names, rank, linked);
      this.shape = shape;
      if (focused) document.getElementById(focused)?.focus();
    }
    this.current = { setting, widths, linked };
    for (const name of names) {
      for (let axis = 0; axis < (linked ? 1 : rank); axis++)
        this.field(`${name}${axis}`).value = `${read(setting, name, axis, widths)}`;
    }
    const words = setting.padding.map((one) => (typeof one === "string" ? one : ""));
    this.field("kind").value = setting.kind;
    this.field("dims").value = `${rank}`;
    this.field("word").value = words.every((word) => word === words[0]) ? words[0] : "";
    this.field("preset").value = `${this.presetOf(bareAddress(state))}`;
    if (rank === 2) this.box("linked").checked = linked;
    this.rest(setting);
  }

  /** @param {Setting} setting */
  rest(setting) {
    if (isPool(setting.kind)) {
      this.field("channels").value = `${setting.channels[0]}`;
      if (setting.kind === "lp") this.field("p").value = setting.p === Infinity ? "inf" : `${setting.p}`;
      if (setting.kind === "average") this.box("count").checked = setting.countPadding;
      this.box("ceil").checked = setting.ceil;
      return;
    }
    this.field("channels0").value = `${setting.channels[0]}`;
    this.field("channels1").value = `${setting.channels[1]}`;
    if (setting.kind !== "convolution") return;
    this.field("groups").value = `${setting.groups}`;
    this.field("mode").value = setting.paddingMode;
    this.box("transpose").checked = setting.transpose;
    this.box("flip").checked = setting.flip;
  }

  /** @param {number} preset */
  load(preset) {
    this.chosen = preset;
    if (preset >= 0) this.handlers.load(this.presets[preset].address);
  }

  /** The preset that an address shows, or −1; of several the one that was chosen. @param {string} address */
  presetOf(address) {
    return this.addresses[this.chosen] === address ? this.chosen : this.addresses.indexOf(address);
  }

  /** @param {string} id */
  field(id) {
    return /** @type {HTMLInputElement | HTMLSelectElement} */ (this.form.querySelector(`#c-${id}`));
  }

  /** @param {string} id */
  box(id) {
    return /** @type {HTMLInputElement} */ (this.form.querySelector(`#c-${id}`));
  }

  /** @param {Setting} setting @param {Quantity[]} names @param {number} rank @param {boolean} linked */
  build(setting, names, rank, linked) {
    const pool = isPool(setting.kind);
    const conv = setting.kind === "convolution";
    const parts = [
      this.select("preset", texts.preset, this.presetOptions(), (value) => this.load(Number(value))),
      this.select(
        "kind",
        texts.kind,
        KINDS.map((kind) => [kind, texts.kinds[kind]]),
        (value) => this.change(kindChanged(this.now, /** @type {import("./setting.js").Kind} */ (value))),
      ),
      conv
        ? this.check("transpose", texts.transpose, (on) =>
            this.change({
              ...this.now,
              transpose: on,
              channels: /** @type {[number, number]} */ ([...this.now.channels].reverse()),
            }),
          )
        : null,
      this.select(
        "dims",
        texts.dims,
        [1, 2].map((n) => [`${n}`, texts.dimsNames[/** @type {1 | 2} */ (n)]]),
        (value) => this.change(rankChanged(this.now, Number(value))),
      ),
      this.table(names, rank, linked, pool),
      rank === 2 ? this.check("linked", texts.same, (on) => this.link(on)) : null,
      this.select(
        "word",
        texts.paddingWord,
        ["", ...Object.keys(WORDS)].map((word) => [
          word,
          texts.paddingWords[/** @type {keyof typeof texts.paddingWords} */ (word)],
        ]),
        (value) => this.word(value),
      ),
      conv
        ? this.select(
            "mode",
            texts.paddingMode,
            Object.keys(MODES).map((mode) => [
              mode,
              texts.paddingModes[/** @type {keyof typeof texts.paddingModes} */ (mode)],
            ]),
            (value) => this.change({ ...this.now, paddingMode: value }),
          )
        : null,
      pool
        ? this.number("channels", texts.channels, 1, MOST.channels, (n) =>
            this.change({ ...this.now, channels: [n, n] }),
          )
        : this.pair([
            this.number("channels0", texts.channelsIn, 1, MOST.channels, (n) =>
              this.change({ ...this.now, channels: [n, this.now.channels[1]] }),
            ),
            this.number("channels1", texts.channelsOut, 1, MOST.channels, (n) =>
              this.change({ ...this.now, channels: [this.now.channels[0], n] }),
            ),
          ]),
      conv
        ? this.number("groups", texts.groups, 1, MOST.channels, (n) => this.change({ ...this.now, groups: n }))
        : null,
      conv ? this.check("flip", texts.flip, (on) => this.change({ ...this.now, flip: on })) : null,
      setting.kind === "lp" ? this.exponent() : null,
      pool ? this.check("ceil", texts.ceil, (on) => this.change({ ...this.now, ceil: on })) : null,
      setting.kind === "average"
        ? this.check("count", texts.countPadding, (on) => this.change({ ...this.now, countPadding: on }))
        : null,
    ];
    this.form.replaceChildren(...parts.filter((part) => part !== null));
  }

  get now() {
    return /** @type {NonNullable<typeof this.current>} */ (this.current).setting;
  }

  /** @param {Setting} setting */
  change(setting) {
    this.handlers.change(fitting(setting));
  }

  /** @param {boolean} on */
  link(on) {
    this.linked = on;
    const first = (/** @type {number[]} */ numbers) => numbers.map(() => numbers[0]);
    const { now } = this;
    const [input, kernel, stride, dilation] = [now.input, now.kernel, now.stride, now.dilation].map(first);
    const [stretch, tile, outputPadding] = [now.stretch, now.tile, now.outputPadding].map(first);
    const same = {
      ...now,
      input,
      kernel,
      stride,
      dilation,
      stretch,
      tile,
      outputPadding,
      padding: now.padding.map(() => now.padding[0]),
    };
    this.change(on ? same : now);
  }

  /** @param {string} word */
  word(word) {
    const { now } = this;
    const { widths } = /** @type {NonNullable<typeof this.current>} */ (this.current);
    this.change({
      ...now,
      padding: now.padding.map((_, axis) => (word ? /** @type {Padding} */ (word) : widths[axis])),
    });
  }

  /** @returns {[string, string, string?][]} */
  presetOptions() {
    return [
      ["-1", texts.presetNone],
      .../** @type {[string, string, string][]} */ (
        this.presets.map((preset, n) => [`${n}`, preset.name, preset.group])
      ),
    ];
  }

  /** @param {Quantity[]} names @param {number} rank @param {boolean} linked @param {boolean} pool */
  table(names, rank, linked, pool) {
    const table = made("table", { className: "sizes" });
    const axes = linked ? [""] : texts.axisNames[/** @type {1 | 2} */ (rank)];
    if (axes.length > 1)
      table.append(made("tr", {}, made("td"), ...axes.map((axis) => made("th", { textContent: axis, scope: "col" }))));
    for (const name of names) {
      const [said, symbol] = texts.quantities[pool && name === "kernel" ? "window" : name];
      const head = made(
        "th",
        { scope: "row" },
        made("span", { textContent: said }),
        made("i", { textContent: symbol }),
      );
      const cells = axes.map((axis, n) =>
        made("td", {}, this.quantity(name, n, `${said} ${axis}`.trim(), linked, rank)),
      );
      table.append(made("tr", {}, head, ...cells));
    }
    return table;
  }

  /** @param {Quantity} name @param {number} axis @param {string} label @param {boolean} linked @param {number} rank */
  quantity(name, axis, label, linked, rank) {
    const { least, most } = QUANTITIES[name];
    const top = name === "input" ? MOST.input[rank - 1] : name === "kernel" ? MOST.kernel[rank - 1] : most;
    const input = made("input", {
      id: `c-${name}${axis}`,
      type: "number",
      min: `${least}`,
      max: `${top}`,
      step: "1",
      ariaLabel: label,
    });
    input.addEventListener("input", () => {
      const given = /** @type {NonNullable<typeof this.current>} */ (this.current);
      if (input.value.trim() === "") return;
      const numbers = given.setting.input.map((_, n) =>
        linked || n === axis ? Number(input.value) : read(given.setting, name, n, given.widths),
      );
      this.change(write(given.setting, name, numbers, given.widths));
    });
    return input;
  }

  /**
   * @param {string} id
   * @param {string} label
   * @param {[string, string, string?][]} options
   * @param {(value: string) => void} changed
   */
  select(id, label, options, changed) {
    const select = made("select", { id: `c-${id}` });
    /** @type {Map<string, HTMLElement>} */
    const groups = new Map();
    for (const [value, said, group] of options) {
      const option = made("option", { value, textContent: said });
      if (!group) {
        select.append(option);
        continue;
      }
      if (!groups.has(group)) {
        const holder = made("optgroup", { label: group });
        groups.set(group, holder);
        select.append(holder);
      }
      groups.get(group)?.append(option);
    }
    select.addEventListener("change", () => changed(select.value));
    return made("label", { className: "row" }, made("span", { textContent: label }), select);
  }

  /**
   * @param {string} id
   * @param {string} label
   * @param {number} least
   * @param {number} most
   * @param {(n: number) => void} changed
   */
  number(id, label, least, most, changed) {
    const input = made("input", { id: `c-${id}`, type: "number", min: `${least}`, max: `${most}`, step: "1" });
    input.addEventListener("input", () => input.value.trim() !== "" && changed(Number(input.value)));
    return made("label", { className: "row" }, made("span", { textContent: label }), input);
  }

  exponent() {
    const input = made("input", { id: "c-p", type: "text", inputMode: "decimal" });
    input.addEventListener("change", () =>
      this.change({ ...this.now, p: input.value.trim() === "inf" ? Infinity : Number(input.value) }),
    );
    return made("label", { className: "row" }, made("span", { textContent: texts.exponent }), input);
  }

  /** @param {string} id @param {string} label @param {(on: boolean) => void} changed */
  check(id, label, changed) {
    const input = made("input", { id: `c-${id}`, type: "checkbox" });
    input.addEventListener("change", () => changed(input.checked));
    return made("label", { className: "check" }, input, made("span", { textContent: label }));
  }

  /** @param {HTMLElement[]} parts */
  pair(parts) {
    return made("div", { className: "pair" }, ...parts);
  }
}

/**
 * A pool's stride is its window unless it is said.
 *
 * @param {Setting} setting
 * @param {import("./setting.js").Kind} kind
 * @returns {Setting}
 */
function kindChanged(setting, kind) {
  if (isPool(kind) === isPool(setting.kind)) return { ...setting, kind };
  return { ...setting, kind, stride: isPool(kind) ? [...setting.kernel] : setting.stride.map(() => 1) };
}

/** @param {Setting} setting @param {number} rank @returns {Setting} */
function rankChanged(setting, rank) {
  /** @template T @param {T[]} each @returns {T[]} */
  const fit = (each) => Array.from({ length: rank }, (_, n) => each[Math.min(n, each.length - 1)]);
  const [input, kernel, stride, dilation] = [setting.input, setting.kernel, setting.stride, setting.dilation].map(fit);
  const [stretch, tile, outputPadding] = [setting.stretch, setting.tile, setting.outputPadding].map(fit);
  return { ...setting, input, kernel, stride, dilation, stretch, tile, outputPadding, padding: fit(setting.padding) };
}
