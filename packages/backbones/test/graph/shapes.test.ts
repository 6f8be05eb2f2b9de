import { product } from '@inverseform/shared'
import { deterministicSource } from '@inverseform/testing'
import { describe, expect, test } from 'vitest'
import * as build from '../../src/graph/build.js'
import {
  constant,
  evaluateShape,
  type Graph,
  graphInputs,
  imageInput,
  symbol,
  topologicalOrder,
} from '../../src/graph/index.js'
import { buildModel } from '../../src/index.js'
import { randomGraph } from '../support/random-graph.js'
import { startGraph } from '../support/session.js'

/** The same graph with every value an output. */
function exposed(graph: Graph): Graph {
  const computed = topologicalOrder(graph).filter(({ op }) => op !== 'constant' && op !== 'input')
  return { outputs: Object.fromEntries(computed.map((value, i) => [`${i}:${value.op}`, value])) }
}

/** Runs a graph at each size and compares every value's shape with the one inferred. */
async function expectInferredShapes(graph: Graph, sizes: readonly (readonly number[])[]): Promise<void> {
  const all = exposed(graph)
  await using session = await startGraph(all)
  for (const [N, H, W] of sizes) {
    const shape = [N, 3, H, W]
    const outputs = await session.run({ image: { data: new Float32Array(product(shape)), shape } })
    for (const [name, value] of Object.entries(all.outputs)) {
      expect(outputs[name].shape, `${name} at ${N}x${H}x${W}`).toEqual(
        evaluateShape(value.shape, { N, H, W }),
      )
    }
  }
}

describe('inferred shapes are those that ONNX Runtime finds', () => {
  const sizes = [
    [1, 1, 1],
    [2, 2, 3],
    [1, 31, 33],
    [3, 32, 32],
    [1, 47, 129],
    [2, 65, 7],
    [1, 1, 200],
  ]
  test('in hrnet18', () =>
    expectInferredShapes(
      buildModel('hrnet18', { parameters: deterministicSource(), edgeHead: true, outputSize: 'image' }),
      sizes,
    ))

  test('in hrnet16-slim', () =>
    expectInferredShapes(
      buildModel('hrnet16-slim', { parameters: deterministicSource(), edgeHead: true }),
      sizes.filter(([, H, W]) => H > 1 && W > 1),
    ))

  test('in ocrnet48-hms', () => {
    // Shapes do not depend on the weights.
    const zeros = (name: string, shape: readonly number[]) =>
      constant(name, shape, async () => new Float32Array(product(shape)))
    return expectInferredShapes(
      buildModel('ocrnet48-hms', { parameters: zeros, edgeHead: true }),
      sizes.slice(0, 4),
    )
  })

  test('in random graphs', async () => {
    for (let seed = 1; seed <= 40; seed++) await expectInferredShapes(randomGraph(seed), sizes)
  })
})

describe('shapes that do not fit are refused', () => {
  const image = imageInput('image', 3)
  const weight = (...shape: number[]) => constant('w', shape, async () => new Float32Array())
  const half = build.conv2d(image, weight(3, 3, 3, 3), undefined, { stride: 2, padding: 1 })
  const vector = build.input('v', [build.imageInput('i', 3).shape[0], 8])

  test.each<[string, () => unknown, RegExp]>([
    ['channels', () => build.conv2d(image, weight(4, 2, 1, 1)), /conv2d: the channels differ/],
    ['bias', () => build.conv2d(image, weight(4, 3, 1, 1), weight(3)), /one value per output channel/],
    ['rank', () => build.conv2d(vector, weight(4, 3, 1, 1)), /input 0 must have 4 axes/],
    [
      'sum',
      () => build.add(image, half),
      /\[N, 3, H, W\] and \[N, 3, floor\(\(H \+ 1\) \/ 2\), .*axis 2 differs/,
    ],
    ['join', () => build.concat([image, half], 1), /only axis 1 may differ/],
    [
      'symbolic join',
      () => build.concat([image, build.input('taller', [symbol('N'), 3, symbol('K'), symbol('W')])], 2),
      /must be known or equal/,
    ],
    ['product', () => build.matmul(vector, vector), /inner sizes differ/],
    ['layer', () => build.linear(vector, weight(4, 7), weight(4)), /weight must be/],
    [
      'unflatten',
      () => build.unflattenSpatialLike(build.flattenSpatial(half), image),
      /not height times width/,
    ],
  ])('%s', (_, make, message) => {
    expect(make).toThrow(message)
    expect(make).toThrow(expect.objectContaining({ code: 'size-mismatch' }))
  })

  test('inputs are found by name', () => {
    const graph = { outputs: { y: build.matmul(vector, build.input('u', [8, 2])) } }
    expect(graphInputs(graph).map(({ attributes }) => attributes.name)).toEqual(['v', 'u'])
  })
})
