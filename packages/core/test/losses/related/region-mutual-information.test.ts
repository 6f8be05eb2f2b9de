import { type Case, randomCase } from '@inverseform/testing/losses'
import { describe, expect, it } from 'vitest'
import { type ArrayTensor, valueAndGrad } from '../../../src/array/index.js'
import { type RegionMutualInformationLossOptions, regionMutualInformationLoss } from '../../../src/index.js'
import { codeOf, ops, perfect, scalar, single, tensorOf } from './support.js'

type Matrix = number[][]

const times = (a: Matrix, b: Matrix): Matrix =>
  a.map((row) => b[0].map((_, j) => row.reduce((sum, value, k) => sum + value * b[k][j], 0)))
const transposed = (a: Matrix): Matrix => a[0].map((_, j) => a.map((row) => row[j]))

/** Gauss-Jordan inverse with pivoting. */
function inverse(a: Matrix): Matrix {
  const n = a.length
  const rows = a.map((row, i) => [...row, ...row.map((_, j) => (i === j ? 1 : 0))])
  for (let c = 0; c < n; c++) {
    let best = c
    for (let r = c; r < n; r++) if (Math.abs(rows[r][c]) > Math.abs(rows[best][c])) best = r
    ;[rows[c], rows[best]] = [rows[best], rows[c]]
    rows[c] = rows[c].map((value) => value / rows[c][c])
    for (let r = 0; r < n; r++) {
      if (r === c) continue
      const factor = rows[r][c]
      rows[r] = rows[r].map((value, j) => value - factor * rows[c][j])
    }
  }
  return rows.map((row) => row.slice(n))
}

/** Computes the log-determinant from the Cholesky factor. */
function logDeterminant(a: Matrix): number {
  const factor: Matrix = a.map((row) => row.map(() => 0))
  let log = 0
  for (let i = 0; i < a.length; i++) {
    for (let j = 0; j <= i; j++) {
      let value = a[i][j]
      for (let k = 0; k < j; k++) value -= factor[i][k] * factor[j][k]
      factor[i][j] = i === j ? Math.sqrt(value) : value / factor[j][j]
    }
    log += 2 * Math.log(factor[i][i])
  }
  return log
}

function pool(map: Matrix, size: number): Matrix {
  if (size === 1) return map
  const pad = Math.floor(size / 2)
  const count = (length: number) => Math.floor((length + 2 * pad - size) / size) + 1
  return Array.from({ length: count(map.length) }, (_, y) =>
    Array.from({ length: count(map[0].length) }, (_, x) => {
      let most = Number.NEGATIVE_INFINITY
      for (let v = y * size - pad; v < y * size - pad + size; v++) {
        for (let u = x * size - pad; u < x * size - pad + size; u++) {
          most = Math.max(most, map[v]?.[u] ?? most)
        }
      }
      return most
    }),
  )
}

/** Returns centered regions, [radius², regions]. */
function vectors(map: Matrix, radius: number): Matrix {
  const result: Matrix = []
  for (let y = 0; y < radius; y++) {
    for (let x = 0; x < radius; x++) {
      const values = map
        .slice(y, map.length - radius + 1 + y)
        .flatMap((row) => row.slice(x, row.length - radius + 1 + x))
      const mean = values.reduce((a, b) => a + b, 0) / values.length
      result.push(values.map((value) => value - mean))
    }
  }
  return result
}

function byLoops(of: Case, options: RegionMutualInformationLossOptions): number {
  const { images, numClasses, height, width, target, logits } = of
  const { radius = 3, downsampling = 3, lambda = 0.5 } = options
  const padded = (a: Matrix) => a.map((row, i) => row.map((value, j) => value + (i === j ? 5e-4 : 0)))
  let information = 0
  let entropy = 0
  for (let n = 0; n < images; n++) {
    for (let c = 0; c < numClasses; c++) {
      const map = (f: (label: number, logit: number) => number) =>
        Array.from({ length: height }, (_, y) =>
          Array.from({ length: width }, (_, x) => {
            const i = y * width + x
            return f(target[n * height * width + i], logits[(n * numClasses + c) * height * width + i])
          }),
        )
      const sigmoid = (x: number) => 1 / (1 + Math.exp(-x))
      const p = vectors(
        pool(
          map((label, x) => (label === 255 ? 0 : sigmoid(x)) + 1e-6),
          downsampling,
        ),
        radius,
      )
      const y = vectors(
        pool(
          map((label) => (label === c ? 1 : 0)),
          downsampling,
        ),
        radius,
      )
      const cross = times(y, transposed(p))
      const known = times(times(cross, inverse(padded(times(p, transposed(p))))), transposed(cross))
      const left = times(y, transposed(y)).map((row, i) => row.map((value, j) => value - known[i][j]))
      information += logDeterminant(padded(left)) / 2 / radius ** 2 / images
      entropy += map((label, x) => (label === 255 ? 0 : -Math.log(sigmoid(label === c ? x : -x))))
        .flat()
        .reduce((a, b) => a + b, 0)
    }
  }
  const counted = target.filter((label) => label !== 255).length
  return (lambda * entropy) / (counted + 1) + (1 - lambda) * information
}

const inputs = (of: Case) => ({ logits: tensorOf(ops, of), target: of.target })

describe('region mutual information', () => {
  it.each<[number, number, RegionMutualInformationLossOptions]>([
    [24, 31, {}],
    [25, 30, { lambda: 0 }],
    [26, 29, { lambda: 1 }],
    [11, 9, { downsampling: 1 }],
    [15, 14, { radius: 2 }],
    [16, 17, { downsampling: 2, radius: 2, lambda: 0.1 }],
  ])('matches loops at %dx%d: %j', (height, width, options) => {
    const of = randomCase(2, 3, height, width)
    const actual = scalar(regionMutualInformationLoss(ops, inputs(of), options))
    expect(actual).toBeCloseTo(byLoops(of, options), 8)
  })

  it('decreases for better predictions, down to its minimum', () => {
    const of = randomCase(1, 3, 40, 40, { ignored: 0 })
    const right = perfect(of)
    const loss = (share: number) => {
      const logits = of.logits.map((value, i) => value * (1 - share) + (right.logits[i] - 30) * share)
      return scalar(regionMutualInformationLoss(ops, inputs({ ...of, logits }), { lambda: 0 }))
    }
    const least = 3 * 0.5 * Math.log(5e-4)
    expect(loss(1)).toBeGreaterThanOrEqual(least)
    expect(loss(1)).toBeLessThan(loss(0.05))
    expect(loss(0.05)).toBeLessThan(loss(0))
  })

  // A sigmoid near 1 is rounded to 6e-8. The larger the logit, the larger this error is relative to the distance from 1.
  it.each([
    [4, 1e-4],
    [8, 2e-3],
    [12, 1e-2],
  ])('is accurate in single precision for correct logits of ±%d', (size, share) => {
    const [numClasses, height, width] = [4, 128, 192]
    const target = Uint8Array.from({ length: height * width }, (_, i) => {
      const [row, column] = [Math.floor(i / width), i % width]
      return (Math.floor(row / 37) * 3 + Math.floor(column / 53)) % numClasses
    })
    const logits = Float64Array.from({ length: numClasses * target.length }, (_, i) => {
      const right = target[i % target.length] === Math.floor(i / target.length)
      return Math.fround((right ? size : -size) + Math.sin(i))
    })
    const of = { images: 1, numClasses, height, width, logits, target }
    const run = (on: typeof ops) =>
      valueAndGrad((x: ArrayTensor) => regionMutualInformationLoss(on, { logits: x, target }, { lambda: 0 }))(
        tensorOf(on, of),
      )
    const [exact, rounded] = [run(ops), run(single)]
    expect(rounded.value).toBeCloseTo(exact.value, 5)
    const norm = (x: ArrayLike<number>) => Math.hypot(...Array.from(x))
    const difference = rounded.gradients[0].data.map((g, i) => g - exact.gradients[0].data[i])
    expect(norm(difference) / norm(exact.gradients[0].data)).toBeLessThan(share)
  })

  // Most directions of such regions have no variance in the target, the prediction or both.
  it.each([0, 0.5, 4, 8].flatMap((size) => [3, 4].map((radius) => ({ size, radius }))))(
    'is accurate where regions are alike: halves, logits of ±$size, radius $radius',
    ({ size, radius }) => {
      const [height, width] = [64, 130]
      const target = Uint8Array.from({ length: height * width }, (_, i) => (i % width < 65 ? 0 : 1))
      const logits = Float64Array.from({ length: 2 * target.length }, (_, i) =>
        target[i % target.length] === Math.floor(i / target.length) ? size : -size,
      )
      const of = { images: 1, numClasses: 2, height, width, logits, target }
      const [exact, rounded] = [ops, single].map((on) =>
        scalar(
          regionMutualInformationLoss(
            on,
            { logits: tensorOf(on, of), target },
            { lambda: 0, downsampling: 1, radius },
          ),
        ),
      )
      expect(rounded).toBeCloseTo(exact, 5)
      expect(rounded).toBeGreaterThanOrEqual(Math.log(5e-4))
    },
  )

  it('rejects sizes without a region, and invalid options', () => {
    const run = (options: RegionMutualInformationLossOptions) => () =>
      regionMutualInformationLoss(ops, inputs(randomCase(1, 2, 6, 9)), options)
    expect(codeOf(run({}))).toBe('size-mismatch')
    expect(codeOf(run({ radius: 0 }))).toBe('invalid-argument')
    expect(codeOf(run({ downsampling: 1.5 }))).toBe('invalid-argument')
    expect(codeOf(run({ lambda: 2 }))).toBe('invalid-argument')
  })
})
