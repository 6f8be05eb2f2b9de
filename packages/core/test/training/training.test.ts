import { describe, expect, it } from 'vitest'
import { type ArrayTensor, arrayOps, valueAndGrad } from '../../src/array/index.js'
import { type InverseNetWeights, inverseNet, inverseNetForward } from '../../src/index.js'
import {
  adam,
  boundaryPairs,
  initializeInverseNet,
  inverseNetSizes,
  regressionLoss,
  sampleShift,
  seededRandom,
  smallInverseNetSizes,
} from '../../src/training/index.js'

describe('adam', () => {
  it('takes the steps of the algorithm', () => {
    const values = Float64Array.of(1, -2)
    const step = adam([values], { learningRate: 0.1, beta1: 0.5, beta2: 0.75, epsilon: 1e-300 })
    step([[4, -0.001]])
    // The first step equals the learning rate for any gradient.
    expect(values[0]).toBeCloseTo(0.9, 12)
    expect(values[1]).toBeCloseTo(-1.9, 12)
    step([[2, 0]], 1)
    // m = 2 · 0.5 + 2 · 0.5 = 2, over 1 - 0.25; v = 4 · 0.75 + 4 · 0.25 = 4, over 1 - 0.5625.
    expect(values[0]).toBeCloseTo(0.9 - 2 / 0.75 / Math.sqrt(4 / 0.4375), 12)
    // m = -0.00025, v = 1.875e-7.
    expect(values[1]).toBeCloseTo(-1.9 + 0.00025 / 0.75 / Math.sqrt(1.875e-7 / 0.4375), 12)
  })

  it('has the defaults of the paper', () => {
    const values = Float64Array.of(1)
    const step = adam([values])
    step([[1]])
    step([[3e-8]])
    // m / (1 - 0.9²) and v / (1 - 0.999²), by hand.
    const mean = (0.09 + 0.1 * 3e-8) / 0.19
    const square = (0.000999 + 0.001 * 9e-16) / 0.001999
    const expected = 1 - 0.001 / (1 + 1e-8) - (0.001 * mean) / (Math.sqrt(square) + 1e-8)
    expect(values[0]).toBeCloseTo(expected, 14)
    const small = Float64Array.of(1)
    adam([small])([[1e-8]])
    expect(small[0]).toBeCloseTo(1 - 0.0005, 14)
  })

  it('rejects other gradients and options', () => {
    expect(() => adam([new Float32Array(2)])([[1]])).toThrow(
      '`gradients` must have the lengths of the parameters, 2, got 1.',
    )
    expect(() => adam([], { beta2: 1 })).toThrow(
      '`beta2` must be a finite number of at least 0 and below 1, got 1.',
    )
    expect(() => adam([], { learningRate: Number.NaN })).toThrow(
      '`learningRate` must be a finite number of at least 0, got NaN.',
    )
    // With an epsilon of 0, a parameter whose gradients are all 0 would become 0 / 0.
    expect(() => adam([], { epsilon: 0 })).toThrow('`epsilon` must be a finite number above 0, got 0.')
  })
})

describe('initial weights', () => {
  it('estimate nearly the identity', () => {
    const ops = arrayOps()
    for (const [outputs, identity] of [
      [2, [0, 0]],
      [6, [1, 0, 0, 0, 1, 0]],
      [8, [1, 0, 0, 0, 1, 0, 0, 0]],
    ] as const) {
      const random = seededRandom(outputs)
      const net = inverseNet(
        ops,
        initializeInverseNet(random, { tilePixels: 256, hidden: [64, 32], outputs }),
      )
      const tile = () =>
        ops.constant(
          Float32Array.from({ length: 1024 }, () => Number(random() < 0.1)),
          [4, 1, 16, 16],
        )
      const { data, shape } = net(ops, tile(), tile())
      expect(shape).toEqual([4, outputs])
      data.forEach((value, i) => {
        expect(Math.abs(value - identity[i % outputs])).toBeLessThan(0.15)
      })
      expect(new Set(data).size).toBe(data.length)
    }
  })

  it('have the documented sizes and spread', () => {
    const weights = initializeInverseNet(seededRandom(1), smallInverseNetSizes)
    expect(Object.values(weights).map(({ shape }) => shape)).toEqual([
      [1000, 25088],
      [1000],
      [32, 1000],
      [32],
      [2, 32],
      [2],
    ])
    const first = weights['fc.0.weight'].data
    const variance = first.reduce((sum, value) => sum + value * value, 0) / first.length
    expect(variance / (2 / 25088)).toBeCloseTo(1, 2)
    const { tilePixels, hidden, outputs } = inverseNetSizes
    const published =
      (2 * tilePixels + 1) * hidden[0] + (hidden[0] + 1) * hidden[1] + (hidden[1] + 1) * outputs
    // The number of values in the released checkpoint.
    expect(published).toBe(100_385_164)
    expect(() => initializeInverseNet(Math.random, { ...inverseNetSizes, outputs: 0 })).toThrow(
      '`outputs` must be an integer of at least 1, got 0.',
    )
  })
})

it('fifty steps on tiny tiles learn the displacement', () => {
  const ops = arrayOps()
  const random = seededRandom(8)
  // Rings that are thick enough to overlap with their displaced copy.
  const maps = Array.from({ length: 8 }, () => {
    const [y0, x0, radius] = [20 + 24 * random(), 20 + 24 * random(), 6 + 8 * random()]
    const data = Float32Array.from({ length: 64 * 64 }, (_, p) => {
      const distance = Math.hypot(Math.floor(p / 64) - y0, (p % 64) - x0)
      return Math.exp(-(((distance - radius) / 3) ** 2))
    })
    return { data, height: 64, width: 64 }
  })
  const options = {
    random,
    transform: (draw: () => number) => sampleShift(draw, { shift: [-0.3, 0.3] }),
    tileSize: [12, 12],
    stride: [1, 1],
    minimumBoundary: 0.1,
    batchSize: 128,
  } as const
  const training = boundaryPairs(maps.slice(0, 6), options)
  const heldOut = boundaryPairs(maps.slice(6), options).next().value
  const initial = initializeInverseNet(random, { tilePixels: 144, hidden: [64, 32], outputs: 2 })
  const names = Object.keys(initial) as (keyof typeof initial)[]
  const tensors = names.map((name) => initial[name])
  const lossOf =
    ({ tiles, warped, parameters }: typeof heldOut) =>
    (...values: ArrayTensor[]) => {
      const weights = Object.fromEntries(
        names.map((name, i) => [name, values[i]]),
      ) as InverseNetWeights<ArrayTensor>
      const constant = ({ data, shape }: typeof tiles) => ops.constant(data, shape)
      const estimate = inverseNetForward(ops, weights, constant(warped), constant(tiles))
      return regressionLoss(ops, estimate, parameters)
    }
  const error = () => lossOf(heldOut)(...tensors).data[0]
  const before = error()
  // The error of an untrained estimator is the variance of the displacements.
  expect(before).toBeGreaterThan(0.9 * 0.03)
  const step = adam(
    tensors.map(({ data }) => data),
    { learningRate: 3e-3 },
  )
  for (let i = 0; i < 50; i++) {
    const { gradients } = valueAndGrad(lossOf(training.next().value))(...tensors)
    step(gradients.map(({ data }) => data))
  }
  expect(error()).toBeLessThan(0.7 * before)
})
