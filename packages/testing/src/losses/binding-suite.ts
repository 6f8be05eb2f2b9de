import {
  crossEntropyLoss,
  edgeAttentionLoss,
  edgeBceLoss,
  type InverseFormLossOptions,
  inverseFormLoss,
  inverseNet,
  jointLoss,
  type PlainTensor,
  type Regressor,
  type SortOps,
  type TensorOps,
} from '@inverseform/core'
import { type ArrayTensor, arrayOps, valueAndGrad } from '@inverseform/core/array'
import { beforeAll, describe, expect, it } from 'vitest'
import { deterministicImage, deterministicParameter } from '../index.js'
import { relativeError } from './compare.js'
import { goldenInputs, goldenTolerances, goldenValues, gradientTolerance } from './golden.js'

interface Differentiated {
  readonly value: number
  readonly gradients: readonly PlainTensor[]
}

/** A tensor library under test, with functions that pass numbers in and return numbers and gradients. */
export interface Binding<T> {
  readonly ops: TensorOps<T> & SortOps<T>
  run(f: (...inputs: T[]) => T, inputs: readonly PlainTensor[]): PlainTensor | Promise<PlainTensor>
  /** Returns the value of `f`, a scalar, and its gradient with respect to each input. */
  differentiate(
    f: (...inputs: T[]) => T,
    inputs: readonly PlainTensor[],
  ): Differentiated | Promise<Differentiated>
}

type Operation = <T>(ops: TensorOps<T>, ...inputs: T[]) => T

/** Deterministic numbers in [-2, 2). */
const random = (name: string, ...shape: number[]) => ({
  data: deterministicImage(name, shape),
  shape,
})
/** Deterministic numbers in [0.5, 4.5), for functions of positive numbers. */
const positive = (name: string, ...shape: number[]): PlainTensor => ({
  data: deterministicImage(name, shape).map((value) => value + 2.5),
  shape,
})
const a = random('a', 2, 3, 4)
/** Integers from -1 to 1. */
const ties = { ...a, data: a.data.map((value) => Math.round(value / 2)) }
const functions = ['abs', 'exp', 'sigmoid', 'arctan', 'stopGradient'] as const
const arithmetic = ['add', 'subtract', 'multiply', 'divide', 'maximum', 'greater'] as const
const partners: readonly (readonly [string, PlainTensor, PlainTensor])[] = [
  ['equal shapes', a, positive('b', 2, 3, 4)],
  ['a repeated second', a, positive('b', 3, 1)],
  ['a repeated first', random('a', 4), positive('b', 2, 3, 4)],
  ['both repeated', random('a', 2, 1, 4), positive('b', 1, 3, 1)],
  ['a scalar', a, positive('b')],
]
const batches: readonly (readonly [number[], number[]])[] = [
  [[], []],
  [[2], [2]],
  [[2, 3], []],
  [[], [2, 3]],
  [
    [2, 1],
    [1, 3],
  ],
  [[3], [2, 1]],
]
const axes: readonly (readonly number[] | undefined)[] = [
  undefined,
  [],
  [0],
  [1],
  [2],
  [0, 2],
  [1, 2],
  [0, 1, 2],
]

const check = (name: string, operation: Operation, ...inputs: PlainTensor[]) => ({ name, operation, inputs })
const picked = (axis: number) =>
  Int32Array.from({ length: 24 / a.shape[axis] }, (_, i) => (i * 5 + 1) % a.shape[axis])

const cases = [
  ...functions.map((name) => check(name, (ops, x) => ops[name](x), a)),
  check('log', (ops, x) => ops.log(x), positive('x', 2, 3, 4)),
  check('sqrt', (ops, x) => ops.sqrt(x), positive('x', 2, 3, 4)),
  check('sigmoid far out', (ops, x) => ops.sigmoid(ops.multiply(x, 80)), a),
  check('sigmoid at 0', (ops, x) => ops.sigmoid(x), { data: [0, -0, 1], shape: [3] }),
  ...arithmetic.flatMap((name) => [
    ...partners.map(([what, first, second]) =>
      check(`${name}, ${what}`, (ops, x, y) => ops[name](x, y), first, second),
    ),
    check(`${name}, a number`, (ops, x) => ops[name](x, 0.3), a),
    check(`${name}, one tensor twice`, (ops, x) => ops[name](ops.multiply(x, x), x), a),
  ]),
  ...batches.flatMap(([left, right]) =>
    [0, 1, 2, 3].map((bits) => {
      const options = { transposeA: bits % 2 === 1, transposeB: bits > 1 }
      return check(
        `matmul of [${left}] and [${right}] matrices, ${JSON.stringify(options)}`,
        (ops, x, y) => ops.matmul(x, y, options),
        random('left', ...left, ...(options.transposeA ? [5, 4] : [4, 5])),
        random('right', ...right, ...(options.transposeB ? [6, 5] : [5, 6])),
      )
    }),
  ),
  check('reshape', (ops, x) => ops.reshape(x, [4, 6]), a),
  check('reshape to the same', (ops, x) => ops.reshape(x, [2, 3, 4]), a),
  check('reshape to a scalar', (ops, x) => ops.reshape(x, []), random('x', 1, 1)),
  check('transpose', (ops, x) => ops.transpose(x, [2, 0, 1]), a),
  check('transpose of five axes', (ops, x) => ops.transpose(x, [1, 3, 0, 2, 4]), random('x', 2, 3, 2, 3, 2)),
  check('slice', (ops, x) => ops.slice(x, [1, 0, 2], [1, 2, 2]), a),
  check('slice of everything', (ops, x) => ops.slice(x, [0, 0, 0], [2, 3, 4]), a),
  ...[0, 1, 2].map((axis) =>
    check(`concat along ${axis}`, (ops, x, y) => ops.concat([x, y, x], axis), a, random('b', 2, 3, 4)),
  ),
  check('concat of unequal lengths', (ops, x, y) => ops.concat([x, y], 1), a, random('b', 2, 1, 4)),
  check('concat of one', (ops, x) => ops.concat([x], 0), a),
  ...(['sum', 'max'] as const).flatMap((name) =>
    axes.flatMap((over) =>
      [false, true].map((keep) =>
        check(`${name} over [${over ?? 'all'}], keepDims ${keep}`, (ops, x) => ops[name](x, over, keep), a),
      ),
    ),
  ),
  ...axes.map((over) => check(`max over [${over ?? 'all'}] with ties`, (ops, x) => ops.max(x, over), ties)),
  ...[0, 1, 2].map((axis) =>
    check(`takeAlongAxis ${axis}`, (ops, x) => ops.takeAlongAxis(x, picked(axis), axis), a),
  ),
  // A multiplied mask would turn a logit of -Infinity into NaN.
  check('takeAlongAxis next to an infinity', (ops, x) => ops.takeAlongAxis(x, Int32Array.of(0, 1), 1), {
    data: [1, Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY, 2],
    shape: [2, 2],
  }),
  check('constant of bytes', (ops, x) => ops.add(x, ops.constant(Uint8Array.of(1, 2, 255, 0), [4])), a),
  check('constant of plain numbers', (ops, x) => ops.multiply(x, ops.constant([1, -2, 0.5, 0], [4])), a),
]

const doubles = arrayOps({ type: 'float64' })
const toArray = ({ data, shape }: PlainTensor): ArrayTensor => ({ data: Float64Array.from(data), shape })

/** Compares every operation and its gradients with the array binding in double precision. */
export function checkPrimitives<T>({ ops, run, differentiate }: Binding<T>): void {
  it.each(cases)('$name', async ({ operation, inputs }) => {
    const expected = operation(doubles, ...inputs.map(toArray))
    const result = await run((...xs) => operation(ops, ...xs), inputs)
    expect(result.shape).toEqual(expected.shape)
    expect(relativeError(result.data, expected.data)).toBeLessThan(1e-5)

    // Each element has a different weight, so that gradients cannot be confused.
    const weights = random('weights', ...expected.shape)
    const scalar = <U>(on: TensorOps<U>, ...xs: U[]) =>
      on.sum(on.multiply(operation(on, ...xs), on.constant(weights.data, weights.shape)))
    const ours = await differentiate((...xs) => scalar(ops, ...xs), inputs)
    const theirs = valueAndGrad((...xs: ArrayTensor[]) => scalar(doubles, ...xs))(...inputs.map(toArray))
    theirs.gradients.forEach((gradient, i) => {
      expect(ours.gradients[i].shape).toEqual(gradient.shape)
      expect(relativeError(ours.gradients[i].data, gradient.data)).toBeLessThan(1e-5)
    })
  })

  it('does not consume operands', async () => {
    const result = await run((x) => ops.add(ops.concat([x, x], 0), ops.concat([ops.exp(x), x], 0)), [a])
    const values = Array.from(a.data)
    const expected = [...values.map((x) => x + Math.exp(x)), ...values.map((x) => 2 * x)]
    expect(relativeError(result.data, expected)).toBeLessThan(1e-6)
  })
}

const { seg, edgeLogits, target, edgeTarget, tensor } = goldenInputs()

/** Compares the losses with the published code's values and gradients, and InverseForm with the array binding. */
export function checkLosses<T>({ ops, differentiate }: Binding<T>): void {
  describe('against the published code', () => {
    it.each([
      [false, 1],
      [true, 1],
      [false, 0.5],
    ])('the cross-entropy, norm %s, upper bound %d', async (norm, upperBound) => {
      const { value } = await differentiate(
        (logits) => crossEntropyLoss(ops, { logits, target }, { norm, upperBound }),
        [seg],
      )
      golden(value, `cross_entropy(norm=${norm ? 'True' : 'False'},upper_bound=${upperBound.toFixed(1)})`)
    })

    it('the gradient of the cross-entropy', async () => {
      const { gradients } = await differentiate((logits) => crossEntropyLoss(ops, { logits, target }), [seg])
      goldenGradient(gradients[0], 'cross_entropy.seg')
    })

    it('the edge cross-entropy and its gradient', async () => {
      const { value, gradients } = await differentiate(
        (x) => edgeBceLoss(ops, { edgeLogits: x, edgeTarget }),
        [edgeLogits],
      )
      golden(value, 'edge_bce')
      goldenGradient(gradients[0], 'edge_bce.edge')
    })

    it('the edge attention and its gradient, which is 0 for the edge logits', async () => {
      const { value, gradients } = await differentiate(
        (logits, x) => edgeAttentionLoss(ops, { logits, target, edgeLogits: x }),
        [seg, edgeLogits],
      )
      golden(value, 'edge_attention')
      goldenGradient(gradients[0], 'edge_attention.seg')
      expect(isZero(gradients[1])).toBe(true)
    })
  })

  // Logits that differ by more than 88 or exceed it, where exp overflows in single precision.
  it.each([
    ['100 times as large', 100, 0],
    ['far from 0', 1, 4096],
  ])('cross-entropy and edge attention of logits %s', async (_, factor, offset) => {
    const logits = {
      ...seg,
      data: Float32Array.from(seg.data, (x) => Math.round(x * factor * 64) / 64 + offset),
    }
    const loss = <U>(on: TensorOps<U>, x: U, edge: U) =>
      on.add(
        crossEntropyLoss(on, { logits: x, target }),
        edgeAttentionLoss(on, { logits: x, target, edgeLogits: edge }),
      )
    const ours = await differentiate((x, edge) => loss(ops, x, edge), [logits, edgeLogits])
    const theirs = valueAndGrad((x: ArrayTensor, edge: ArrayTensor) => loss(doubles, x, edge))(
      toArray(logits),
      toArray(edgeLogits),
    )
    expect(Math.abs(ours.value / theirs.value - 1)).toBeLessThan(1e-6)
    expect(relativeError(ours.gradients[0].data, theirs.gradients[0].data)).toBeLessThan(1e-5)
  })

  describe('InverseForm on small tiles, against the array binding', () => {
    const arrays = arrayOps()
    const variants: readonly (readonly [number, InverseFormLossOptions])[] = [
      [4, { activation: 'sigmoid' }],
      [4, { activation: 'identity' }],
      [4, { activation: 'log_softmax' }],
      [6, { distance: 'euclidean' }],
      [8, { distance: 'geodesic' }],
    ]
    it.each(variants)('%d coefficients, %o', async (outputs, options) => {
      const term = <U>(on: TensorOps<U>) => {
        const regressor = inverseNet(on, smallWeights(outputs))
        return (x: U) =>
          inverseFormLoss(
            on,
            { edgeLogits: x, edgeTarget, regressor },
            { size: [96, 192], tileGrid: [3, 6], ...options },
          )
      }
      const ours = await differentiate(term(ops), [edgeLogits])
      const theirs = valueAndGrad(term(arrays))(edgeLogits)
      expect(Math.abs(ours.value / theirs.value - 1)).toBeLessThan(1e-5)
      expect(relativeError(ours.gradients[0].data, theirs.gradients[0].data)).toBeLessThan(1e-4)
      expect(isZero(ours.gradients[0])).toBe(options.activation === 'log_softmax')
    })

    it('the joint loss with auxiliary heads', async () => {
      const joint = <U>(on: TensorOps<U>) => {
        const regressor = inverseNet(on, smallWeights(4))
        return (logits: U, x: U) => {
          const auxiliary = { logits: on.multiply(logits, 0.5), edgeLogits: on.multiply(x, 0.5) }
          return jointLoss(
            on,
            { logits, edgeLogits: x, target, edgeTarget, regressor, auxiliary },
            { inverseForm: { size: [96, 192] } },
          )
        }
      }
      const ours = await differentiate((logits, x) => joint(ops)(logits, x), [seg, edgeLogits])
      const theirs = valueAndGrad(joint(arrays))(seg, edgeLogits)
      expect(Math.abs(ours.value / theirs.value - 1)).toBeLessThan(1e-5)
      theirs.gradients.forEach((gradient, i) => {
        expect(relativeError(ours.gradients[i].data, gradient.data)).toBeLessThan(1e-4)
      })
    })
  })
}

/** Compares InverseNet at its published size, 100 million weights, with the reference run. */
export function checkInverseNet<T>({ ops, differentiate }: Binding<T>): void {
  let regressor: Regressor<T>
  beforeAll(() => {
    regressor = inverseNet(ops, netWeights(100352, 1000, 32, 4))
  })

  it.each(['sigmoid', 'identity', 'log_softmax'] as const)('InverseForm of %s', async (activation) => {
    const { value, gradients } = await differentiate(
      (x) => inverseFormLoss(ops, { edgeLogits: x, edgeTarget, regressor }, { activation }),
      [edgeLogits],
    )
    golden(value, `inverseform(activation=${activation})`)
    if (activation === 'log_softmax') expect(isZero(gradients[0])).toBe(true)
    else goldenGradient(gradients[0], `inverseform_${activation}.edge`)
  })

  it.each([
    ['joint(upstream)', 'log_softmax'],
    ['joint(activation=sigmoid)', 'sigmoid'],
  ] as const)('%s, and its gradient as the sum of those of its terms', async (name, activation) => {
    const { value, gradients } = await differentiate(
      (logits, x) =>
        jointLoss(
          ops,
          { logits, edgeLogits: x, target, edgeTarget, regressor },
          { inverseForm: { activation } },
        ),
      [seg, edgeLogits],
    )
    golden(value, name)
    const terms = [
      { 'cross_entropy.seg': 1, 'edge_attention.seg': 0.1 },
      { 'edge_bce.edge': 0.3, ...(activation === 'sigmoid' && { 'inverseform_sigmoid.edge': 0.3 }) },
    ]
    terms.forEach((weights, i) => {
      const expected = new Float64Array(gradients[i].data.length)
      for (const [term, weight] of Object.entries(weights)) {
        tensor(`grad.${term}`).data.forEach((value, j) => {
          expected[j] += weight * value
        })
      }
      expect(relativeError(gradients[i].data, expected)).toBeLessThan(
        goldenTolerances.libraries.throughInverseNet,
      )
    })
  })
}

function golden(value: number, name: string): void {
  expect(Math.abs(value / goldenValues[name] - 1)).toBeLessThan(goldenTolerances.libraries.value)
}

function goldenGradient(gradient: PlainTensor | undefined, name: string): void {
  const expected = tensor(`grad.${name}`)
  expect(gradient?.shape).toEqual(expected.shape)
  expect(relativeError(gradient!.data, expected.data)).toBeLessThan(
    gradientTolerance(name, goldenTolerances.libraries),
  )
}

const isZero = (x: PlainTensor | undefined) => Array.from(x!.data).every((value) => value === 0)

/** Returns weights for tiles of 32x32 pixels. */
const smallWeights = (outputs: number) => netWeights(2048, 24, 12, outputs)

function netWeights(...sizes: readonly number[]): Record<string, PlainTensor> {
  const entries = [0, 2, 4].flatMap((layer, i) => {
    const [inputs, outputs] = [sizes[i], sizes[i + 1]]
    return [
      [`fc.${layer}.weight`, [outputs, inputs]],
      [`fc.${layer}.bias`, [outputs]],
    ] as const
  })
  return Object.fromEntries(
    entries.map(([name, shape]) => [name, { data: deterministicParameter(name, shape), shape }]),
  )
}
