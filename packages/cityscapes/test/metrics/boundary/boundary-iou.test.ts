import { describe, expect, it } from 'vitest'
import { BoundaryIou } from '../../../src/metrics/boundary/boundary-iou.js'
import { allImages, blobs, CLASSES, type Mask, masksOf, mean, type TestImage } from './support.js'

/** Returns the pixels that d erosions by 3x3 remove from a mask; no pixel outside the image is in it. */
function nearBoundary(mask: Mask, width: number, height: number, d: number): Mask {
  let eroded = mask
  for (let step = 0; step < d; step++) {
    eroded = eroded.map((_, i) => {
      const [x, y] = [i % width, Math.floor(i / width)]
      for (let b = y - 1; b <= y + 1; b++) {
        for (let a = x - 1; a <= x + 1; a++) {
          if (a < 0 || b < 0 || a >= width || b >= height || !eroded[b * width + a]) return false
        }
      }
      return true
    })
  }
  return mask.map((set, i) => set && !eroded[i])
}

function counts(image: TestImage, c: number, d: number): { intersection: number; union: number } {
  const masks = masksOf(image, c)
  const target = nearBoundary(masks.target, image.width, image.height, d)
  const prediction = nearBoundary(masks.prediction, image.width, image.height, d)
  return {
    intersection: target.filter((set, i) => set && prediction[i]).length,
    union: target.filter((set, i) => set || prediction[i]).length,
  }
}

describe('BoundaryIou', () => {
  it.each(allImages())('equals the definition by repeated erosions: $name', (image) => {
    const diagonal = Math.hypot(image.width, image.height)
    for (const d of [1, 2, 3, 6]) {
      const metric = new BoundaryIou({ numClasses: CLASSES, ratios: [Math.min(1, d / diagonal)] })
      metric.update(image)
      const [scores] = metric.compute().ratios
      const [dilation] = scores.dilations
      expect(dilation).toBe(Math.min(d, Math.max(1, Math.round(diagonal))))
      scores.classes.forEach((actual, c) => {
        const expected = counts(image, c, dilation)
        expect(actual).toMatchObject(expected)
        expect(actual.iou).toBe(expected.intersection / expected.union)
        expect(actual.imageIou).toBe(actual.iou)
        expect(actual.images).toBe(expected.union > 0 ? 1 : 0)
      })
    }
  })

  it('rounds half pixels to even, to at least 1', () => {
    const dilation = (ratio: number, width: number, height: number) => {
      const metric = new BoundaryIou({ ratios: [ratio] })
      const ids = new Uint8Array(width * height)
      metric.update({ target: ids, prediction: ids, width, height })
      return metric.compute().ratios[0].dilations
    }
    // The diagonal of 30 x 40 is 50.
    expect([0.001, 0.05, 0.07, 0.0701, 0.09].map((ratio) => dilation(ratio, 30, 40))).toEqual([
      [1],
      [2],
      [4],
      [4],
      [4],
    ])
    expect(dilation(0.005, 2048, 1024)).toEqual([11])
    expect(dilation(0.02, 2048, 1024)).toEqual([46])
  })

  it('sums the counts of the data set and averages the images', () => {
    const images = [blobs(1), blobs(2), blobs(3, 60, 50)]
    const metric = new BoundaryIou({ numClasses: CLASSES, ratios: [0.05, 0.02] })
    for (const image of images) metric.update(image)
    const [scores] = metric.compute().ratios
    expect(scores.dilations).toEqual([2, 4])
    const perClass = Array.from({ length: CLASSES }, (_, c) =>
      images.map((image) => counts(image, c, image.width === 60 ? 4 : 2)),
    )
    const total = (key: 'intersection' | 'union', c: number) =>
      perClass[c].reduce((sum, count) => sum + count[key], 0)
    scores.classes.forEach(({ iou, imageIou, images: seen }, c) => {
      expect(iou).toBe(total('intersection', c) / total('union', c))
      const own = perClass[c].filter(({ union }) => union > 0)
      expect(seen).toBe(own.length)
      expect(imageIou).toBeCloseTo(mean(own.map(({ intersection, union }) => intersection / union)), 14)
    })
    expect(scores.meanIou).toBeCloseTo(mean(scores.classes.map(({ iou }) => iou)), 14)
    expect(scores.meanImageIou).toBeCloseTo(mean(scores.classes.map(({ imageIou }) => imageIou)), 14)
  })

  it.each([[[]], [[0]], [[-0.1]], [[1.01]], [[Number.NaN]], [[0.1, 0.1]]])(
    'rejects the ratios %j',
    (ratios) => {
      expect(() => new BoundaryIou({ ratios })).toThrow(/^`ratios` must be a list of different /)
    },
  )
})
