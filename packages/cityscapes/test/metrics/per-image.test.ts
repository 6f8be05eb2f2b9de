import { seededRandom } from '@inverseform/shared'
import { describe, expect, it } from 'vitest'
import { ConfusionMatrix, worstImages } from '../../src/index.js'
import { averageScore } from '../../src/metrics/class-scores.js'
import { scoreImage } from '../../src/metrics/image-scores.js'
import { PerImageScores } from '../../src/metrics/per-image.js'
import { imageOf, matrixOf, randomImage } from './images.js'

const options = { numClasses: 6 }
/** Images of a few classes each, so that some classes are missing in each. */
const images = Array.from({ length: 9 }, (_, seed) => {
  const next = seededRandom(seed + 100)
  const some = [0, 1, 2, 3, 4, 5].filter(() => next() < 0.5).concat(0)
  const draw = (): number => some[Math.floor(next() * some.length)]
  const target = Uint8Array.from({ length: 300 }, () => (next() < 0.1 ? 255 : draw()))
  const prediction = target.map((id) => (id === 255 || next() < 0.3 ? Math.floor(next() * 4) : id))
  return { ...imageOf(target, prediction), name: `city_${(seed * 7) % 9}` }
})

const scoresOf = (some: typeof images): PerImageScores => {
  const scores = new PerImageScores(options)
  for (const image of some) scores.update(image)
  return scores
}
const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length

describe('PerImageScores', () => {
  it('returns the scores of each image by itself, sorted by name', () => {
    const summary = scoresOf(images).compute()
    expect(summary.images.map(({ name }) => name)).toEqual(images.map(({ name }) => name).sort())
    for (const image of images) {
      const { classes, meanIou, meanDice, accuracy, pixels } = matrixOf([image], options).compute()
      const entry = summary.images.find(({ name }) => name === image.name)
      expect(entry).toEqual({ name: image.name, classes, meanIou, meanDice, accuracy, pixels })
    }
  })

  it('distinguishes the three means', () => {
    const summary = scoresOf(images).compute()
    const matrix = matrixOf(images, options).compute()
    expect(summary.datasetMeanIou).toBe(matrix.meanIou)
    expect(summary.datasetMeanDice).toBe(matrix.meanDice)
    const single = images.map((image) => matrixOf([image], options).compute())
    expect(summary.imageMeanIou).toBeCloseTo(mean(single.map(({ meanIou }) => meanIou)), 14)
    expect(summary.imageMeanDice).toBeCloseTo(mean(single.map(({ meanDice }) => meanDice)), 14)
    const byClass = Array.from({ length: 6 }, (_, c) =>
      single.map(({ classes }) => classes[c]).filter(({ tp, fp, fn }) => tp + fp + fn > 0),
    )
    expect(byClass.some((having) => having.length < images.length)).toBe(true)
    byClass.forEach((having, c) => {
      expect(summary.classes[c].images).toBe(having.length)
      expect(summary.classes[c].iou).toBeCloseTo(mean(having.map(({ iou }) => iou)), 14)
    })
    expect(summary.classMeanIou).toBeCloseTo(mean(summary.classes.map(({ iou }) => iou)), 14)
    expect(summary.classMeanDice).toBeCloseTo(mean(summary.classes.map(({ dice }) => dice)), 14)
  })

  it('leaves out wrongly predicted classes if only those of the target count', () => {
    const image = { ...imageOf(Uint8Array.of(0, 0, 0, 1), Uint8Array.of(0, 0, 2, 1)), name: 'a' }
    const scores = new PerImageScores(options)
    scores.update(image)
    expect(scores.compute().imageMeanIou).toBeCloseTo((2 / 3 + 1 + 0) / 3, 14)
    const strict = scores.compute({ over: 'target' })
    expect(strict.imageMeanIou).toBeCloseTo((2 / 3 + 1) / 2, 14)
    expect(strict.classMeanIou).toBeCloseTo((2 / 3 + 1) / 2, 14)
    expect(strict.classes[2]).toEqual({ iou: NaN, dice: NaN, images: 0 })
    expect(strict.datasetMeanIou).toBe(scores.compute().datasetMeanIou)
  })

  it('accepts images of one class, and void images, which have no score', () => {
    const scores = new PerImageScores(options)
    scores.update({ ...imageOf(Uint8Array.of(3), Uint8Array.of(3)), name: 'single' })
    scores.update({ ...imageOf(Uint8Array.of(255), Uint8Array.of(0)), name: 'void' })
    const summary = scores.compute()
    expect(summary).toMatchObject({ datasetMeanIou: 1, imageMeanIou: 1, classMeanIou: 1 })
    expect(summary.images[1]).toMatchObject({ name: 'void', meanIou: NaN, accuracy: NaN, pixels: 0 })
    expect(worstImages(summary.images, 5).map(({ name }) => name)).toEqual(['single'])
    expect(new PerImageScores().compute()).toMatchObject({
      images: [],
      imageMeanIou: NaN,
      datasetMeanIou: NaN,
    })
  })

  it('lists the worst images', () => {
    const { images: all } = scoresOf(images).compute()
    const worst = worstImages(all, 3)
    const rest = all.filter((image) => !worst.includes(image))
    expect(worst).toHaveLength(3)
    for (const { meanIou } of rest) expect(meanIou).toBeGreaterThanOrEqual(worst[2].meanIou)
  })

  it('gives exactly the same scores however the images are split, ordered and merged', () => {
    const whole = scoresOf(images)
    for (const cut of [0, 2, 5, 9]) {
      const merged = scoresOf(images.slice(cut).reverse())
      merged.merge(PerImageScores.fromJSON(JSON.parse(JSON.stringify(scoresOf(images.slice(0, cut))))))
      expect(merged.toJSON()).toEqual(whole.toJSON())
      expect(merged.compute()).toEqual(whole.compute())
    }
  })

  it('rejects a second image of a name, a missing name and different options, and stays unchanged', () => {
    const scores = scoresOf(images.slice(0, 4))
    const before = scores.toJSON()
    expect(() => scores.update(images[2])).toThrow(`The image ${images[2].name} was already added.`)
    expect(() => scores.merge(scoresOf([images[5], images[3]]))).toThrow(images[3].name)
    expect(() => scores.update(imageOf(Uint8Array.of(0), Uint8Array.of(0)) as (typeof images)[0])).toThrow(
      'An image has no name.',
    )
    expect(() => scores.update({ ...randomImage(1, 50, 9), name: 'nine' })).toThrow(
      /nine has the (target|predicted) id/,
    )
    expect(() => scores.merge(new PerImageScores())).toThrow('cannot be merged')
    expect(() => scores.add('other', new ConfusionMatrix())).toThrow('cannot be merged')
    expect(scores.toJSON()).toEqual(before)
  })

  it('shares no list with its state', () => {
    const scores = scoresOf(images)
    const text = JSON.stringify(scores)
    const state = JSON.parse(text)
    const back = PerImageScores.fromJSON(state)
    for (const held of [scores.toJSON(), state]) {
      for (const key of ['tp', 'fp', 'fn']) held.images[0][key][0] = 99
    }
    expect(JSON.stringify(scores)).toBe(text)
    expect(JSON.stringify(back)).toBe(text)
  })

  it('rejects an unknown value of `over`', () => {
    expect(() => scoresOf(images).compute({ over: 'x' as 'seen' })).toThrow(
      "`over` must be one of 'seen' or 'target', got \"x\".",
    )
  })

  it('accepts images counted before', () => {
    const scores = new PerImageScores(options)
    for (const image of images) scores.add(image.name, scoreImage(image, options).confusion)
    expect(scores.toJSON()).toEqual(scoresOf(images).toJSON())
  })

  it('rejects JSON that is not a state', () => {
    const json = scoresOf(images.slice(0, 2)).toJSON()
    const [first, second] = json.images
    for (const [bad, message] of [
      [undefined, /^The JSON is not a state of inverseform\.per-image-scores, version 1: /],
      [{ ...json, classes: 0 }, /damaged: `numClasses` must be an integer from 1 to 4096, got 0\./],
      [{ ...json, images: {} }, /damaged: images is an object of type Object, not a list of images\./],
      [{ ...json, images: [null] }, /damaged: images\[0\]\.name is undefined, not a string\./],
      [
        { ...json, images: [first, { ...second, name: first.name }] },
        /damaged: images\[1\]\.name is "city_\d", a duplicate\./,
      ],
      [{ ...json, images: [{ ...first, fp: [1, 2] }] }, /fp of city_\d is not a list of 6 counts/],
      [{ ...json, images: [{ ...first, tp: [0, 0, 0, 0, 0, 0.5] }] }, /tp of city_/],
      [{ ...json, images: [{ ...first, fn: null }] }, /fn of city_/],
    ] as const) {
      expect(() => PerImageScores.fromJSON(bad)).toThrow(message)
    }
  })

  it('returns what averageScore needs', () => {
    const { images: all } = scoresOf(images).compute()
    const { classes } = matrixOf([images[0]], options).compute()
    const entry = all.find(({ name }) => name === images[0].name)!
    expect(averageScore(entry.classes, { metric: 'precision' })).toBe(
      averageScore(classes, { metric: 'precision' }),
    )
  })
})
