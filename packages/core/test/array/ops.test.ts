import { relativeError } from '@inverseform/testing/losses'
import { describe, expect, it } from 'vitest'
import { arrayOps } from '../../src/array/index.js'
import { isInverseFormError } from '../../src/index.js'
import { ops64 as ops, random } from '../support/gradients.js'

const values = (x: { data: ArrayLike<number> }) => [...(x.data as Float64Array)]

describe('operations on arrays', () => {
  it.each([
    { m: 1, k: 1, n: 1 },
    { m: 3, k: 5, n: 2 },
    { m: 9, k: 131, n: 7 },
    { m: 5, k: 259, n: 1030 },
    { m: 6, k: 4100, n: 3 },
  ])('multiplies $m x $k and $k x $n as defined, transposed or not', ({ m, k, n }) => {
    const a = random('a', [m, k])
    const b = random('b', [k, n])
    const expected = Float64Array.from({ length: m * n }, (_, i) => {
      let sum = 0
      for (let p = 0; p < k; p++) sum += a.data[Math.floor(i / n) * k + p] * b.data[p * n + (i % n)]
      return sum
    })
    const turnedA = ops.transpose(a, [1, 0])
    const turnedB = ops.transpose(b, [1, 0])
    const products = [
      ops.matmul(a, b),
      ops.matmul(turnedA, b, { transposeA: true }),
      ops.matmul(a, turnedB, { transposeB: true }),
      ops.matmul(turnedA, turnedB, { transposeA: true, transposeB: true }),
    ]
    for (const { data, shape } of products) {
      expect(shape).toEqual([m, n])
      expect(relativeError(data, expected)).toBeLessThan(1e-13)
    }
  })

  it('skips zeros on the left but not the values next to them', () => {
    const a = ops.constant([0, 0, 0, 0, 0, 2, 0, 0, 0, 3], [2, 5])
    const b = ops.constant([1, 2, 3, 4, 5, 6, 7, 8, 9, 10], [5, 2])
    expect(values(ops.matmul(a, b))).toEqual([0, 0, 29, 34])
  })

  it('broadcasts like NumPy', () => {
    const a = ops.constant([1, 2, 3], [3, 1])
    const b = ops.constant([10, 20], [2])
    expect(ops.add(a, b)).toEqual({ data: Float64Array.of(11, 21, 12, 22, 13, 23), shape: [3, 2] })
    expect(ops.subtract(ops.constant([5], []), b)).toEqual({ data: Float64Array.of(-5, -15), shape: [2] })
  })

  it('reduces, slices, concatenates, transposes and takes elements', () => {
    const x = ops.constant([1, 2, 3, 4, 5, 6], [2, 3])
    expect(ops.sum(x)).toEqual({ data: Float64Array.of(21), shape: [] })
    expect(ops.sum(x, [0], true)).toEqual({ data: Float64Array.of(5, 7, 9), shape: [1, 3] })
    expect(ops.max(x, [1])).toEqual({ data: Float64Array.of(3, 6), shape: [2] })
    expect(ops.slice(x, [0, 1], [2, 2])).toEqual({ data: Float64Array.of(2, 3, 5, 6), shape: [2, 2] })
    expect(ops.transpose(x, [1, 0])).toEqual({ data: Float64Array.of(1, 4, 2, 5, 3, 6), shape: [3, 2] })
    const joined = ops.concat([x, ops.constant([7, 8], [2, 1])], 1)
    expect(joined).toEqual({ data: Float64Array.of(1, 2, 3, 7, 4, 5, 6, 8), shape: [2, 4] })
    expect(ops.takeAlongAxis(x, Int32Array.of(2, 0), 1)).toEqual({ data: Float64Array.of(3, 4), shape: [2] })
    expect(ops.takeAlongAxis(x, Int32Array.of(1, 0, 1), 0)).toEqual({
      data: Float64Array.of(4, 2, 6),
      shape: [3],
    })
  })

  it('sums float32 in double precision', () => {
    const { sum, constant } = arrayOps()
    const count = 2 ** 20 + 1
    const data = new Float32Array(count).fill(1)
    data[0] = 2 ** 24
    expect(values(sum(constant(data, [count])))).toEqual([2 ** 24 + 2 ** 20])
  })

  it('rounds exponentials to single precision like Math.exp, from underflow to overflow', () => {
    const { exp, constant } = arrayOps()
    const x = Float32Array.from({ length: 24001 }, (_, i) => (i - 12000) / 100)
    const expected = x.map(Math.exp)
    const { data } = exp(constant(x, [x.length]))
    data.forEach((value, i) => {
      const spacing = Math.max(2 ** -149, 2 ** -23 * expected[i])
      if (value !== expected[i]) expect(Math.abs(value - expected[i])).toBeLessThanOrEqual(spacing)
    })
    expect(data.filter((value, i) => value !== expected[i]).length).toBeLessThan(x.length / 100)
    const special = constant([Number.NEGATIVE_INFINITY, 0, Number.POSITIVE_INFINITY, Number.NaN], [4])
    expect(values(exp(special))).toEqual([0, 1, Number.POSITIVE_INFINITY, Number.NaN])
  })

  it('propagates infinity and NaN', () => {
    const x = ops.constant([Number.NaN, 1, Number.NEGATIVE_INFINITY], [3])
    expect(values(ops.max(x))).toEqual([Number.NaN])
    expect(values(ops.maximum(x, 0))).toEqual([Number.NaN, 1, 0])
    expect(values(ops.sigmoid(ops.constant([-1000, 1000], [2])))).toEqual([0, 1])
  })

  it('creates constants without a copy where possible', () => {
    const data = Float64Array.of(1, 2)
    expect(ops.constant(data, [2]).data).toBe(data)
    expect(arrayOps().constant(data, [2]).data).toEqual(Float32Array.of(1, 2))
    expect(values(ops.constant(Uint8Array.of(7, 8), [2, 1]))).toEqual([7, 8])
  })
})

describe('shapes that do not fit', () => {
  const x = random('x', [2, 3])
  it.each([
    ['add', () => ops.add(x, random('y', [2])), 'Tensors of 2x3 and 2 cannot be broadcast.'],
    ['matmul', () => ops.matmul(x, x), 'A 2x3 matrix cannot be multiplied by a 2x3 matrix.'],
    [
      'matmul of a vector',
      () => ops.matmul(x, random('v', [3])),
      'A tensor of 2x3 cannot be matrix-multiplied by one of 3.',
    ],
    ['reshape', () => ops.reshape(x, [4]), 'A tensor of 2x3 cannot be reshaped to 4.'],
    [
      'transpose',
      () => ops.transpose(x, [0, 0]),
      'Axes 0, 0 are not a permutation of the axes of a 2x3 tensor.',
    ],
    ['slice', () => ops.slice(x, [1, 1], [1, 3]), 'A slice of 1x3 at (1, 1) does not fit a tensor of 2x3.'],
    ['concat', () => ops.concat([x, random('y', [3, 3])], 1), '2x3 and 3x3 cannot be joined along axis 1'],
    [
      'takeAlongAxis',
      () => ops.takeAlongAxis(x, Int32Array.of(0), 1),
      '`indices` must have 2 elements along axis 1 of 2x3, got 1.',
    ],
    [
      'takeAlongAxis outside the axis',
      () => ops.takeAlongAxis(x, Int32Array.of(0, 3), 1),
      '`indices` must be in 0..2 along axis 1 of 2x3, got 3.',
    ],
    ['constant', () => ops.constant([1, 2], [3]), '`data` must have 3 elements for a tensor of 3, got 2.'],
    [
      'type',
      () => arrayOps({ type: 'float16' as 'float32' }),
      "`type` must be one of 'float32' or 'float64', got \"float16\".",
    ],
  ])('%s', (_, run, message) => {
    let error: unknown
    try {
      run()
    } catch (thrown) {
      error = thrown
    }
    expect(isInverseFormError(error)).toBe(true)
    const { message: found, hint } = error as Error & { hint?: string }
    expect(found).toContain(message)
    // A hint says what to do, or the message itself says what the argument accepts.
    expect(hint ?? found).toMatch(hint ? /^[A-Z].*\.$/ : /^`.+` must be .+, got .+\.$/)
  })
})
