import { describe, expect, it } from 'vitest'
import { BoundaryF, BoundaryIou, SurfaceDistances, TrimapIou } from '../../../src/metrics/boundary/index.js'
import type { Metric, SegmentedImage } from '../../../src/metrics/metric.js'
import { random } from '../../random.js'
import { allImages, blobs, CLASSES } from './support.js'

type AnyMetric = Metric<SegmentedImage, object, object>

interface Case {
  readonly name: string
  readonly make: (classes?: number) => AnyMetric
  /** One with another option of its own. */
  readonly other: () => AnyMetric
  readonly fromJSON: (json: unknown) => AnyMetric
  /** The values of each class of {@link CLASSES}, as text. */
  readonly perClass: (metric: AnyMetric) => string[]
}

const text = (value: unknown): string =>
  JSON.stringify(value, (_, part) => (typeof part === 'number' && !Number.isFinite(part) ? `${part}` : part))
const byClass = (lists: readonly (readonly unknown[])[]): string[] =>
  Array.from({ length: CLASSES }, (_, c) => text(lists.map((list) => list[c])))

const cases: Case[] = [
  {
    name: 'BoundaryF',
    make: (classes = CLASSES) => new BoundaryF({ classes, tolerances: [1, 0.1] }),
    other: () => new BoundaryF({ classes: CLASSES, tolerances: [1, 0.2] }),
    fromJSON: BoundaryF.fromJSON,
    perClass: (metric) => byClass((metric as BoundaryF).compute().tolerances.map(({ classes }) => classes)),
  },
  {
    name: 'BoundaryIou',
    make: (classes = CLASSES) => new BoundaryIou({ classes, ratios: [0.02, 0.1] }),
    other: () => new BoundaryIou({ classes: CLASSES }),
    fromJSON: BoundaryIou.fromJSON,
    perClass: (metric) => byClass((metric as BoundaryIou).compute().ratios.map(({ classes }) => classes)),
  },
  {
    name: 'TrimapIou',
    make: (classes = CLASSES) => new TrimapIou({ classes, widths: [1, 3, 9] }),
    other: () => new TrimapIou({ classes: CLASSES, widths: [1, 3, 9], voidBorders: true }),
    fromJSON: TrimapIou.fromJSON,
    perClass: (metric) => byClass((metric as TrimapIou).compute().bands.map(({ classes }) => classes)),
  },
  {
    name: 'SurfaceDistances',
    make: (classes = CLASSES) => new SurfaceDistances({ classes }),
    other: () => new SurfaceDistances({ classes: CLASSES, tolerances: [7] }),
    fromJSON: SurfaceDistances.fromJSON,
    perClass: (metric) => byClass([(metric as SurfaceDistances).compute().classes]),
  },
]

function gathered(metric: AnyMetric, images: readonly SegmentedImage[]): AnyMetric {
  for (const image of images) metric.update(image)
  return metric
}

describe.each(cases)('$name', ({ make, other, fromJSON, perClass }) => {
  const images = allImages()

  it('is exactly the same however the images are split, ordered, sent as JSON and merged', () => {
    const whole = gathered(make(), images).compute()
    const next = random(5)
    for (let run = 0; run < 5; run++) {
      const shuffled = images
        .map((image) => ({ image, key: next() }))
        .sort((a, b) => a.key - b.key)
        .map(({ image }) => image)
      const cuts = [0, Math.floor(next() * 9), 9 + Math.floor(next() * 9), images.length]
      const merged = make()
      for (const part of [2, 0, 1]) {
        const shard = gathered(make(), shuffled.slice(cuts[part], cuts[part + 1]))
        merged.merge(fromJSON(JSON.parse(JSON.stringify(shard))))
      }
      expect(merged.compute()).toEqual(whole)
    }
  })

  it('survives JSON, empty or not', () => {
    for (const metric of [make(), gathered(make(), images)]) {
      const back = fromJSON(JSON.parse(JSON.stringify(metric)))
      expect(back.toJSON()).toEqual(metric.toJSON())
      expect(back.compute()).toEqual(metric.compute())
      expect(gathered(back, images).compute()).toEqual(gathered(metric, images).compute())
    }
  })

  it('gives copies of its state, not the state', () => {
    const metric = gathered(make(), images.slice(0, 2))
    const before = metric.toJSON()
    const copy = structuredClone(before)
    metric.update(images[3]!)
    expect(before).toEqual(copy)
  })

  it('gives each class its scores, whatever its number', () => {
    const map = [3, 0, 4, 1, 2]
    const renamed = images.map((image) => ({
      ...image,
      truth: image.truth.map((id) => map[id] ?? id),
      prediction: image.prediction.map((id) => map[id] ?? id),
    }))
    const before = perClass(gathered(make(), images))
    const after = perClass(gathered(make(), renamed))
    before.forEach((scores, c) => {
      expect(after[map[c]!]).toBe(scores)
    })
  })

  it('finds a map perfect against itself, and says nothing of none', () => {
    const same = images.map((image) => ({
      ...image,
      prediction: image.truth.map((id) => (id === 255 ? 0 : id)),
    }))
    const scores = text(gathered(make(), same).compute())
    for (const [, value] of scores.matchAll(
      /"(?:f|iou|imageIou|meanF|meanIou|meanImageIou|pooledMeanF|accuracy|precision|recall)":([^,}]+)/g,
    ))
      expect(['1', '"NaN"']).toContain(value)
    for (const [, value] of scores.matchAll(/"(?:hausdorff|hd95\w+|assd\w+|missed|spurious)":([^,}]+)/g))
      expect(['0', '"NaN"']).toContain(value)
    const nothing = text(
      gathered(
        make(),
        images.filter(({ name }) => name === 'all void'),
      ).compute(),
    )
    expect(nothing).not.toMatch(/"(?:f|iou|meanF|meanIou|accuracy|hausdorff|assdPooled)":[^"]/)
  })

  it('does not look at predictions in void, and counts all with no ignored id', () => {
    const image = blobs(2)
    const elsewhere = image.prediction.map((id, i) => (image.truth[i] === 255 ? 255 : id))
    expect(gathered(make(), [{ ...image, prediction: elsewhere }]).toJSON()).toEqual(
      gathered(make(), [image]).toJSON(),
    )
  })

  it('refuses ids and sizes that are wrong, and is as before', () => {
    const metric = gathered(make(), images.slice(0, 3))
    const before = structuredClone(metric.toJSON())
    const image = blobs(9)
    const at = 5 * image.width + 4
    const wrong = (map: 'truth' | 'prediction', id: number) => ({
      ...image,
      truth: image.truth.with(at, 0),
      [map]: Int16Array.from(image[map]).with(at, id),
    })
    expect(() => metric.update(wrong('truth', 5))).toThrow(
      /blobs 9 has the true id 5 at column 4, row 5; allowed are 0\.\.4 and 255/,
    )
    expect(() => metric.update(wrong('truth', -1))).toThrow(/true id -1/)
    expect(() => metric.update(wrong('prediction', 254))).toThrow(
      /blobs 9 has the predicted id 254 at column 4, row 5; allowed are 0\.\.4 and 255 \(no class\)\./,
    )
    expect(() => metric.update({ ...image, width: 5 })).toThrow(/of 5 x 23 pixels/)
    expect(metric.toJSON()).toEqual(before)
    expect(gathered(metric, [image]).compute()).toEqual(
      gathered(make(), [...images.slice(0, 3), image]).compute(),
    )
  })

  it('refuses to merge with other options', () => {
    for (const theirs of [make(7), other()])
      expect(() => (make() as AnyMetric & { merge(it: unknown): void }).merge(theirs)).toThrow(
        /cannot be merged/,
      )
  })

  it('refuses states that are none, and damaged ones', () => {
    const state = JSON.parse(JSON.stringify(gathered(make(), images.slice(0, 3)))) as Record<string, unknown>
    for (const none of [
      null,
      'text',
      {},
      { ...state, version: 2 },
      { ...state, format: 'inverseform.other' },
    ])
      expect(() => fromJSON(none)).toThrow(/Not a state/)
    for (const key of Object.keys(state).filter((name) => name !== 'format' && name !== 'version'))
      for (const value of [undefined, 'x', -1, 0.5, [], [-1], [[null]]]) {
        const damaged = { ...state, [key]: value }
        // An ignored id may be any whole number.
        if (key === 'ignoreIndex' && value === -1) continue
        expect(() => fromJSON(damaged), `${key}: ${text(value)}`).toThrow(/damaged state/)
      }
  })
})

describe('options', () => {
  it('default to the 19 classes and void of Cityscapes', () => {
    for (const metric of [new BoundaryF(), new BoundaryIou(), new TrimapIou(), new SurfaceDistances()])
      expect([metric.classes, metric.ignoreIndex]).toEqual([19, 255])
    expect(new BoundaryIou().ratios).toEqual([0.02])
    expect(() => new BoundaryF({ classes: 0 })).toThrow(/0 classes/)
  })

  it('may leave no id ignored, or one of the classes', () => {
    const image = { truth: Uint8Array.of(0, 0, 255), prediction: Uint8Array.of(0, 1, 1), width: 3, height: 1 }
    expect(() => new BoundaryF({ ignoreIndex: null }).update(image)).toThrow(/true id 255/)
    const metric = new BoundaryIou({ classes: 2, ignoreIndex: 0 })
    metric.update({ ...image, truth: Uint8Array.of(0, 1, 1) })
    expect(metric.compute().ratios[0]!.classes.map(({ iou }) => iou)).toEqual([Number.NaN, 1])
  })
})
