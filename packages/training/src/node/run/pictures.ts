import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import {
  palette as cityscapesPalette,
  colorize,
  edgeOverlay,
  errorColors,
  type ReportImage,
  type Rgb,
} from '@inverseform/cityscapes'
import type { RgbImage } from '@inverseform/runtime'
import { encodePng, writeWholeFile } from '@inverseform/shared/node'

/** An evaluated image, to be shown on the page of a run. */
export interface EvaluatedPicture {
  readonly name: string
  readonly image: RgbImage
  /** Train ids, 255 where ignored. */
  readonly target: Uint8Array
  /** Train ids. */
  readonly prediction: Uint8Array | Uint16Array
  /** Fraction in 0..1. */
  readonly meanIou?: number
}

/** The folder of the pictures, in that of the run. */
export const PICTURES = 'pictures'

/** Pictures have at most this many pixels a side. */
const MOST_SIDE = 1024

/**
 * Writes the panels of evaluated images to `<folder>/pictures/`, over those of the evaluation before, and returns them for the page:
 * the image, the target, the prediction, and the boundaries of both over the darkened image.
 */
export async function writeRunPictures(
  folder: string,
  pictures: readonly EvaluatedPicture[],
  step: number,
  palette: readonly Rgb[] = cityscapesPalette,
): Promise<ReportImage[]> {
  const written: ReportImage[] = []
  for (const [i, { name, image, target, prediction, meanIou }] of pictures.entries()) {
    const { width, height, data } = image
    const stride = Math.ceil(Math.max(width, height) / MOST_SIDE)
    const panels: [string, Uint8Array | Uint8ClampedArray][] = [
      ['image', data],
      ['target', colorize(target, palette)],
      ['prediction', colorize(prediction, palette)],
      ['boundaries', boundaryPicture(image, target, prediction)],
    ]
    const files = panels.map(async ([title, rgb]) => {
      const path = `${PICTURES}/${i + 1}-${title}.png`
      await writeWholeFile(join(folder, path), await rgbPng(rgb, width, height, stride))
      // Browsers keep pictures by their URL: a new step is a new one.
      return { title: title === 'boundaries' ? BOUNDARIES : title, src: `${path}?step=${step}` }
    })
    written.push({ name, meanIou, panels: await Promise.all(files) })
  }
  if (written.length > 0) await writeWholeFile(join(folder, LIST), JSON.stringify(written))
  return written
}

/** What the page shows of each picture, for a run that goes on. */
const LIST = `${PICTURES}/pictures.json`

/** Returns what {@link writeRunPictures} last returned in a folder, or nothing where it wrote no pictures. */
export async function readRunPictures(folder: string): Promise<readonly ReportImage[]> {
  // Pictures are for looking at: without a list, the page goes without them.
  try {
    const list: unknown = JSON.parse(await readFile(join(folder, LIST), 'utf8'))
    return Array.isArray(list) ? list : []
  } catch {
    return []
  }
}

const BOUNDARIES = 'boundaries: target blue, prediction orange, both white'
const both: Rgb = [255, 255, 255]

/** Draws the boundaries of the target and of the prediction over the darkened image. */
function boundaryPicture(
  { data, width, height }: RgbImage,
  target: Uint8Array,
  prediction: Uint8Array | Uint16Array,
): Uint8Array {
  const [expected, found] = [target, prediction].map((labels) => boundaries(labels, width, height))
  const common = expected.map((edge, i) => edge & found[i])
  let picture = new Uint8Array(data.map((value) => value * 0.4))
  picture = edgeOverlay(picture, expected, [64, 170, 255]) as Uint8Array<ArrayBuffer>
  picture = edgeOverlay(picture, found, errorColors.wrong) as Uint8Array<ArrayBuffer>
  return edgeOverlay(picture, common, both)
}

/** Marks pixels whose right or lower neighbor has another label, and these neighbors. */
function boundaries(labels: Uint8Array | Uint16Array, width: number, height: number): Uint8Array {
  const marked = new Uint8Array(labels.length)
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const i = y * width + x
      if (x + 1 < width && labels[i] !== labels[i + 1]) marked[i] = marked[i + 1] = 1
      if (y + 1 < height && labels[i] !== labels[i + width]) marked[i] = marked[i + width] = 1
    }
  }
  return marked
}

/** Encodes every `stride`-th pixel of RGB as a PNG. */
export function rgbPng(
  rgb: Uint8Array | Uint8ClampedArray,
  width: number,
  height: number,
  stride = 1,
): Promise<Uint8Array> {
  const [columns, rows] = [Math.ceil(width / stride), Math.ceil(height / stride)]
  const data = new Uint8Array(3 * columns * rows)
  for (let y = 0, to = 0; y < rows; y++) {
    for (let x = 0; x < columns; x++) {
      const from = 3 * stride * (y * width + x)
      for (let c = 0; c < 3; c++, to++) data[to] = rgb[from + c]
    }
  }
  return encodePng({ width: columns, height: rows, data }, { filter: 'up' })
}
