import { readFile } from 'node:fs/promises'
import { randomInteger, seededRandom } from '@inverseform/shared'
import { relativeError } from '@inverseform/testing/losses'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { binaryFiles, kernelsModule } from '../../../../tools/scripts/build-kernels.mjs'
import { type ArrayTensor, arrayOps, valueAndGrad } from '../../src/array/index.js'
import { kernelsFor } from '../../src/array/kernels/kernels.js'
import { edgeAttentionLoss, edgeBceLoss } from '../../src/index.js'

const random = seededRandom(14)
const integer = (least: number, most: number) => randomInteger(random, least, most)
const ops64 = arrayOps({ type: 'float64' })

/** Float32 values in both types. */
function tensors(shape: readonly number[], scale = 1, shift = 0): [ArrayTensor, ArrayTensor] {
  const length = shape.reduce((a, b) => a * b)
  const data = Float32Array.from({ length }, () => (random() - 0.5) * scale + shift)
  return [
    { data, shape },
    { data: Float64Array.from(data), shape },
  ]
}

const losses = (ops: typeof ops64, indices: Int32Array, weights: ArrayTensor) =>
  valueAndGrad((x: ArrayTensor) =>
    ops.sum(ops.multiply(ops.softmaxCrossEntropy(x, indices, 1), ops.constant(weights.data, weights.shape))),
  )

afterEach(() => {
  vi.unstubAllGlobals()
  vi.resetModules()
})

it('the binary is what its source compiles to', async () => {
  expect(await readFile(binaryFiles.core, 'utf8')).toBe(await kernelsModule('core'))
}, 60_000)

it('runs on this platform, and leaves large jobs to TypeScript', () => {
  expect(kernelsFor(2 ** 20)).toBeDefined()
  expect(kernelsFor(2 ** 25)).toBeUndefined()
})

describe('kernels equal double precision in TypeScript', () => {
  it.each(Array.from({ length: 12 }, (_, i) => i))('cross-entropies and gradients of random maps %i', (i) => {
    const [images, classes, height, width] = [integer(1, 3), integer(1, 30), integer(8, 40), integer(8, 90)]
    const [x, x64] = tensors([images, classes, height, width], 30, i % 2 === 0 ? 0 : 1000)
    const shape = [images, height, width]
    const pixels = images * height * width
    const indices = Int32Array.from({ length: pixels }, () => integer(0, classes - 1))
    const [weights, weights64] = tensors(shape)
    weights.data.forEach((_, at) => {
      if (at % 5 === 0) weights.data[at] = weights64.data[at] = 0
    })
    const single = arrayOps()
    const forward = single.softmaxCrossEntropy(x, indices, 1).data
    expect(relativeError(forward, ops64.softmaxCrossEntropy(x64, indices, 1).data)).toBeLessThan(1e-6)
    const got = losses(single, indices, weights)(x).gradients[0].data
    const want = losses(ops64, indices, weights64)(x64).gradients[0].data
    expect(relativeError(got, want)).toBeLessThan(1e-6)
    for (let at = 0; at < want.length; at++) if (want[at] === 0) expect(got[at]).toBe(0)
  })

  it.each([
    [3, 1001, 1030],
    [18, 4100, 133],
    [7, 259, 1030],
    [200, 131, 1500],
    [385, 64, 66],
    ...Array.from({ length: 6 }, () => [integer(3, 60), integer(64, 400), integer(64, 400)]),
  ])('products of %i x %i and x %i', (m, k, n) => {
    const single = arrayOps()
    const [a, a64] = tensors([m, k])
    const [b, b64] = tensors([k, n])
    const expected = ops64.matmul(a64, b64).data
    const turn = (x: ArrayTensor) => single.transpose(x, [1, 0])
    for (const { data, shape } of [
      single.matmul(a, b),
      single.matmul(turn(a), b, { transposeA: true }),
      single.matmul(a, turn(b), { transposeB: true }),
      single.matmul(turn(a), turn(b), { transposeA: true, transposeB: true }),
    ]) {
      expect(shape).toEqual([m, n])
      expect(relativeError(data, expected)).toBeLessThan(1e-6)
    }
  })

  it('products of batches', () => {
    const [a, a64] = tensors([2, 1, 20, 130])
    const [b, b64] = tensors([3, 130, 120])
    const [got, want] = [arrayOps().matmul(a, b), ops64.matmul(a64, b64)]
    expect(got.shape).toEqual([2, 3, 20, 120])
    expect(relativeError(got.data, want.data)).toBeLessThan(1e-6)
  })
})

it('adds the gradients of cross-entropies with other indices and the same ones', () => {
  const [x, x64] = tensors([1, 5, 16, 70], 8)
  const draw = () => Int32Array.from({ length: 16 * 70 }, () => integer(0, 4))
  const [first, second] = [draw(), draw()]
  const loss = (ops: typeof ops64) =>
    valueAndGrad((y: ArrayTensor) => {
      const parts = [first, second, second.slice(), first].map((indices, i) =>
        ops.multiply(ops.sum(ops.softmaxCrossEntropy(y, indices, 1)), i + 1),
      )
      return parts.reduce((a, b) => ops.add(a, b))
    })
  const [got, want] = [loss(arrayOps())(x), loss(ops64)(x64)]
  // Without caches: each term by itself.
  const alone = [first, second, second, first].map((indices) =>
    valueAndGrad((y: ArrayTensor) => ops64.sum(ops64.softmaxCrossEntropy(y, indices, 1)))(x64),
  )
  const sum = want.gradients[0].data.map((_, at) =>
    alone.reduce((total, { gradients }, i) => total + (i + 1) * gradients[0].data[at], 0),
  )
  expect(relativeError(want.gradients[0].data, sum)).toBeLessThan(1e-13)
  expect(relativeError(got.gradients[0].data, sum)).toBeLessThan(1e-6)
  expect(Math.abs(got.value / want.value - 1)).toBeLessThan(1e-6)
})

it('keeps infinite and missing logits as TypeScript does', () => {
  const ops = arrayOps()
  const [{ data, shape }] = tensors([1, 3, 8, 8])
  data[5] = Number.NEGATIVE_INFINITY
  data[64 + 6] = Number.NaN
  const indices = new Int32Array(64).fill(2)
  const weights = { data: new Float32Array(64).fill(1), shape: [1, 8, 8] }
  weights.data[7] = 0
  data[7] = Number.NaN
  const gradient = losses(ops, indices, weights)({ data, shape }).gradients[0].data
  const at = (pixel: number) => [0, 1, 2].map((c) => gradient[64 * c + pixel])
  expect(at(5)[0]).toBe(0)
  expect(at(5)[1] + at(5)[2]).toBeCloseTo(0, 6)
  expect(at(6).every(Number.isNaN)).toBe(true)
  // A pixel without weight has no gradient, whatever its logits are.
  expect(at(7)).toEqual([0, 0, 0])
})

it('softplus, sums by class and looking up equal the separate operations', () => {
  const { softplus, sumByClass, lookUp, ...composed } = ops64
  const size = [2, 1, 30, 50]
  const pixels = 2 * 30 * 50
  const [, edgeLogits] = tensors(size, 60)
  edgeLogits.data.fill(0, 0, 9)
  const [, logits] = tensors([2, 4, 30, 50], 6)
  const target = Uint8Array.from({ length: pixels }, () => [0, 1, 2, 2, 3, 255][integer(0, 5)])
  const edgeTarget = Uint8Array.from({ length: pixels }, () => integer(0, 2))
  for (const perImage of [false, true]) {
    const [fused, separate] = [ops64, composed as typeof ops64].map((ops) =>
      valueAndGrad((x: ArrayTensor, edges: ArrayTensor) =>
        ops.add(
          edgeBceLoss(ops, { edgeLogits: edges, edgeTarget }),
          edgeAttentionLoss(ops, { logits: x, target, edgeLogits: edges }, { perImage }),
        ),
      )(logits, edgeLogits),
    )
    expect(Math.abs(fused.value / separate.value - 1)).toBeLessThan(1e-13)
    for (const i of [0, 1]) {
      expect(relativeError(fused.gradients[i].data, separate.gradients[i].data)).toBeLessThan(1e-12)
    }
  }
})

it('falls back to TypeScript where WebAssembly is missing', async () => {
  const [x] = tensors([1, 4, 16, 70], 10)
  const indices = Int32Array.from({ length: 16 * 70 }, () => integer(0, 3))
  const [weights] = tensors([1, 16, 70])
  const [a] = tensors([18, 300])
  const [b] = tensors([300, 200])
  const run = (array: typeof import('../../src/array/index.js')) => {
    const ops = array.arrayOps()
    const loss = array.valueAndGrad((y: ArrayTensor) =>
      ops.sum(ops.multiply(ops.softmaxCrossEntropy(y, indices, 1), weights)),
    )
    return { ...loss(x), product: ops.matmul(a, b).data }
  }
  const withKernels = run(await import('../../src/array/index.js'))
  vi.resetModules()
  vi.stubGlobal('WebAssembly', undefined)
  const { kernelsFor } = await import('../../src/array/kernels/kernels.js')
  expect(kernelsFor(64)).toBeUndefined()
  const without = run(await import('../../src/array/index.js'))
  expect(Math.abs(withKernels.value / without.value - 1)).toBeLessThan(1e-6)
  expect(relativeError(withKernels.gradients[0].data, without.gradients[0].data)).toBeLessThan(1e-6)
  expect(relativeError(withKernels.product, without.product)).toBeLessThan(1e-6)
})
