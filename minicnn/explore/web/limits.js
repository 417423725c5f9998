// The largest of each size that the page draws: what the page was written with.

/** @type {{input: number[], kernel: number[], step: number, padding: number, channels: number, terms: number}} */
export const MOST = JSON.parse(document.getElementById("given")?.textContent ?? "{}").limits;
