import { deterministicImage } from '@inverseform/testing'
import { relativeError } from '@inverseform/testing/losses'
import { expect } from 'vitest'
import { type ArrayTensor, arrayOps, valueAndGrad } from '../../src/array/index.js'

/** Operations in double precision, for accurate finite differences. */
export const ops64 = arrayOps({ type: 'float64' })

/** Values in [-2, 2), the same for the same name and shape. */
export const random = (name: string, shape: readonly number[]): ArrayTensor =>
  ops64.constant(deterministicImage(name, shape), shape)

/** Compares the gradient of every input with central differences. Random weights reduce a tensor result to a scalar. */
export function checkGradients(
  f: (...inputs: readonly ArrayTensor[]) => ArrayTensor,
  inputs: readonly ArrayTensor[],
  tolerance = 1e-7,
): void {
  const scalar = (...xs: readonly ArrayTensor[]) => {
    const y = f(...xs)
    return ops64.sum(ops64.multiply(y, random('weights of the result', y.shape)))
  }
  const { gradients, value } = valueAndGrad(scalar)(...inputs)
  expect(value).toBe(scalar(...inputs).data[0])
  inputs.forEach((input, k) => {
    const numeric = Float64Array.from(input.data, (_, i) => {
      const at = (step: number) => {
        const moved = { ...input, data: Float64Array.from(input.data) }
        moved.data[i] += step
        return scalar(...inputs.map((x, j) => (j === k ? moved : x))).data[0]
      }
      // Five points, so that the error decreases with the fourth power of the step.
      const h = 1e-4
      return (8 * (at(h) - at(-h)) - (at(2 * h) - at(-2 * h))) / (12 * h)
    })
    expect(gradients[k].shape).toEqual(input.shape)
    expect(numeric.some((g) => g !== 0)).toBe(true)
    expect(relativeError(gradients[k].data, numeric)).toBeLessThan(tolerance)
  })
}
