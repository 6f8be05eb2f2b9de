import { randomNumbers } from '@inverseform/testing/losses'
import { expect, it } from 'vitest'
import { lovaszSoftmaxLoss } from '../../src/index.js'
import { codeOf, ops } from '../losses/related/support.js'

it('sums the values of the elements whose keys are at least as large', () => {
  const random = randomNumbers(99)
  const keys = Float64Array.from({ length: 3 * 50 }, random)
  const values = Float64Array.from(keys, random)
  const shape = [3, 1, 50]
  const of = (data: Float64Array) => ops.constant(data, shape)
  const [sums, places] = ops.descendingSums(of(keys), [of(values), of(keys.map(() => 1))])
  expect(sums?.shape).toEqual(shape)
  keys.forEach((key, i) => {
    const row = Math.floor(i / 50) * 50
    let sum = 0
    let place = 0
    for (let j = row; j < row + 50; j++) {
      if (keys[j] < key) continue
      sum += values[j]
      place++
    }
    expect(sums?.data[i]).toBeCloseTo(sum, 12)
    expect(places?.data[i]).toBe(place)
  })
})

it('gives equal keys different places', () => {
  const [places] = ops.descendingSums(ops.constant([1, 1, 1, 2], [4]), [ops.constant([1, 1, 1, 1], [4])])
  expect(Array.from(places?.data ?? []).sort()).toEqual([1, 2, 3, 4])
  expect(places?.data[3]).toBe(1)
})

it('rejects values of another shape', () => {
  const keys = ops.constant([1, 2], [2])
  expect(codeOf(() => ops.descendingSums(keys, [ops.constant([1], [1])]))).toBe('size-mismatch')
})

it('is required by Lovász-softmax', () => {
  const { descendingSums: _, ...rest } = ops
  const inputs = { logits: ops.constant([1, 2], [1, 2, 1, 1]), target: Uint8Array.of(0) }
  expect(() => lovaszSoftmaxLoss(rest as typeof ops, inputs)).toThrow(
    '`ops.descendingSums` must be a function, got undefined.',
  )
})
