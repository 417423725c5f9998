// Numbers: drawn, written and counted.

import { size } from "./maps.js";

/** A whole number from 0 to 2³² − 1 that looks drawn and depends on nothing else. @param {number[]} from */
function hash(from) {
  let h = 2166136261;
  for (const number of from) {
    h = Math.imul(h ^ (number + 0x9e3779b9), 16777619);
    h ^= h >>> 15;
    h = Math.imul(h, 0x85ebca6b);
    h ^= h >>> 13;
  }
  return h >>> 0;
}

/**
 * Small whole numbers, each of which depends on its place alone, so that they stay when the array grows.
 *
 * @param {number[]} shape @param {number} seed @param {number} least @param {number} most
 */
export function drawn(shape, seed, least, most) {
  return Float64Array.from(
    { length: size(shape) },
    (_, n) => least + (hash([seed, ...placeOf(n, shape)]) % (most - least + 1)),
  );
}

/** The place of an entry in row-major order. @param {number} n @param {number[]} shape */
export function placeOf(n, shape) {
  const place = shape.map(() => 0);
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    place[axis] = n % shape[axis];
    n = Math.floor(n / shape[axis]);
  }
  return place;
}

/** The entry at a place, or −1 outside. @param {number[]} place @param {number[]} shape */
export function flatOf(place, shape) {
  let flat = 0;
  for (const [axis, length] of shape.entries()) {
    if (place[axis] < 0 || place[axis] >= length) return -1;
    flat = flat * length + place[axis];
  }
  return flat;
}

/**
 * The array at its old places, and elsewhere what is usual.
 *
 * @param {number[]} old
 * @param {number[]} from
 * @param {number[]} to
 * @param {Float64Array} usual
 */
export function carried(old, from, to, usual) {
  if (from.length !== to.length) return null;
  return Array.from(usual, (value, n) => {
    const flat = flatOf(placeOf(n, to), from);
    return flat < 0 ? value : old[flat];
  });
}

/** A number as it is written in a cell: at most two decimals, a real minus sign. @param {number} value */
export function written(value) {
  if (Number.isInteger(value)) return `${value}`.replace("-", "−");
  const magnitude = Math.abs(value);
  const text = magnitude >= 1000 || magnitude < 0.005 ? value.toExponential(0) : value.toFixed(magnitude < 10 ? 2 : 1);
  return text.replace("e+", "e").replaceAll("-", "−");
}

/** A coefficient, as a fraction where it is one over a whole number. @param {number} value */
export function fraction(value) {
  const n = Math.round(1 / Math.abs(value));
  if (!Number.isInteger(value) && n > 1 && n < 1000 && Math.abs(1 / n - Math.abs(value)) < 1e-12)
    return `${value < 0 ? "−" : ""}1/${n}`;
  return written(value);
}

const LOW = "₀₁₂₃₄₅₆₇₈₉";

/** The name of a tap, w₀₁ for row 0 and column 1. @param {number[]} place */
export function tapName(place) {
  const separator = Math.max(...place) > 9 ? "," : "";
  return `w${place.join(separator).replace(/\d/g, (digit) => LOW[Number(digit)])}`;
}

/** A whole number with narrow spaces between thousands. @param {number} value */
export const grouped = (value) => `${value}`.replace(/\B(?=(\d{3})+$)/g, "\u202f");

const PRIMES = [67108859, 67108837]; // the largest below 2²⁶, so that products are exact; one of them may miss a rank

/**
 * The rank of a matrix. Rows and columns may be scaled by anything but 0 before: averages become whole numbers.
 *
 * Whole numbers are eliminated modulo two primes, which never finds too much, and too little only if both primes divide the
 * same minors; other numbers with partial pivoting and the tolerance that NumPy uses.
 *
 * @param {Float64Array[]} rows
 */
export function rank(rows) {
  const whole = rows.every((row) => row.every((value) => Number.isInteger(value) && Math.abs(value) < PRIMES[1]));
  return whole ? Math.max(...PRIMES.map((prime) => rankModulo(rows, prime))) : rankOfFloats(rows);
}

/** @param {Float64Array[]} rows @param {number} prime */
function rankModulo(rows, prime) {
  const width = rows.length ? rows[0].length : 0;
  /**
   * Reduced rows by the column of their leading 1, each with its end.
   *
   * @type {Map<number, {row: Float64Array, end: number}>}
   */
  const pivots = new Map();
  for (const given of rows) {
    const row = given.map((value) => (value < 0 ? value + prime : value));
    let end = width;
    while (end > 0 && row[end - 1] === 0) end--;
    for (let lead = 0; lead < end; lead++) {
      if (row[lead] === 0) continue;
      const pivot = pivots.get(lead);
      if (!pivot) {
        const inverse = power(row[lead], prime - 2, prime);
        for (let n = lead; n < end; n++) row[n] = (row[n] * inverse) % prime;
        pivots.set(lead, { row, end });
        break;
      }
      const factor = prime - row[lead];
      for (let n = lead; n < pivot.end; n++) row[n] = (row[n] + factor * pivot.row[n]) % prime;
      end = Math.max(end, pivot.end);
    }
  }
  return pivots.size;
}

/** @param {number} base @param {number} exponent @param {number} prime */
function power(base, exponent, prime) {
  let result = 1;
  for (; exponent > 0; exponent = Math.floor(exponent / 2)) {
    if (exponent % 2) result = (result * base) % prime;
    base = (base * base) % prime;
  }
  return result;
}

/** @param {Float64Array[]} given */
function rankOfFloats(given) {
  const rows = given.map((row) => Float64Array.from(row));
  const [height, width] = [rows.length, rows.length ? rows[0].length : 0];
  const largest = Math.max(0, ...rows.map((row) => row.reduce((most, value) => Math.max(most, Math.abs(value)), 0)));
  const tolerance = largest * Math.max(height, width) * 2 ** -50;
  let found = 0;
  for (let column = 0; column < width && found < height; column++) {
    let best = found;
    for (let n = found + 1; n < height; n++) if (Math.abs(rows[n][column]) > Math.abs(rows[best][column])) best = n;
    if (Math.abs(rows[best][column]) <= tolerance) continue;
    [rows[found], rows[best]] = [rows[best], rows[found]];
    for (let n = found + 1; n < height; n++) {
      const factor = rows[n][column] / rows[found][column];
      if (factor) for (let m = column; m < width; m++) rows[n][m] -= factor * rows[found][m];
    }
    found++;
  }
  return found;
}
