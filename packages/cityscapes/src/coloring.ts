import {
  checkArgument,
  checkByteArray,
  checkInteger,
  checkIntegerArray,
  checkLength,
  checkNumber,
} from '@inverseform/errors'
import type { IdArray } from './label-mapping.js'
import { palette as cityscapesPalette, type Rgb } from './labels.js'

/**
 * The colors of {@link errorMask}: blue, orange and dark gray. They also differ in lightness, so they remain distinct
 * with every kind of color vision (after Okabe and Ito's palette).
 */
export const errorColors = {
  right: [0, 114, 178],
  wrong: [255, 176, 0],
  ignored: [42, 42, 46],
} as const satisfies Record<string, Rgb>

/**
 * Colors train ids by class. Ids outside the palette become black.
 * @param trainIds one id per pixel
 * @param palette the color of each id; defaults to Cityscapes' palette
 * @returns RGB bytes, three per pixel
 * @throws InverseFormError `invalid-argument` for ids that are not an integer array, or an invalid palette
 */
export function colorize(trainIds: IdArray, palette: readonly Rgb[] = cityscapesPalette): Uint8Array {
  checkIntegerArray('trainIds', trainIds)
  checkPalette(palette)
  // The last color, black, is of all other ids: reading beyond the end of an array is slow.
  const table = new Uint8Array([...palette.flat(), 0, 0, 0])
  const rgb = new Uint8Array(trainIds.length * 3)
  for (let i = 0; i < trainIds.length; i++) {
    const from = Math.min(trainIds[i] >>> 0, palette.length) * 3
    rgb[i * 3] = table[from]
    rgb[i * 3 + 1] = table[from + 1]
    rgb[i * 3 + 2] = table[from + 2]
  }
  return rgb
}

/**
 * Blends the class colors over an image. Pixels with ids outside the palette keep their color.
 * @param rgb RGB bytes 0..255, three per pixel
 * @param trainIds one id per pixel
 * @param opacity opacity of the colors, from 0 (only the image) to 1 (only the colors)
 * @returns a new array of RGB bytes
 * @throws InverseFormError `size-mismatch`; `invalid-argument` for another type of array, an opacity outside 0..1 or an
 *   invalid palette
 */
export function overlay(
  rgb: Uint8Array | Uint8ClampedArray,
  trainIds: IdArray,
  opacity = 0.5,
  palette: readonly Rgb[] = cityscapesPalette,
): Uint8Array {
  checkIntegerArray('trainIds', trainIds)
  checkRgb(rgb, trainIds.length)
  checkNumber('opacity', opacity, { min: 0, max: 1 })
  checkPalette(palette)
  const blended = new Uint8Array(rgb)
  for (let i = 0; i < trainIds.length; i++) {
    const color = palette[trainIds[i]]
    if (color !== undefined) blend(blended, i, color, opacity)
  }
  return blended
}

/**
 * Draws where a prediction is right, wrong or ignored (target ids outside 0..numClasses-1), in {@link errorColors}.
 * @returns RGB bytes, three per pixel
 * @throws InverseFormError `size-mismatch`, or `invalid-argument` for ids that are not integer arrays
 */
export function errorMask(
  target: IdArray,
  prediction: IdArray,
  numClasses = cityscapesPalette.length,
): Uint8Array {
  checkIntegerArray('target', target)
  checkIntegerArray('prediction', prediction)
  checkLength('prediction', prediction.length, target.length, 'one for each element of `target`', sameSize)
  checkInteger('numClasses', numClasses, { min: 1 })
  const rgb = new Uint8Array(target.length * 3)
  const { ignored, right, wrong } = errorColors
  for (let i = 0; i < target.length; i++) {
    const id = target[i]
    const color = id >>> 0 >= numClasses ? ignored : id === prediction[i] ? right : wrong
    rgb[i * 3] = color[0]
    rgb[i * 3 + 1] = color[1]
    rgb[i * 3 + 2] = color[2]
  }
  return rgb
}

/**
 * Draws edge probabilities, or an edge map of 0 and 1, in gray: 0 is black, 1 is white, other values are clamped.
 * @returns RGB bytes, three per pixel
 * @throws InverseFormError `invalid-argument` for anything but an array
 */
export function edgeImage(edges: ArrayLike<number>): Uint8Array {
  checkEdges(edges)
  const rgb = new Uint8Array(edges.length * 3)
  for (let i = 0; i < edges.length; i++) {
    rgb[i * 3] = rgb[i * 3 + 1] = rgb[i * 3 + 2] = Math.round(clamp(edges[i]) * 255)
  }
  return rgb
}

/**
 * Blends a color over the edges of an image, each pixel with its edge probability as opacity.
 * @param rgb RGB bytes 0..255, three per pixel
 * @param edges probabilities 0..1, or an edge map of 0 and 1, one per pixel
 * @returns a new array of RGB bytes
 * @throws InverseFormError `size-mismatch`, or `invalid-argument` for another type of array or an invalid color
 */
export function edgeOverlay(
  rgb: Uint8Array | Uint8ClampedArray,
  edges: ArrayLike<number>,
  color: Rgb = errorColors.wrong,
): Uint8Array {
  checkEdges(edges)
  checkRgb(rgb, edges.length)
  checkArgument('color', color, isColor(color), COLOR)
  const blended = new Uint8Array(rgb)
  for (let i = 0; i < edges.length; i++) blend(blended, i, color, clamp(edges[i]))
  return blended
}

const sameSize = { hint: 'Pass images and maps of the same width and height.' }
const COLOR = 'a color [red, green, blue] of integers from 0 to 255'

function checkRgb(rgb: unknown, pixels: number): void {
  checkByteArray('rgb', rgb, { hint: 'Scale the pixels to 0..255 and pass RGB bytes, three per pixel.' })
  checkLength('rgb', rgb.length, pixels * 3, `three bytes for each of ${pixels} pixels`, sameSize)
}

function checkEdges(edges: unknown): void {
  const isArray = Array.isArray(edges) || (ArrayBuffer.isView(edges) && 'length' in edges)
  checkArgument('edges', edges, isArray, 'an array of numbers')
}

function checkPalette(palette: unknown): void {
  checkArgument('palette', palette, Array.isArray(palette), `an array with ${COLOR} for each class`)
  for (const [i, color] of palette.entries()) checkArgument(`palette[${i}]`, color, isColor(color), COLOR)
}

const isColor = (color: unknown): boolean =>
  Array.isArray(color) &&
  color.length === 3 &&
  color.every((value) => Number.isInteger(value) && value >= 0 && value <= 255)

/** Limits a value to 0..1; NaN becomes 0. */
const clamp = (value: number): number => (value > 0 ? Math.min(value, 1) : 0)

function blend(rgb: Uint8Array, pixel: number, color: Rgb, opacity: number): void {
  for (let c = 0; c < 3; c++) {
    const under = rgb[pixel * 3 + c]
    rgb[pixel * 3 + c] = Math.round(under + opacity * (color[c] - under))
  }
}
