import {
  palette as cityscapesPalette,
  colourise,
  errorMask,
  type ReportImage,
  type Rgb,
  reduceZeroLabel,
  toTrainIds,
  worstImages,
} from '@inverseform/cityscapes'
import { type PairToEvaluate, type PixelIds, readLabelPng } from '@inverseform/cityscapes/node'
import type { MetricsReport } from './metrics-report.js'
import { type Picture, writePictures } from './panels.js'
import { pngOfRgb } from './pictures.js'

/** What the label maps hold. */
export interface IdKinds {
  readonly truthIds: PixelIds
  readonly predictionIds: PixelIds
  readonly reduceZeroLabel?: boolean
}

/**
 * A colour a class: Cityscapes' where there are 19, else those of Pascal VOC's development kit (`VOClabelcolormap`), whose
 * bits of red, green and blue are those of the id by threes, the lowest ones highest.
 */
export function paletteOf(classes: number): readonly Rgb[] {
  if (classes === cityscapesPalette.length) return cityscapesPalette
  const channel = (id: number, bit: number): number => {
    let value = 0
    for (let k = 0; k < 8; k++) value |= ((id >> (3 * k + bit)) & 1) << (7 - k)
    return value
  }
  // 0 is black, which means no class here.
  return Array.from({ length: classes }, (_, c) => [channel(c + 1, 0), channel(c + 1, 1), channel(c + 1, 2)])
}

/** Writes the truth, prediction and errors of the worst images, worst first. */
export async function writeWorstImages(
  folder: string,
  { perImage, pairs, ids, worst, names }: MetricsReport,
  signal: AbortSignal,
): Promise<ReportImage[]> {
  const pairOf = new Map(pairs.map((pair) => [pair.name, pair]))
  const images: ReportImage[] = []
  for (const { name, meanIou } of worstImages(perImage?.images ?? [], worst)) {
    signal.throwIfAborted()
    const pair = pairOf.get(name)
    // Merged states come without their images.
    if (pair !== undefined)
      images.push({
        name,
        meanIou,
        panels: await writePictures(folder, name, await pictures(pair, ids, names.length)),
      })
  }
  return images
}

async function pictures(pair: PairToEvaluate, ids: IdKinds, classes: number): Promise<Picture[]> {
  const [truthMap, predictionMap] = await Promise.all([
    readLabelPng(pair.truth),
    readLabelPng(pair.prediction),
  ])
  const { width, height } = truthMap
  const toClasses = ids.reduceZeroLabel ? reduceZeroLabel : undefined
  const truth =
    ids.truthIds === 'labelIds' ? toTrainIds(truthMap.data) : (toClasses?.(truthMap.data) ?? truthMap.data)
  const prediction = ids.predictionIds === 'labelIds' ? toTrainIds(predictionMap.data) : predictionMap.data
  const colours = paletteOf(classes)
  return [
    ['truth', 'truth.png', pngOfRgb(colourise(truth, colours), width, height)],
    ['prediction', 'prediction.png', pngOfRgb(colourise(prediction, colours), width, height)],
    ['errors', 'errors.png', pngOfRgb(errorMask(truth, prediction, classes), width, height)],
  ]
}
