import { describe, expect, it } from 'vitest'
import { ConfusionMatrix, scoreImage, worstImages } from '../../src/index.js'
import golden from '../fixtures/pytorch-confusion.json' with { type: 'json' }
import { random } from '../random.js'
import { fromRows, imageOf, matrixOf, randomImage } from './images.js'

const five = { classes: 5 }

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
    const image = randomImage(1, 20_011, 5)
    const counter = new Map<string, number>()
    image.truth.forEach((t, i) => {
      const key = `${t},${image.prediction[i]}`
      if (t !== 255) counter.set(key, (counter.get(key) ?? 0) + 1)
    })
    const rows = matrixOf([image], five).rows()
    expect(rows).toEqual(rows.map((row, t) => row.map((_, p) => counter.get(`${t},${p}`) ?? 0)))
  })

  it('has rows of truth, and false positives and negatives the right way round', () => {
    const image = imageOf(Uint8Array.of(0, 0, 0, 1, 255), Uint8Array.of(0, 1, 1, 1, 2))
    const matrix = matrixOf([image], { classes: 3 })
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
    // Chance agrees on (3 · 1 + 1 · 3) / 16 of the pixels, prediction and truth each spread 6 / 16.
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
    })
  })

  it('counts a class that is only predicted as seen, with IoU 0', () => {
    const scores = matrixOf([imageOf(Uint8Array.of(0, 0), Uint8Array.of(0, 4))], five).compute()
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

  it('has the kappa and Matthews correlation by their definitions over pixels', () => {
    // The correlation is that of the ids' one-hot vectors; kappa's chance is that of independent draws.
    const { truth, prediction } = randomImage(12, 3000, 4)
    const biased = prediction.map((p, i) => (i % 3 === 0 ? Math.min(truth[i]!, 3) : p))
    const pairs = [...truth].map((t, i) => [t, biased[i]!] as const).filter(([t]) => t !== 255)
    const mean = (values: number[]): number => values.reduce((a, b) => a + b) / values.length
    const covariance = (a: 0 | 1, b: 0 | 1): number =>
      [0, 1, 2, 3].reduce((sum, c) => {
        const [x, y] = [a, b].map((side) => pairs.map((pair) => Number(pair[side] === c)))
        return sum + mean(x!.map((value, i) => value * y![i]!)) - mean(x!) * mean(y!)
      }, 0)
    const shares = (side: 0 | 1): number[] =>
      [0, 1, 2, 3].map((c) => mean(pairs.map((pair) => Number(pair[side] === c))))
    const chance = shares(0).reduce((sum, share, c) => sum + share * shares(1)[c]!, 0)
    const agreement = mean(pairs.map(([t, p]) => Number(t === p)))
    const scores = matrixOf([imageOf(truth, biased)], { classes: 4 }).compute()
    expect(scores.matthewsCorrelation).toBeGreaterThan(0.1)
    expect(scores.matthewsCorrelation).toBeCloseTo(
      covariance(0, 1) / Math.sqrt(covariance(0, 0) * covariance(1, 1)),
      12,
    )
    expect(scores.kappa).toBeCloseTo((agreement - chance) / (1 - chance), 12)
  })

  it('is perfect for a map with itself, and leaves undefined what one class leaves undefined', () => {
    const { truth } = randomImage(13, 500, 5)
    const perfect = matrixOf([imageOf(truth, truth)], five).compute()
    for (const score of [
      'meanIou',
      'meanDice',
      'accuracy',
      'meanClassAccuracy',
      'frequencyWeightedIou',
    ] as const)
      expect(perfect[score]).toBeCloseTo(1, 14)
    expect(perfect.kappa).toBeCloseTo(1, 14)
    expect(perfect.matthewsCorrelation).toBeCloseTo(1, 14)
    const single = matrixOf([imageOf(Uint8Array.of(3), Uint8Array.of(3))], five).compute()
    expect(single).toMatchObject({ meanIou: 1, seen: 1, pixels: 1, kappa: NaN, matthewsCorrelation: NaN })
  })

  it('permutes the classes’ scores when the classes are renumbered', () => {
    const image = randomImage(14, 2000, 5)
    const to = [3, 0, 4, 1, 2]
    const renumber = (id: number): number => to[id] ?? id
    const renumbered = imageOf(image.truth.map(renumber), image.prediction.map(renumber))
    const [before, after] = [matrixOf([image], five).compute(), matrixOf([renumbered], five).compute()]
    before.classes.forEach((scores, c) => {
      expect(after.classes[to[c]!]).toEqual(scores)
    })
    expect(after.meanIou).toBeCloseTo(before.meanIou, 14)
    expect(after.matthewsCorrelation).toBeCloseTo(before.matthewsCorrelation, 14)
  })

  it('is NaN, not 0, where nothing was counted', () => {
    const nothing = imageOf(new Uint8Array(9).fill(255), new Uint8Array(9).fill(99))
    expect(matrixOf([nothing], five).compute()).toMatchObject({
      ...{ meanIou: NaN, meanDice: NaN, accuracy: NaN, meanClassAccuracy: NaN, frequencyWeightedIou: NaN },
      ...{ kappa: NaN, matthewsCorrelation: NaN, seen: 0, pixels: 0 },
    })
  })

  it('has pixels predicted as the ignore index as misses: as one more class would be that is never true', () => {
    const image = randomImage(11, 5000, 5)
    const prediction = image.prediction.map((id, i) => (i % 7 === 0 ? 255 : id))
    const scores = matrixOf([{ ...image, prediction }], five).compute()
    const more = prediction.map((id) => (id === 255 ? 5 : id))
    const reference = matrixOf([{ ...image, prediction: more }], { classes: 6 }).compute()
    expect(scores.classes).toEqual(reference.classes.slice(0, 5))
    expect(scores).toMatchObject({ accuracy: reference.accuracy, pixels: reference.pixels })
    expect(scores.kappa).toBeCloseTo(reference.kappa, 14)
    expect(scores.matthewsCorrelation).toBeCloseTo(reference.matthewsCorrelation, 14)
    expect(reference.classes[5]!.fp).toBeGreaterThan(500)
  })

  it('counts every pixel when no id is ignored, and ignores another id than 255', () => {
    const image = imageOf(Int16Array.of(-1, 0, 1), Int16Array.of(0, 0, 1))
    expect(matrixOf([image], { classes: 2, ignoreIndex: -1 }).rows()).toEqual([
      [1, 0],
      [0, 1],
    ])
    expect(() => matrixOf([image], { classes: 2, ignoreIndex: null })).toThrow('allowed are 0..1.')
    const zero = imageOf(Uint8Array.of(0, 1), Uint8Array.of(1, 1))
    expect(matrixOf([zero], { classes: 2, ignoreIndex: 0 }).rows()).toEqual([
      [0, 0],
      [0, 1],
    ])
  })

  it('names image, column, row and id of a pixel that is no class, and counts nothing of that image', () => {
    const matrix = matrixOf([randomImage(2, 100, 5)], five)
    const before = matrix.toJSON()
    const rows = { width: 3, name: 'frankfurt_000000' }
    const good = new Uint8Array(6)
    const update = (truth: Uint8Array | Int8Array, prediction: Uint8Array | Int8Array, options = {}) =>
      matrix.update(imageOf(truth, prediction, { ...rows, ...options }))
    expect(() => update(good.with(4, 9), good)).toThrow(
      'frankfurt_000000 has the true id 9 at column 1, row 1; allowed are 0..4 and 255 (ignored).',
    )
    expect(() => update(good, good.with(5, 254))).toThrow(
      'frankfurt_000000 has the predicted id 254 at column 2, row 1; allowed are 0..4 and 255 (no class).',
    )
    expect(() => update(new Int8Array(6).fill(-1), good)).toThrow('true id -1 at column 0, row 0')
    expect(() => update(good, new Int8Array(6).fill(-1), { name: undefined })).toThrow(
      'An image has the predicted id -1',
    )
    expect(matrix.toJSON()).toEqual(before)
    matrix.update(imageOf(Uint8Array.of(0), Uint8Array.of(0)))
    expect(matrix.rows()[0]![0]).toBe(before.counts[0]![0]! + 1)
  })

  it('refuses maps of different sizes, or of another size than width and height', () => {
    const three = new Uint8Array(3)
    for (const [prediction, width, height] of [
      [new Uint8Array(4), 3, 1],
      [three, 2, 2],
      [three, 1.5, 2],
      [three, 0, 0],
      [three, -3, -1],
    ] as const)
      expect(() => matrixOf([{ truth: three, prediction, width, height, name: 'a.png' }], five)).toThrow(
        `a.png of ${width} x ${height} pixels has 3 truth ids and ${prediction.length} predicted ones`,
      )
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
      'with {"classes":19,"ignoreIndex":255} cannot be merged into one with {"classes":5,"ignoreIndex":255}.',
    )
    expect(() => whole.merge(new ConfusionMatrix({ ...five, ignoreIndex: null }))).toThrow(
      '"ignoreIndex":null',
    )
  })

  it('survives JSON, and refuses JSON that is not one', () => {
    const matrix = matrixOf([randomImage(8, 5000, 5)], five)
    const json = matrix.toJSON()
    const back = ConfusionMatrix.fromJSON(JSON.parse(JSON.stringify(matrix)))
    expect(back.toJSON()).toEqual(json)
    expect(back.compute()).toEqual(matrix.compute())
    for (const [bad, message] of [
      [null, /Not a state of inverseform\.confusion-matrix/],
      ['text', /Not a state of inverseform\.confusion-matrix/],
      [{ ...json, version: 2 }, /version 2/],
      [{ ...json, classes: 4 }, /not 4 rows/],
      [{ ...json, classes: 0.5 }, /damaged.*0\.5 classes/],
      [{ ...json, classes: 1e6 }, /damaged.*1000000 classes/],
      [{ ...json, classes: undefined }, /classes is undefined/],
      [{ ...json, ignoreIndex: undefined }, /ignoreIndex is undefined/],
      [{ ...json, ignoreIndex: 'void' }, /ignore index is void/],
      [{ ...json, counts: undefined }, /not 5 rows/],
      [
        { ...json, counts: matrix.rows().map((row, i) => (i === 3 ? row.with(1, -1) : row)) },
        /row 3, column 1 is -1/,
      ],
      [{ ...json, counts: matrix.rows().map((row) => row.map(() => null)) }, /is null/],
      [{ ...json, counts: json.counts.map(() => null) }, /row 0 is neither/],
      [{ ...json, counts: json.counts.map(() => [1, 2]) }, /row 0 is neither a list of 5 counts/],
      [{ ...json, counts: json.counts.map(() => ({ 5: 1 })) }, /row 0, column 5 is 1/],
      [{ ...json, counts: json.counts.map(() => ({ a: 1 })) }, /row 0, column a is 1/],
      [{ ...json, counts: json.counts.map(() => ({ 4: 0.5 })) }, /row 0, column 4 is 0\.5/],
      [{ ...json, missed: undefined }, /missed are not 5 counts/],
      [{ ...json, missed: [0, 0, -1, 0, 0] }, /missed are not 5 counts/],
    ] as const)
      expect(() => ConfusionMatrix.fromJSON(bad)).toThrow(message)
  })

  it('writes what is not 0 alone where there are many classes', () => {
    const next = random(4)
    const ids = () => Uint16Array.from({ length: 400 }, () => Math.floor(next() * 4096))
    for (const classes of [256, 257, 4096]) {
      const [truth, prediction] = [ids().map((id) => id % classes), ids().map((id) => id % classes)]
      const matrix = matrixOf([imageOf(truth, prediction)], { classes })
      const text = JSON.stringify(matrix)
      if (classes > 256) expect(text.length).toBeLessThan(20 * 400 + 10 * classes)
      const back = ConfusionMatrix.fromJSON(JSON.parse(text))
      expect(Buffer.from(back.counts.buffer).equals(Buffer.from(matrix.counts.buffer))).toBe(true)
      expect(JSON.stringify(back)).toBe(text)
    }
  })

  it('refuses ids in anything but integer arrays, which hold fractions or no numbers', () => {
    const truth = Uint8Array.of(0, 1, 2)
    const update = (image: object) =>
      new ConfusionMatrix({ classes: 3 }).update({ ...imageOf(truth, truth), name: 'a.png', ...image })
    for (const [kind, ids] of Object.entries({
      Float32Array: Float32Array.of(0, 0.5, Number.NaN),
      Float64Array: Float64Array.of(0, 1, 2),
      BigInt64Array: BigInt64Array.of(0n, 1n, 2n),
      Array: [0, 1.5, 2],
      DataView: new DataView(new ArrayBuffer(3)),
      Undefined: undefined,
    })) {
      const message = (what: string) => `a.png has its ${what} ids in a value of the kind ${kind}.`
      expect(() => update({ truth: ids })).toThrow(message('true'))
      expect(() => update({ prediction: ids })).toThrow(
        expect.objectContaining({ code: 'invalid-argument', message: message('predicted') }),
      )
    }
    for (const ids of [Uint8ClampedArray, Int8Array, Int16Array, Uint16Array, Int32Array, Uint32Array])
      expect(() => update({ truth: ids.of(0, 1, 2), prediction: Buffer.from(truth) })).not.toThrow()
  })

  it('refuses an impossible number of classes, or ignored id', () => {
    for (const classes of [0, -1, 1.5, NaN, 1e6])
      expect(() => new ConfusionMatrix({ classes })).toThrow(`There cannot be ${classes} classes.`)
    for (const ignoreIndex of [1.5, NaN, Number.POSITIVE_INFINITY])
      expect(() => new ConfusionMatrix({ ignoreIndex })).toThrow(`The ignore index is ${ignoreIndex}`)
  })
})

describe('scores of single images', () => {
  it('are those of a matrix of that image alone', () => {
    const image = { ...randomImage(9, 1000, 5), name: 'a' }
    const scores = scoreImage(image, five)
    const { meanIou, accuracy } = matrixOf([image], five).compute()
    expect(scores).toMatchObject({ name: 'a', meanIou, accuracy })
    expect(scores.confusion.toJSON()).toEqual(matrixOf([image], five).toJSON())
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
