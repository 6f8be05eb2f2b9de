import { expect, test } from 'vitest'
import { distanceOf } from '../../src/train/regressor.js'

/** An InverseNet that gives so many coefficients. */
const giving = (count: number, transform?: string) => ({
  weights: {
    'fc.0.bias': { shape: [32], data: new Float32Array(32) },
    'fc.10.bias': { shape: [count], data: new Float32Array(count) },
  },
  transform,
})

test.each([
  ['shift-and-scale', 4, 'coefficients'],
  ['affine', 6, 'euclidean'],
  ['homography', 8, 'geodesic'],
])('an InverseNet of %s has the distance of what it estimates', (transform, count, distance) => {
  expect(distanceOf(undefined, giving(count, transform))).toBe(distance)
})

test('without a word about it, four coefficients are displacements, and more need a distance', () => {
  expect(distanceOf(undefined, undefined)).toBe('coefficients')
  expect(distanceOf(undefined, giving(4))).toBe('coefficients')
  expect(() => distanceOf(undefined, giving(8))).toThrow(/--distance is missing .* gives 8 coefficients/)
  expect(distanceOf('geodesic', giving(8))).toBe('geodesic')
})

test('a distance needs its number of coefficients', () => {
  expect(() => distanceOf('euclidean', giving(8))).toThrow(/takes 6 coefficients, but the InverseNet gives 8/)
})
