import { describe, expect, it } from 'vitest'
import { ConfusionMatrix, type IdArray, scoreImage, worstImages } from '../../src/index.js'
import golden from '../fixtures/pytorch-confusion.json' with { type: 'json' }
import { random } from '../random.js'

const fromRows = (counts: number[][]): ConfusionMatrix =>
  ConfusionMatrix.fromJSON({
    format: 'inverseform.confusion-matrix',
    version: 1,
    classes: counts.length,
    counts,
  })

/** Random truth (some of it ignored) and prediction. */
function image(seed: number, size: number, classes: number): [Uint8Array, Uint8Array] {
  const next = random(seed)
  const truth = Uint8Array.from({ length: size }, () =>
    next() < 0.1 ? 255 : Math.floor(next() * (classes + 2)),
  )
  return [truth, Uint8Array.from({ length: size }, () => Math.floor(next() * classes))]
}

const matrixOf = (...images: [IdArray, IdArray][]): ConfusionMatrix => {
  const matrix = new ConfusionMatrix(5)
  for (const [truth, prediction] of images) matrix.update(truth, prediction)
  return matrix
}

describe('ConfusionMatrix', () => {
  it('agrees with the scores PyTorch and NumPy gave for a matrix of 3 million pixels', () => {
    const scores = fromRows(golden.confusion).compute()
    scores.classes.forEach(({ iou }, c) => {
      expect(iou).toBeCloseTo(golden.iou[c]!, 12)
    })
    expect(scores.meanIou).toBeCloseTo(golden.miou, 12)
    expect(scores.accuracy).toBeCloseTo(golden.acc, 12)
    expect(scores.pixels).toBe(golden.confusion.flat().reduce((a, b) => a + b))
  })

  it('counts as a naive counter does', () => {
    const [truth, prediction] = image(1, 20_011, 5)
    const counter = new Map<string, number>()
    truth.forEach((t, i) => {
      const key = `${t},${prediction[i]}`
      if (t < 5) counter.set(key, (counter.get(key) ?? 0) + 1)
    })
    const rows = matrixOf([truth, prediction]).rows()
    expect(rows).toEqual(rows.map((row, t) => row.map((_, p) => counter.get(`${t},${p}`) ?? 0)))
  })

  it('has rows of truth, and false positives and negatives the right way round', () => {
    const matrix = new ConfusionMatrix(3)
    matrix.update(Uint8Array.of(0, 0, 0, 1, 255), Uint8Array.of(0, 1, 1, 1, 2))
    expect(matrix.rows()).toEqual([
      [1, 2, 0],
      [0, 1, 0],
      [0, 0, 0],
    ])
    const { classes, ...scores } = matrix.compute()
    expect(classes[0]).toEqual({ tp: 1, fp: 0, fn: 2, iou: 1 / 3, precision: 1, recall: 1 / 3 })
    expect(classes[1]).toEqual({ tp: 1, fp: 2, fn: 0, iou: 1 / 3, precision: 1 / 3, recall: 1 })
    expect(classes[2]).toEqual({ tp: 0, fp: 0, fn: 0, iou: NaN, precision: NaN, recall: NaN })
    expect(scores).toEqual({
      meanIou: 1 / 3,
      seen: 2,
      accuracy: 0.5,
      meanClassAccuracy: (1 / 3 + 1) / 2,
      frequencyWeightedIou: expect.closeTo(1 / 3, 12),
      pixels: 4,
    })
  })

  it('counts a class that is only predicted as seen, with IoU 0', () => {
    const scores = matrixOf([Uint8Array.of(0, 0), Uint8Array.of(0, 4)]).compute()
    expect(scores.seen).toBe(2)
    expect(scores.meanIou).toBe(0.25)
    expect(scores.meanClassAccuracy).toBe(0.5)
    expect(scores.frequencyWeightedIou).toBe(0.5)
  })

  it('weights IoU by the share of the truth', () => {
    const { frequencyWeightedIou, classes } = fromRows(golden.confusion).compute()
    const total = golden.confusion.flat().reduce((a, b) => a + b)
    const expected = golden.confusion.reduce(
      (sum, row, c) => sum + (row.reduce((a, b) => a + b) / total) * classes[c]!.iou,
      0,
    )
    expect(frequencyWeightedIou).toBeCloseTo(expected, 12)
  })

  it('is NaN, not 0, where nothing was counted', () => {
    const scores = matrixOf([new Uint8Array(9).fill(255), new Uint8Array(9).fill(99)]).compute()
    expect(scores).toMatchObject({
      meanIou: NaN,
      accuracy: NaN,
      meanClassAccuracy: NaN,
      frequencyWeightedIou: NaN,
    })
    expect(scores).toMatchObject({ seen: 0, pixels: 0 })
  })

  it('ignores negative truth in signed arrays', () => {
    const matrix = matrixOf([Int32Array.of(-1, -255, 2), Int16Array.of(0, 0, 3)])
    expect(matrix.rows().flat().filter(Boolean)).toEqual([1])
    expect(matrix.rows()[2]![3]).toBe(1)
  })

  it('names the pixel and value of an impossible prediction, and counts nothing of that image', () => {
    const matrix = matrixOf(image(2, 100, 5))
    const before = matrix.toJSON()
    expect(() => matrix.update(Uint8Array.of(0, 255, 1), Uint8Array.of(0, 255, 7))).toThrow(
      /at pixel 2 is 7.*0\.\.4/,
    )
    expect(() => matrix.update(Uint8Array.of(1), Int8Array.of(-1))).toThrow(/at pixel 0 is -1/)
    expect(matrix.toJSON()).toEqual(before)
    matrix.update(Uint8Array.of(0), Uint8Array.of(0))
    expect(matrix.rows()[0]![0]).toBe(before.counts[0]![0]! + 1)
  })

  it('refuses maps of different sizes', () => {
    expect(() => matrixOf([new Uint8Array(3), new Uint8Array(4)])).toThrow(/3 pixels.* 4/)
  })

  it('gives the same however the images are split, ordered and merged', () => {
    const images = [3, 4, 5, 6, 7].map((seed) => image(seed, 997, 5))
    const whole = matrixOf(...images)
    for (const cut of [0, 1, 3]) {
      const merged = matrixOf(...images.slice(cut).reverse())
      merged.merge(matrixOf(...images.slice(0, cut)))
      expect(merged.toJSON()).toEqual(whole.toJSON())
    }
    expect(() => whole.merge(new ConfusionMatrix(19))).toThrow(/19 classes.* 5/)
  })

  it('survives JSON, and refuses JSON that is not one', () => {
    const matrix = matrixOf(image(8, 5000, 5))
    const json = matrix.toJSON()
    const back = ConfusionMatrix.fromJSON(JSON.parse(JSON.stringify(matrix)))
    expect(back.toJSON()).toEqual(json)
    expect(back.compute()).toEqual(matrix.compute())
    for (const [bad, message] of [
      [null, /Not a confusion matrix/],
      ['text', /Not a confusion matrix/],
      [{ ...json, version: 2 }, /version 2/],
      [{ ...json, classes: 4 }, /not 4 rows of 4/],
      [{ ...json, classes: 0.5 }, /classes is 0\.5/],
      [{ ...json, classes: undefined }, /classes is undefined/],
      [{ ...json, counts: undefined }, /not 5 rows/],
      [
        { ...json, counts: json.counts.map((row, i) => (i === 3 ? row.with(1, -1) : row)) },
        /row 3, column 1 is -1/,
      ],
      [{ ...json, counts: json.counts.map((row) => row.map(() => null)) }, /is null/],
      [{ ...json, counts: json.counts.map(() => null) }, /not 5 rows/],
    ] as const)
      expect(() => ConfusionMatrix.fromJSON(bad)).toThrow(message)
  })

  it('refuses an impossible number of classes', () => {
    for (const classes of [0, -1, 1.5, NaN, 1e6])
      expect(() => new ConfusionMatrix(classes)).toThrow(/cannot have/)
  })
})

describe('scores of single images', () => {
  it('are those of a matrix of that image alone', () => {
    const [truth, prediction] = image(9, 1000, 5)
    const scores = scoreImage('a', truth, prediction, 5)
    const { meanIou, accuracy } = matrixOf([truth, prediction]).compute()
    expect(scores).toMatchObject({ name: 'a', meanIou, accuracy })
    expect(scores.confusion.toJSON()).toEqual(matrixOf([truth, prediction]).toJSON())
  })

  it('are listed worst first, ties by name, without those that have none', () => {
    const images = [
      { name: 'c', meanIou: 0.5 },
      { name: 'void', meanIou: NaN },
      { name: 'b', meanIou: 0.2 },
      { name: 'a', meanIou: 0.5 },
    ]
    expect(worstImages(images, 9).map(({ name }) => name)).toEqual(['b', 'a', 'c'])
    expect(worstImages(images, 1).map(({ name }) => name)).toEqual(['b'])
    expect(images[0]!.name).toBe('c')
  })
})
