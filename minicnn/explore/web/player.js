// Playing: outputs one after the other, forward or backward, and the proof by one-hots.

import { byId } from "./dom.js";
import { Proof } from "./proof.js";
import { texts } from "./texts.js";

/** @typedef {import("./explorer.js").Explorer} Explorer */

export class Player {
  /** @param {Explorer} page */
  constructor(page) {
    this.page = page;
    /** The frame that comes next; 0 while nothing plays. */
    this.playing = 0;
    /** @type {Proof | null} */
    this.proof = null;
  }

  toggle() {
    if (this.playing) this.pause();
    else this.play();
  }

  play() {
    if (!this.proof && (this.page.state.step < 0 || this.page.state.step >= this.page.model.rows)) this.goTo(0);
    byId("play").textContent = texts.pause;
    let last = performance.now();
    let owed = 1;
    const frame = (/** @type {number} */ now) => {
      owed += ((now - last) / 1000) * this.rate;
      last = now;
      const steps = Math.floor(owed);
      owed -= steps;
      if (steps) this.advance(steps);
      if (this.playing) this.playing = requestAnimationFrame(frame);
    };
    this.playing = requestAnimationFrame(frame);
  }

  /** Steps a second: two or three of few, and of many as many as end in a quarter of a minute. */
  get rate() {
    const all = this.proof ? this.proof.steps : this.page.model.rows;
    const usual = this.page.state.rate || Math.max(this.proof ? 4 : 2.5, all / 15);
    return Number(byId("speed", HTMLSelectElement).value) * usual;
  }

  /** @param {number} steps */
  advance(steps) {
    if (this.proof) {
      for (let n = 0; n < steps && !this.proof.done; n++) this.proof.advance();
      if (this.proof.done) this.pause();
      this.page.progress();
      return;
    }
    const next = Math.min(this.page.model.done + steps, this.page.model.rows);
    this.goTo(next);
    if (next >= this.page.model.rows) this.pause();
  }

  pause() {
    cancelAnimationFrame(this.playing);
    this.playing = 0;
    byId("play").textContent = texts.play;
  }

  /** @param {number} step */
  goTo(step) {
    this.page.hover = null;
    this.page.state = { ...this.page.state, step: Math.min(Math.max(step, 0), this.page.model.rows) };
    this.page.model.state = this.page.state;
    this.page.remember();
    this.page.progress();
  }

  /** @param {number} by */
  step(by) {
    this.pause();
    if (this.proof) this.stop();
    const from = this.page.state.step < 0 ? (by > 0 ? 0 : this.page.model.rows) : this.page.state.step;
    this.goTo(from + by);
  }

  all() {
    this.pause();
    if (this.proof) this.stop();
    this.page.state = { ...this.page.state, step: -1 };
    this.page.model.state = this.page.state;
    this.page.remember();
    this.page.progress();
  }

  prove() {
    if (this.proof && !this.proof.done) return this.stop();
    this.pause();
    this.page.state = { ...this.page.state, step: -1 };
    this.page.model.state = this.page.state;
    this.proof = new Proof(this.page.model);
    byId("relation").scrollIntoView({ block: "start" }); // from where arrays and matrices are seen at once
    this.play();
  }

  stop() {
    this.forget();
    this.page.progress();
  }

  /** Give up what was played: the setting has changed. */
  forget() {
    this.pause();
    this.proof = null;
  }
}
