import { describe, expect, test } from 'vitest'
import {
  add,
  evaluateShape,
  type Graph,
  imageInput,
  peakActivationBytes,
  relu,
  sigmoid,
  topologicalOrder,
  type Value,
} from '../../src/index.js'
import { randomGraph } from '../support/random-graph.js'
import { elementCount } from '../support/tensors.js'

/** Runs the graph step by step and weighs everything that is still to be read. */
function simulate(graph: Graph, bindings: Record<string, number>): number {
  const steps = topologicalOrder(graph).filter(({ op }) => op !== 'constant')
  const bytes = (value: Value) => 4 * elementCount(evaluateShape(value.shape, bindings))
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
})
