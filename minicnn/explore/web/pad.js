// The pad to draw on, and how a drawing becomes an image like those that the network has learnt.

import { SIDE } from "./lenet.js";

/** @typedef {[number, number][]} Stroke points, from 0 to 1 */

/** What paper and ink are: LeCun's scale, with mean about 0 and deviation about 1. */
export const PAPER = -0.1;
export const INK = 1.175;

const BOX = 20; // pixels of the longer side of a figure, as in MNIST
const STROKE = 2.5; // pixels of a stroke's width in the image
const FINE = 4; // fine pixels for one of the image, so that strokes have soft edges

/**
 * A drawing as an image: scaled to a box of 20 pixels, its centre of mass in the middle.
 *
 * @param {Stroke[]} strokes @returns {Float64Array} 32×32, in the scale that the network has learnt
 */
export function imageOf(strokes) {
  const points = strokes.flat();
  if (!points.length) return new Float64Array(SIDE * SIDE).fill(PAPER);
  const [xs, ys] = [points.map(([x]) => x), points.map(([, y]) => y)];
  const [left, top] = [Math.min(...xs), Math.min(...ys)];
  const extent = Math.max(Math.max(...xs) - left, Math.max(...ys) - top);
  const scale = extent > 0.02 ? (BOX - STROKE) / extent : BOX; // a dot stays a dot
  const middle = [left + (Math.max(...xs) - left) / 2, top + (Math.max(...ys) - top) / 2];
  const first = drawn(strokes, scale, middle, [SIDE / 2, SIDE / 2]);
  const [x, y] = centre(first);
  const ink = drawn(strokes, scale, middle, [SIDE - x, SIDE - y]);
  return ink.map((share) => PAPER + (INK - PAPER) * share);
}

/**
 * The share of ink in every pixel.
 *
 * @param {Stroke[]} strokes
 * @param {number} scale
 * @param {number[]} from
 * @param {number[]} to
 */
function drawn(strokes, scale, from, to) {
  const canvas = Object.assign(document.createElement("canvas"), { width: SIDE * FINE, height: SIDE * FINE });
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d", { willReadFrequently: true }));
  context.lineWidth = STROKE * FINE;
  trace(context, strokes, ([x, y]) => [((x - from[0]) * scale + to[0]) * FINE, ((y - from[1]) * scale + to[1]) * FINE]);
  const { data } = context.getImageData(0, 0, canvas.width, canvas.height);
  return Float64Array.from({ length: SIDE * SIDE }, (_, n) => {
    const [row, column] = [Math.floor(n / SIDE) * FINE, (n % SIDE) * FINE];
    let sum = 0;
    for (let k = 0; k < FINE * FINE; k++)
      sum += data[4 * ((row + Math.floor(k / FINE)) * canvas.width + column + (k % FINE)) + 3];
    return sum / (255 * FINE * FINE);
  });
}

/**
 * Draw strokes.
 *
 * @param {CanvasRenderingContext2D} context
 * @param {Stroke[]} strokes
 * @param {(point: [number, number]) => number[]} to
 */
export function trace(context, strokes, to) {
  context.lineCap = context.lineJoin = "round";
  for (const stroke of strokes) {
    context.beginPath();
    stroke.forEach((point, n) => {
      const [x, y] = to(point);
      if (n) context.lineTo(x, y);
      else context.moveTo(x, y);
    });
    const [x, y] = to(stroke[stroke.length - 1]);
    context.lineTo(x + 0.01, y);
    context.stroke();
  }
}

/** The centre of mass, in pixels from the corner. @param {Float64Array} ink */
function centre(ink) {
  const mass = ink.reduce((sum, share) => sum + share, 0);
  const x = ink.reduce((sum, share, n) => sum + share * ((n % SIDE) + 0.5), 0) / mass;
  const y = ink.reduce((sum, share, n) => sum + share * (Math.floor(n / SIDE) + 0.5), 0) / mass;
  return [x, y];
}
