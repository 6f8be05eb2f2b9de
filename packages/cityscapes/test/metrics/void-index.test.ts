import { seededRandom } from '@inverseform/shared'
import { describe, expect, it } from 'vitest'
import { reduceZeroLabel } from '../../src/label-mapping.js'
import { ConfusionMatrix } from '../../src/metrics/confusion.js'
import { PerImageScores } from '../../src/metrics/per-image.js'
import { huggingFaceResults } from '../../src/metrics/presets.js'
import { imageOf } from './images.js'

/** Counts the ids 0..n-1; NumPy's histogram leaves out all others. */
function histogram(ids: readonly number[], n: number): number[] {
  const counts = Array<number>(n).fill(0)
  for (const id of ids) if (id >= 0 && id < n) counts[id]++
  return counts
}

/** What `mean_iou` of Hugging Face's evaluate does with `reduce_labels=True`, step by step. */
function huggingFace(
  labels: readonly number[],
  predictions: readonly number[],
  n: number,
  ignoreIndex: number,
) {
  const reduced = labels
    .map((id) => (id === 0 ? 255 : id))
    .map((id) => id - 1)
    .map((id) => (id === 254 ? 255 : id))
  const kept = [...reduced.keys()].filter((i) => reduced[i] !== ignoreIndex)
  const intersection = histogram(
    kept.filter((i) => predictions[i] === reduced[i]).map((i) => reduced[i]),
    n,
  )
  const predicted = histogram(
    kept.map((i) => predictions[i]),
    n,
  )
  const labeled = histogram(
    kept.map((i) => reduced[i]),
    n,
  )
  const sum = (values: readonly number[]) => values.reduce((a, b) => a + b, 0)
  const nanmean = (values: readonly number[]) => {
    const numbers = values.filter((value) => !Number.isNaN(value))
    return sum(numbers) / numbers.length
  }
  const iou = intersection.map((tp, c) => tp / (predicted[c] + labeled[c] - tp))
  const accuracy = intersection.map((tp, c) => tp / labeled[c])
  return {
    mean_iou: nanmean(iou),
    mean_accuracy: nanmean(accuracy),
    overall_accuracy: sum(intersection) / sum(labeled),
    per_category_iou: iou,
    per_category_accuracy: accuracy,
  }
}

/** The same by the matrix. */
function ours(labels: readonly number[], predictions: readonly number[], n: number, ignoreIndex: number) {
  const matrix = new ConfusionMatrix({
    numClasses: n,
    ignoreIndex,
    voidIndex: ignoreIndex === 255 ? null : 255,
  })
  matrix.update(imageOf(reduceZeroLabel(Uint8Array.from(labels)), Uint8Array.from(predictions), { width: 4 }))
  return matrix
}

describe('voidIndex', () => {
  it('gives Hugging Face’s results of reduce_labels with any ignore index', () => {
    // Void, three classes; class 2 is predicted in void alone.
    const labels = [0, 1, 1, 2, 0, 2, 2, 1]
    const predictions = [2, 0, 0, 1, 0, 1, 0, 0]
    const values = [255, 0, -1].map(
      (ignore) => huggingFaceResults(ours(labels, predictions, 3, ignore)).mean_iou,
    )
    expect(values[0]).toBeCloseTo((3 / 4 + 2 / 3) / 2, 14)
    expect(values[1]).toBeCloseTo((0 + 2 / 3 + 0) / 3, 14)
    expect(values[2]).toBeCloseTo((3 / 5 + 2 / 3 + 0) / 3, 14)
  })

  it.each([255, 0, -1, 1, 7])('equals their algorithm on random maps with the ignore index %i', (ignore) => {
    const next = seededRandom(11)
    for (let round = 0; round < 200; round++) {
      const n = 2 + Math.floor(next() * 4)
      const draw = (most: number) => Math.floor(next() * most)
      const labels = Array.from({ length: 8 }, () => (next() < 0.2 ? 255 : draw(n + 1)))
      const predictions = Array.from({ length: 8 }, () => (next() < 0.1 ? 255 : draw(n)))
      const expected = huggingFace(labels, predictions, n, ignore)
      const matrix = ours(labels, predictions, n, ignore)
      const { per_category_iou, per_category_accuracy, ...means } = huggingFaceResults(matrix)
      expect(per_category_iou).toEqual(expected.per_category_iou)
      expect(per_category_accuracy).toEqual(expected.per_category_accuracy)
      for (const key of ['mean_iou', 'mean_accuracy', 'overall_accuracy'] as const) {
        if (Number.isNaN(expected[key])) expect(means[key]).toBeNaN()
        else expect(means[key]).toBeCloseTo(expected[key], 14)
      }
    }
  })

  it('is in states, which merge, and in the scores of images', () => {
    const options = { numClasses: 2, ignoreIndex: null, voidIndex: 255 }
    const image = { ...imageOf(Uint8Array.of(0, 1, 255, 255), Uint8Array.of(0, 1, 1, 255)), name: 'a' }
    const matrix = new ConfusionMatrix(options)
    matrix.update(image)
    expect([...matrix.spurious]).toEqual([0, 1])
    expect(matrix.ignored).toBe(0)
    expect(matrix.compute()).toMatchObject({ meanIou: 0.75, pixels: 2 })
    expect(matrix.toJSON()).toMatchObject({ voidIndex: 255, spurious: [0, 1] })
    const back = ConfusionMatrix.fromJSON(JSON.parse(JSON.stringify(matrix)))
    expect(back.toJSON()).toEqual(matrix.toJSON())
    back.merge(matrix)
    expect([...back.spurious]).toEqual([0, 2])
    const without = new ConfusionMatrix({ numClasses: 2, ignoreIndex: null })
    expect(without.toJSON()).not.toHaveProperty('voidIndex')
    expect(() => without.merge(matrix)).toThrow('"voidIndex":255')
    const scores = new PerImageScores(options)
    scores.update(image)
    expect(PerImageScores.fromJSON(scores.toJSON()).compute().datasetMeanIou).toBe(0.75)
  })

  it('must be no class and not the ignore index, and does not accept other ids', () => {
    for (const voidIndex of [0, 18, 255, 1.5, 'void'] as number[]) {
      expect(() => new ConfusionMatrix({ voidIndex })).toThrow(
        '`voidIndex` must be null or an integer that is neither one of the classes 0..18 nor the ignore index',
      )
    }
    const matrix = new ConfusionMatrix({ numClasses: 2, ignoreIndex: null, voidIndex: 255 })
    const update = (target: number, prediction: number) => () =>
      matrix.update(imageOf(Uint8Array.of(target), Uint8Array.of(prediction)))
    expect(update(9, 0)).toThrow(
      'has the target id 9 at column 0, row 0; allowed are 0..1 and 255 (no class).',
    )
    expect(update(255, 9)).toThrow('has the predicted id 9 at column 0, row 0')
  })
})
