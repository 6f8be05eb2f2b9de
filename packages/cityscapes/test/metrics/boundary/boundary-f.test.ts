import { describe, expect, it } from 'vitest'
import { BoundaryF, davisTolerance, gatedScnnTolerances } from '../../../src/metrics/boundary/boundary-f.js'
import { allImages, blobs, CLASSES, type Mask, masksOf, mean, oddImages, type TestImage } from './support.js'

/** Computes seg2bmap by its definition: shifted copies of the mask, with rules of their own for the last row and column. */
function boundaryOf(mask: Mask, width: number, height: number): Mask {
  const at = (x: number, y: number): boolean => mask[y * width + x]
  return mask.map((set, i) => {
    const [x, y] = [i % width, Math.floor(i / width)]
    const [lastX, lastY] = [x === width - 1, y === height - 1]
    if (lastX && lastY) return false
    if (lastY) return set !== at(x + 1, y)
    if (lastX) return set !== at(x, y + 1)
    return set !== at(x + 1, y) || set !== at(x, y + 1) || set !== at(x + 1, y + 1)
  })
}

/** Dilates by a disk, pixel by pixel. */
function dilate(mask: Mask, width: number, height: number, radius: number): Mask {
  const out = new Array<boolean>(mask.length).fill(false)
  mask.forEach((set, i) => {
    if (!set) return
    for (let dy = -radius; dy <= radius; dy++) {
      for (let dx = -radius; dx <= radius; dx++) {
        const [x, y] = [(i % width) + dx, Math.floor(i / width) + dy]
        if (dx * dx + dy * dy <= radius * radius && x >= 0 && x < width && y >= 0 && y < height) {
          out[y * width + x] = true
        }
      }
    }
  })
  return out
}

/** Computes F as DAVIS's code; undefined for a class in neither map. */
function davis(image: TestImage, c: number, radius: number): number | undefined {
  const { width, height } = image
  const masks = masksOf(image, c)
  if (!masks.target.includes(true) && !masks.prediction.includes(true)) return undefined
  const target = boundaryOf(masks.target, width, height)
  const prediction = boundaryOf(masks.prediction, width, height)
  const count = (a: Mask, b: Mask): number => a.filter((set, i) => set && b[i]).length
  const [pixels, guesses] = [count(target, target), count(prediction, prediction)]
  let precision = count(prediction, dilate(target, width, height, radius)) / guesses
  let recall = count(target, dilate(prediction, width, height, radius)) / pixels
  if (guesses === 0 && pixels > 0) [precision, recall] = [1, 0]
  if (guesses > 0 && pixels === 0) [precision, recall] = [0, 1]
  if (guesses === 0 && pixels === 0) [precision, recall] = [1, 1]
  return precision + recall === 0 ? 0 : (2 * precision * recall) / (precision + recall)
}

const scoresOf = (image: TestImage, tolerances: number[]) => {
  const metric = new BoundaryF({ numClasses: CLASSES, tolerances })
  metric.update(image)
  return metric.compute()
}

describe('BoundaryF', () => {
  it.each(allImages())('equals the definition by dilations: $name', (image) => {
    const { tolerances } = scoresOf(image, [1, 2, 3, 7, 30])
    for (const { tolerance, pixels, classes } of tolerances) {
      expect(pixels).toEqual([tolerance])
      classes.forEach(({ f, images }, c) => {
        const expected = davis(image, c, tolerance)
        if (expected === undefined) expect([f, images]).toEqual([Number.NaN, 0])
        else expect(f).toBeCloseTo(expected, 14)
      })
    }
  })

  it('accepts fractions of the diagonal, rounds them up, and returns them in pixels', () => {
    const metric = new BoundaryF({ numClasses: CLASSES, tolerances: [0.03, 2] })
    metric.update(blobs(1, 60, 40))
    metric.update(blobs(2, 30, 40))
    metric.update(blobs(3, 60, 40))
    const [fraction, pixels] = metric.compute().tolerances
    // 0.03 of 72.1 is 2.16 pixels, of 50 it is 1.5.
    expect(fraction).toMatchObject({ tolerance: 0.03, pixels: [2, 3] })
    expect(pixels).toMatchObject({ tolerance: 2, pixels: [2] })
    expect(metric.toJSON().perTolerance.map((entry) => entry.pixels)).toEqual([[2, 3], [2]])
  })

  it('has the tolerances of the published evaluations', () => {
    const metric = new BoundaryF({ tolerances: [...gatedScnnTolerances, davisTolerance] })
    const ids = new Uint8Array(1024 * 2048)
    metric.update({ target: ids, prediction: ids, width: 2048, height: 1024 })
    expect(metric.compute().tolerances.map(({ pixels }) => pixels)).toEqual([[2], [5], [9], [12], [19]])
    expect(new BoundaryF().tolerances).toEqual(gatedScnnTolerances)
  })

  it('averages over images per class, then over classes, and pools the pixels', () => {
    const images = [blobs(1), blobs(2), blobs(3), ...oddImages()]
    const metric = new BoundaryF({ numClasses: CLASSES, tolerances: [2] })
    for (const image of images) metric.update(image)
    const [scores] = metric.compute().tolerances
    const perClass = Array.from({ length: CLASSES }, (_, c) =>
      images.map((image) => davis(image, c, 2)).filter((f) => f !== undefined),
    )
    scores.classes.forEach(({ images: seen, f, fAbsentAsPerfect }, c) => {
      expect(seen).toBe(perClass[c].length)
      expect(f).toBeCloseTo(mean(perClass[c]), 13)
      const absent = new Array<number>(images.length - seen).fill(1)
      expect(fAbsentAsPerfect).toBeCloseTo(mean([...perClass[c], ...absent]), 13)
    })
    expect(scores.meanF).toBeCloseTo(mean(perClass.map(mean)), 13)
    expect(scores.meanFAbsentAsPerfect).toBeCloseTo(
      mean(scores.classes.map(({ fAbsentAsPerfect }) => fAbsentAsPerfect)),
      13,
    )
    const state = metric.toJSON()
    scores.classes.forEach(({ pooled }, c) => {
      expect(pooled.precision).toBe(state.perTolerance[0].matchedPrediction[c] / state.prediction[c])
      expect(pooled.recall).toBe(state.perTolerance[0].matchedTruth[c] / state.truth[c])
      expect(1 / pooled.f).toBeCloseTo((1 / pooled.precision + 1 / pooled.recall) / 2, 12)
    })
    expect(scores.pooledMeanF).toBeCloseTo(mean(scores.classes.map(({ pooled }) => pooled.f)), 13)
  })

  it('matches a boundary as far away as the tolerance and no further', () => {
    const [width, height] = [20, 5]
    const halves = (edge: number) =>
      Uint8Array.from({ length: width * height }, (_, i) => (i % width < edge ? 0 : 1))
    const image = { target: halves(6), prediction: halves(9), width, height, name: 'halves' }
    const { tolerances } = scoresOf(image, [1, 2, 3, 4])
    expect(tolerances.map(({ meanF }) => meanF)).toEqual([0, 0, 1, 1])
  })

  it.each([[[]], [[0]], [[-1]], [[1.5]], [[Number.NaN]], [[Number.POSITIVE_INFINITY]], [[2, 2]]])(
    'rejects the tolerances %j',
    (tolerances) => {
      expect(() => new BoundaryF({ tolerances })).toThrow(/^`tolerances` must be a list of different /)
    },
  )
})
