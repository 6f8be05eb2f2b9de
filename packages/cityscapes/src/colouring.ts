import { InverseFormError } from '@inverseform/errors'
import { palette as cityscapesPalette, type Rgb } from './labels.js'
import type { IdArray } from './metrics/ids.js'
import { expectSize } from './sizes.js'

/**
 * The colours of {@link errorMask}: blue, orange and dark grey, which differ in lightness as well and so remain apart
 * with every kind of colour vision (after Okabe and Ito's palette).
 */
export const errorColours = {
  right: [0, 114, 178],
  wrong: [255, 176, 0],
  ignored: [42, 42, 46],
} as const satisfies Record<string, Rgb>

const sameSize = 'Pass pictures and maps of the same width and height.'

/**
 * Train ids in the colours of their classes; ids outside the palette are black.
 * @param trainIds one id a pixel
 * @param palette the colour of each id, Cityscapes' own by default
 * @returns red, green, blue bytes, three a pixel
 */
export function colourise(trainIds: IdArray, palette: readonly Rgb[] = cityscapesPalette): Uint8Array {
  const table = new Uint8Array(palette.flat())
  const rgb = new Uint8Array(trainIds.length * 3)
  for (let i = 0; i < trainIds.length; i++) {
    const from = trainIds[i]! * 3
    rgb[i * 3] = table[from]!
    rgb[i * 3 + 1] = table[from + 1]!
    rgb[i * 3 + 2] = table[from + 2]!
  }
  return rgb
}

/**
 * A picture with its classes' colours blended over it; where the id is outside the palette the picture stays as it is.
 * @param rgb red, green, blue bytes, three a pixel
 * @param trainIds one id a pixel
 * @param opacity of the colours, 0 (only the picture) to 1 (only the colours)
 * @throws InverseFormError `size-mismatch`, or `invalid-argument` for an opacity outside 0..1
 */
export function overlay(
  rgb: Uint8Array | Uint8ClampedArray,
  trainIds: IdArray,
  opacity = 0.5,
  palette: readonly Rgb[] = cityscapesPalette,
): Uint8Array {
  expectSize('The picture to overlay', trainIds.length * 3, rgb.length, sameSize)
  if (!(opacity >= 0 && opacity <= 1))
    throw new InverseFormError('invalid-argument', `The overlay's opacity is ${opacity}.`, {
      hint: 'Pass a number from 0 to 1.',
    })
  const blended = new Uint8Array(rgb)
  for (let i = 0; i < trainIds.length; i++) {
    const colour = palette[trainIds[i]!]
    if (colour !== undefined) blend(blended, i, colour, opacity)
  }
  return blended
}

/**
 * Where a prediction is right, wrong, or not judged (the truth is outside 0..classes-1), in {@link errorColours}.
 * @returns red, green, blue bytes, three a pixel
 * @throws InverseFormError `size-mismatch`
 */
export function errorMask(
  truth: IdArray,
  prediction: IdArray,
  classes = cityscapesPalette.length,
): Uint8Array {
  expectSize('The prediction', truth.length, prediction.length, sameSize)
  const rgb = new Uint8Array(truth.length * 3)
  for (let i = 0; i < truth.length; i++) {
    const t = truth[i]!
    const { ignored, right, wrong } = errorColours
    const colour = t >>> 0 >= classes ? ignored : t === prediction[i] ? right : wrong
    rgb[i * 3] = colour[0]
    rgb[i * 3 + 1] = colour[1]
    rgb[i * 3 + 2] = colour[2]
  }
  return rgb
}

/**
 * Edge probabilities (or an edge map of 0 and 1) as a grey picture: 0 black, 1 white, values beyond clamped.
 * @returns red, green, blue bytes, three a pixel
 */
export function edgeImage(edges: ArrayLike<number>): Uint8Array {
  const rgb = new Uint8Array(edges.length * 3)
  for (let i = 0; i < edges.length; i++)
    rgb[i * 3] = rgb[i * 3 + 1] = rgb[i * 3 + 2] = Math.round(clamp(edges[i]!) * 255)
  return rgb
}

/**
 * A picture with its edges drawn over it, each pixel as opaque as its edge is probable.
 * @param rgb red, green, blue bytes, three a pixel
 * @param edges probabilities 0..1 (or an edge map of 0 and 1), one a pixel
 * @throws InverseFormError `size-mismatch`
 */
export function edgeOverlay(
  rgb: Uint8Array | Uint8ClampedArray,
  edges: ArrayLike<number>,
  colour: Rgb = errorColours.wrong,
): Uint8Array {
  expectSize('The picture under the edges', edges.length * 3, rgb.length, sameSize)
  const blended = new Uint8Array(rgb)
  for (let i = 0; i < edges.length; i++) blend(blended, i, colour, clamp(edges[i]!))
  return blended
}

/** NaN becomes 0. */
const clamp = (value: number): number => (value > 0 ? Math.min(value, 1) : 0)

function blend(rgb: Uint8Array, pixel: number, colour: Rgb, opacity: number): void {
  for (let c = 0; c < 3; c++) {
    const under = rgb[pixel * 3 + c]!
    rgb[pixel * 3 + c] = Math.round(under + opacity * (colour[c]! - under))
  }
}
