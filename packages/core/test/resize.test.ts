import { relativeError } from '@inverseform/testing/losses'
import { describe, expect, it } from 'vitest'
import { resizeBilinear } from '../src/index.js'
import { checkGradients, ops64 as ops, random } from './support/gradients.js'

/** Samples one pixel bilinearly, by definition. */
function sample(plane: ArrayLike<number>, [h, w]: [number, number], [y, x]: [number, number]): number {
  const row = Math.floor(y)
  const column = Math.floor(x)
  const at = (i: number, j: number) => plane[Math.min(i, h - 1) * w + Math.min(j, w - 1)]
  const top = at(row, column) * (column + 1 - x) + at(row, column + 1) * (x - column)
  const bottom = at(row + 1, column) * (column + 1 - x) + at(row + 1, column + 1) * (x - column)
  return top * (row + 1 - y) + bottom * (y - row)
}

describe('bilinear resizing', () => {
  it.each([
    [5, 7, 12, 9],
    [12, 9, 5, 7],
    [1, 1, 3, 4],
    [6, 4, 6, 8],
    [3, 5, 1, 1],
  ] as const)('from %i x %i to %i x %i', (h, w, height, width) => {
    const x = random('x', [2, 2, h, w])
    const resized = resizeBilinear(ops, x, [height, width])
    expect(resized.shape).toEqual([2, 2, height, width])
    const expected = Float64Array.from(resized.data, (_, i) => {
      const plane = Math.floor(i / (height * width))
      const source = (position: number, from: number, to: number) =>
        Math.max(((position + 0.5) * from) / to - 0.5, 0)
      const y = source(Math.floor(i / width) % height, h, height)
      return sample(x.data.subarray(plane * h * w), [h, w], [y, source(i % width, w, width)])
    })
    expect(relativeError(resized.data, expected)).toBeLessThan(1e-14)
    checkGradients((y) => resizeBilinear(ops, y, [height, width]), [x])
  })

  it('matches PyTorch', () => {
    // torch.nn.functional.interpolate(torch.arange(4.).view(1, 1, 1, 4), size=(1, 6), mode='bilinear')
    const resized = resizeBilinear(ops, ops.constant([0, 1, 2, 3], [1, 1, 1, 4]), [1, 6])
    expect(relativeError(resized.data, [0, 0.5, 7 / 6, 11 / 6, 2.5, 3])).toBeLessThan(1e-14)
  })

  it('rejects other tensors and sizes', () => {
    expect(() => resizeBilinear(ops, random('x', [2, 2]), [3, 3])).toThrow(
      '`x` must have the shape [images, channels, height, width], got 2x2.',
    )
    expect(() => resizeBilinear(ops, ops.constant([], [1, 1, 0, 2]), [2, 2])).toThrow(
      '`x` must have the shape [images, channels, height, width], got 1x1x0x2.',
    )
    expect(() => resizeBilinear(ops, random('x', [1, 1, 2, 2]), [0, 3])).toThrow(
      '`size` must be two positive integers, got [0, 3].',
    )
  })
})
