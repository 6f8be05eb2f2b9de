import { product } from '@inverseform/shared'
import { deterministicImage, type FloatTensor } from '@inverseform/testing'
import { describe, expect, test } from 'vitest'
import * as graph from '../../src/graph/index.js'
import { apply } from '../../src/graph/operators/index.js'
import { startGraph } from '../support/session.js'

const { bindSizes, gradientName, gradients, input } = graph
type Value = graph.Value

/** Deterministic numbers in [-2, 2). */
const random = (name: string, ...shape: number[]): FloatTensor => ({
  data: deterministicImage(name, shape),
  shape,
})
/** Deterministic numbers in [0.5, 4.5). */
const positive = (name: string, ...shape: number[]): FloatTensor => ({
  data: deterministicImage(name, shape).map((value) => value + 2.5),
  shape,
})
/** Distinct numbers 0.3 apart, which a small step does not reorder, in shuffled order, without 0. */
const spread = (name: string, ...shape: number[]): FloatTensor => {
  const data = deterministicImage(name, shape)
  const order = Array.from(data, (_, i) => i).sort((i, j) => data[i] - data[j])
  for (const [rank, at] of order.entries()) data[at] = (rank - Math.floor(data.length / 2) + 0.5) * 0.3
  return { data, shape }
}
const classes = (count: number, ...shape: number[]): FloatTensor => ({
  data: Float32Array.from({ length: product(shape) }, (_, i) => (i * 5 + 1) % count),
  shape,
})

interface Case {
  readonly name: string
  readonly f: (...inputs: Value[]) => Value
  readonly inputs: readonly FloatTensor[]
  /** How many of the inputs have gradients; all by default. */
  readonly varying?: number
}
const check = (name: string, f: Case['f'], ...inputs: FloatTensor[]): Case => ({ name, f, inputs })
const first = (count: number, of: Case): Case => ({ ...of, varying: count })

const x4 = random('x', 2, 3, 7, 6)
const conv = (kernel: number, stride: number, padding: number, bias = false, size = [7, 6]) =>
  check(
    `conv2d ${kernel}x${kernel}, stride ${stride}, padding ${padding}, ${size.join('x')}${bias ? ', bias' : ''}`,
    (x, weight, b) => graph.conv2d(x, weight, b, { stride, padding }),
    random('x', 2, 3, ...size),
    random('weight', 4, 3, kernel, kernel),
    ...(bias ? [random('bias', 4)] : []),
  )
const norm = [positive('scale', 3), random('shift', 3)]

const cases: Case[] = [
  check('add', graph.add, random('a', 2, 3, 4), random('b', 3, 1)),
  check('subtract', graph.subtract, random('a', 4), random('b', 2, 3, 4)),
  check('multiply', graph.multiply, random('a', 2, 1, 4), random('b', 1, 3, 1)),
  check('multiply with itself', (x) => graph.multiply(x, x), random('a', 2, 3)),
  check('divide', graph.divide, random('a', 2, 3), positive('b', 3)),
  check('maximum', (x, y) => graph.maximum(x, graph.add(y, x)), spread('a', 2, 3), spread('b', 3)),
  check('abs', graph.abs, spread('a', 3, 4)),
  check('exp', graph.exp, random('a', 3, 4)),
  check('log', graph.log, positive('a', 3, 4)),
  check('sqrt', graph.sqrt, positive('a', 3, 4)),
  check('arctan', graph.arctan, random('a', 3, 4)),
  check('relu', graph.relu, spread('a', 3, 4)),
  check(
    'gate',
    (x, y) => graph.multiply(graph.relu(graph.multiply(x, y)), y),
    spread('a', 3, 4),
    positive('b', 3, 4),
  ),
  check('sigmoid', graph.sigmoid, random('a', 3, 4)),
  check('softmax', (x) => graph.softmax(x, 1), random('a', 2, 3, 4)),
  ...[[], [0], [1], [0, 2], [0, 1, 2]].flatMap((axes) =>
    [false, true].flatMap((keep) => [
      check(
        `reduceSum over [${axes}], keep ${keep}`,
        (x) => graph.reduceSum(x, axes, keep),
        random('a', 2, 3, 4),
      ),
      check(
        `reduceMax over [${axes}], keep ${keep}`,
        (x) => graph.reduceMax(x, axes, keep),
        spread('a', 2, 3, 4),
      ),
    ]),
  ),
  check('reduceMean', (x) => graph.reduceMean(x, [0, 2], true), random('a', 2, 3, 4)),
  check('reshape', (x) => graph.reshape(x, [4, 6]), random('a', 2, 3, 4)),
  check('slice', (x) => graph.slice(x, [1, 0, 2], [1, 2, 2]), random('a', 2, 3, 4)),
  check('pad', (x) => apply('pad', [x], { before: [0, 1], after: [2, 0] }), random('a', 2, 3)),
  check(
    'pad by negative sizes',
    (x) => apply('pad', [x], { before: [-1, 2], after: [1, -2] }),
    random('a', 3, 4),
  ),
  check('concat', (x, y) => graph.concat([x, y, x], 1), random('a', 2, 3, 4), random('b', 2, 1, 4)),
  check('transpose', (x) => graph.transpose(x, 2, 0, 1), random('a', 2, 3, 4)),
  check('unsqueeze', (x) => graph.unsqueeze(x, 1), random('a', 2, 3)),
  check('flattenSpatial', graph.flattenSpatial, x4),
  first(1, check('unflattenSpatialLike', graph.unflattenSpatialLike, random('a', 2, 3, 42), x4)),
  first(1, check('resizeLike larger', graph.resizeLike, random('a', 2, 3, 4, 5), random('b', 1, 1, 16, 10))),
  first(1, check('resizeLike smaller', graph.resizeLike, x4, random('b', 1, 1, 3, 5))),
  check('matmul', graph.matmul, random('a', 2, 3, 4, 5), random('b', 3, 5, 2)),
  check('matmul with a matrix', graph.matmul, random('a', 2, 3, 4, 5), random('b', 5, 2)),
  check('linear', graph.linear, random('a', 4, 5), random('w', 3, 5), random('b', 3)),
  first(
    1,
    check('takeAlongAxis', (x, i) => graph.takeAlongAxis(x, i, 1), random('a', 2, 3, 4), classes(3, 2, 4)),
  ),
  first(
    1,
    check(
      'takeAlongAxis beside another use',
      (x, i) => graph.add(graph.takeAlongAxis(x, i, 1), graph.reduceSum(graph.multiply(x, x), [1])),
      random('a', 2, 3, 4),
      classes(3, 2, 4),
    ),
  ),
  first(
    2,
    check(
      'addAlongAxis',
      (x, elements, i) => apply('addAlongAxis', [x, elements, i], { axis: 1 }),
      random('a', 2, 3, 4),
      random('b', 2, 4),
      classes(3, 2, 4),
    ),
  ),
  ...[
    conv(3, 1, 1),
    conv(3, 1, 0),
    conv(1, 1, 0, true),
    conv(3, 2, 1),
    conv(3, 2, 1, true, [8, 9]),
    conv(1, 2, 0),
  ],
  ...[conv(5, 1, 2), conv(3, 1, 4), conv(2, 3, 1)],
  check(
    'batchNormTraining',
    (x, scale, shift) => graph.batchNormTraining(x, scale, shift).output,
    x4,
    ...norm,
  ),
  first(
    3,
    check(
      'batchNorm',
      (x, scale, shift, mean, variance) => graph.batchNorm(x, { scale, shift, mean, variance }),
      ...[x4, ...norm, random('mean', 3), positive('variance', 3)],
    ),
  ),
]

/** The sum of a result's elements with a different weight each, so that gradients cannot be confused. */
function weightedSum(result: Value): Value {
  const shape = result.shape as readonly number[]
  const weights = graph.constant('weights', shape, async () => deterministicImage('weights', shape))
  const axes = shape.map((_, axis) => axis)
  return graph.reduceSum(graph.multiply(result, weights), axes)
}

describe('the gradient of an operator equals finite differences', () => {
  test.each(cases)('$name', async ({ f, inputs, varying = inputs.length }) => {
    const names = inputs.map((_, i) => `x${i}`)
    const loss = weightedSum(f(...inputs.map(({ shape }, i) => input(names[i], shape))))
    await using session = await startGraph(gradients({ outputs: { loss } }, 'loss', names.slice(0, varying)))
    const run = async (values: readonly FloatTensor[]) =>
      session.run(Object.fromEntries(values.map((value, i) => [names[i], value])))
    const result = await run(inputs)
    for (let k = 0; k < varying; k++) {
      const gradient = result[gradientName(names[k])]
      expect(gradient.shape).toEqual(inputs[k].shape)
      // In the direction of the gradient and in a random one, at two steps, to remove the cubic term.
      for (const direction of [gradient.data, deterministicImage('direction', inputs[k].shape)]) {
        const size = Math.hypot(...direction)
        if (size === 0) continue
        const along = async (step: number) => {
          const moved = inputs[k].data.map((value, i) => value + (step * direction[i]) / size)
          const { loss } = await run(inputs.map((value, i) => (i === k ? { ...value, data: moved } : value)))
          return loss.data[0]
        }
        const slope = async (step: number) => ((await along(step)) - (await along(-step))) / (2 * step)
        const expected = (4 * (await slope(0.02)) - (await slope(0.04))) / 3
        const found = gradient.data.reduce((sum, g, i) => sum + (g * direction[i]) / size, 0)
        expect(Math.abs(found - expected)).toBeLessThan(2e-3 * Math.max(1, Math.hypot(...gradient.data)))
      }
    }
  })
})

test('descendingSum sums the values of a row in descending order of the keys', async () => {
  const keys = { data: Float32Array.of(3, 1, 2, 5, 6, 4), shape: [2, 3] }
  const values = { data: Float32Array.of(1, 10, 100, 1, 10, 100), shape: [2, 3] }
  const output = graph.descendingSum(input('keys', [2, 3]), input('values', [2, 3]))
  await using session = await startGraph({ outputs: { output } })
  expect([...(await session.run({ keys, values })).output.data]).toEqual([1, 111, 101, 11, 10, 111])
})

test('sizes are bound before differentiation', async () => {
  const image = graph.imageInput('image', 3)
  const weight = input('weight', [2, 3, 3, 3])
  const open = graph.reduceSum(graph.conv2d(image, weight, undefined, { padding: 1 }), [0, 1, 2, 3])
  expect(() => gradients({ outputs: { open } }, 'open', ['weight'])).toThrow('must be known numbers')
  const bound = bindSizes({ outputs: { open } }, { N: 1, H: 4, W: 5 })
  expect(gradients(bound, 'open', ['weight']).outputs[gradientName('weight')].shape).toEqual([2, 3, 3, 3])
})

test('a parameter without influence gets zeros, and stopGradient stops it', async () => {
  const [a, b] = [input('a', [2]), input('b', [3])]
  const loss = graph.add(
    graph.reduceSum(graph.stopGradient(a), [0]),
    graph.reduceSum(graph.multiply(b, b), [0]),
  )
  await using session = await startGraph(gradients({ outputs: { loss } }, 'loss', ['a', 'b']))
  const run = await session
    .run({
      a: { data: Float32Array.of(1, 2), shape: [2] },
      b: { data: Float32Array.of(1, 2, 3), shape: [3] },
    })
    .catch((error: unknown) => String(error))
  expect(run).toMatchObject({ 'b.grad': { data: Float32Array.of(2, 4, 6) } })
})
