import { formatValue } from '@inverseform/errors'
import { seededRandom } from '@inverseform/shared'
import { describe, expect, it } from 'vitest'
import { ConfusionMatrix, scoreImage, worstImages } from '../../src/index.js'
import golden from '../fixtures/pytorch-confusion.json' with { type: 'json' }
import { fromRows, imageOf, matrixOf, randomImage } from './images.js'

const five = { numClasses: 5 }

describe('ConfusionMatrix', () => {
  it('agrees with PyTorch and NumPy on a matrix of 3 million pixels', () => {
    const scores = fromRows(golden.confusion).compute()
    scores.classes.forEach(({ iou }, c) => {
      expect(iou).toBeCloseTo(golden.iou[c], 12)
    })
    expect(scores.meanIou).toBeCloseTo(golden.miou, 12)
    expect(scores.accuracy).toBeCloseTo(golden.acc, 12)
    expect(scores.pixels).toBe(golden.confusion.flat().reduce((a, b) => a + b))
  })

  it('counts like a naive counter', () => {
    const image = randomImage(1, 20_011, 5)
    const counter = new Map<string, number>()
    image.target.forEach((t, i) => {
      const key = `${t},${image.prediction[i]}`
      if (t !== 255) counter.set(key, (counter.get(key) ?? 0) + 1)
    })
    const rows = matrixOf([image], five).rows()
    expect(rows).toEqual(rows.map((row, t) => row.map((_, p) => counter.get(`${t},${p}`) ?? 0)))
  })

  it('has targets as rows, and does not swap false positives and negatives', () => {
    const image = imageOf(Uint8Array.of(0, 0, 0, 1, 255), Uint8Array.of(0, 1, 1, 1, 2))
    const matrix = matrixOf([image], { numClasses: 3 })
    expect(matrix.rows()).toEqual([
      [1, 2, 0],
      [0, 1, 0],
      [0, 0, 0],
    ])
    const { classes, ...scores } = matrix.compute()
    const third = { iou: 1 / 3, dice: 0.5 }
    expect(classes[0]).toEqual({
      ...{ tp: 1, fp: 0, fn: 2, tn: 1 },
      ...{ ...third, precision: 1, recall: 1 / 3, specificity: 1 },
    })
    expect(classes[1]).toEqual({
      ...{ tp: 1, fp: 2, fn: 0, tn: 1 },
      ...{ ...third, precision: 1 / 3, recall: 1, specificity: 1 / 3 },
    })
    expect(classes[2]).toEqual({
      ...{ tp: 0, fp: 0, fn: 0, tn: 4 },
      ...{ iou: NaN, dice: NaN, precision: NaN, recall: NaN, specificity: 1 },
    })
    // Chance agrees on (3 · 1 + 1 · 3) / 16 of the pixels, prediction and target each spread 6 / 16.
    expect(scores).toEqual({
      meanIou: 1 / 3,
      seen: 2,
      meanDice: 0.5,
      accuracy: 0.5,
      meanClassAccuracy: (1 / 3 + 1) / 2,
      frequencyWeightedIou: expect.closeTo(1 / 3, 12),
      kappa: expect.closeTo(0.2, 12),
      matthewsCorrelation: expect.closeTo(1 / 3, 12),
      pixels: 4,
      warnings: [],
    })
  })

  it('counts a class that is only predicted as seen, with IoU 0', () => {
    const scores = matrixOf([imageOf(Uint8Array.of(0, 0), Uint8Array.of(0, 4))], five).compute()
    expect(scores.seen).toBe(2)
    expect(scores.meanIou).toBe(0.25)
    expect(scores.meanClassAccuracy).toBe(0.5)
    expect(scores.frequencyWeightedIou).toBe(0.5)
  })

  it('weights IoU by the frequency of the class in the target', () => {
    const { frequencyWeightedIou, classes } = fromRows(golden.confusion).compute()
    const total = golden.confusion.flat().reduce((a, b) => a + b)
    const expected = golden.confusion.reduce(
      (sum, row, c) => sum + (row.reduce((a, b) => a + b) / total) * classes[c].iou,
      0,
    )
    expect(frequencyWeightedIou).toBeCloseTo(expected, 12)
  })

  it('computes kappa and the Matthews correlation as their definitions over pixels', () => {
    // The correlation is that of the ids' one-hot vectors; kappa's chance is that of independent draws.
    const { target, prediction } = randomImage(12, 3000, 4)
    const biased = prediction.map((p, i) => (i % 3 === 0 ? Math.min(target[i], 3) : p))
    const pairs = [...target].map((t, i) => [t, biased[i]] as const).filter(([t]) => t !== 255)
    const mean = (values: number[]): number => values.reduce((a, b) => a + b) / values.length
    const covariance = (a: 0 | 1, b: 0 | 1): number =>
      [0, 1, 2, 3].reduce((sum, c) => {
        const [x, y] = [a, b].map((side) => pairs.map((pair) => Number(pair[side] === c)))
        return sum + mean(x.map((value, i) => value * y[i])) - mean(x) * mean(y)
      }, 0)
    const shares = (side: 0 | 1): number[] =>
      [0, 1, 2, 3].map((c) => mean(pairs.map((pair) => Number(pair[side] === c))))
    const chance = shares(0).reduce((sum, share, c) => sum + share * shares(1)[c], 0)
    const agreement = mean(pairs.map(([t, p]) => Number(t === p)))
    const scores = matrixOf([imageOf(target, biased)], { numClasses: 4 }).compute()
    expect(scores.matthewsCorrelation).toBeGreaterThan(0.1)
    expect(scores.matthewsCorrelation).toBeCloseTo(
      covariance(0, 1) / Math.sqrt(covariance(0, 0) * covariance(1, 1)),
      12,
    )
    expect(scores.kappa).toBeCloseTo((agreement - chance) / (1 - chance), 12)
  })

  it('is perfect for a map with itself; kappa and the correlation of a single class are undefined', () => {
    const { target } = randomImage(13, 500, 5)
    const perfect = matrixOf([imageOf(target, target)], five).compute()
    for (const score of [
      'meanIou',
      'meanDice',
      'accuracy',
      'meanClassAccuracy',
      'frequencyWeightedIou',
    ] as const) {
      expect(perfect[score]).toBeCloseTo(1, 14)
    }
    expect(perfect.kappa).toBeCloseTo(1, 14)
    expect(perfect.matthewsCorrelation).toBeCloseTo(1, 14)
    const single = matrixOf([imageOf(Uint8Array.of(3), Uint8Array.of(3))], five).compute()
    expect(single).toMatchObject({ meanIou: 1, seen: 1, pixels: 1, kappa: NaN, matthewsCorrelation: NaN })
  })

  it('permutes the classes’ scores when the classes are renumbered', () => {
    const image = randomImage(14, 2000, 5)
    const to = [3, 0, 4, 1, 2]
    const renumber = (id: number): number => to[id] ?? id
    const renumbered = imageOf(image.target.map(renumber), image.prediction.map(renumber))
    const [before, after] = [matrixOf([image], five).compute(), matrixOf([renumbered], five).compute()]
    before.classes.forEach((scores, c) => {
      expect(after.classes[to[c]]).toEqual(scores)
    })
    expect(after.meanIou).toBeCloseTo(before.meanIou, 14)
    expect(after.matthewsCorrelation).toBeCloseTo(before.matthewsCorrelation, 14)
  })

  it('is NaN, not 0, if nothing was counted', () => {
    const nothing = imageOf(new Uint8Array(9).fill(255), new Uint8Array(9).fill(99))
    expect(matrixOf([nothing], five).compute()).toMatchObject({
      ...{ meanIou: NaN, meanDice: NaN, accuracy: NaN, meanClassAccuracy: NaN, frequencyWeightedIou: NaN },
      ...{ kappa: NaN, matthewsCorrelation: NaN, seen: 0, pixels: 0 },
    })
  })

  it('counts pixels predicted as the ignore index as misses, like an additional class that the target lacks', () => {
    const image = randomImage(11, 5000, 5)
    const prediction = image.prediction.map((id, i) => (i % 7 === 0 ? 255 : id))
    const scores = matrixOf([{ ...image, prediction }], five).compute()
    const more = prediction.map((id) => (id === 255 ? 5 : id))
    const reference = matrixOf([{ ...image, prediction: more }], { numClasses: 6 }).compute()
    expect(scores.classes).toEqual(reference.classes.slice(0, 5))
    expect(scores).toMatchObject({ accuracy: reference.accuracy, pixels: reference.pixels })
    expect(scores.kappa).toBeCloseTo(reference.kappa, 14)
    expect(scores.matthewsCorrelation).toBeCloseTo(reference.matthewsCorrelation, 14)
    expect(reference.classes[5].fp).toBeGreaterThan(500)
  })

  it('counts every pixel without an ignore index, and accepts other ids than 255', () => {
    const image = imageOf(Int16Array.of(-1, 0, 1), Int16Array.of(0, 0, 1))
    expect(matrixOf([image], { numClasses: 2, ignoreIndex: -1 }).rows()).toEqual([
      [1, 0],
      [0, 1],
    ])
    expect(() => matrixOf([image], { numClasses: 2, ignoreIndex: null })).toThrow('allowed are 0..1.')
    const zero = imageOf(Uint8Array.of(0, 1), Uint8Array.of(1, 1))
    expect(matrixOf([zero], { numClasses: 2, ignoreIndex: 0 }).rows()).toEqual([
      [0, 0],
      [0, 1],
    ])
  })

  it('names image, column, row and id of an invalid pixel, and counts nothing of that image', () => {
    const matrix = matrixOf([randomImage(2, 100, 5)], five)
    const before = matrix.toJSON()
    const rows = { width: 3, name: 'frankfurt_000000' }
    const good = new Uint8Array(6)
    const update = (target: Uint8Array | Int8Array, prediction: Uint8Array | Int8Array, options = {}) =>
      matrix.update(imageOf(target, prediction, { ...rows, ...options }))
    expect(() => update(good.with(4, 9), good)).toThrow(
      'frankfurt_000000 has the target id 9 at column 1, row 1; allowed are 0..4 and 255 (ignored).',
    )
    expect(() => update(good, good.with(5, 254))).toThrow(
      'frankfurt_000000 has the predicted id 254 at column 2, row 1; allowed are 0..4 and 255 (no class).',
    )
    expect(() => update(new Int8Array(6).fill(-1), good)).toThrow('target id -1 at column 0, row 0')
    expect(() => update(good, new Int8Array(6).fill(-1), { name: undefined })).toThrow(
      'An image has the predicted id -1',
    )
    expect(matrix.toJSON()).toEqual(before)
    matrix.update(imageOf(Uint8Array.of(0), Uint8Array.of(0)))
    expect(matrix.rows()[0][0]).toBe(before.counts[0][0] + 1)
  })

  it('rejects maps of different sizes, or of another size than width and height', () => {
    const three = new Uint8Array(3)
    for (const [prediction, width, height] of [
      [new Uint8Array(4), 3, 1],
      [three, 2, 2],
      [three, 1.5, 2],
      [three, 0, 0],
      [three, -3, -1],
    ] as const) {
      expect(() => matrixOf([{ target: three, prediction, width, height, name: 'a.png' }], five)).toThrow(
        `a.png of ${width} x ${height} pixels has 3 target ids and ${prediction.length} predicted ids.`,
      )
    }
  })

  it('gives the same however the images are split, ordered and merged', () => {
    const images = [3, 4, 5, 6, 7].map((seed) => randomImage(seed, 997, 5))
    const whole = matrixOf(images, five)
    for (const cut of [0, 1, 3]) {
      const merged = matrixOf(images.slice(cut).reverse(), five)
      merged.merge(matrixOf(images.slice(0, cut), five))
      expect(merged.toJSON()).toEqual(whole.toJSON())
    }
    expect(() => whole.merge(new ConfusionMatrix())).toThrow(
      'with {"numClasses":19,"ignoreIndex":255} cannot be merged into one with {"numClasses":5,"ignoreIndex":255}.',
    )
    expect(() => whole.merge(new ConfusionMatrix({ ...five, ignoreIndex: null }))).toThrow(
      '"ignoreIndex":null',
    )
  })

  it('survives JSON, and rejects JSON that is not a state', () => {
    const matrix = matrixOf([randomImage(8, 5000, 5)], five)
    const json = matrix.toJSON()
    const back = ConfusionMatrix.fromJSON(JSON.parse(JSON.stringify(matrix)))
    expect(back.toJSON()).toEqual(json)
    expect(back.compute()).toEqual(matrix.compute())
    for (const [bad, message] of [
      [
        null,
        /^The JSON is not a state of inverseform\.confusion-matrix, version 1: its format is undefined, /,
      ],
      [
        'text',
        /^The JSON is not a state of inverseform\.confusion-matrix, version 1: its format is undefined, /,
      ],
      [{ ...json, version: 2 }, /its version 2\./],
      [{ ...json, classes: 4 }, /damaged: counts is \[.*\], not a list of 4 rows\./],
      [{ ...json, classes: 0.5 }, /damaged: `numClasses` must be an integer from 1 to 4096, got 0\.5\./],
      [{ ...json, classes: 1e6 }, /damaged: `numClasses` must be an integer from 1 to 4096, got 1000000\./],
      [{ ...json, classes: undefined }, /damaged: classes is missing\./],
      [{ ...json, ignoreIndex: undefined }, /damaged: ignoreIndex is missing\./],
      [{ ...json, ignoreIndex: 'void' }, /damaged: `ignoreIndex` must be an integer or null, got "void"\./],
      [{ ...json, counts: undefined }, /damaged: counts is undefined, not a list of 5 rows\./],
      [
        { ...json, counts: matrix.rows().map((row, i) => (i === 3 ? row.with(1, -1) : row)) },
        /counts\[3\]\[1\] is -1, not the count of one of 5 classes\./,
      ],
      [
        { ...json, counts: matrix.rows().map((row) => row.map(() => null)) },
        /counts\[0\]\[0\] is null, not the count/,
      ],
      [
        { ...json, counts: json.counts.map(() => null) },
        /counts\[0\] is null, neither a list of 5 counts nor an object/,
      ],
      [
        { ...json, counts: json.counts.map(() => [1, 2]) },
        /counts\[0\] is \[1, 2\], neither a list of 5 counts/,
      ],
      [
        { ...json, counts: json.counts.map(() => ({ 5: 1 })) },
        /counts\[0\]\[5\] is 1, not the count of one of 5 classes/,
      ],
      [
        { ...json, counts: json.counts.map(() => ({ a: 1 })) },
        /counts\[0\]\[a\] is 1, not the count of one of 5 classes/,
      ],
      [{ ...json, counts: json.counts.map(() => ({ 4: 0.5 })) }, /counts\[0\]\[4\] is 0\.5, not the count/],
      [{ ...json, missed: undefined }, /missed is undefined, not a list of 5 counts/],
      [{ ...json, missed: [0, 0, -1, 0, 0] }, /missed is \[0, 0, -1, 0, 0\], not a list of 5 counts/],
    ] as const) {
      expect(() => ConfusionMatrix.fromJSON(bad)).toThrow(message)
    }
  })

  it('writes only the counts above 0 with more than 256 classes', () => {
    const next = seededRandom(4)
    const ids = () => Uint16Array.from({ length: 400 }, () => Math.floor(next() * 4096))
    for (const classes of [256, 257, 4096]) {
      const [target, prediction] = [ids().map((id) => id % classes), ids().map((id) => id % classes)]
      const matrix = matrixOf([imageOf(target, prediction)], { numClasses: classes })
      const text = JSON.stringify(matrix)
      if (classes > 256) expect(text.length).toBeLessThan(20 * 400 + 10 * classes)
      const back = ConfusionMatrix.fromJSON(JSON.parse(text))
      expect(Buffer.from(back.counts.buffer).equals(Buffer.from(matrix.counts.buffer))).toBe(true)
      expect(JSON.stringify(back)).toBe(text)
    }
  })

  it('accepts only integer arrays', () => {
    const target = Uint8Array.of(0, 1, 2)
    const update = (image: object) =>
      new ConfusionMatrix({ numClasses: 3 }).update({ ...imageOf(target, target), name: 'a.png', ...image })
    for (const ids of [
      Float32Array.of(0, 0.5, Number.NaN),
      Float64Array.of(0, 1, 2),
      BigInt64Array.of(0n, 1n, 2n),
      [0, 1.5, 2],
      new DataView(new ArrayBuffer(3)),
      undefined,
    ]) {
      const message = (name: string) =>
        `\`${name}\` must be a typed array of integers of at most 32 bits, such as Uint8Array or Int32Array, got ${formatValue(ids)}.`
      expect(() => update({ target: ids })).toThrow(message('target'))
      expect(() => update({ prediction: ids })).toThrow(
        expect.objectContaining({
          code: 'invalid-argument',
          message: message('prediction'),
          details: expect.objectContaining({ name: 'a.png' }),
        }),
      )
    }
    for (const ids of [Uint8ClampedArray, Int8Array, Int16Array, Uint16Array, Int32Array, Uint32Array]) {
      expect(() => update({ target: ids.of(0, 1, 2), prediction: Buffer.from(target) })).not.toThrow()
    }
  })

  it('rejects an invalid number of classes and an invalid ignore index', () => {
    for (const classes of [0, -1, 1.5, NaN, 1e6]) {
      expect(() => new ConfusionMatrix({ numClasses: classes })).toThrow(
        `\`numClasses\` must be an integer from 1 to 4096, got ${classes}.`,
      )
    }
    for (const ignoreIndex of [1.5, NaN, Number.POSITIVE_INFINITY]) {
      expect(() => new ConfusionMatrix({ ignoreIndex })).toThrow(
        `\`ignoreIndex\` must be an integer or null, got ${ignoreIndex}.`,
      )
    }
  })
})

describe('scores of single images', () => {
  it('equal those of a matrix of the image alone', () => {
    const image = { ...randomImage(9, 1000, 5), name: 'a' }
    const scores = scoreImage(image, five)
    const { meanIou, accuracy } = matrixOf([image], five).compute()
    expect(scores).toMatchObject({ name: 'a', meanIou, accuracy })
    expect(scores.confusion.toJSON()).toEqual(matrixOf([image], five).toJSON())
  })

  it('are listed worst first, ties by name, without images that have no score', () => {
    const images = [
      { name: 'c', meanIou: 0.5 },
      { name: 'void', meanIou: NaN },
      { name: 'b', meanIou: 0.2 },
      { name: 'a', meanIou: 0.5 },
    ]
    expect(worstImages(images, 9).map(({ name }) => name)).toEqual(['b', 'a', 'c'])
    expect(worstImages(images, 1).map(({ name }) => name)).toEqual(['b'])
    expect(images[0].name).toBe('c')
  })
})
