import { readFileSync } from 'node:fs'
import { seededRandom } from '@inverseform/shared'
import { describe, expect, it } from 'vitest'
import {
  BoundaryF,
  BoundaryIou,
  Calibration,
  ConfusionMatrix,
  type Metric,
  PerImageScores,
  PixelLevelEvaluation,
  type SegmentedImage,
  SurfaceDistances,
  TrimapIou,
} from '../../src/index.js'
import { allImages } from './boundary/support.js'
import { randomImage } from './official-images.js'

type AnyMetric = Metric<SegmentedImage, unknown, unknown>

interface Case {
  /** File in `fixtures/states`, written before the state had a declaration. */
  readonly file: string
  readonly make: () => AnyMetric
  readonly fromJSON: (json: unknown) => AnyMetric
  readonly images: readonly SegmentedImage[]
}

const images = allImages()
const next = seededRandom(9)
const confident = images.map((image) => ({ ...image, confidence: Float32Array.from(image.target, next) }))
const wide = [1, 2, 3, 4].map((seed) => {
  const random = seededRandom(seed)
  const ids = () => Uint16Array.from({ length: 200 }, () => random() * 300)
  return { target: ids(), prediction: ids(), width: 20, height: 10, name: `wide ${seed}` }
})
const official = [1, 2, 3, 4].map((seed) => randomImage(seed, 23, 17))

function metricOf<Options>(
  Kind: { new (options: Options): unknown; fromJSON(json: unknown): unknown },
  options: Options,
) {
  return {
    make: () => new Kind(options) as AnyMetric,
    fromJSON: (json: unknown) => Kind.fromJSON(json) as AnyMetric,
  }
}

const cases: readonly Case[] = [
  { file: 'confusion-matrix', ...metricOf(ConfusionMatrix, { numClasses: 5 }), images },
  {
    file: 'confusion-matrix-sparse',
    ...metricOf(ConfusionMatrix, { numClasses: 300, ignoreIndex: null }),
    images: wide,
  },
  { file: 'per-image-scores', ...metricOf(PerImageScores, { numClasses: 5 }), images },
  { file: 'calibration', ...metricOf(Calibration, { numClasses: 5, bins: 8 }), images: confident },
  { file: 'boundary-f', ...metricOf(BoundaryF, { numClasses: 5, tolerances: [1, 0.1] }), images },
  { file: 'boundary-iou', ...metricOf(BoundaryIou, { numClasses: 5, ratios: [0.02, 0.1] }), images },
  {
    file: 'trimap-iou',
    ...metricOf(TrimapIou, { numClasses: 5, widths: [3, 1, 9], voidBorders: true }),
    images,
  },
  {
    file: 'surface-distances',
    ...metricOf(SurfaceDistances, { numClasses: 5, tolerances: [1, 2.5] }),
    images,
  },
  { file: 'pixel-level-evaluation', ...metricOf(PixelLevelEvaluation, {}), images: official },
  {
    file: 'pixel-level-evaluation-without-instances',
    ...metricOf(PixelLevelEvaluation, { instances: false }),
    images: official,
  },
]

describe.each(cases)('the stored state $file', ({ file, make, fromJSON, images }) => {
  const text = readFileSync(new URL(`../fixtures/states/${file}.json`, import.meta.url), 'utf8')
  const stored: { firstHalf: unknown; all: unknown } = JSON.parse(text)
  const half = Math.floor(images.length / 2)
  const metricOfImages = (some: readonly SegmentedImage[]): AnyMetric => {
    const metric = make()
    for (const image of some) metric.update(image)
    return metric
  }

  it('equals the state of the same images, byte for byte', () => {
    const written = { firstHalf: metricOfImages(images.slice(0, half)), all: metricOfImages(images) }
    expect(`${JSON.stringify(written)}\n`).toBe(text)
  })

  it('survives reading and writing, byte for byte', () => {
    const written = { firstHalf: fromJSON(stored.firstHalf), all: fromJSON(stored.all) }
    expect(`${JSON.stringify(written)}\n`).toBe(text)
  })

  it('merges with the state of new images in either direction', () => {
    const all = JSON.stringify(stored.all)
    const rest = metricOfImages(images.slice(half))
    const resumed = fromJSON(stored.firstHalf)
    resumed.merge(rest)
    expect(JSON.stringify(resumed)).toBe(all)
    rest.merge(fromJSON(stored.firstHalf))
    expect(JSON.stringify(rest)).toBe(all)
  })

  it('shares no list with a metric', () => {
    const state = JSON.parse(JSON.stringify(stored.all))
    const metric = fromJSON(state)
    const written = metric.toJSON()
    for (const json of [state, written]) emptyLists(json)
    expect(JSON.stringify(metric)).toBe(JSON.stringify(stored.all))
  })
})

/** Empties all lists in JSON. */
function emptyLists(json: unknown): void {
  if (typeof json !== 'object' || json === null) return
  for (const value of Object.values(json)) emptyLists(value)
  if (Array.isArray(json)) json.length = 0
}
