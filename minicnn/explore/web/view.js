// A picture on the page: a canvas that can be pointed at, walked through with the arrow keys, and typed into.

import { CanvasSurface } from "./surface.js";
import { theme } from "./colors.js";
import { same } from "./focus.js";

/** @typedef {import("./focus.js").Focus} Focus */
/** @typedef {import("./model.js").Lit} Lit */
/** @typedef {import("./boards.js").Board} Board */
/** @typedef {import("./matrix.js").Matrix} Matrix */
/** @typedef {import("./units.js").Units} Units */

/**
 * @typedef {object} Handlers
 * @property {(focus: Focus | null) => void} point the pointer is over something, or has left
 * @property {(focus: Focus) => void} choose something was clicked or reached by a key
 * @property {(index: number, text: string) => void} type a value was typed
 * @property {((u: number, v: number) => void) | null} drag the pointer is pressed and moves, in cells
 */

const LARGEST = 8192; // pixels of a canvas's side that every browser allows

/** The browser's own grid of pixels. */
const density = () => window.devicePixelRatio || 1;

export class View {
  /** @param {HTMLElement} host @param {Handlers} handlers */
  constructor(host, handlers) {
    this.host = host;
    this.handlers = handlers;
    this.side = 10;
    /** @type {Board | Matrix | Units | null} */
    this.picture = null;
    /** @type {Lit | null} */
    this.lit = null;
    /** Where the arrow keys are, in cells. @type {[number, number]} */
    this.cursor = [0, 0];
    this.pressed = false;
    /** What the picture was painted from, so that it is painted only when some of it is new. @type {unknown[]} */
    this.seen = [];
    host.classList.add("view");
    host.tabIndex = 0;
    host.setAttribute("role", "application");
    this.base = document.createElement("canvas");
    this.over = document.createElement("canvas");
    host.append(this.base, this.over);
    for (const canvas of [this.base, this.over]) canvas.setAttribute("aria-hidden", "true");
    this.listen();
  }

  listen() {
    const { host, handlers } = this;
    host.addEventListener("pointermove", (event) => this.moved(event));
    host.addEventListener("pointerleave", () => !this.pressed && handlers.point(null));
    host.addEventListener("pointerdown", (event) => this.pushed(event));
    for (const end of ["pointerup", "pointercancel"]) host.addEventListener(end, () => (this.pressed = false));
    host.addEventListener("dblclick", (event) => this.opened(event));
    host.addEventListener("keydown", (event) => this.key(event));
    host.addEventListener("focus", () => host.matches(":focus-visible") && this.walked());
  }

  /** @param {PointerEvent | MouseEvent} event @returns {[number, number]} */
  cellUnder(event) {
    const box = this.base.getBoundingClientRect();
    return [(event.clientX - box.left) / this.side, (event.clientY - box.top) / this.side];
  }

  /** @param {PointerEvent} event */
  moved(event) {
    if (!this.picture) return;
    const [u, v] = this.cellUnder(event);
    if (this.pressed && this.handlers.drag) this.handlers.drag(u, v);
    else if (event.pointerType === "mouse" || this.pressed) this.handlers.point(this.picture.at(u, v));
  }

  /** @param {PointerEvent} event */
  pushed(event) {
    if (!this.picture || event.button || event.target instanceof HTMLInputElement) return;
    this.pressed = true;
    const [u, v] = this.cellUnder(event);
    const focus = this.picture.at(u, v);
    this.cursor = [u, v];
    const again = focus && this.lit && same(focus, this.lit.focus);
    if (focus) this.handlers.choose(focus);
    if (again && event.pointerType !== "mouse" && this.picture.editable) this.open();
  }

  /** @param {MouseEvent} event */
  opened(event) {
    this.cursor = this.cellUnder(event);
    this.open();
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    if (!this.picture || event.target !== this.host || event.ctrlKey || event.metaKey || event.altKey) return;
    const steps = /** @type {Record<string, [number, number]>} */ ({
      ArrowLeft: [-1, 0],
      ArrowRight: [1, 0],
      ArrowUp: [0, -1],
      ArrowDown: [0, 1],
    });
    if (event.key in steps) {
      event.preventDefault();
      this.walk(...steps[event.key]);
    } else if (this.picture.editable && (event.key === "Enter" || event.key === "F2")) {
      event.preventDefault();
      this.open();
    } else if (this.picture.editable && /^[-\d.]$/.test(event.key)) {
      event.preventDefault();
      this.open(event.key);
    }
  }

  /** Go to the next cell in a direction, over gaps. @param {number} du @param {number} dv */
  walk(du, dv) {
    const [u, v] = this.cursor.map((at) => Math.floor(at * 2) / 2);
    for (let far = 1; far <= 4 * (this.picture?.width ?? 0) + 8; far++) {
      const next = /** @type {[number, number]} */ ([
        u + (du * far) / (far > 1 ? 2 : 1) + 0.01,
        v + (dv * far) / (far > 1 ? 2 : 1) + 0.01,
      ]);
      const focus = this.picture?.at(...next);
      if (focus && !(this.lit && same(focus, this.lit.focus))) {
        this.cursor = next;
        return this.walked();
      }
    }
  }

  /** Light what the cursor is at; the first cell if it is nowhere. */
  walked() {
    if (!this.picture) return;
    let focus = this.picture.at(...this.cursor);
    for (let n = 0; !focus && n < this.picture.width * this.picture.height; n++) {
      this.cursor = [(n % Math.ceil(this.picture.width)) + 0.5, Math.floor(n / Math.ceil(this.picture.width)) + 0.9];
      focus = this.picture.at(...this.cursor);
    }
    if (focus) this.handlers.choose(focus);
  }

  /**
   * Show a picture.
   *
   * @param {Board | Matrix | Units} picture
   * @param {number} side pixels of a cell
   * @param {string} label
   */
  show(picture, side, label) {
    this.picture = picture;
    this.side = Math.min(side, LARGEST / density() / Math.max(picture.width, picture.height));
    this.host.setAttribute("aria-label", label);
    const seen = [picture, this.side, picture.values, picture.known, theme(), density()];
    if (seen.some((one, n) => one !== this.seen[n])) this.repaint(picture);
    this.seen = seen;
  }

  /** @param {Board | Matrix | Units} picture */
  repaint(picture) {
    const [width, height] = [Math.ceil(picture.width * this.side) + 1, Math.ceil(picture.height * this.side) + 1];
    for (const canvas of [this.base, this.over]) {
      const [w, h] = [Math.round(width * density()), Math.round(height * density())];
      if (canvas.width !== w) canvas.width = w;
      if (canvas.height !== h) canvas.height = h;
      canvas.style.width = `${width}px`;
      canvas.style.height = `${height}px`;
    }
    picture.paint(this.surface(this.base), this.side, theme());
  }

  /** Light what is pointed at. @param {Lit | null} lit */
  light(lit) {
    this.lit = lit;
    if (!this.picture) return;
    const surface = this.surface(this.over);
    if (lit) this.picture.glow(surface, this.side, theme(), lit);
  }

  /** @param {HTMLCanvasElement} canvas */
  surface(canvas) {
    const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, canvas.width, canvas.height);
    context.setTransform(density(), 0, 0, density(), 0, 0);
    return new CanvasSurface(context);
  }

  /** Type over the cell at the cursor. @param {string} [first] */
  open(first) {
    const board = /** @type {Board} */ (this.picture);
    const cell = board?.editable ? board.cellAt(...this.cursor) : null;
    if (!cell || cell.index < 0) return;
    const own = board.cellOf(cell.index) ?? cell;
    const field = document.createElement("input");
    field.className = "typing";
    field.inputMode = "decimal";
    field.setAttribute("aria-label", this.host.getAttribute("aria-label") ?? "");
    field.value = first ?? `${board.values[cell.index]}`;
    Object.assign(field.style, {
      left: `${own.u * this.side}px`,
      top: `${own.v * this.side}px`,
      width: `${Math.max(this.side, 40)}px`,
      height: `${Math.max(this.side, 24)}px`,
    });
    let open = true;
    /** @param {boolean} keep */
    const close = (keep) => {
      if (!open) return;
      open = false;
      field.remove();
      if (keep && field.value.trim() !== `${board.values[cell.index]}`) this.handlers.type(cell.index, field.value);
    };
    field.addEventListener("keydown", (event) => {
      event.stopPropagation();
      if (event.key === "Enter" || event.key === "Escape") {
        close(event.key === "Enter");
        this.host.focus();
      }
    });
    field.addEventListener("blur", () => close(true));
    this.host.append(field);
    field.focus();
    if (first === undefined) field.select();
  }
}
