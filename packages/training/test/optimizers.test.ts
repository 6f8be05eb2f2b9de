import { readFileSync } from 'node:fs'
import { seededRandom } from '@inverseform/shared'
import { expect, test } from 'vitest'
import { initialValues } from '../src/initialize.js'
import { clipToNorm, createOptimizer, normOf, type OptimizerOptions } from '../src/optimizers.js'
import { scheduleFactor } from '../src/schedules.js'

// Values after each step of torch.optim in float64; weight decay applies to the first three values alone.
const { optimizers, clipping } = JSON.parse(
  readFileSync(new URL('fixtures/parity.json', import.meta.url), 'utf8'),
) as {
  readonly optimizers: {
    readonly start: readonly number[]
    readonly gradients: readonly (readonly number[])[]
    readonly values: Readonly<Record<string, readonly (readonly number[])[]>>
  }
  readonly clipping: readonly { limit: number; norm: number; values: readonly number[] }[]
}

const options: Readonly<Record<string, readonly [OptimizerOptions, learningRate: number]>> = {
  sgd: [{ name: 'sgd' }, 0.1],
  'sgd with nesterov': [{ name: 'sgd', momentum: 0.8, weightDecay: 0.01, nesterov: true }, 0.1],
  'sgd without momentum': [{ name: 'sgd', momentum: 0, weightDecay: 0 }, 0.1],
  adamw: [{ name: 'adamw' }, 0.01],
  'adamw with other betas': [{ name: 'adamw', betas: [0.8, 0.95], epsilon: 1e-3, weightDecay: 0.1 }, 0.01],
}

test.each(Object.entries(optimizers.values))('%s moves as in torch.optim', (name, expected) => {
  const [of, learningRate] = options[name]
  const optimizer = createOptimizer(of, Uint8Array.of(1, 1, 1, 0, 0, 0))
  const values = Float32Array.from(optimizers.start)
  optimizers.gradients.forEach((gradients, i) => {
    optimizer.update(values, Float32Array.from(gradients), learningRate, i + 1)
    values.forEach((value, at) => {
      expect(Math.abs(value - expected[i][at]), `step ${i + 1}, value ${at}`).toBeLessThan(1e-6)
    })
  })
})

test('an optimizer goes on from its slots', () => {
  for (const [of, learningRate] of Object.values(options)) {
    const decays = new Uint8Array(6).fill(1)
    const [whole, before, after] = [of, of, of].map((each) => createOptimizer(each, decays))
    const [a, b] = [optimizers.start, optimizers.start].map((values) => Float32Array.from(values))
    const [first, second] = optimizers.gradients.map((values) => Float32Array.from(values))
    whole.update(a, first, learningRate, 1)
    whole.update(a, second, learningRate, 2)
    before.update(b, first, learningRate, 1)
    for (const [name, slot] of Object.entries(after.slots)) slot.set(before.slots[name])
    after.update(b, second, learningRate, 2)
    expect(b).toEqual(a)
  }
})

test.each([
  [{ name: 'sgd', momentum: -1 }, /optimizer\.momentum/],
  [{ name: 'sgd', weightDecay: Number.NaN }, /optimizer\.weightDecay/],
  [{ name: 'adamw', betas: [0.9, 2] }, /optimizer\.betas\[1\]/],
  [{ name: 'adamw', epsilon: 0 }, /optimizer\.epsilon/],
] as const)('refuses %j', (of, message) => {
  expect(() => createOptimizer(of, new Uint8Array(1))).toThrow(message)
})

test.each(clipping)('clips to a norm of $limit as in PyTorch', ({ limit, norm, values }) => {
  const gradients = Float32Array.from(optimizers.gradients[2])
  expect(normOf(gradients)).toBeCloseTo(norm, 5)
  clipToNorm(gradients, normOf(gradients), limit)
  gradients.forEach((value, i) => {
    expect(value).toBeCloseTo(values[i], 6)
  })
})

test('the norm is not finite where a gradient is not', () => {
  expect(normOf(Float32Array.of(1, Number.NaN))).toBeNaN()
  expect(normOf(Float32Array.of(1, -Infinity))).toBe(Infinity)
})

test('schedules', () => {
  const factors = (of: Parameters<typeof scheduleFactor>[0]) =>
    [0, 1, 2, 5, 9].map((step) => scheduleFactor(of, step, 10))
  expect(factors({ name: 'constant' })).toEqual([1, 1, 1, 1, 1])
  const poly = [1, 0.9, 0.8, 0.5, 0.1]
  expect(factors({ name: 'poly' })).toEqual(poly.map((rest) => expect.closeTo(rest ** 0.9, 12)))
  expect(factors({ name: 'poly', power: 2 })).toEqual(poly.map((rest) => expect.closeTo(rest ** 2, 12)))
  const cosine = [0, 1, 2, 5, 9].map((step) => expect.closeTo(Math.cos((step * Math.PI) / 20) ** 2, 12))
  expect(factors({ name: 'cosine' })).toEqual(cosine)
})

test('a warm-up rises linearly to the whole rate, from which the schedule then falls to 0 at the end', () => {
  const factors = Array.from({ length: 11 }, (_, step) =>
    scheduleFactor({ name: 'poly', power: 1, warmup: 4 }, step, 10),
  )
  const expected = [0.2, 0.4, 0.6, 0.8, 1, 5 / 6, 4 / 6, 3 / 6, 2 / 6, 1 / 6, 0]
  expect(factors).toEqual(expected.map((factor) => expect.closeTo(factor, 12)))
  expect(() => scheduleFactor({ name: 'constant', warmup: -1 }, 0, 10)).toThrow(/schedule\.warmup/)
})

test('initial values are distributed as in PyTorch', () => {
  const shapes = new Map<string, readonly number[]>([
    ['a.weight', [64, 32, 3, 3]],
    ['a.bias', [64]],
    ['norm.weight', [64]],
    ['norm.bias', [64]],
    ['norm.running_mean', [64]],
    ['norm.running_var', [64]],
  ])
  const values = initialValues(shapes, seededRandom(1))
  const constants = { 'norm.weight': 1, 'norm.bias': 0, 'norm.running_mean': 0, 'norm.running_var': 1 }
  for (const [name, value] of Object.entries(constants)) {
    expect(values.get(name)).toEqual(new Float32Array(64).fill(value))
  }
  // Both are uniform in ±1/√(inputs · kernel): kaiming_uniform_ with a = √5, and the bias by the weight's fan.
  const bound = 1 / Math.sqrt(32 * 9)
  const weight = values.get('a.weight') as Float32Array
  const mean = weight.reduce((sum, value) => sum + value, 0) / weight.length
  const variance = weight.reduce((sum, value) => sum + (value - mean) ** 2, 0) / weight.length
  expect(Math.max(...weight.map(Math.abs)) / bound).toBeCloseTo(1, 2)
  expect(mean / bound).toBeCloseTo(0, 1)
  expect(variance / (bound ** 2 / 3)).toBeCloseTo(1, 1)
  expect(Math.max(...(values.get('a.bias') as Float32Array).map(Math.abs))).toBeLessThanOrEqual(bound)
  expect(initialValues(shapes, seededRandom(1))).toEqual(values)
  expect(initialValues(shapes, seededRandom(2)).get('a.weight')).not.toEqual(weight)
})
