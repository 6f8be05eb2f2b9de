import { checkArgument, checkIntegerArray, checkLength } from '@inverseform/errors'
import { checkRgbImage, type RgbImage } from '../engine/rgb-image.js'
import type { Labels } from '../maps/labels.js'
import type { SegmentationInfo } from '../segment/segmentation.js'
import { outlineRows } from './outlines.js'
import type { Color } from './palettes.js'
import { type PaintSettings, type PaintStyle, paintSettings } from './style.js'

/** A painted image as opaque 8-bit RGBA, interleaved, row by row: `data.length === width * height * 4`. */
export interface RgbaImage {
  readonly data: Uint8ClampedArray<ArrayBuffer>
  readonly width: number
  readonly height: number
}

/** What is painted of a segmentation. */
export interface PaintableSegmentation extends Pick<SegmentationInfo, 'width' | 'height' | 'numClasses'> {
  readonly labels: Labels
  /** Probabilities of boundaries, for the option `edges`. */
  readonly edges?: Float32Array
}

/** Brightness of the image where another class is highlighted. */
export const DIMMED = 0.4

/**
 * Paints a segmentation over its image: colors of the classes, and outlines of the segments. In Node and browsers, the pixels
 * are those of `Picture.paint`.
 *
 * @throws InverseFormError `size-mismatch` if image and segmentation differ in size; `invalid-argument` for a style that
 * cannot be painted
 */
export function paint(
  image: RgbImage,
  segmentation: PaintableSegmentation,
  style: PaintStyle = {},
): RgbaImage {
  checkRgbImage(image)
  const isSegmentation = typeof segmentation === 'object' && segmentation !== null && 'labels' in segmentation
  checkArgument('segmentation', segmentation, isSegmentation, 'the result of `segment`, with its labels')
  const { labels, edges, numClasses } = segmentation
  const { width, height } = image
  checkIntegerArray('labels', labels)
  const size = `one for each of ${width}x${height} pixels of the image`
  const hint = 'Pass the image that was segmented, decoded by `readImage`.'
  checkLength('labels', labels.length, width * height, size, { hint })
  if (edges) checkLength('edges', edges.length, width * height, size, { hint })
  const hintOnEdges =
    'Create the segmenter with `edgeHead: true`, and segment with `outputs: ["labels", "edges"]`.'
  const settings = paintSettings(style, { numClasses, edges: edges !== undefined }, hintOnEdges)
  return { data: paintPixels(image, { labels, edges }, settings), width, height }
}

/** Returns the painted pixels, RGBA. */
export function paintPixels(
  { data: image, width, height }: RgbImage,
  { labels, edges: probabilities }: Pick<PaintableSegmentation, 'labels' | 'edges'>,
  { opacity, colors, outlines, edges, highlight }: PaintSettings,
): Uint8ClampedArray<ArrayBuffer> {
  const painted = new Uint8ClampedArray(4 * width * height)
  const blended = blendedColors(colors, opacity)
  // Only the highlighted class is outlined.
  const outlined = highlight === undefined ? labels : labels.map((label) => Number(label === highlight))
  const nextRow = outlines && outlineRows(outlined, width, height, outlines.width)
  const none: Color = [0, 0, 0]
  const [outlineRed, outlineGreen, outlineBlue] = outlines ? outlines.color : none
  const [edgeRed, edgeGreen, edgeBlue] = edges ? edges.color : none
  for (let y = 0, pixel = 0; y < height; y++) {
    const opacities = nextRow?.()
    for (let x = 0; x < width; x++, pixel++) {
      const from = 3 * pixel
      const to = 4 * pixel
      const label = labels[pixel]
      const isDimmed = highlight !== undefined && label !== highlight
      const outline = opacities === undefined ? 0 : opacities[x]
      const edge =
        edges && probabilities && probabilities[pixel] >= edges.threshold ? probabilities[pixel] : 0
      painted[to + 3] = 255
      if (!isDimmed && outline === 0 && edge === 0) {
        const table = 768 * label
        painted[to] = blended[table + image[from]]
        painted[to + 1] = blended[table + 256 + image[from + 1]]
        painted[to + 2] = blended[table + 512 + image[from + 2]]
        continue
      }
      let red = image[from]
      let green = image[from + 1]
      let blue = image[from + 2]
      if (isDimmed) {
        red *= DIMMED
        green *= DIMMED
        blue *= DIMMED
      } else {
        red += opacity * (colors[3 * label] - red)
        green += opacity * (colors[3 * label + 1] - green)
        blue += opacity * (colors[3 * label + 2] - blue)
      }
      red += outline * (outlineRed - red)
      green += outline * (outlineGreen - green)
      blue += outline * (outlineBlue - blue)
      // Storing in the clamped array rounds.
      painted[to] = red + edge * (edgeRed - red)
      painted[to + 1] = green + edge * (edgeGreen - green)
      painted[to + 2] = blue + edge * (edgeBlue - blue)
    }
  }
  return painted
}

/** Returns what each byte becomes under the color of a class: 256 bytes for each class and channel. Most pixels need no more. */
function blendedColors(colors: PaintSettings['colors'], opacity: number): Uint8ClampedArray {
  const blended = new Uint8ClampedArray(256 * colors.length)
  for (let i = 0; i < blended.length; i++) {
    const value = i & 255
    blended[i] = value + opacity * (colors[i >> 8] - value)
  }
  return blended
}
