import type { PixelLevelImage } from '../../src/metrics/official/pixel-level.js'

/** Label ids from..to. */
const ids = (from: number, to: number): number[] => Array.from({ length: to - from + 1 }, (_, i) => from + i)

const evaluated = [7, 8, 11, 12, 13, 17, ...ids(19, 28), 31, 32, 33]
const groups: readonly (readonly number[])[] = [
  ids(0, 6),
  ids(7, 10),
  ids(11, 16),
  ids(17, 20),
  ids(21, 22),
  [23],
  ids(24, 25),
  ids(26, 33),
]
const averageSize: Readonly<Record<number, number>> = {
  24: 3462.4756337644,
  25: 3930.4788056518,
  26: 12794.0202738185,
  27: 27855.1264367816,
  28: 35732.1511111111,
  31: 67583.7075812274,
  32: 6298.7200839748,
  33: 4672.3249222261,
}

interface Pixel {
  readonly target: number
  readonly prediction: number
  /** Image and id of the instance; `undefined` outside instances. */
  readonly instance: string | undefined
  readonly instanceLabel: number
}

/** Computes IoU and iIoU of the 34 labels and 8 categories from their definitions, pixel by pixel, by id. */
export function naiveScores(images: readonly PixelLevelImage[]) {
  const pixels = images.flatMap((image, number) =>
    Array.from(image.target, (target, i): Pixel => {
      const id = image.instanceIds![i]
      return {
        target,
        prediction: image.prediction[i],
        instance: id > 1000 ? `${number} ${id}` : undefined,
        instanceLabel: Math.floor(id / 1000),
      }
    }),
  )
  const size = new Map<string, number>()
  for (const { instance } of pixels) {
    if (instance !== undefined) size.set(instance, (size.get(instance) ?? 0) + 1)
  }

  /** `own`: the evaluated labels; `all`: the labels whose prediction is a hit of an instance. */
  function scores(own: readonly number[], outside: (label: number) => boolean, all: readonly number[]) {
    let [tp, fp, fn] = [0, 0, 0]
    let [weightedTp, instanceFp, weightedFn] = [0, 0, 0]
    for (const { target, prediction, instance, instanceLabel } of pixels) {
      if (own.includes(target)) {
        if (own.includes(prediction)) tp++
        else fn++
      }
      if (evaluated.includes(target) && outside(target)) {
        if (own.includes(prediction)) fp++
        if (all.includes(prediction)) instanceFp++
      }
      if (instance === undefined || !own.includes(instanceLabel)) continue
      const weight = averageSize[instanceLabel] / size.get(instance)!
      if (all.includes(prediction)) weightedTp += weight
      else weightedFn += weight
    }
    return {
      iou: tp / (tp + fp + fn),
      instanceIou: all.length > 0 ? weightedTp / (weightedTp + instanceFp + weightedFn) : Number.NaN,
    }
  }
  return {
    labels: ids(0, 33).map((id) =>
      scores(
        evaluated.filter((label) => label === id),
        (label) => label !== id,
        id in averageSize ? [id] : [],
      ),
    ),
    categories: groups.map((group, number) =>
      scores(
        group.filter((label) => evaluated.includes(label)),
        (label) => !group.includes(label),
        number >= 6 ? group : [],
      ),
    ),
  }
}
