import { errorMask, type ReportImage, type Rgb, reduceZeroLabel, toTrainIds } from '@inverseform/cityscapes'
import { type PairToEvaluate, readLabelPng } from '@inverseform/cityscapes/node'
import type { IdKinds } from '../../metrics/selection.js'
import type { IdPairs } from '../../options/id-map.js'
import { type Picture, pngOfColors, pngOfRgb, writePictures } from '../images.js'

/** The label files of the images, and the ids in them. */
export interface LabeledPairs {
  /** Empty for merged states. */
  readonly pairs: readonly PairToEvaluate[]
  readonly ids: IdKinds
  /** New ids of some ids, applied first. */
  readonly idMap?: IdPairs
  /** The most pixels that a label map may have. */
  readonly maxPixels?: number
}

/** Writes target, prediction and errors of images, in order. Skips images without files, as merged states have them. */
export async function writePairs(
  folder: string,
  images: readonly { readonly name: string; readonly meanIou: number }[],
  labeled: LabeledPairs,
  palette: readonly Rgb[],
  signal: AbortSignal,
): Promise<ReportImage[]> {
  const pairOf = new Map(labeled.pairs.map((pair) => [pair.name, pair]))
  const written: ReportImage[] = []
  for (const { name, meanIou } of images) {
    signal.throwIfAborted()
    const pair = pairOf.get(name)
    if (pair !== undefined) {
      const panels = await writePictures(folder, name, await pictures(pair, labeled, palette))
      written.push({ name, meanIou, panels })
    }
  }
  return written
}

async function pictures(
  pair: PairToEvaluate,
  { ids, idMap, maxPixels }: LabeledPairs,
  palette: readonly Rgb[],
): Promise<Picture[]> {
  const read = async (path: string) => {
    const map = await readLabelPng(path, { maxPixels })
    return idMap === undefined
      ? map
      : { ...map, data: Uint16Array.from(map.data, (id) => idMap.get(id) ?? id) }
  }
  const [targetMap, predictionMap] = await Promise.all([read(pair.target), read(pair.prediction)])
  const { width, height } = targetMap
  const toClasses = ids.reduceZeroLabel ? reduceZeroLabel : undefined
  const target =
    ids.targetIds === 'labelIds'
      ? toTrainIds(targetMap.data)
      : (toClasses?.(targetMap.data) ?? targetMap.data)
  const prediction = ids.predictionIds === 'labelIds' ? toTrainIds(predictionMap.data) : predictionMap.data
  return [
    ['truth', 'truth.png', pngOfColors(target, palette, width, height)],
    ['prediction', 'prediction.png', pngOfColors(prediction, palette, width, height)],
    ['errors', 'errors.png', pngOfRgb(errorMask(target, prediction, palette.length), width, height)],
  ]
}
