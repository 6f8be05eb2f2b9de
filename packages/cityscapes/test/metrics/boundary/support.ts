import { seededRandom } from '@inverseform/shared'
import type { SegmentedImage } from '../../../src/metrics/metric.js'

/** Classes of the random images. */
export const CLASSES = 5

/** Marks some of an image's pixels. */
export type Mask = readonly boolean[]

export interface TestImage extends SegmentedImage {
  readonly target: Uint8Array
  readonly prediction: Uint8Array
  readonly name: string
}

/**
 * Creates a target of blobs of classes 0..4 with some void, and a prediction that is shifted and has noise and another blob.
 * Class 4 is usually missing in one of the two.
 */
export function blobs(seed: number, width = 37, height = 23): TestImage {
  const next = seededRandom(seed)
  const target = new Uint8Array(width * height)
  const paint = (map: Uint8Array, id: number): void => {
    const [cx, cy, rx, ry] = [next() * width, next() * height, 2 + next() * 9, 2 + next() * 7]
    for (let i = 0; i < map.length; i++) {
      const [x, y] = [i % width, Math.floor(i / width)]
      if (((x - cx) / rx) ** 2 + ((y - cy) / ry) ** 2 <= 1) map[i] = id
    }
  }
  for (let i = 0; i < 9; i++) paint(target, Math.floor(next() * 4))
  const [dx, dy] = [Math.floor(next() * 3), Math.floor(next() * 3)]
  const prediction = Uint8Array.from(target, (_, i) => {
    const [x, y] = [i % width, Math.floor(i / width)]
    return next() < 0.02 ? Math.floor(next() * 4) : target[Math.max(0, y - dy) * width + Math.max(0, x - dx)]
  })
  paint(prediction, Math.floor(next() * 4))
  if (seed % 3 > 0) paint(seed % 3 === 1 ? target : prediction, 4)
  paint(target, 255)
  // Most predictions have an area of no class.
  if (seed % 4 > 0) paint(prediction, 255)
  return { target, prediction, width, height, name: `blobs ${seed}` }
}

/** Creates maps of random pixels. */
export function noise(seed: number, width = 21, height = 14): TestImage {
  const next = seededRandom(seed)
  const id = (): number => Math.floor(next() * CLASSES)
  const target = Uint8Array.from({ length: width * height }, () => (next() < 0.1 ? 255 : id()))
  const prediction = target.map(() => (next() < 0.05 ? 255 : id()))
  return { target, prediction, width, height, name: `noise ${seed}` }
}

/** Images in which a class is far from its target, fills a map, is one pixel, or is absent. */
export function oddImages(): TestImage[] {
  const image = (
    name: string,
    width: number,
    height: number,
    set: (t: Uint8Array, p: Uint8Array) => void,
  ) => {
    const [target, prediction] = [new Uint8Array(width * height), new Uint8Array(width * height)]
    set(target, prediction)
    return { target, prediction, width, height, name }
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

/** Returns the masks of class `c` in both maps, without void. */
export function masksOf({ target, prediction }: TestImage, c: number): { target: Mask; prediction: Mask } {
  return {
    target: Array.from(target, (id) => id === c),
    prediction: Array.from(prediction, (id, i) => id === c && target[i] !== 255),
  }
}

/** Returns the pixels of a mask as coordinates. */
export function points(mask: Mask, width: number): [x: number, y: number][] {
  return mask.flatMap((set, i): [number, number][] => (set ? [[i % width, Math.floor(i / width)]] : []))
}

export const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length
