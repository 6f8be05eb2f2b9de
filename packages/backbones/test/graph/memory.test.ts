import { product } from '@inverseform/shared'
import { describe, expect, test } from 'vitest'
import {
  add,
  constant,
  conv2d,
  evaluateShape,
  type Graph,
  imageInput,
  largestBufferBytes,
  type PassName,
  passes,
  peakActivationBytes,
  relu,
  sigmoid,
  topologicalOrder,
  type Value,
} from '../../src/graph/index.js'
import { executionOrder } from '../../src/graph/memory.js'
import { buildModel, type SegmentationModelName } from '../../src/index.js'
import { randomGraph } from '../support/random-graph.js'

/** Runs the graph step by step and weighs everything that is still to be read. */
function simulate(graph: Graph, bindings: Record<string, number>): number {
  const steps = executionOrder(graph).filter(({ op }) => op !== 'constant')
  const bytes = (value: Value) => 4 * product(evaluateShape(value.shape, bindings))
  const total = (values: Iterable<Value>) => [...values].reduce((sum, value) => sum + bytes(value), 0)
  const neededAfter = (step: number) =>
    new Set([...Object.values(graph.outputs), ...steps.slice(step + 1).flatMap(({ inputs }) => inputs)])
  let peak = 0
  steps.forEach((value, step) => {
    const before = steps.slice(0, step).filter((made) => neededAfter(step - 1).has(made))
    const free = before.filter((made) => value.inputs.includes(made) && !neededAfter(step).has(made))
    const overwrites =
      ['relu', 'sigmoid', 'add', 'multiply', 'batchNorm'].includes(value.op) &&
      free.some((made) => bytes(made) === bytes(value))
    peak = Math.max(peak, total(before) + (overwrites ? 0 : bytes(value)))
  })
  return peak
}

describe('peakActivationBytes', () => {
  test('is what a step-by-step simulation finds', () => {
    for (let seed = 1; seed <= 150; seed++) {
      const graph = randomGraph(seed)
      const bindings = { N: 2, H: 13 + seed, W: 40 }
      expect(peakActivationBytes(graph, bindings), `seed ${seed}`).toBe(simulate(graph, bindings))
    }
  })

  test('counts by hand: a residual of four maps of which two are alive at once', () => {
    const image = imageInput('image', 1)
    const map = 4 * 10 * 20
    const bindings = { N: 1, H: 10, W: 20 }
    expect(peakActivationBytes({ outputs: { y: relu(sigmoid(image)) } }, bindings)).toBe(map)
    expect(peakActivationBytes({ outputs: { y: add(relu(sigmoid(image)), image) } }, bindings)).toBe(2 * map)
    expect(peakActivationBytes({ outputs: { a: relu(image), b: sigmoid(image), image } }, bindings)).toBe(
      3 * map,
    )
  })

  test('takes half as much in float16', () => {
    const graph = randomGraph(1)
    const bindings = { N: 1, H: 31, W: 40 }
    const half = peakActivationBytes(graph, bindings, { bytesPerElement: 2 })
    expect(half).toBe(peakActivationBytes(graph, bindings) / 2)
  })
})

describe('largestBufferBytes', () => {
  const MIB = 2 ** 20
  const bindings = { N: 1, H: 1024, W: 2048 }
  /** A map at a quarter of the image's height and width. */
  const quarter = (channels: number) => channels * 256 * 512 * 4
  const weightless = (name: string, shape: readonly number[]) =>
    constant(name, shape, async () => new Float32Array(product(shape)))
  const model = (name: SegmentationModelName, ...chain: PassName[]) =>
    chain.reduce(
      (graph, pass) => passes[pass](graph),
      buildModel(name, { parameters: weightless, edgeHead: true }),
    )

  test('counts weights as well as maps', () => {
    const weight = weightless('w', [7, 3, 5, 5])
    const graph = { outputs: { y: conv2d(imageInput('image', 3), weight) } }
    expect(largestBufferBytes(graph, { N: 1, H: 5, W: 5 })).toBe(4 * 7 * 3 * 5 * 5)
    expect(largestBufferBytes(graph, { N: 9, H: 6, W: 6 })).toBe(4 * 9 * 3 * 6 * 6)
    expect(largestBufferBytes(graph, { N: 2, H: 50, W: 60 })).toBe(4 * 2 * 7 * 46 * 56)
    expect(largestBufferBytes(graph, { N: 2, H: 50, W: 60 }, { bytesPerElement: 2 })).toBe(
      2 * 2 * 7 * 46 * 56,
    )
  })

  test.each(['ocrnet48', 'ocrnet48-hms'] as const)('%s at 1024x2048', (name) => {
    // Context and pixel features side by side: 512 + 512 channels.
    expect(quarter(1024)).toBe(512 * MIB)
    expect(largestBufferBytes(model(name, 'foldBatchNorm', 'commuteResize'), bindings)).toBe(quarter(1024))
    // No wide concatenation any more, but the hidden layer of the soft regions, as wide as the features.
    const split = model(name, 'foldBatchNorm', 'commuteResize', 'splitConcat')
    expect(quarter(720)).toBe(360 * MIB)
    expect(largestBufferBytes(split, bindings)).toBe(quarter(720))
    expect(topologicalOrder(split).filter(({ op }) => op === 'concat')).toEqual([])
    // The pixel features, which the gathering of objects needs whole.
    const hidden = passes.splitHidden(split)
    expect(quarter(512)).toBe(256 * MIB)
    expect(largestBufferBytes(hidden, bindings)).toBe(quarter(512))
    expect(largestBufferBytes(hidden, bindings, { bytesPerElement: 2 })).toBe(128 * MIB)
    expect(peakActivationBytes(hidden, bindings)).toBeLessThan(0.75 * peakActivationBytes(split, bindings))
  })

  test('hrnet18 at 1024x2048', () => {
    expect(largestBufferBytes(model('hrnet18', 'foldBatchNorm'), bindings)).toBe(quarter(270))
    // The 64 channels of the stem at half the size, and as much in the first stage.
    const whole = 64 * 512 * 1024 * 4
    expect(whole).toBe(128 * MIB)
    const chain = ['foldBatchNorm', 'commuteResize', 'splitConcat', 'splitHidden'] as const
    expect(largestBufferBytes(model('hrnet18', ...chain), bindings)).toBe(whole)
  })
})
