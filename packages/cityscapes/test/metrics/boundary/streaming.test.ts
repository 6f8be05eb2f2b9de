import { seededRandom } from '@inverseform/shared'
import { describe, expect, it } from 'vitest'
import { BoundaryF } from '../../../src/metrics/boundary/boundary-f.js'
import { BoundaryIou } from '../../../src/metrics/boundary/boundary-iou.js'
import { SurfaceDistances } from '../../../src/metrics/boundary/surface-distances.js'
import { TrimapIou } from '../../../src/metrics/boundary/trimap-iou.js'
import type { Metric, SegmentedImage } from '../../../src/metrics/metric.js'
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
    make: (classes = CLASSES) => new BoundaryF({ numClasses: classes, tolerances: [1, 0.1] }),
    other: () => new BoundaryF({ numClasses: CLASSES, tolerances: [1, 0.2] }),
    fromJSON: BoundaryF.fromJSON,
    perClass: (metric) => byClass((metric as BoundaryF).compute().tolerances.map(({ classes }) => classes)),
  },
  {
    name: 'BoundaryIou',
    make: (classes = CLASSES) => new BoundaryIou({ numClasses: classes, ratios: [0.02, 0.1] }),
    other: () => new BoundaryIou({ numClasses: CLASSES }),
    fromJSON: BoundaryIou.fromJSON,
    perClass: (metric) => byClass((metric as BoundaryIou).compute().ratios.map(({ classes }) => classes)),
  },
  {
    name: 'TrimapIou',
    make: (classes = CLASSES) => new TrimapIou({ numClasses: classes, widths: [1, 3, 9] }),
    other: () => new TrimapIou({ numClasses: CLASSES, widths: [1, 3, 9], voidBorders: true }),
    fromJSON: TrimapIou.fromJSON,
    perClass: (metric) => byClass((metric as TrimapIou).compute().bands.map(({ classes }) => classes)),
  },
  {
    name: 'SurfaceDistances',
    make: (classes = CLASSES) => new SurfaceDistances({ numClasses: classes }),
    other: () => new SurfaceDistances({ numClasses: CLASSES, tolerances: [7] }),
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

  it('gives exactly the same scores however the images are split, ordered, sent as JSON and merged', () => {
    const whole = gathered(make(), images).compute()
    const next = seededRandom(5)
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
    metric.update(images[3])
    expect(before).toEqual(copy)
  })

  it('gives each class the same scores whatever its id', () => {
    const map = [3, 0, 4, 1, 2]
    const renamed = images.map((image) => ({
      ...image,
      target: image.target.map((id) => map[id] ?? id),
      prediction: image.prediction.map((id) => map[id] ?? id),
    }))
    const before = perClass(gathered(make(), images))
    const after = perClass(gathered(make(), renamed))
    before.forEach((scores, c) => {
      expect(after[map[c]]).toBe(scores)
    })
  })

  it('finds a map perfect against itself, and is NaN without pixels', () => {
    const same = images.map((image) => ({
      ...image,
      prediction: image.target.map((id) => (id === 255 ? 0 : id)),
    }))
    const scores = text(gathered(make(), same).compute())
    for (const [, value] of scores.matchAll(
      /"(?:f|iou|imageIou|meanF|meanIou|meanImageIou|pooledMeanF|accuracy|precision|recall)":([^,}]+)/g,
    )) {
      expect(['1', '"NaN"']).toContain(value)
    }
    for (const [, value] of scores.matchAll(/"(?:hausdorff|hd95\w+|assd\w+|missed|spurious)":([^,}]+)/g)) {
      expect(['0', '"NaN"']).toContain(value)
    }
    const nothing = text(
      gathered(
        make(),
        images.filter(({ name }) => name === 'all void'),
      ).compute(),
    )
    expect(nothing).not.toMatch(/"(?:f|iou|meanF|meanIou|accuracy|hausdorff|assdPooled)":[^"]/)
  })

  it('ignores predictions in void', () => {
    const image = blobs(2)
    const elsewhere = image.prediction.map((id, i) => (image.target[i] === 255 ? 255 : id))
    expect(gathered(make(), [{ ...image, prediction: elsewhere }]).toJSON()).toEqual(
      gathered(make(), [image]).toJSON(),
    )
  })

  it('rejects invalid ids and sizes and stays unchanged', () => {
    const metric = gathered(make(), images.slice(0, 3))
    const before = structuredClone(metric.toJSON())
    const image = blobs(9)
    const at = 5 * image.width + 4
    const wrong = (map: 'target' | 'prediction', id: number) => ({
      ...image,
      target: image.target.with(at, 0),
      [map]: Int16Array.from(image[map]).with(at, id),
    })
    expect(() => metric.update(wrong('target', 5))).toThrow(
      /blobs 9 has the target id 5 at column 4, row 5; allowed are 0\.\.4 and 255/,
    )
    expect(() => metric.update(wrong('target', -1))).toThrow(/target id -1/)
    expect(() => metric.update(wrong('prediction', 254))).toThrow(
      /blobs 9 has the predicted id 254 at column 4, row 5; allowed are 0\.\.4 and 255 \(no class\)\./,
    )
    expect(() => metric.update({ ...image, width: 5 })).toThrow(/of 5 x 23 pixels/)
    expect(metric.toJSON()).toEqual(before)
    expect(gathered(metric, [image]).compute()).toEqual(
      gathered(make(), [...images.slice(0, 3), image]).compute(),
    )
  })

  it('rejects more rows or columns than 32-bit squares allow before it measures anything', () => {
    const metric = gathered(make(2), [])
    const before = metric.toJSON()
    for (const [width, height] of [
      [32768, 1],
      [1, 60000],
    ] as const) {
      const [target, prediction] = [new Uint8Array(width * height), new Uint8Array(width * height)]
      target[0] = prediction[prediction.length - 1] = 1
      for (const image of [
        { target, prediction },
        { target, prediction: target },
      ]) {
        expect(() => metric.update({ ...image, width, height, name: 'a.png' })).toThrow(
          expect.objectContaining({
            code: 'limit-exceeded',
            message: expect.stringContaining(`a.png of ${width} x ${height} pixels`),
          }),
        )
      }
    }
    expect(metric.toJSON()).toEqual(before)
  })

  it('checks what can be merged without changing anything', () => {
    const metric = gathered(make(), images.slice(0, 3))
    const before = structuredClone(metric.toJSON())
    metric.checkMergeable(gathered(make(), images))
    expect(() => metric.checkMergeable(other())).toThrow(/cannot be merged/)
    expect(metric.toJSON()).toEqual(before)
  })

  it('rejects merging with different options', () => {
    for (const theirs of [make(7), other()]) {
      expect(() => (make() as AnyMetric & { merge(it: unknown): void }).merge(theirs)).toThrow(
        /cannot be merged/,
      )
    }
  })

  it('rejects JSON that is not a state, and damaged states', () => {
    const state = JSON.parse(JSON.stringify(gathered(make(), images.slice(0, 3)))) as Record<string, unknown>
    for (const none of [
      null,
      'text',
      {},
      { ...state, version: 2 },
      { ...state, format: 'inverseform.other' },
    ]) {
      expect(() => fromJSON(none)).toThrow(/is not a state of/)
    }
    for (const key of Object.keys(state).filter((name) => name !== 'format' && name !== 'version')) {
      for (const value of [undefined, 'x', -1, 0.5, [], [-1], [[null]]]) {
        const damaged = { ...state, [key]: value }
        // The ignore index can be any integer.
        if (key === 'ignoreIndex' && value === -1) continue
        expect(() => fromJSON(damaged), `${key}: ${text(value)}`).toThrow(
          /^The state of inverseform\.[a-z-]+ is damaged: /,
        )
      }
    }
  })
})

describe('options', () => {
  it('default to the 19 classes and void of Cityscapes', () => {
    for (const metric of [new BoundaryF(), new BoundaryIou(), new TrimapIou(), new SurfaceDistances()]) {
      expect([metric.numClasses, metric.ignoreIndex]).toEqual([19, 255])
    }
    expect(new BoundaryIou().ratios).toEqual([0.02])
    expect(() => new BoundaryF({ numClasses: 0 })).toThrow(
      '`numClasses` must be an integer from 1 to 4096, got 0.',
    )
  })

  it('accept no ignore index, and one that is a class', () => {
    const image = {
      target: Uint8Array.of(0, 0, 255),
      prediction: Uint8Array.of(0, 1, 1),
      width: 3,
      height: 1,
    }
    expect(() => new BoundaryF({ ignoreIndex: null }).update(image)).toThrow(/target id 255/)
    const metric = new BoundaryIou({ numClasses: 2, ignoreIndex: 0 })
    metric.update({ ...image, target: Uint8Array.of(0, 1, 1) })
    expect(metric.compute().ratios[0].classes.map(({ iou }) => iou)).toEqual([Number.NaN, 1])
  })
})

describe('a damaged state', () => {
  const images = allImages().slice(0, 3)
  const stateOf = (metric: AnyMetric) => JSON.parse(JSON.stringify(gathered(metric, images)))

  it('is one in which a part exceeds its whole', () => {
    const iou = stateOf(new BoundaryIou({ numClasses: CLASSES }))
    const perRatio = (change: object) => ({ ...iou, perRatio: [{ ...iou.perRatio[0], ...change }] })
    const all = (value: unknown) => new Array(CLASSES).fill(value)
    for (const [bad, message] of [
      [
        perRatio({ intersection: all(5), union: all(1) }),
        /perRatio\[0\]\.intersection\[0\] is 5, above its limit 1/,
      ],
      [
        perRatio({ iou: all([-7]) }),
        /perRatio\[0\]\.iou\[0\] is \[-7\], not the parts of a sum of at least 0/,
      ],
      [perRatio({ iou: all([4]) }), /perRatio\[0\]\.iou\[0\] is 4, above its limit \d/],
      [
        perRatio({ iou: all([1.7e308, 1.7e308]) }),
        /perRatio\[0\]\.iou\[0\] is \[1\.7e\+308, 1\.7e\+308\], not the parts of a sum/,
      ],
      [{ ...iou, classImages: all(4) }, /classImages\[0\] is 4, above its limit 3/],
    ] as const) {
      expect(() => BoundaryIou.fromJSON(bad)).toThrow(message)
    }

    const f = stateOf(new BoundaryF({ numClasses: CLASSES, tolerances: [1] }))
    const perTolerance = (change: object) => ({ ...f, perTolerance: [{ ...f.perTolerance[0], ...change }] })
    for (const key of ['matchedTruth', 'matchedPrediction']) {
      expect(() => BoundaryF.fromJSON(perTolerance({ [key]: all(1e9) }))).toThrow(
        `perTolerance[0].${key}[0] is 1000000000, above its limit `,
      )
    }
    expect(() => BoundaryF.fromJSON(perTolerance({ f: all([4]) }))).toThrow(
      /perTolerance\[0\]\.f\[0\] is 4, above its limit /,
    )

    expect(() => BoundaryF.fromJSON({ ...f, perTolerance: [...f.perTolerance, ...f.perTolerance] })).toThrow(
      /perTolerance is .*, not a list of 1 elements/,
    )

    const surfaces = stateOf(new SurfaceDistances({ numClasses: CLASSES, tolerances: [1] }))
    const distances = { ...surfaces.distances, hausdorff: all([3 * 46340]) }
    expect(() => SurfaceDistances.fromJSON({ ...surfaces, distances })).toThrow(
      /distances\.hausdorff\[0\] is 139020, above its limit /,
    )
    expect(() => SurfaceDistances.fromJSON({ ...surfaces, surfaceDice: [all([4])] })).toThrow(
      /surfaceDice\[0\]\[0\] is 4, above its limit /,
    )
  })
})

describe('distances at the limits of size', () => {
  const [width, height] = [32767, 2]
  const [target, prediction] = [new Uint8Array(width * height), new Uint8Array(width * height)]
  target[0] = 1
  prediction[width - 2] = 1
  const image = { target, prediction, width, height }

  it('are exact', () => {
    const metric = new SurfaceDistances({ numClasses: 2, ignoreIndex: null })
    metric.update(image)
    expect(metric.compute().classes[1]).toMatchObject({ hausdorff: width - 2, assdPooled: width - 2 })
  })

  it('match within tolerances of any size, and not beyond', () => {
    const tolerances = [30000, 40000, 46341, 50000, 2 ** 40]
    const metric = new BoundaryF({ numClasses: 2, ignoreIndex: null, tolerances })
    metric.update(image)
    expect(metric.compute().tolerances.map(({ classes }) => classes[1].f)).toEqual([0, 1, 1, 1, 1])
    const alone = new BoundaryF({ numClasses: 2, ignoreIndex: null, tolerances: [30000] })
    alone.update(image)
    expect(alone.compute().tolerances[0].classes[1].f).toBe(0)
  })
})
