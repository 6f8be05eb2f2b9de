import { describe, expect, it } from 'vitest'
import { type ArrayTensor, arrayOps, grad, valueAndGrad } from '../../src/array/index.js'
import { checkGradients, ops64 as ops, random } from '../support/gradients.js'

const positive = (name: string, shape: readonly number[]) =>
  ops.add(ops.multiply(random(name, shape), 0.2), 1)

describe('gradients match finite differences', () => {
  const shapes = [
    [
      [2, 3, 4],
      [2, 3, 4],
    ],
    [
      [2, 3, 4],
      [1, 3, 1],
    ],
    [[3, 1], [4]],
    [[], [2, 3]],
    [
      [2, 1, 3],
      [4, 1],
    ],
  ] as const

  it.each(shapes)('arithmetic of %j and %j', (a, b) => {
    const inputs = [random('a', a), positive('b', b)]
    checkGradients((x, y) => ops.add(x, y), inputs)
    checkGradients((x, y) => ops.subtract(x, y), inputs)
    checkGradients((x, y) => ops.multiply(x, y), inputs)
    checkGradients((x, y) => ops.divide(x, y), inputs)
    checkGradients((x, y) => ops.maximum(x, y), [ops.multiply(random('a', a), 0.1), random('other', b)])
  })

  it('arithmetic with numbers', () => {
    const x = random('x', [5])
    checkGradients((y) => ops.divide(ops.multiply(ops.subtract(ops.add(y, 2), 0.5), 3), 7), [x])
    checkGradients((y) => ops.maximum(y, 0.1), [x])
  })

  it('functions', () => {
    const x = random('x', [3, 5])
    for (const name of ['abs', 'exp', 'sigmoid', 'arctan'] as const) checkGradients((y) => ops[name](y), [x])
    for (const name of ['log', 'sqrt'] as const) checkGradients((y) => ops[name](y), [positive('p', [3, 5])])
  })

  it.each([
    { transposeA: false, transposeB: false },
    { transposeA: true, transposeB: false },
    { transposeA: false, transposeB: true },
    { transposeA: true, transposeB: true },
  ])('matrix products with %o', (options) => {
    const matrix = (name: string, batch: readonly number[], rows: number, columns: number, turned: boolean) =>
      random(name, [...batch, ...(turned ? [columns, rows] : [rows, columns])])
    const pairs = [
      [[], []],
      [[2], []],
      [[], [3]],
      [
        [2, 1],
        [1, 3],
      ],
    ] as const
    for (const [batchA, batchB] of pairs) {
      const a = matrix('a', batchA, 5, 7, options.transposeA)
      const b = matrix('b', batchB, 7, 3, options.transposeB)
      checkGradients((x, y) => ops.matmul(x, y, options), [a, b])
    }
  })

  it('layout', () => {
    const x = random('x', [2, 3, 4])
    checkGradients((y) => ops.reshape(y, [4, 6]), [x])
    checkGradients((y) => ops.transpose(y, [2, 0, 1]), [x])
    checkGradients((y) => ops.slice(y, [0, 1, 1], [2, 2, 2]), [x])
    checkGradients((y, z) => ops.concat([y, z, y], 1), [x, random('z', [2, 1, 4])])
    checkGradients((y) => ops.takeAlongAxis(y, Int32Array.of(0, 2, 1, 1, 2, 0, 0, 1), 1), [x])
    checkGradients((y) => ops.takeAlongAxis(y, Int32Array.of(3, 3, 0, 1, 2, 0), 2), [x])
  })

  it('reductions', () => {
    const x = random('x', [2, 3, 4])
    for (const axes of [undefined, [0], [1], [2], [0, 2], [1, 2]]) {
      checkGradients((y) => ops.sum(y, axes), [x])
      checkGradients((y) => ops.sum(y, axes, true), [x])
      checkGradients((y) => ops.max(y, axes), [x])
      checkGradients((y) => ops.max(y, axes, true), [x])
    }
  })

  it('values used several times', () => {
    checkGradients(
      (x, y) => {
        const product = ops.multiply(x, y)
        return ops.add(
          ops.add(ops.multiply(product, product), product),
          ops.add(ops.reshape(x, [6]), product),
        )
      },
      [random('x', [6]), random('y', [6])],
    )
  })
})

describe('points without a derivative', () => {
  const at = (f: (x: ArrayTensor) => ArrayTensor, ...values: number[]) => [
    ...grad((x: ArrayTensor) => ops.sum(f(x)))(ops.constant(values, [values.length]))[0].data,
  ]

  it('equal maxima share the gradient', () => {
    expect(at((x) => ops.max(x), 3, 3, 1)).toEqual([0.5, 0.5, 0])
    expect(at((x) => ops.maximum(x, 0), -1, 0, 1)).toEqual([0, 0.5, 1])
    expect(at((x) => ops.abs(x), -1, 0, 1)).toEqual([-1, 0, 1])
  })

  it('comparisons and stopped gradients have no gradient', () => {
    expect(at((x) => ops.multiply(x, ops.greater(x, 0)), -1, 2)).toEqual([0, 1])
    expect(at((x) => ops.multiply(x, ops.stopGradient(x)), 3)).toEqual([3])
    expect(at(() => ops.constant([5], []), 1, 2)).toEqual([0, 0])
  })
})

describe('valueAndGrad', () => {
  it('returns the value and one gradient per argument', () => {
    const ops32 = arrayOps()
    const f = (x: ArrayTensor, y: ArrayTensor) => ops32.sum(ops32.multiply(x, y))
    const x = ops32.constant([1, 2], [2])
    const y = ops32.constant([3, 4], [2])
    const { value, gradients } = valueAndGrad(f)(x, y)
    expect(value).toBe(11)
    expect(gradients[0]).toEqual({ data: Float32Array.of(3, 4), shape: [2] })
    expect(gradients[1]).toEqual({ data: Float32Array.of(1, 2), shape: [2] })
    expect(gradients[0].data).not.toBe(y.data)
    expect(x.data).toEqual(Float32Array.of(1, 2))
  })

  it('returns gradients that share no memory', () => {
    const [a, b] = [random('a', [4]), random('b', [4])]
    const functions = [
      (x: ArrayTensor, y: ArrayTensor) => ops.sum(ops.add(x, y)),
      (x: ArrayTensor, y: ArrayTensor) => ops.sum(ops.reshape(ops.add(ops.add(x, y), x), [2, 2])),
      (x: ArrayTensor, y: ArrayTensor) => {
        const both = ops.add(
          ops.exp(ops.add(x, y)),
          ops.takeAlongAxis(ops.reshape(x, [4, 1]), new Int32Array(4), 1),
        )
        return ops.sum(ops.add(both, ops.reshape(y, [4])))
      },
    ]
    for (const f of functions) {
      const [dx, dy] = grad(f)(a, b)
      expect(dx.data.buffer).not.toBe(dy.data.buffer)
      checkGradients((x, y) => f(x, y), [a, b])
    }
  })

  it('rejects results that are not one number, and nested gradients', () => {
    const x = random('x', [2])
    expect(() => grad((y: ArrayTensor) => y)(x)).toThrow(
      'The differentiated function must return one number, got a tensor of 2.',
    )
    const nested = 'A gradient cannot be computed inside another gradient.'
    const inner = (y: ArrayTensor) => ops.sum(ops.multiply(y, y))
    expect(() => grad((y: ArrayTensor) => ops.sum(grad(inner)(y)[0]))(x)).toThrow(nested)
    const captured = (y: ArrayTensor) => ops.sum(grad((z: ArrayTensor) => ops.sum(ops.multiply(z, y)))(x)[0])
    expect(() => grad(captured)(x)).toThrow(nested)
    const outer = (y: ArrayTensor) => {
      const square = ops.sum(ops.multiply(y, y))
      valueAndGrad((_: ArrayTensor) => square)(ops.constant([1], [1]))
      return ops.multiply(square, 1)
    }
    expect(() => grad(outer)(x)).toThrow(nested)
  })

  it('rejects tensors of an earlier computation unless their gradient was stopped', () => {
    const x = random('x', [2])
    let kept = x
    let stopped = x
    const keep = (y: ArrayTensor) => {
      kept = ops.multiply(y, y)
      stopped = ops.stopGradient(kept)
      return ops.sum(y)
    }
    grad(keep)(x)
    const earlier = 'A tensor of an earlier gradient computation cannot be used in another.'
    expect(() => grad((y: ArrayTensor) => ops.sum(ops.multiply(y, kept)))(x)).toThrow(earlier)
    expect(() => grad((y: ArrayTensor) => ops.sum(y))(kept)).toThrow(earlier)
    expect(() => grad((_: ArrayTensor) => ops.sum(kept))(x)).toThrow(earlier)
    expect(grad((y: ArrayTensor) => ops.sum(ops.multiply(y, stopped)))(x)[0].data).toEqual(stopped.data)
    // Outside a gradient computation it is an ordinary tensor.
    expect(ops.add(kept, 0).data).toEqual(kept.data)
  })
})
