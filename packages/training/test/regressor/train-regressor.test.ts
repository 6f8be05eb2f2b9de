import { inverseNet, inverseNetForward } from '@inverseform/core'
import { type ArrayTensor, arrayOps, valueAndGrad } from '@inverseform/core/array'
import {
  type BoundaryMap,
  boundaryPairs,
  initializeInverseNet,
  regressionLoss,
  sampleHomography,
  sampleShiftAndScale,
} from '@inverseform/core/training'
import { seededRandom } from '@inverseform/shared'
import { expect, it } from 'vitest'
import { trainRegressor } from '../../src/index.js'
import { nodeSession } from '../../src/node/index.js'
import { RegressorStep } from '../../src/regressor/step.js'

const openSession = (graph: Parameters<typeof nodeSession>[0]) => nodeSession(graph, { threads: 1 })

/** Rings of random sizes, 1 on the boundary. */
function rings(seed: number, count = 4): BoundaryMap[] {
  const random = seededRandom(seed)
  const [height, width] = [48, 64]
  return Array.from({ length: count }, () => {
    const circles = Array.from({ length: 3 }, () => [height * random(), width * random(), 6 + 14 * random()])
    const data = Float32Array.from({ length: height * width }, (_, p) => {
      const [y, x] = [Math.floor(p / width), p % width]
      return circles.some(([cy, cx, r]) => Math.abs(Math.hypot(y - cy, x - cx) - r) < 1) ? 1 : 0
    })
    return { data, height, width }
  })
}

const small = { tileSize: [12, 12], hidden: [16, 8], batchSize: 8, openSession } as const

it.each([
  ['coefficients', sampleShiftAndScale, 4],
  ['geodesic', sampleHomography, 8],
] as const)(
  'takes the steps of Adam on gradients of the array library: %s',
  async (distance, transform, outputs) => {
    const { tileSize, hidden, batchSize } = small
    const random = seededRandom(3)
    const weights = initializeInverseNet(random, { tilePixels: 144, hidden, outputs })
    const names = Object.keys(weights) as (keyof typeof weights)[]
    const reference = names.map((name) => Float64Array.from(weights[name].data))
    const moments = reference.map(({ length }) => [new Float64Array(length), new Float64Array(length)])
    const network = new RegressorStep({ weights, tileSize, batchSize, distance, openSession })
    const batches = boundaryPairs(rings(1), { random, transform, tileSize, batchSize })
    const ops = arrayOps({ type: 'float64' })
    for (let step = 1; step <= 3; step++) {
      const { tiles, warped, parameters } = batches.next().value
      const loss = (...values: ArrayTensor[]) => {
        const named = Object.fromEntries(names.map((name, i) => [name, values[i]]))
        const [prediction, target] = [warped, tiles].map(({ data, shape }) => ops.constant(data, shape))
        return regressionLoss(ops, inverseNetForward(ops, named as never, prediction, target), parameters, {
          distance,
        })
      }
      const { value, gradients } = valueAndGrad(loss)(
        ...names.map((name, i) => ops.constant(reference[i], weights[name].shape)),
      )
      const measured = await network.train(
        {
          tiles: tiles.data as Float32Array,
          predictions: warped.data as Float32Array,
          parameters: parameters.data as Float32Array,
        },
        0.01,
      )
      expect(measured).toBeCloseTo(value, 4)
      gradients.forEach(({ data }, k) => {
        const [mean, square] = moments[k]
        for (let i = 0; i < data.length; i++) {
          mean[i] = 0.9 * mean[i] + 0.1 * data[i]
          square[i] = 0.999 * square[i] + 0.001 * data[i] ** 2
          const size = Math.sqrt(square[i] / (1 - 0.999 ** step)) + 1e-8
          reference[k][i] -= (0.01 * mean[i]) / (1 - 0.9 ** step) / size
        }
      })
    }
    await network.close()
    names.forEach((name, i) => {
      const difference = Math.hypot(...network.weights[name].data.map((value, k) => value - reference[i][k]))
      expect(difference / Math.hypot(...reference[i])).toBeLessThan(1e-3)
    })
  },
)

it('learns displacements of boundaries that it has not seen', async () => {
  const losses: number[] = []
  const { weights, exact } = await trainRegressor({
    ...small,
    boundaryMaps: rings(1, 40),
    heldOutMaps: rings(99),
    transform: 'shift',
    hidden: [96, 16],
    batchSize: 64,
    steps: 1500,
    minimumBoundary: 0.1,
    degrade: false,
    learningRate: 0.003,
    onStep: ({ loss }) => losses.push(loss),
  })
  expect(losses).toHaveLength(1500)
  expect(Object.keys(exact)).toEqual(['shift x', 'shift y'])
  for (const error of Object.values(exact)) expect(error).toBeLessThan(0.85)
  const ops = arrayOps()
  const tile = ops.constant(new Float32Array(144), [1, 1, 12, 12])
  expect(inverseNet(ops, weights)(ops, tile, tile).shape).toEqual([1, 2])
})

it.each(['shift-and-scale', 'affine', 'homography'] as const)(
  'repeats a run with the same seed: %s',
  async (transform) => {
    const run = (seed: number) =>
      trainRegressor({ ...small, boundaryMaps: rings(1), transform, steps: 5, seed })
    const [first, second, other] = [await run(1), await run(1), await run(2)]
    expect(second.weights).toEqual(first.weights)
    expect(second.degraded).toEqual(first.degraded)
    expect(other.weights['fc.0.weight'].data).not.toEqual(first.weights['fc.0.weight'].data)
  },
)

it('stops when the loss is not finite', async () => {
  const run = trainRegressor({ ...small, boundaryMaps: rings(1), steps: 50, learningRate: 1e30 })
  await expect(run).rejects.toMatchObject({ code: 'training-diverged' })
})

it('names invalid options', async () => {
  const run = (options: object) => trainRegressor({ ...small, boundaryMaps: rings(1), steps: 1, ...options })
  await expect(run({ steps: 0 })).rejects.toThrow('`steps`')
  await expect(run({ transform: 'twist' })).rejects.toThrow('`transform`')
  await expect(run({ tileSize: [100, 100] })).rejects.toThrow('`tileSize`')
})
