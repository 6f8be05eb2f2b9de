import {
  palette as cityscapesPalette,
  colorize,
  errorMask,
  type ReportImage,
  type Rgb,
  reduceZeroLabel,
  toTrainIds,
} from '@inverseform/cityscapes'
import { type PairToEvaluate, readLabelPng } from '@inverseform/cityscapes/node'
import type { IdKinds } from '../../metrics/selection.js'
import { type Picture, pngOfRgb, writePictures } from '../images.js'

/** The label files of the images, and the ids in them. */
export interface LabeledPairs {
  /** Empty for merged states. */
  readonly pairs: readonly PairToEvaluate[]
  readonly ids: IdKinds
}

/**
 * Returns one color for each class: Cityscapes' for 19 classes, else those of Pascal VOC's development kit
 * (`VOClabelcolormap`), which spreads the bits of an id over red, green and blue, from the highest bits down.
 */
export function paletteOf(numClasses: number): readonly Rgb[] {
  if (numClasses === cityscapesPalette.length) return cityscapesPalette
  const channel = (id: number, bit: number): number => {
    let value = 0
    for (let k = 0; k < 8; k++) value |= ((id >> (3 * k + bit)) & 1) << (7 - k)
    return value
  }
  // Black, the color of 0, stands for pixels without a class.
  return Array.from({ length: numClasses }, (_, c) => [
    channel(c + 1, 0),
    channel(c + 1, 1),
    channel(c + 1, 2),
  ])
}

/** Writes target, prediction and errors of images, in order. Skips images without files, as merged states have them. */
export async function writePairs(
  folder: string,
  images: readonly { readonly name: string; readonly meanIou: number }[],
  { pairs, ids }: LabeledPairs,
  palette: readonly Rgb[],
  signal: AbortSignal,
): Promise<ReportImage[]> {
  const pairOf = new Map(pairs.map((pair) => [pair.name, pair]))
  const written: ReportImage[] = []
  for (const { name, meanIou } of images) {
    signal.throwIfAborted()
    const pair = pairOf.get(name)
    if (pair !== undefined) {
      const panels = await writePictures(folder, name, await pictures(pair, ids, palette))
      written.push({ name, meanIou, panels })
    }
  }
  return written
}

async function pictures(pair: PairToEvaluate, ids: IdKinds, palette: readonly Rgb[]): Promise<Picture[]> {
  const [targetMap, predictionMap] = await Promise.all([
    readLabelPng(pair.target),
    readLabelPng(pair.prediction),
  ])
  const { width, height } = targetMap
  const toClasses = ids.reduceZeroLabel ? reduceZeroLabel : undefined
  const target =
    ids.targetIds === 'labelIds'
      ? toTrainIds(targetMap.data)
      : (toClasses?.(targetMap.data) ?? targetMap.data)
  const prediction = ids.predictionIds === 'labelIds' ? toTrainIds(predictionMap.data) : predictionMap.data
  return [
    ['truth', 'truth.png', pngOfRgb(colorize(target, palette), width, height)],
    ['prediction', 'prediction.png', pngOfRgb(colorize(prediction, palette), width, height)],
    ['errors', 'errors.png', pngOfRgb(errorMask(target, prediction, palette.length), width, height)],
  ]
}
