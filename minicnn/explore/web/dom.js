// Elements of the page: found, made, and given their texts.

import { texts } from "./texts.js";

/**
 * The element of an id, of the class that it is known to have.
 *
 * @template {HTMLElement} [T=HTMLElement]
 * @param {string} id @param {new () => T} [kind]
 * @returns {T}
 */
export function byId(id, kind) {
  const element = document.getElementById(id);
  if (!element || (kind && !(element instanceof kind))) throw new Error(`no ${id} on the page`);
  return /** @type {T} */ (element);
}

/**
 * An element with its properties and children.
 *
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag @param {Partial<HTMLElementTagNameMap[K]>} [properties] @param {...(Node | string)} children
 * @returns {HTMLElementTagNameMap[K]}
 */
export function made(tag, properties = {}, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

/** Press the button that has a value, of a group. @param {string} id @param {string} value */
export function pressed(id, value) {
  for (const button of byId(id).querySelectorAll("button"))
    button.setAttribute("aria-pressed", `${button.dataset.value === value}`);
}

/** Put the texts where the page says that they belong. */
export function localized() {
  /** @param {string | undefined} path */
  const text = (path) => `${(path ?? "").split(".").reduce((/** @type {any} */ table, name) => table[name], texts)}`;
  for (const element of document.querySelectorAll("[data-text]"))
    element.textContent = text(/** @type {HTMLElement} */ (element).dataset.text);
  for (const element of document.querySelectorAll("[data-help]")) {
    const help = text(/** @type {HTMLElement} */ (element).dataset.help);
    element.setAttribute("title", help);
    if (!element.textContent?.trim() || element.textContent.trim().length < 2) element.setAttribute("aria-label", help);
  }
  for (const element of document.querySelectorAll("[data-label]"))
    element.setAttribute("aria-label", text(/** @type {HTMLElement} */ (element).dataset.label));
}
