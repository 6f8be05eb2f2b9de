import type { SegmentedImage } from '../../../src/metrics/metric.js'
import { random } from '../../random.js'

/** Classes of the random images. */
export const CLASSES = 5

/** A mask of an image's pixels. */
export type Mask = readonly boolean[]

export interface TestImage extends SegmentedImage {
  readonly truth: Uint8Array
  readonly prediction: Uint8Array
  readonly name: string
}

/**
 * A truth of blobs of classes 0..4 with some void, and a prediction that is shifted, has noise and another blob; class 4
 * is mostly missing in one of the two.
 */
export function blobs(seed: number, width = 37, height = 23): TestImage {
  const next = random(seed)
  const truth = new Uint8Array(width * height)
  const paint = (map: Uint8Array, id: number): void => {
    const [cx, cy, rx, ry] = [next() * width, next() * height, 2 + next() * 9, 2 + next() * 7]
    for (let i = 0; i < map.length; i++) {
      const [x, y] = [i % width, Math.floor(i / width)]
      if (((x - cx) / rx) ** 2 + ((y - cy) / ry) ** 2 <= 1) map[i] = id
    }
  }
  for (let i = 0; i < 9; i++) paint(truth, Math.floor(next() * 4))
  const [dx, dy] = [Math.floor(next() * 3), Math.floor(next() * 3)]
  const prediction = Uint8Array.from(truth, (_, i) => {
    const [x, y] = [i % width, Math.floor(i / width)]
    return next() < 0.02 ? Math.floor(next() * 4) : truth[Math.max(0, y - dy) * width + Math.max(0, x - dx)]!
  })
  paint(prediction, Math.floor(next() * 4))
  if (seed % 3 > 0) paint(seed % 3 === 1 ? truth : prediction, 4)
  paint(truth, 255)
  // A prediction of no class, in all of them but a few.
  if (seed % 4 > 0) paint(prediction, 255)
  return { truth, prediction, width, height, name: `blobs ${seed}` }
}

/** Every pixel by chance. */
export function noise(seed: number, width = 21, height = 14): TestImage {
  const next = random(seed)
  const id = (): number => Math.floor(next() * CLASSES)
  const truth = Uint8Array.from({ length: width * height }, () => (next() < 0.1 ? 255 : id()))
  const prediction = truth.map(() => (next() < 0.05 ? 255 : id()))
  return { truth, prediction, width, height, name: `noise ${seed}` }
}

/** Images in which a class is far from where it should be, fills a map, is a pixel, or is nowhere. */
export function oddImages(): TestImage[] {
  const image = (
    name: string,
    width: number,
    height: number,
    set: (t: Uint8Array, p: Uint8Array) => void,
  ) => {
    const [truth, prediction] = [new Uint8Array(width * height), new Uint8Array(width * height)]
    set(truth, prediction)
    return { truth, prediction, width, height, name }
  }
  return [
    image('far apart', 40, 30, (t, p) => {
      for (const i of [0, 1, 40, 41]) t[i] = 1
      p[29 * 40 + 39] = 1
    }),
    image('one class', 12, 9, () => {}),
    image('two fills', 12, 9, (_, p) => p.fill(1)),
    image('all void', 12, 9, (t) => t.fill(255)),
    image('one pixel', 1, 1, () => {}),
    image('one row', 17, 1, (t, p) => {
      t.fill(2, 5)
      p.fill(2, 7)
    }),
    image('one column', 1, 17, (t, p) => {
      t.fill(2, 5)
      p.fill(3, 9)
    }),
    image('a class in void alone', 6, 6, (t, p) => {
      t.fill(255, 0, 6)
      p.fill(3, 0, 6)
    }),
  ]
}

export const allImages = (): TestImage[] => [
  ...Array.from({ length: 9 }, (_, i) => blobs(i + 1)),
  blobs(20, 64, 11),
  noise(1),
  noise(2, 9, 31),
  ...oddImages(),
]

/** The masks of class `c` in both maps, without void. */
export function masksOf({ truth, prediction }: TestImage, c: number): { truth: Mask; prediction: Mask } {
  return {
    truth: Array.from(truth, (id) => id === c),
    prediction: Array.from(prediction, (id, i) => id === c && truth[i] !== 255),
  }
}

/** Pixels of a mask as coordinates. */
export function points(mask: Mask, width: number): [x: number, y: number][] {
  return mask.flatMap((set, i): [number, number][] => (set ? [[i % width, Math.floor(i / width)]] : []))
}

export const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length
