import { isInverseFormError } from '@inverseform/errors'
import { describe, expect, it } from 'vitest'
import { arrayOps } from '../../src/array/index.js'
import { euclideanDistance, geodesicDistance } from '../../src/index.js'
import {
  sampleAffine,
  sampleHomography,
  sampleRotation,
  sampleScale,
  sampleShift,
  sampleShiftAndScale,
  seededRandom,
  transformMatrix,
  transformParameters,
} from '../../src/training/index.js'

const samplers = {
  sampleShift,
  sampleScale,
  sampleShiftAndScale,
  sampleRotation,
  sampleAffine,
  sampleHomography,
}
const counts = [2, 4, 4, 6, 6, 8]

const code = (f: () => unknown): string => {
  try {
    f()
    return 'nothing'
  } catch (error) {
    return isInverseFormError(error) ? error.code : String(error)
  }
}

describe('transforms', () => {
  it.each(Object.entries(samplers).map(([name, sampler], i) => ({ name, sampler, count: counts[i] })))(
    '$name draws different parameters of its matrix every time, and the same ones for a seed',
    ({ sampler, count }) => {
      const draw = (seed: number) => {
        const random = seededRandom(seed)
        return Array.from({ length: 20 }, () => sampler(random))
      }
      for (const { matrix, parameters } of draw(1)) {
        expect(parameters).toHaveLength(count)
        const doubled = matrix.map((element) => element * 2)
        transformParameters(doubled, count).forEach((value, i) => {
          expect(value).toBeCloseTo(parameters[i], 12)
        })
      }
      expect(draw(1)).toEqual(draw(1))
      expect(new Set(draw(1).map(({ parameters }) => parameters.join())).size).toBe(20)
      expect(draw(1)).not.toEqual(draw(2))
    },
  )

  it('stay within their ranges and fill them', () => {
    const random = seededRandom(3)
    const shifts = Array.from(
      { length: 2000 },
      () => sampleShift(random, { shift: [-0.1, 0.3] }).parameters,
    ).flat()
    expect(Math.min(...shifts)).toBeGreaterThanOrEqual(-0.1)
    expect(Math.max(...shifts)).toBeLessThan(0.3)
    expect(Math.min(...shifts)).toBeLessThan(-0.099)
    expect(Math.max(...shifts)).toBeGreaterThan(0.299)
    for (let i = 0; i < 200; i++) {
      const scale = sampleScale(random, { scale: [0.5, 2] }).parameters
      expect(scale.slice(0, 2)).toEqual([0, 0])
      for (const displacement of scale.slice(2)) expect(displacement + 1).toSatisfy((s) => s >= 0.5 && s < 2)
      const rotation = sampleRotation(random, { angle: [0.2, 0.4] }).parameters
      expect(Math.atan2(rotation[3], rotation[0])).toSatisfy((angle) => angle >= 0.2 && angle < 0.4)
      expect(rotation[0] * rotation[4] - rotation[1] * rotation[3]).toBeCloseTo(1, 12)
    }
  })

  it('have the documented ranges by default, and fill them', () => {
    const random = seededRandom(4)
    const drawn = Array.from({ length: 4000 }, () => {
      const [, , , , , , ...perspective] = sampleHomography(random).parameters
      const [cosine, , , sine] = sampleRotation(random).parameters
      const [, , ...scale] = sampleScale(random).parameters
      const [a, b, , d, e] = sampleAffine(random, { angle: [0, 0], scale: [1, 1] }).parameters
      expect([a, d, e]).toEqual([1, 0, 1])
      const { parameters: shift } = sampleShift(random)
      return { shift, scale, angle: [Math.atan2(sine, cosine)], shear: [b], perspective }
    })
    const ranges = {
      shift: [-0.25, 0.25],
      scale: [-0.2, 0.25],
      angle: [-Math.PI / 12, Math.PI / 12],
      shear: [-0.1, 0.1],
      perspective: [-0.1, 0.1],
    } as const
    for (const [name, [least, greatest]] of Object.entries(ranges)) {
      const values = drawn.flatMap((each) => each[name as keyof typeof ranges] as number[])
      const slack = (greatest - least) / 200
      expect(Math.min(...values), name).toSatisfy((value) => value >= least - 1e-12 && value < least + slack)
      expect(Math.max(...values), name).toSatisfy((value) => value < greatest && value > greatest - slack)
    }
  })

  it('compose affine transformations from scale, shear, rotation and displacement, in this order', () => {
    const fixed = { shift: [0.1, 0.1], scale: [1.5, 1.5], angle: [0.3, 0.3], shear: [0.2, 0.2] } as const
    const { matrix } = sampleAffine(seededRandom(1), fixed)
    const apply = ([x, y]: [number, number]) => {
      const [sx, sy] = [1.5 * x, 1.5 * y]
      const sheared = sx + 0.2 * sy
      return [
        Math.cos(0.3) * sheared - Math.sin(0.3) * sy + 0.1,
        Math.sin(0.3) * sheared + Math.cos(0.3) * sy + 0.1,
      ]
    }
    for (const [x, y] of [
      [1, 0],
      [0, 1],
      [-0.4, 0.7],
    ] as [number, number][]) {
      const [u, v] = apply([x, y])
      expect(matrix[0] * x + matrix[1] * y + matrix[2]).toBeCloseTo(u, 12)
      expect(matrix[3] * x + matrix[4] * y + matrix[5]).toBeCloseTo(v, 12)
    }
  })

  it("have distance 0 at the identity's parameters", () => {
    const ops = arrayOps({ type: 'float64' })
    const identity = [1, 0, 0, 0, 1, 0, 0, 0, 1]
    expect(transformParameters(identity, 2)).toEqual([0, 0])
    expect(transformParameters(identity, 4)).toEqual([0, 0, 0, 0])
    const affine = ops.constant(transformParameters(identity, 6), [1, 6])
    const homography = ops.constant(transformParameters(identity, 8), [1, 8])
    expect(euclideanDistance(ops, affine).data[0]).toBe(0)
    expect(geodesicDistance(ops, homography).data[0]).toBeCloseTo(0, 12)
  })

  it('reject invalid ranges and matrices', () => {
    const random = seededRandom(1)
    expect(code(() => sampleScale(random, { scale: [0, 1] }))).toBe('invalid-argument')
    expect(code(() => sampleShift(random, { shift: [1, 0] }))).toBe('invalid-argument')
    expect(code(() => sampleShift(random, { shift: [Number.NaN, 0] }))).toBe('invalid-argument')
    expect(code(() => sampleHomography(random, { perspective: [-0.5, 0.5] }))).toBe('invalid-argument')
    expect(code(() => transformMatrix([1, 2, 3]))).toBe('size-mismatch')
    expect(code(() => transformParameters([1, 0, 0, 0, 1, 0], 2))).toBe('size-mismatch')
    expect(code(() => transformParameters([1, 0, 0, 0, 1, 0, 1, 0, 0], 8))).toBe('invalid-argument')
    expect(code(() => transformParameters([1, 0.1, 0, 0, 1, 0, 0, 0, 1], 4))).toBe('size-mismatch')
    expect(code(() => transformParameters([1, 0, 0, 0, 1, 0, 0, 0, 1], 5))).toBe('size-mismatch')
  })
})
