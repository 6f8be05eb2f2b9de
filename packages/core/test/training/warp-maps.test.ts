import { relativeError } from '@inverseform/testing/losses'
import { describe, expect, it } from 'vitest'
import { arrayOps, valueAndGrad } from '../../src/array/index.js'
import {
  type Matrix3,
  sampleAffine,
  sampleHomography,
  seededRandom,
  transformMaps,
  transformMatrix,
  warpMaps,
} from '../../src/training/index.js'

const [height, width] = [9, 14]
const random = seededRandom(11)
const noise = (length: number) => Float32Array.from({ length }, () => random())
const map = { data: noise(height * width), shape: [1, 1, height, width] }
const matrices: Record<string, Matrix3> = {
  affine: sampleAffine(random, { shift: [-0.5, 0.5], angle: [1, 2] }).matrix,
  homography: sampleHomography(random, { perspective: [-0.4, 0.4] }).matrix,
  enlarging: transformMatrix([0.1, -0.2, -0.7, -0.6]),
  shrinking: transformMatrix([0, 0, 1.5, 2]),
  mirroring: transformMatrix([-1, 0, 0, 0, -1, 0]),
  'across the horizon': [1, 0, 0, 0, 1, 0, 2, 0.5, 0.3],
}

/** Sums every pixel's share of every sample, by definition, without special cases at the border. */
function naive(m: Matrix3): number[] {
  const values: number[] = []
  for (let i = 0; i < height; i++) {
    for (let j = 0; j < width; j++) {
      const point = [(j + 0.5) / (width / 2) - 1, (i + 0.5) / (height / 2) - 1, 1]
      const [x, y, w] = [0, 3, 6].map((row) => point.reduce((sum, p, k) => sum + p * m[row + k], 0)) as [
        number,
        number,
        number,
      ]
      const column = ((x / w + 1) * width) / 2 - 0.5
      const row = ((y / w + 1) * height) / 2 - 0.5
      let value = 0
      if (w > 0) {
        map.data.forEach((pixel, p) => {
          const across = Math.max(0, 1 - Math.abs(column - (p % width)))
          const down = Math.max(0, 1 - Math.abs(row - Math.floor(p / width)))
          value += across * down * pixel
        })
      }
      values.push(value)
    }
  }
  return values
}

describe('warping', () => {
  it('by the identity returns the map', () => {
    expect(relativeError(warpMaps(map, [transformMatrix([0, 0])]), map.data)).toBeLessThan(1e-6)
  })

  it.each([
    [3, 0],
    [-2, 4],
    [20, 0],
  ])('by %i columns and %i rows shifts the map', (right, down) => {
    const warped = warpMaps(map, [transformMatrix([(2 * right) / width, (2 * down) / height])])
    const shifted = Float32Array.from({ length: height * width }, (_, p) => {
      const [row, column] = [Math.floor(p / width) + down, (p % width) + right]
      return row < 0 || row >= height || column < 0 || column >= width ? 0 : map.data[row * width + column]
    })
    warped.forEach((value, p) => {
      expect(value).toBeCloseTo(shifted[p], 6)
    })
  })

  it.each(Object.entries(matrices))('%s matches the definition, on arrays and tensors', (_, matrix) => {
    const expected = naive(matrix)
    expect(Math.max(...expected)).toBeGreaterThan(0.3)
    expect(relativeError(warpMaps(map, [matrix]), expected)).toBeLessThan(1e-6)
    for (const [type, digits] of [
      ['float64', 1e-6],
      ['float32', 1e-5],
    ] as const) {
      const ops = arrayOps({ type })
      const result = transformMaps(ops, ops.constant(map.data, map.shape), ops.constant(matrix, [1, 3, 3]))
      expect(result.shape).toEqual(map.shape)
      expect(relativeError(result.data, expected)).toBeLessThan(digits)
    }
  })

  it("matches PyTorch's affine_grid and grid_sample", () => {
    // torch 1.13, float64, align_corners=False, zeros: arange(12) / 12 as 3x4, theta = [[.9, .2, .3], [-.1, 1.1, -.2]].
    const data = Float32Array.from({ length: 12 }, (_, i) => i / 12)
    const pytorch = [
      0.028697917, 0.073489583, 0.10703125, 0.09953125, 0.333333333, 0.383333333, 0.433333333, 0.245208333,
      0.722222222, 0.772222222, 0.822222222, 0.230208333,
    ]
    const warped = warpMaps({ data, shape: [1, 1, 3, 4] }, [[0.9, 0.2, 0.3, -0.1, 1.1, -0.2, 0, 0, 1]])
    expect(relativeError(warped, pytorch)).toBeLessThan(1e-6)
  })

  it('transforms maps and channels independently', () => {
    const shape = [2, 3, height, width]
    const data = noise(6 * height * width)
    const pair = [matrices.affine, matrices.homography]
    const together = warpMaps({ data, shape }, pair)
    for (let plane = 0; plane < 6; plane++) {
      const [from, to] = [plane * height * width, (plane + 1) * height * width]
      const alone = warpMaps({ data: data.slice(from, to), shape: map.shape }, [pair[Math.floor(plane / 3)]])
      expect(together.slice(from, to)).toEqual(alone)
    }
  })

  it('has gradients that match finite differences', () => {
    const ops = arrayOps({ type: 'float64' })
    const weights = ops.constant(noise(2 * height * width), [2, 1, height, width])
    const inputs = [
      ops.constant(Float64Array.from(noise(2 * height * width)), [2, 1, height, width]),
      ops.constant([...matrices.affine, ...matrices.homography], [2, 3, 3]),
    ] as const
    const loss = (maps: (typeof inputs)[0], transforms: (typeof inputs)[1]) =>
      ops.sum(ops.multiply(transformMaps(ops, maps, transforms), weights))
    const { gradients } = valueAndGrad(loss)(...inputs)
    inputs.forEach((input, argument) => {
      // The step is small enough that no sample crosses a pixel center, where the slope changes.
      const step = 1e-7
      const differences = Float64Array.from(input.data, (_, i) => {
        const at = (offset: number) => {
          const data = Float64Array.from(input.data)
          data[i] += offset
          const moved = inputs.map((other, k) => (k === argument ? { data, shape: input.shape } : other))
          return loss(moved[0], moved[1]).data[0]
        }
        return (at(step) - at(-step)) / (2 * step)
      })
      expect(relativeError(gradients[argument].data, differences)).toBeLessThan(1e-6)
    })
  })

  it('rejects shapes that do not fit', () => {
    const ops = arrayOps()
    const one = transformMatrix([0, 0])
    expect(() => warpMaps(map, [one, one])).toThrow(
      'Maps of 1x1x9x14 need 1 matrices and 126 values, got 2 matrices and 126 values.',
    )
    const affine = [1, 0, 0, 0, 1, 0] as unknown as Matrix3
    expect(() => warpMaps(map, [affine])).toThrow('`matrices[0]` must have 9 elements, got 6.')
    expect(() => warpMaps({ data: map.data, shape: [1, height, width] }, [one])).toThrow(
      '`maps` must have the shape [images, channels, height, width], got 1x9x14.',
    )
    expect(() => transformMaps(ops, ops.constant(map.data, map.shape), ops.constant(one, [3, 3]))).toThrow(
      '3x3',
    )
  })
})
