import { expect, it } from 'vitest'
import { findClasses, joinClasses } from '../../src/data/class-places.js'
import { createSampler, type SamplerOptions } from '../../src/data/sampler.js'
import { blockTarget } from './support.js'

const epoch = (options: SamplerOptions, number = 0) => {
  const pick = createSampler(options)
  return Array.from({ length: options.size }, (_, i) => pick(number * options.size + i))
}

it('gives each image once an epoch without sampling by class, in another order each epoch and seed', () => {
  const orders = [
    epoch({ size: 50, seed: 1 }),
    epoch({ size: 50, seed: 1 }, 1),
    epoch({ size: 50, seed: 2 }),
  ].map((picks) => picks.map(({ sample }) => sample))
  for (const order of orders) {
    expect(order.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 50 }, (_, i) => i))
  }
  expect(new Set(orders.map(String)).size).toBe(3)
})

it('depends on the position alone', () => {
  const options = { size: 7, seed: 5 }
  const forward = createSampler(options)
  const picks = Array.from({ length: 70 }, (_, i) => forward(i))
  const backward = createSampler(options)
  for (let i = 69; i >= 0; i--) expect(backward(i)).toEqual(picks[i])
})

it('chooses a fraction of the images by class, uniformly over the classes that occur', () => {
  // Class 0 is everywhere, class 1 in a tenth of the images, class 2 in one, class 3 nowhere.
  const samples = Array.from({ length: 100 }, (_, sample) => ({ sample, x: sample, y: 0 }))
  const places = [samples, samples.slice(0, 10), samples.slice(42, 43), []]
  const counts = new Map<string, number>()
  for (let number = 0; number < 20; number++) {
    const picks = epoch({ size: 100, seed: 9, places, fraction: 0.6 }, number)
    const byClass = picks.filter(({ place }) => place !== undefined)
    expect(byClass.length).toBe(60)
    expect(new Set(picks.filter(({ place }) => !place).map(({ sample }) => sample)).size).toBe(40)
    for (const { sample, place } of byClass) {
      expect(place).toEqual({ x: sample, y: 0 })
      counts.set(String(sample), (counts.get(String(sample)) ?? 0) + 1)
    }
  }
  const share = (numbers: readonly number[]) =>
    numbers.reduce((sum, sample) => sum + (counts.get(String(sample)) ?? 0), 0) / (20 * 60)
  const first = samples.slice(0, 10).map(({ sample }) => sample)
  expect(share([42])).toBeCloseTo(1 / 3 + 1 / 300, 1)
  expect(share(first)).toBeCloseTo(1 / 3 + 10 / 300, 1)
})

it('gives small epochs all classes in turn', () => {
  const places = Array.from({ length: 10 }, (_, x) => [{ sample: 0, x, y: 0 }])
  const seen = Array.from({ length: 200 }, (_, number) =>
    epoch({ size: 2, seed: 1, places, fraction: 0.5 }, number),
  ).flatMap((picks) => picks.flatMap(({ place }) => (place === undefined ? [] : [place.x])))
  expect(seen.length).toBe(200)
  for (let x = 0; x < 10; x++) expect(seen.filter((at) => at === x).length).toBeGreaterThan(8)
})

it('finds a place of each class in each tile, near the centroid, on the class itself', () => {
  const [width, height] = [50, 30]
  const data = blockTarget(width, height, 6)
  const { pixels, places } = findClasses({ width, height, data }, 6, 16)
  for (let label = 0; label < 6; label++) {
    expect(pixels[label]).toBe(data.filter((other) => other === label).length)
    const inTiles = new Map<number, { x: number; y: number }[]>()
    data.forEach((other, i) => {
      const [x, y] = [i % width, Math.floor(i / width)]
      const tile = 100 * Math.floor(y / 16) + Math.floor(x / 16)
      if (other === label) inTiles.set(tile, [...(inTiles.get(tile) ?? []), { x, y }])
    })
    const found = places.filter((place) => place.class === label)
    expect(found.length).toBe(inTiles.size)
    for (const place of found) {
      const all = inTiles.get(100 * Math.floor(place.y / 16) + Math.floor(place.x / 16))!
      const mean = (key: 'x' | 'y') => all.reduce((sum, pixel) => sum + pixel[key], 0) / all.length
      const distance = ({ x, y }: { x: number; y: number }) => Math.hypot(x - mean('x'), y - mean('y'))
      expect(distance(place)).toBeCloseTo(Math.min(...all.map(distance)), 9)
      expect(data[place.y * width + place.x]).toBe(label)
    }
  }
})

it('joins the classes of targets', () => {
  const targets = [Uint8Array.of(0, 2), Uint8Array.of(2, 255)].map((data) =>
    findClasses({ width: 2, height: 1, data }, 3, 8),
  )
  expect(joinClasses(targets, 3)).toEqual({
    pixels: [1, 0, 2],
    places: [
      [{ sample: 0, x: 0, y: 0 }],
      [],
      [
        { sample: 0, x: 1, y: 0 },
        { sample: 1, x: 0, y: 0 },
      ],
    ],
  })
})
