// What is pointed at, which the address holds as a pin.

/**
 * What a person points at: a row of C (an output), a column (an input), a tap, or a row and a column at once; −1 where
 * there is none.
 *
 * @typedef {{row: number, column: number, tap: number}} Focus
 */

/** @type {Focus} */
export const NOTHING = { row: -1, column: -1, tap: -1 };

/** Whether two are the same. @param {Focus | null} a @param {Focus | null} b */
export const same = (a, b) => a === b || Boolean(a && b && a.row === b.row && a.column === b.column && a.tap === b.tap);

/** What a pin of the address points at. @param {string} pin @returns {Focus | null} */
export function focusOf(pin) {
  const [, letter, first, second] = /^([xywmt])(\d+)(?:\.(\d+))?$/.exec(pin) ?? [];
  if (!letter) return null;
  if (second !== undefined) return { row: Number(first), column: Number(second), tap: -1 };
  return { ...NOTHING, [{ x: "column", y: "row", w: "tap" }[letter] ?? "row"]: Number(first) };
}

/** The pin of what is pointed at. @param {Focus} focus */
export function pinOf({ row, column, tap }) {
  if (row >= 0 && column >= 0) return `m${row}.${column}`;
  return row >= 0 ? `y${row}` : column >= 0 ? `x${column}` : `w${tap}`;
}
