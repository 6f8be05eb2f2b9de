import { relativeError } from '@inverseform/testing/losses'
import { describe, expect, it } from 'vitest'
import { type ArrayTensor, arrayOps, valueAndGrad } from '../../src/array/index.js'
import { crossEntropyLoss, edgeAttentionLoss, type TensorOps } from '../../src/index.js'
import { checkGradients, ops64, random } from '../support/gradients.js'

const single = arrayOps()
const cast = ({ data, shape }: ArrayTensor) => single.constant(data, shape)

describe('fused softmax cross-entropy', () => {
  it.each([0, 1, 2])('along axis %i matches the definition, and its gradient finite differences', (axis) => {
    const x = random('x', [3, 4, 5])
    const [stride, length] = [[20, 5, 1][axis], x.shape[axis]]
    const indices = Int32Array.from({ length: 60 / length }, (_, i) => (i * 7 + 1) % length)
    const firsts = [...x.data.keys()].filter((i) => Math.floor(i / stride) % length === 0)
    const expected = firsts.map((first, i) => {
      const row = Array.from({ length }, (_, c) => x.data[first + c * stride])
      return Math.log(row.reduce((sum, value) => sum + Math.exp(value), 0)) - row[indices[i]]
    })
    const { data, shape } = ops64.softmaxCrossEntropy(x, indices, axis)
    expect(shape).toEqual(x.shape.filter((_, i) => i !== axis))
    expect(relativeError(data, expected)).toBeLessThan(1e-14)
    checkGradients((y) => ops64.softmaxCrossEntropy(y, indices, axis), [x])
  })

  const [height, width] = [37, 61]
  const target = Uint8Array.from({ length: height * width }, (_, i) => [255, 0, 1, 2, 3, 4][(i * i) % 6])
  const edgeLogits = random('edge', [1, 1, height, width])
  const losses = {
    'cross-entropy': <T>(ops: TensorOps<T>, logits: T) => crossEntropyLoss(ops, { logits, target }),
    'edge attention': (ops: TensorOps<ArrayTensor>, logits: ArrayTensor) =>
      edgeAttentionLoss(ops, {
        logits,
        target,
        edgeLogits: ops.constant(edgeLogits.data, edgeLogits.shape),
      }),
    'both of the same logits': (ops: TensorOps<ArrayTensor>, logits: ArrayTensor) =>
      ops.add(losses['cross-entropy'](ops, logits), losses['edge attention'](ops, logits)),
  }
  // More pixels than fit a chunk, and logits whose log-sum-exp has few digits in single precision.
  const logits = ops64.add(ops64.multiply(random('logits', [1, 5, height, width]), 4), 1000)

  it.each(Object.entries(losses))('%s matches the separate operations', (_, loss) => {
    const composed = { ...ops64, softmaxCrossEntropy: undefined }
    const expected = valueAndGrad((x: ArrayTensor) => loss(composed, x))(cast(logits))
    for (const [ops, tolerance] of [
      [ops64, 1e-12],
      [single, 1e-6],
    ] as const) {
      const { value, gradients } = valueAndGrad((x: ArrayTensor) => loss(ops, x))(
        ops.constant(cast(logits).data, logits.shape),
      )
      expect(Math.abs(value / expected.value - 1)).toBeLessThan(tolerance)
      expect(relativeError(gradients[0].data, expected.gradients[0].data)).toBeLessThan(tolerance)
    }
  })

  it('accepts a logit of -Infinity', () => {
    const x = ops64.constant([0, Number.NEGATIVE_INFINITY, 0], [1, 3])
    const { value, gradients } = valueAndGrad((y: ArrayTensor) =>
      ops64.sum(ops64.softmaxCrossEntropy(y, Int32Array.of(2), 1)),
    )(x)
    expect(value).toBeCloseTo(Math.LN2, 15)
    expect([...gradients[0].data]).toEqual([0.5, 0, -0.5])
  })

  it('rejects an index outside the axis', () => {
    expect(() => ops64.softmaxCrossEntropy(random('x', [1, 3]), Int32Array.of(3), 1)).toThrow(
      '`indices` must be in 0..2 along axis 1 of 1x3, got 3.',
    )
  })
})
