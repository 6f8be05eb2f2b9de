import { seededRandom } from '@inverseform/shared'
import { expect, it } from 'vitest'
import { BoundaryF } from '../../../src/metrics/boundary/boundary-f.js'

it('lists the boundaries of a full-size image of noise, which exceed the initial size of the lists', () => {
  const [width, height] = [2048, 1024]
  const next = seededRandom(3)
  const noise = () => Uint8Array.from({ length: width * height }, () => Math.floor(next() * 3))
  const image = { target: noise(), prediction: noise(), width, height }
  const metric = new BoundaryF({ numClasses: 3, ignoreIndex: null, tolerances: [1] })
  metric.update(image)
  const { truth, prediction, perTolerance } = metric.toJSON()

  const isBoundary = (map: Uint8Array, c: number, x: number, y: number): boolean => {
    if (x < 0 || y < 0 || x >= width || y >= height) return false
    const is = map[y * width + x] === c
    const [right, down] = [Math.min(x + 1, width - 1), Math.min(y + 1, height - 1)]
    return (
      (map[y * width + right] === c) !== is ||
      (map[down * width + x] === c) !== is ||
      (map[down * width + right] === c) !== is
    )
  }
  for (const c of [0, 1, 2]) {
    const counts = { truth: 0, prediction: 0, matchedTruth: 0, matchedPrediction: 0 }
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        const near = (map: Uint8Array): boolean =>
          isBoundary(map, c, x, y) ||
          isBoundary(map, c, x - 1, y) ||
          isBoundary(map, c, x + 1, y) ||
          isBoundary(map, c, x, y - 1) ||
          isBoundary(map, c, x, y + 1)
        if (isBoundary(image.target, c, x, y)) {
          counts.truth++
          if (near(image.prediction)) counts.matchedTruth++
        }
        if (isBoundary(image.prediction, c, x, y)) {
          counts.prediction++
          if (near(image.target)) counts.matchedPrediction++
        }
      }
    }
    const { matchedTruth, matchedPrediction } = perTolerance[0]
    expect({
      truth: truth[c],
      prediction: prediction[c],
      matchedTruth: matchedTruth[c],
      matchedPrediction: matchedPrediction[c],
    }).toEqual(counts)
  }
})
