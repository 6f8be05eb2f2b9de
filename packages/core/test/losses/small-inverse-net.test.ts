import { seededRandom } from '@inverseform/shared'
import { describe, expect, it } from 'vitest'
import { type ArrayTensor, arrayOps, valueAndGrad } from '../../src/array/index.js'
import { inverseFormLoss, inverseNet, jointLoss } from '../../src/index.js'
import { smallInverseNet } from '../../src/losses/inverse-form/small-inverse-net.js'
import { adam, transformMaps } from '../../src/training/index.js'

const ops = arrayOps()
const small = smallInverseNet()
const regressor = inverseNet(ops, small.weights)
const [height, width] = [56, 112]
/** Read once: reading the weights from their text takes longer than a step of training. */
const { options } = smallInverseNet([height, width])

/** Lines of ellipses, 4 pixels wide: no scenes, and so unlike what the regressor was trained on. */
function ellipses(seed: number, rows: number, columns: number, shift: readonly [number, number] = [0, 0]) {
  const random = seededRandom(seed)
  const shapes = Array.from({ length: 4 }, () => [
    rows * random(),
    columns * random(),
    15 + 20 * random(),
    15 + 30 * random(),
  ])
  return Uint8Array.from({ length: rows * columns }, (_, p) => {
    const [y, x] = [Math.floor(p / columns) - shift[1], (p % columns) - shift[0]]
    return shapes.some(([cy, cx, a, b]) => {
      const radius = Math.hypot((y - cy) / a, (x - cx) / b)
      return Math.abs(radius - 1) * Math.min(a, b) < 2
    })
      ? 1
      : 0
  })
}

/** Edge logits for probabilities from 0.02 to 0.98. */
const logitsOf = (edges: Uint8Array) =>
  ops.constant(
    Float32Array.from(edges, (edge) => 8 * (edge - 0.5)),
    [1, 1, height, width],
  )

const lossOf = (edgeLogits: ArrayTensor, edgeTarget: Uint8Array) =>
  inverseFormLoss(ops, { edgeLogits, edgeTarget, regressor }, options).data[0]

describe('smallInverseNet', () => {
  it('divides maps into tiles of the weights', () => {
    expect(small.options).toEqual({ size: [252, 504], tileGrid: [9, 18] })
    expect(smallInverseNet([512, 1024]).options).toEqual({ size: [504, 1036], tileGrid: [18, 37] })
    expect(smallInverseNet([10, 10]).options).toEqual({ size: [28, 28], tileGrid: [1, 1] })
    expect(small.weights['fc.0.weight'].shape[1]).toBe(2 * 28 * 28)
    expect(small.weights['fc.4.bias'].shape).toEqual([4])
    expect(() => smallInverseNet([0, 10])).toThrow('`mapSize`')
  })

  it('makes the joint loss work without a file', () => {
    const random = seededRandom(1)
    const logits = ops.constant(Float32Array.from({ length: 19 * height * width }, random), [
      1,
      19,
      height,
      width,
    ])
    const edgeTarget = ellipses(1, height, width)
    const target = Uint8Array.from(edgeTarget, (edge) => 3 * edge)
    const inputs = { logits, target, edgeTarget, regressor }
    const { value, gradients } = valueAndGrad((edgeLogits) =>
      jointLoss(ops, { ...inputs, edgeLogits }, { inverseForm: options }),
    )(logitsOf(edgeTarget))
    expect(value).toBeGreaterThan(0)
    expect(Math.hypot(...gradients[0].data)).toBeGreaterThan(0)
  })

  it('gives losses that grow with the displacement, and are near 0 without', () => {
    const distances = [0, 1, 2, 3, 4]
    const means = distances.map(() => 0)
    let greater = 0
    let count = 0
    for (let seed = 1; seed <= 12; seed++) {
      const target = ellipses(seed, height, width)
      const aligned = lossOf(logitsOf(target), target)
      for (const [i, distance] of distances.entries()) {
        const loss = lossOf(logitsOf(ellipses(seed, height, width, [distance, -distance])), target)
        means[i] += loss / 12
        if (distance === 0) continue
        count++
        if (loss > aligned) greater++
      }
    }
    expect(means.toSorted((a, b) => a - b)).toEqual(means)
    expect(means[0]).toBeLessThan(0.4 * means[2])
    expect(greater / count).toBeGreaterThan(0.9)
  })

  it('has a large loss for predictions without boundaries', () => {
    const target = ellipses(3, height, width)
    const everywhere = (logit: number) =>
      ops.constant(new Float32Array(height * width).fill(logit), [1, 1, height, width])
    const aligned = lossOf(logitsOf(target), target)
    expect(lossOf(everywhere(-6), target)).toBeGreaterThan(3 * aligned)
    expect(lossOf(everywhere(0), target)).toBeGreaterThan(3 * aligned)
    expect(lossOf(everywhere(-6), new Uint8Array(height * width))).toBeLessThan(0.1)
  })

  it('leads a displaced boundary to its target', () => {
    const margin = 8
    const [rows, columns] = [height + 2 * margin, width + 2 * margin]
    const large = ellipses(5, rows, columns)
    const boundary = ops.constant(large, [1, 1, rows, columns])
    const target = Uint8Array.from(
      { length: height * width },
      (_, p) => large[(Math.floor(p / width) + margin) * columns + (p % width) + margin],
    )
    const displacement = Float32Array.from([3, -2.5])
    const update = adam([displacement])
    const differentiated = valueAndGrad((at: ArrayTensor) => {
      const [x, y] = [0, 1].map((axis) => ops.slice(at, [axis], [1]))
      const fixed = (...values: number[]) => ops.constant(values, [values.length])
      const shift = [ops.multiply(x, -2 / columns), ops.multiply(y, -2 / rows)]
      const matrix = ops.concat([fixed(1, 0), shift[0], fixed(0, 1), shift[1], fixed(0, 0, 1)], 0)
      const moved = transformMaps(ops, boundary, ops.reshape(matrix, [1, 3, 3]))
      const seen = ops.slice(moved, [0, 0, margin, margin], [1, 1, height, width])
      const edgeLogits = ops.multiply(ops.subtract(seen, 0.5), 8)
      return inverseFormLoss(ops, { edgeLogits, edgeTarget: target, regressor }, options)
    })
    for (let step = 0; step < 30; step++) {
      const { gradients } = differentiated(ops.constant(displacement.slice(), [2]))
      update([gradients[0].data], 0.4 * (1 - step / 30))
    }
    expect(Math.hypot(...displacement)).toBeLessThan(1)
  })
})
